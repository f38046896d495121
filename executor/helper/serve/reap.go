//go:build linux

package serve

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// reaper collects every child of the helper: the processes it started and
// those that lost their parent.
type reaper struct {
	mu      sync.Mutex
	waiting map[int]chan syscall.WaitStatus
}

func newReaper() *reaper {
	r := &reaper{waiting: map[int]chan syscall.WaitStatus{}}
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGCHLD)
	go func() {
		for range sig {
			r.collect()
		}
	}()
	r.collect() // a process 1 may have inherited some
	return r
}

func (r *reaper) collect() {
	for {
		// Under the lock, so that no process id is free for reuse between
		// the wait and the note of it; signal relies on that.
		r.mu.Lock()
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		if pid > 0 {
			if ch := r.waiting[pid]; ch != nil {
				delete(r.waiting, pid)
				ch <- ws
			}
		}
		r.mu.Unlock()
		if pid <= 0 && err != syscall.EINTR {
			return
		}
	}
}

// fork runs f, which starts a child, and gives the channel of its end.
func (r *reaper) fork(f func() (int, error)) (int, <-chan syscall.WaitStatus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := f()
	if err != nil {
		return 0, nil, err
	}
	ch := make(chan syscall.WaitStatus, 1)
	r.waiting[pid] = ch
	return pid, ch, nil
}

// kill signals the process group of a child unless the child was collected.
func (r *reaper) kill(pid int, sig syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting[pid] != nil {
		_ = syscall.Kill(-pid, sig)
	}
}
