//go:build linux

package serve

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/drydock-ci/drydock/executor"
)

// orphanTime is how long one goes on looking, since processes may be started
// while others are ended; who is left then goes with the place.
const orphanTime = 2 * time.Second

// endOrphans ends every process below the helper that is not below one that
// was started and goes on.
func (s *server) endOrphans() []executor.Orphan {
	var found []executor.Orphan
	deadline := time.Now().Add(orphanTime)
	for pause := time.Millisecond; time.Now().Before(deadline); pause = min(2*pause, 20*time.Millisecond) {
		below := descendants(os.Getpid())
		alive := s.alive() // after it: what starts in between is in neither
		again := false
		for _, pid := range below {
			name, running := nameOf(pid)
			if alive[pid] || !running {
				continue
			}
			again = true
			_ = syscall.Kill(pid, syscall.SIGKILL)
			if !slices.ContainsFunc(found, func(o executor.Orphan) bool { return o.PID == pid }) {
				found = append(found, executor.Orphan{PID: pid, Name: name})
			}
		}
		if !again {
			break
		}
		s.reap.collect()
		time.Sleep(pause)
	}
	return found
}

// alive are the processes that were started and go on, and all below them.
func (s *server) alive() map[int]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	alive := map[int]bool{}
	for _, p := range s.procs {
		select {
		case <-p.launched:
		default:
			continue
		}
		select {
		case <-p.done:
			continue
		default:
		}
		if p.failed != nil {
			continue
		}
		alive[p.pid] = true
		for _, below := range descendants(p.pid) {
			alive[below] = true
		}
	}
	return alive
}

// nameOf reads the name of a process, and whether it runs: a dead one that is
// not collected yet does not.
func nameOf(pid int) (name string, running bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", false
	}
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 0 || end < open || len(data) < end+3 {
		return "", false
	}
	return string(data[open+1 : end]), data[end+2] != 'Z' && data[end+2] != 'X'
}
