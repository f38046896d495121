package publicnet

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// PrivateError says that a connection would lead to no machine of the internet.
type PrivateError struct{ Address netip.Addr }

// Error names the address.
func (e *PrivateError) Error() string {
	return fmt.Sprintf("%s is no public address, and the operator keeps what others name out of the server's own network", e.Address)
}

// Dialer gives up after timeout. A proxy must not stand between: it would look names
// up by itself.
func Dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !Public(to.Addr()) {
			return &PrivateError{to.Addr()}
		}
		return nil
	}}
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

// Public tells whether an address is that of a machine of the internet.
func Public(a netip.Addr) bool {
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
