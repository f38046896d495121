package option

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Port is one mapping: container port, and the port that the job uses, 0 when
// one is to be chosen.
type Port struct {
	Container int
	Mapped    int
	Chosen    bool   // Mapped is ours, not the workflow's
	Protocol  string // tcp, udp, sctp
}

// ParsePort reads CONTAINER, HOST:CONTAINER, IP:HOST:CONTAINER, ranges on both
// sides, and /tcp, /udp, /sctp at the end. The address is read and dropped:
// whether a port is published on the real machine is not the workflow's to say.
func ParsePort(text string) ([]Port, error) {
	bad := func(why string) error {
		return fmt.Errorf("port %q: %s: write 6379, 6379:6379 or 8080:80/tcp", text, why)
	}
	s, protocol, has := strings.Cut(strings.TrimSpace(text), "/")
	if !has {
		protocol = "tcp"
	}
	protocol = strings.ToLower(protocol)
	switch protocol {
	case "tcp", "udp", "sctp":
	default:
		return nil, bad("unknown protocol")
	}
	host, inside := "", s
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host, inside = s[:i], s[i+1:]
		if j := strings.LastIndexByte(host, ':'); j >= 0 {
			if ip := strings.Trim(host[:j], "[]"); ip != "" && net.ParseIP(ip) == nil {
				return nil, bad("not an address")
			}
			host = host[j+1:]
		}
	}
	first, last, err := portRange(inside)
	if err != nil {
		return nil, bad(err.Error())
	}
	hostFirst := 0
	if host != "" {
		f, l, err := portRange(host)
		if err != nil {
			return nil, bad(err.Error())
		}
		switch {
		case l-f == last-first:
			hostFirst = f
		case first == last:
			hostFirst = f // any one of the range will do
		default:
			return nil, bad("the two ranges differ in length")
		}
	}
	var out []Port
	for i := 0; i <= last-first; i++ {
		p := Port{Container: first + i, Protocol: protocol}
		if hostFirst > 0 {
			p.Mapped = hostFirst + i
		}
		out = append(out, p)
	}
	return out, nil
}

func portRange(s string) (first, last int, err error) {
	a, b, has := strings.Cut(s, "-")
	if first, err = portNumber(a); err != nil {
		return 0, 0, err
	}
	last = first
	if has {
		if last, err = portNumber(b); err != nil {
			return 0, 0, err
		}
	}
	if last < first || last-first > 255 {
		return 0, 0, fmt.Errorf("the range is empty or longer than 256 ports")
	}
	return first, last, nil
}

func portNumber(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not between 1 and 65535", s)
	}
	return int(n), nil
}

// Key is how the job.services context names the port.
func (p Port) Key() string { return strconv.Itoa(p.Container) }
