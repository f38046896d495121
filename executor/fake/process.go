package fake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"

	"github.com/drydock-ci/drydock/executor"
)

// process is one run of the script.
type process struct {
	e      *Environment
	cmd    executor.Command
	ctx    context.Context
	cancel context.CancelFunc
	io     *IO

	mu      sync.Mutex
	cond    sync.Cond
	out     []byte
	signals chan executor.Signal // set by IO.Signals: INT and TERM go there
	signal  executor.Signal      // that ended it
	ended   bool
	exit    executor.Exit
	err     error
	dropped int64 // output before it was given up
}

func newProcess(e *Environment, cmd executor.Command) *process {
	p := &process{e: e, cmd: cmd}
	p.cond.L = &p.mu
	p.ctx, p.cancel = context.WithCancel(e.ctx)
	p.io = &IO{p: p}
	return p
}

var numbers = map[executor.Signal]int{executor.Interrupt: 2, executor.Kill: 9, executor.Terminate: 15}

func (p *process) run() {
	defer p.cancel()
	exit := p.e.x.o.Script(p.ctx, p.cmd, p.io)
	p.finish(exit)
}

// finish ends the process unless a signal did before.
func (p *process) finish(exit executor.Exit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	if p.signal != "" {
		exit = executor.Exit{Code: 128 + numbers[p.signal], Signal: string(p.signal)}
	}
	for _, path := range p.cmd.Collect {
		data, err := p.e.fs.read(path)
		p.e.fs.remove(path)
		if err == nil {
			if exit.Files == nil {
				exit.Files = map[string][]byte{}
			}
			exit.Files[path] = data
		}
	}
	p.exit, p.ended = exit, true
	p.cond.Broadcast()
}

func (p *process) lose(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.ended = true
		p.err = &executor.Error{Op: fmt.Sprintf("follow process %q", p.cmd.ID), Kind: executor.Lost, Err: cause}
		p.cond.Broadcast()
	}
}

func (p *process) deliver(s executor.Signal) {
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return
	}
	if p.signals != nil && s != executor.Kill {
		select {
		case p.signals <- s:
		default: // as the kernel: one that is pending already
		}
		p.mu.Unlock()
		return
	}
	if p.signal == "" || s == executor.Kill {
		p.signal = s
	}
	p.mu.Unlock()
	p.cancel()
	if s == executor.Kill {
		// Nothing outlives it, also a function that does not look at ctx.
		p.finish(executor.Exit{})
	}
}

// follow gives a handle whose goroutine passes the output on.
func (p *process) follow(offset int64, out executor.Output) *handle {
	h := &handle{p: p, done: make(chan struct{})}
	if out == nil {
		out = func(int64, []byte) {}
	}
	pass := func() {
		defer close(h.done)
		for {
			p.mu.Lock()
			for int64(len(p.out)) <= offset && !p.ended {
				p.cond.Wait()
			}
			var data []byte
			offset = max(offset, p.dropped)
			if int64(len(p.out)) > offset {
				data = p.out[offset:len(p.out):len(p.out)]
			}
			p.mu.Unlock()
			if len(data) == 0 {
				return
			}
			out(offset, data)
			offset += int64(len(data))
		}
	}
	p.e.mu.Lock()
	defer p.e.mu.Unlock()
	if p.e.gone == nil {
		p.e.wg.Go(pass)
	} else {
		go pass() // Close waits already; this one ends at once
	}
	return h
}

// handle is what one caller of Start or AttachProcess has.
type handle struct {
	p    *process
	done chan struct{}
}

var _ executor.Held = (*handle)(nil)

// Hold changes nothing: without Taken and Forget all is kept anyway.
func (h *handle) Hold() {}

// Taken drops output, as a place may.
func (h *handle) Taken(offset int64) {
	h.p.e.x.calls.add(Call{Op: "taken", Env: h.p.e.id, Process: h.p.cmd.ID})
	h.p.mu.Lock()
	defer h.p.mu.Unlock()
	h.p.dropped = max(h.p.dropped, offset)
}

// Forget drops the process.
func (h *handle) Forget() {
	h.p.e.x.calls.add(Call{Op: "forget", Env: h.p.e.id, Process: h.p.cmd.ID})
	h.p.e.mu.Lock()
	defer h.p.e.mu.Unlock()
	if h.p.e.procs[h.p.cmd.ID] == h.p {
		delete(h.p.e.procs, h.p.cmd.ID)
	}
}

func (h *handle) ID() executor.ProcessID { return h.p.cmd.ID }

func (h *handle) Wait(ctx context.Context) (executor.Exit, error) {
	select {
	case <-h.done:
	case <-ctx.Done():
		return executor.Exit{}, context.Cause(ctx)
	}
	h.p.mu.Lock()
	defer h.p.mu.Unlock()
	exit := h.p.exit
	exit.Files = maps.Clone(exit.Files)
	return exit, h.p.err
}

func (h *handle) Signal(_ context.Context, s executor.Signal) error {
	h.p.e.x.calls.add(Call{Op: "signal", Env: h.p.e.id, Process: h.p.cmd.ID, Signal: s})
	if numbers[s] == 0 {
		return executor.Errorf("send a signal", executor.Invalid, "unknown signal %q", s)
	}
	h.p.deliver(s)
	return nil
}

// IO is what a script has of its process.
type IO struct{ p *process }

// Write prints; it is standard output and standard error.
func (w *IO) Write(data []byte) (int, error) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	if w.p.ended {
		return 0, errors.New("the process has ended")
	}
	w.p.out = append(w.p.out, data...)
	w.p.cond.Broadcast()
	return len(data), nil
}

// Printf prints.
func (w *IO) Printf(format string, args ...any) { fmt.Fprintf(w, format, args...) }

// Signals sets a trap: from now on INT and TERM are sent here and end
// nothing. KILL cannot be trapped.
func (w *IO) Signals() <-chan executor.Signal {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	if w.p.signals == nil {
		w.p.signals = make(chan executor.Signal, 8)
	}
	return w.p.signals
}

// Env is the environment that the process sees: the place's, the command's,
// PATH with PrependPath.
func (w *IO) Env() map[string]string {
	env := maps.Clone(w.p.e.info.Env)
	env["HOME"] = w.p.e.info.Home
	maps.Copy(env, w.p.cmd.Env)
	if pre := w.p.cmd.PrependPath; len(pre) > 0 {
		env["PATH"] = strings.Join(append(pre[:len(pre):len(pre)], env["PATH"]), ":")
	}
	return env
}

// Environment is the place.
func (w *IO) Environment() *Environment { return w.p.e }

// ReadFile reads a file of the place.
func (w *IO) ReadFile(path string) ([]byte, error) { return w.p.e.fs.read(path) }

// WriteFile writes a file of the place, with the folders above it.
func (w *IO) WriteFile(path string, data []byte) { w.p.e.fs.write(path, data, 0o644) }

// AppendFile adds to a file of the place.
func (w *IO) AppendFile(path string, data string) { w.p.e.fs.append(path, []byte(data)) }

// Remove removes a file or a folder of the place.
func (w *IO) Remove(path string) { w.p.e.fs.remove(path) }

// Dial connects to an exposed port.
func (w *IO) Dial(addr string) (net.Conn, error) { return w.p.e.Dial(addr) }

// Lose makes the place vanish under the process.
func (w *IO) Lose() { w.p.e.Lose() }
