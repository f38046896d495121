//go:build linux

package serve

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"golang.org/x/sys/unix"
)

// outputGrace is how long output may come after the end of a process whose
// descendants still hold the pipe. The descendants live on.
const outputGrace = 200 * time.Millisecond

// process is one command that was started.
type process struct {
	s     *server
	id    executor.ProcessID
	nonce string
	pid   int
	out   *output

	launched  chan struct{} // closed when pid is set, or failed
	failed    error
	signalled atomic.Bool
	done      chan struct{} // closed when exit is set
	exit      executor.Exit
	seen      bool // acknowledged; under server.mu
}

// start starts the command, or finds the process when the same request comes
// twice since the answer to the first one was lost.
func (s *server) start(cmd *executor.Command, nonce string) (*process, error) {
	name := ""
	if len(cmd.Argv) > 0 {
		name = cmd.Argv[0]
	}
	op := fmt.Sprintf("start %q", name)
	p := &process{s: s, id: cmd.ID, nonce: nonce, out: newOutput(s.dir), launched: make(chan struct{}), done: make(chan struct{})}
	s.mu.Lock()
	old, closing := s.procs[cmd.ID], s.closing
	switch {
	case closing:
	case old == nil:
		s.procs[cmd.ID] = p // holds the id while the process is being started
	case old.nonce == nonce:
		s.mu.Unlock()
		<-old.launched
		return old, old.failed
	}
	s.mu.Unlock()
	if closing {
		return nil, executor.Errorf(op, executor.Lost, "the place is being shut down")
	}
	if old != nil {
		return nil, executor.Errorf(op, executor.Invalid, "process id %q is in use", cmd.ID)
	}
	defer close(p.launched)
	if err := p.launch(cmd); err != nil {
		s.mu.Lock()
		delete(s.procs, cmd.ID)
		s.mu.Unlock()
		p.out.drop()
		p.failed = executor.Errorf(op, executor.StartFailed, "%w", err)
		return nil, p.failed
	}
	return p, nil
}

func (p *process) launch(cmd *executor.Command) error {
	user := p.s.user
	if cmd.User != "" {
		var err error
		if user, err = lookup(cmd.User); err != nil {
			return err
		}
		if user.other() && os.Getuid() != 0 {
			return fmt.Errorf("run as user %q: the place runs as uid %d and cannot change it", cmd.User, os.Getuid())
		}
	}
	// The files first: the program may be one of them.
	if err := writeFiles(cmd.Files, user); err != nil {
		return err
	}
	l, err := p.s.prepare(cmd, user)
	if err != nil {
		return err
	}
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	// A larger pipe means fewer turns between a chatty process and the helper.
	_, _ = unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, 256<<10)
	_ = syscall.SetNonblock(fds[0], true) // this end only: the process gets a normal pipe
	r := os.NewFile(uintptr(fds[0]), "output")
	attr := &syscall.ProcAttr{
		Dir: l.dir, Env: l.env,
		Files: []uintptr{p.s.null.Fd(), uintptr(fds[1]), uintptr(fds[1])},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	}
	if user.other() {
		attr.Sys.Credential = &syscall.Credential{Uid: uint32(user.uid), Gid: uint32(user.gid), Groups: user.groups}
	}
	oom := oomKills()
	pid, ended, err := p.s.reap.fork(func() (int, error) { return syscall.ForkExec(l.path, l.argv, attr) })
	syscall.Close(fds[1])
	if err != nil {
		r.Close()
		return startError(l, err)
	}
	p.pid = pid
	pumped := make(chan struct{})
	go p.pump(r, pumped)
	go p.finish(r, ended, pumped, cmd.Collect, user, oom)
	return nil
}

// pump reads output until its end or until the deadline that finish sets.
func (p *process) pump(r *os.File, pumped chan<- struct{}) {
	defer close(pumped)
	b := p.s.bufs.Get().(*[]byte)
	defer p.s.bufs.Put(b)
	buf := *b
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if p.out.add(buf[:n]) != nil {
				return // the disk is full: the process gets SIGPIPE rather than a silent gap
			}
		}
		if err != nil {
			return
		}
	}
}

// finish waits for the end of the process, then for its output, and sets exit.
func (p *process) finish(r *os.File, ended <-chan syscall.WaitStatus, pumped <-chan struct{}, collect []string, user account, oom int64) {
	ws := <-ended
	_ = r.SetReadDeadline(time.Now().Add(outputGrace))
	<-pumped
	if p.signalled.Load() {
		// It was asked to stop: nothing of its group stays.
		emptyGroup(p.pid)
	}
	open := p.drain(r)
	exit := exitOf(ws)
	if exit.Code != 0 && oomKills() > oom {
		exit.OOM, exit.Memory = true, memory()
	}
	exit.Files, exit.TooLarge = collectFiles(collect, user)
	p.exit = exit
	p.out.close()
	close(p.done)
	if open {
		// Closing would kill a daemon at its next line; it may live until
		// the job ends.
		_ = r.SetReadDeadline(time.Time{})
		discard(r)
	}
	r.Close()
}

// drain takes what is in the pipe now, without waiting, and tells whether
// somebody still holds the other end.
func (p *process) drain(r *os.File) (open bool) {
	_ = r.SetReadDeadline(time.Time{})
	conn, err := r.SyscallConn()
	if err != nil {
		return false
	}
	b := p.s.bufs.Get().(*[]byte)
	defer p.s.bufs.Put(b)
	buf := *b
	for range 32 { // a pipe holds 1 MiB at most; a daemon could go on for ever
		n, rerr := 0, error(nil)
		err := conn.Read(func(fd uintptr) bool {
			n, rerr = syscall.Read(int(fd), buf)
			return true
		})
		switch {
		case err != nil:
			return false
		case errors.Is(rerr, syscall.EINTR):
		case errors.Is(rerr, syscall.EAGAIN):
			return true
		case rerr != nil || n == 0:
			return false
		default:
			if p.out.add(buf[:n]) != nil {
				return false
			}
		}
	}
	return true
}

func discard(r *os.File) {
	buf := make([]byte, 4<<10)
	for {
		if _, err := r.Read(buf); err != nil {
			return
		}
	}
}

func exitOf(ws syscall.WaitStatus) executor.Exit {
	if !ws.Signaled() {
		return executor.Exit{Code: ws.ExitStatus()}
	}
	name := unix.SignalName(ws.Signal())
	if len(name) > 3 {
		name = name[3:]
	}
	return executor.Exit{Code: 128 + int(ws.Signal()), Signal: name}
}

// signal sends to the process group.
func (p *process) signal(s executor.Signal) error {
	sig, err := signalOf(s)
	if err != nil {
		return executor.Errorf("send a signal", executor.Invalid, "%w", err)
	}
	<-p.launched
	select {
	case <-p.done:
		return nil
	default:
	}
	if p.failed != nil {
		return nil //nolint:nilerr // a process that never started needs no signal
	}
	p.signalled.Store(true)
	if sig == syscall.SIGKILL {
		p.s.killTree(p.pid)
		return nil
	}
	p.s.reap.kill(p.pid, sig)
	return nil
}

func (p *process) size() int {
	n := 0
	for _, f := range p.exit.Files {
		n += len(f)
	}
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	return n + len(p.out.mem)
}
