package publicnet

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "::ffff:8.8.8.8": true, "172.32.0.1": true, "100.128.0.1": true,
		"10.1.2.3": false, "172.31.255.255": false, "192.168.0.1": false, "127.0.0.53": false, "169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false,
		"224.0.0.1": false, "255.255.255.255": false, "192.0.0.192": false, "198.19.0.1": false,
		"::1": false, "::": false, "::ffff:10.0.0.1": false, "::10.0.0.1": false, "fe80::1%lo": false, "fc00::1": false, "fd00:ec2::254": false, "fec0::1": false, "ff02::1": false,
		"64:ff9b::a9fe:a9fe": false, "64:ff9b:1::1": false, "2002:7f00:1::": false, "2001:0:1::1": false, "2001:db8::1": false,
	} {
		if got := Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %v, want %v", text, got, want)
		}
	}
}

// TestDialer: the name does not matter, only where it leads.
func TestDialer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost", "0.0.0.0", "::ffff:127.0.0.1"} {
		c, err := Dialer(time.Minute).DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
		var private *PrivateError
		if err == nil {
			_ = c.Close()
		}
		if !errors.As(err, &private) {
			t.Errorf("%s: %v", host, err)
		}
	}
}
