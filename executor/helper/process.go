package helper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// ackEvery is how much output is consumed before the helper is told.
const ackEvery = 128 << 10

// process follows one process of the place, across sessions.
type process struct {
	place  *Place
	id     executor.ProcessID
	out    executor.Output
	offset int64 // next byte that out expects
	acked  int64

	done chan struct{}
	exit executor.Exit
	err  error

	mu      sync.Mutex
	stream  *stream // of the exit, until the waiter has it
	held    bool    // see Hold
	live    *stream // of now
	taken   int64   // by Taken
	told    int64   // and heard by the helper
	telling bool
}

var _ executor.Held = (*process)(nil)

// Start starts a process; what can be wrong with the command is an error of
// kind StartFailed. A session that breaks while the request is under way is
// dialled again, and the process is still started once only.
func (p *Place) Start(ctx context.Context, cmd executor.Command, out executor.Output) (executor.Process, error) {
	name := ""
	if len(cmd.Argv) > 0 {
		name = cmd.Argv[0]
	}
	op := fmt.Sprintf("start %q", name)
	req := &wire.Request{Op: wire.Start, Command: &cmd, Nonce: NewToken()}
	return p.follow(ctx, op, req, cmd.ID, 0, out)
}

// AttachProcess continues with a process that was started earlier. What lies
// before the part that the helper still keeps (never less than what nobody
// acknowledged) is left out: the first offset then is greater than asked.
func (p *Place) AttachProcess(ctx context.Context, id executor.ProcessID, offset int64, out executor.Output) (executor.Process, error) {
	op := fmt.Sprintf("attach to process %q", id)
	return p.follow(ctx, op, &wire.Request{Op: wire.Attach, Process: id, Offset: offset}, id, offset, out)
}

func (p *Place) follow(ctx context.Context, op string, req *wire.Request, id executor.ProcessID, offset int64, out executor.Output) (executor.Process, error) {
	s, err := p.open(ctx, op, req)
	if err != nil {
		return nil, err
	}
	// From here on ctx does not matter any more.
	if !s.stop() {
		s.Close()
		return nil, context.Cause(ctx)
	}
	if out == nil {
		out = func(int64, []byte) {}
	}
	pr := &process{place: p, id: id, out: out, offset: offset, acked: offset, done: make(chan struct{})}
	go pr.run(s)
	return pr, nil
}

// run reads frames until the exit, over as many sessions as it takes.
func (pr *process) run(s *stream) {
	defer close(pr.done)
	op := fmt.Sprintf("follow process %q", pr.id)
	for {
		pr.mu.Lock()
		pr.live = s
		pr.mu.Unlock()
		err := pr.frames(s)
		if err == nil {
			pr.mu.Lock()
			pr.stream = s
			pr.mu.Unlock()
			return
		}
		s.Close()
		s, err = pr.place.open(pr.place.ctx, op, &wire.Request{Op: wire.Attach, Process: pr.id, Offset: pr.offset})
		if err != nil {
			if executor.IsKind(err, executor.NotFound) || !executor.IsKind(err, executor.Lost) {
				err = &executor.Error{Op: op, Kind: executor.Lost, Err: err}
			}
			pr.err = err
			return
		}
		s.stop()
	}
}

// frames gives output on and returns nil once the exit was read.
func (pr *process) frames(s *stream) error {
	for {
		kind, payload, err := wire.ReadFrame(s.r)
		if err != nil {
			return err
		}
		switch kind {
		case wire.Output:
			offset, data, err := wire.SplitOutput(payload)
			if err != nil {
				return err
			}
			if skip := pr.offset - offset; skip > 0 {
				// Never give a byte twice.
				if skip >= int64(len(data)) {
					continue
				}
				offset, data = pr.offset, data[skip:]
			}
			pr.out(offset, data)
			pr.offset = offset + int64(len(data))
			if pr.offset-pr.acked >= ackEvery && !pr.holds() {
				pr.acked = pr.offset
				if err := wire.WriteAck(s.Conn, pr.acked); err != nil {
					return err
				}
			}
		case wire.Exit:
			var exit executor.Exit
			if err := json.Unmarshal(payload, &exit); err != nil {
				return err
			}
			pr.exit = exit
			return nil
		default:
			return errors.New("unknown frame")
		}
	}
}

// ID is the id of the command.
func (pr *process) ID() executor.ProcessID { return pr.id }

// Wait returns the exit. Only then does the helper hear that it may forget
// the process: a program that ends before does not lose the result.
func (pr *process) Wait(ctx context.Context) (executor.Exit, error) {
	select {
	case <-pr.done:
	case <-ctx.Done():
		select {
		case <-pr.done:
		default:
			return executor.Exit{}, context.Cause(ctx)
		}
	}
	if pr.err != nil {
		return executor.Exit{}, pr.err
	}
	if !pr.holds() {
		pr.seen()
	}
	return pr.exit, nil
}

// seen tells the helper that the exit was.
func (pr *process) seen() {
	pr.mu.Lock()
	s := pr.stream
	pr.stream = nil
	pr.mu.Unlock()
	if s != nil {
		_ = wire.WriteAck(s.Conn, wire.ExitSeen) // a lost one costs the helper some memory
		s.Close()
	}
}

func (pr *process) holds() bool {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	return pr.held
}

// Hold keeps output and exit in the place until they are given up.
func (pr *process) Hold() {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	pr.held = true
}

// Taken gives up the output before offset.
func (pr *process) Taken(offset int64) {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	pr.taken = max(pr.taken, offset)
	if !pr.telling && pr.taken > pr.told {
		pr.telling = true
		go pr.tell()
	}
}

// tell brings the helper up to date.
func (pr *process) tell() {
	for {
		pr.mu.Lock()
		offset, s := pr.taken, pr.live
		if offset == pr.told {
			pr.telling = false
			pr.mu.Unlock()
			return
		}
		pr.told = offset
		pr.mu.Unlock()
		_ = wire.WriteAck(s.Conn, offset) // a lost one costs the helper some room
	}
}

// Forget gives up the exit and all before it.
func (pr *process) Forget() { go pr.seen() }

// Signal sends to the process group; KILL also reaches descendants that left
// the group.
func (pr *process) Signal(ctx context.Context, sig executor.Signal) error {
	select {
	case <-pr.done:
		return nil
	default:
	}
	op := fmt.Sprintf("send %s to process %q", sig, pr.id)
	_, err := pr.place.call(ctx, op, &wire.Request{Op: wire.Signal, Process: pr.id, Signal: sig})
	if executor.IsKind(err, executor.NotFound) {
		return nil
	}
	return err
}
