//go:build linux

package serve

import (
	"net"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

const (
	memoryEvery = 100 * time.Millisecond
	memoryStep  = 1 << 20 // a peak that grew by less is no news
)

// memory is the limit of the place and the most that it used at a time.
func memory() executor.Memory {
	m := executor.Memory{Limit: number(cgroupDir + "/memory.max"), Peak: number(cgroupDir + "/memory.peak")}
	if m.Peak == 0 { // kernels before 5.19 keep no peak
		m.Peak = number(cgroupDir + "/memory.current")
	}
	if m.Peak == 0 {
		m.Peak = number(oldDir + "/memory.max_usage_in_bytes")
		if limit := number(oldDir + "/memory.limit_in_bytes"); limit < unlimited {
			m.Limit = limit
		}
	}
	return m
}

// tellMemory says so whenever the peak has grown, until the client is gone.
// Where the kernel kills a place as a whole, the helper too, nobody can be asked
// afterwards.
func (s *server) tellMemory(st net.Conn) {
	ctx, cancel := watch(st)
	defer cancel()
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	var told executor.Memory
	for {
		if now := memory(); now.Peak-told.Peak >= max(memoryStep, told.Peak/64) {
			if wire.WriteJSON(st, wire.Reply{Memory: &now}) != nil {
				return
			}
			told = now
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		case <-s.quit:
			return
		}
	}
}
