//go:build linux

package serve

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/drydock-ci/drydock/executor"
)

// killTimeout is how long processes may take to die of SIGKILL.
const killTimeout = 10 * time.Second

// descendants are all processes below pid, from one look at /proc.
func descendants(pid int) []int {
	d, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	names, _ := d.Readdirnames(-1)
	d.Close()
	children := map[int][]int{}
	for _, n := range names {
		p, err := strconv.Atoi(n)
		if err != nil {
			continue
		}
		data, err := os.ReadFile("/proc/" + n + "/stat")
		if err != nil {
			continue
		}
		// The name, in parentheses, may hold anything.
		i := bytes.LastIndexByte(data, ')')
		f := bytes.Fields(data[i+1:])
		if i < 0 || len(f) < 2 {
			continue
		}
		parent, _ := strconv.Atoi(string(f[1]))
		children[parent] = append(children[parent], p)
	}
	var all []int
	for todo := []int{pid}; len(todo) > 0; {
		c := children[todo[0]]
		all = append(all, c...)
		todo = append(todo[1:], c...)
	}
	return all
}

// killAll ends every process that the helper started or inherited. Those that
// are started meanwhile are met in the next round.
func (s *server) killAll() error {
	s.mu.Lock()
	s.closing = true
	procs := make([]*process, 0, len(s.procs))
	for _, p := range s.procs {
		procs = append(procs, p)
	}
	s.mu.Unlock()
	deadline := time.Now().Add(killTimeout)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		pids := descendants(os.Getpid())
		if len(pids) == 0 {
			break
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		s.reap.collect()
		if time.Now().After(deadline) {
			return executor.Errorf("end the processes of the place", executor.Failed,
				"%d of them do not end within %s", len(pids), killTimeout)
		}
		time.Sleep(pause)
	}
	for _, p := range procs {
		p.out.release()
	}
	return nil
}

// killTree kills the group of a child and what left the group since, as long
// as the line of parents tells.
func (s *server) killTree(pid int) {
	below := descendants(pid)
	s.reap.kill(pid, syscall.SIGKILL)
	for _, p := range below {
		_ = syscall.Kill(p, syscall.SIGKILL)
	}
}

// emptyGroup kills what is left of a group whose leader is collected and
// waits a moment for it.
func emptyGroup(pgid int) {
	for range 100 {
		if err := syscall.Kill(-pgid, syscall.SIGKILL); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func signalOf(s executor.Signal) (syscall.Signal, error) {
	switch s {
	case executor.Interrupt:
		return syscall.SIGINT, nil
	case executor.Terminate:
		return syscall.SIGTERM, nil
	case executor.Kill:
		return syscall.SIGKILL, nil
	}
	return 0, fmt.Errorf("unknown signal %q", s)
}
