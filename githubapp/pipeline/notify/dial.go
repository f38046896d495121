package notify

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// PrivateError says that a webhook leads into the server's own network.
type PrivateError struct{ Address netip.Addr }

// Error names the address.
func (e *PrivateError) Error() string {
	return fmt.Sprintf("%s is no public address, and the operator of this server keeps webhooks from its own network", e.Address)
}

// client makes connections of its own for every request. What is allowed is checked
// when a connection is made, not when a name is looked up: the name may mean
// something else by then. A proxy would look it up by itself.
func client(private bool) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	transport := &http.Transport{
		DialContext: dialer.DialContext, Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
	if !private {
		transport.Proxy = nil
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			if !public(to.Addr()) {
				return &PrivateError{to.Addr()}
			}
			return nil
		}
	}
	return &http.Client{
		Transport: transport, Timeout: oneTry,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// notPublic are addresses that lead to no machine of the internet, or through
// another one to any (IANA: special-purpose address registries).
var notPublic = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// unicast is all of IPv6 that is given to machines of the internet.
var unicast = netip.MustParsePrefix("2000::/3")

func prefixes(all ...string) (out []netip.Prefix) {
	for _, one := range all {
		out = append(out, netip.MustParsePrefix(one))
	}
	return out
}

func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if a.Is6() && !unicast.Contains(a) {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
