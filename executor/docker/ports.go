package docker

import (
	"fmt"
	"strconv"

	syntax "github.com/drydock-ci/drydock/executor/option"
)

// assign gives every mapping a port: the written one, else the next from 32768
// on, where the engine's own choices would start. lists are the services in
// order; their ports live in one job container, so they must differ.
func assign(lists [][]syntax.Port) error {
	taken := map[string]bool{}
	id := func(n int, protocol string) string { return strconv.Itoa(n) + "/" + protocol }
	for _, ps := range lists {
		for _, p := range ps {
			if p.Mapped == 0 {
				continue
			}
			if taken[id(p.Mapped, p.Protocol)] {
				return fmt.Errorf("port %d is mapped twice in this job", p.Mapped)
			}
			taken[id(p.Mapped, p.Protocol)] = true
		}
	}
	next := 32768
	for _, ps := range lists {
		for i := range ps {
			if ps[i].Mapped != 0 {
				continue
			}
			for next <= 65535 && taken[id(next, ps[i].Protocol)] {
				next++
			}
			if next > 65535 {
				return fmt.Errorf("no port is left")
			}
			ps[i].Mapped, ps[i].Chosen = next, true
			taken[id(next, ps[i].Protocol)] = true
		}
	}
	return nil
}
