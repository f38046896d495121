package docker

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// port is one mapping: container port, and the port that the job uses, 0 when
// one is to be chosen.
type port struct {
	container int
	mapped    int
	chosen    bool   // mapped is ours, not the workflow's
	protocol  string // tcp, udp, sctp
}

// parsePort reads CONTAINER, HOST:CONTAINER, IP:HOST:CONTAINER, ranges on both
// sides, and /tcp, /udp, /sctp at the end. The address is read and dropped:
// nothing is published on the real machine.
func parsePort(text string) ([]port, error) {
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
	var out []port
	for i := 0; i <= last-first; i++ {
		p := port{container: first + i, protocol: protocol}
		if hostFirst > 0 {
			p.mapped = hostFirst + i
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

// key is how the job.services context names the port.
func (p port) key() string { return strconv.Itoa(p.container) }

// assign gives every mapping a port: the written one, else the next from 32768
// on, where the engine's own choices would start. lists are the services in
// order; their ports live in one job container, so they must differ.
func assign(lists [][]port) error {
	taken := map[string]bool{}
	id := func(n int, protocol string) string { return strconv.Itoa(n) + "/" + protocol }
	for _, ps := range lists {
		for _, p := range ps {
			if p.mapped == 0 {
				continue
			}
			if taken[id(p.mapped, p.protocol)] {
				return fmt.Errorf("port %d is mapped twice in this job", p.mapped)
			}
			taken[id(p.mapped, p.protocol)] = true
		}
	}
	next := 32768
	for _, ps := range lists {
		for i := range ps {
			if ps[i].mapped != 0 {
				continue
			}
			for next <= 65535 && taken[id(next, ps[i].protocol)] {
				next++
			}
			if next > 65535 {
				return fmt.Errorf("no port is left")
			}
			ps[i].mapped, ps[i].chosen = next, true
			taken[id(next, ps[i].protocol)] = true
		}
	}
	return nil
}
