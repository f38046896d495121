package executor

import (
	"context"
	"time"
)

// StopPolicy is how a process is asked to end: INT, after Interrupt TERM,
// after Terminate KILL.
type StopPolicy struct {
	Interrupt time.Duration
	Terminate time.Duration
}

// DefaultStop is GitHub's grace (actions/runner: ProcessInvoker.cs).
var DefaultStop = StopPolicy{Interrupt: 7500 * time.Millisecond, Terminate: 2500 * time.Millisecond}

// Run starts a process and waits for it. When ctx ends it stops the process
// by the policy, waits until the process group is gone and returns the exit
// together with ctx's cause.
func Run(ctx context.Context, env Environment, cmd Command, out Output, stop StopPolicy) (Exit, error) {
	if err := ctx.Err(); err != nil {
		return Exit{}, context.Cause(ctx)
	}
	p, err := env.Start(ctx, cmd, out)
	if err != nil {
		return Exit{}, err
	}
	return Finish(ctx, p, stop)
}

// Finish waits for a process that is running already; it is the second half
// of Run, for processes that were attached to.
func Finish(ctx context.Context, p Process, stop StopPolicy) (Exit, error) {
	bg := context.WithoutCancel(ctx)
	type result struct {
		exit Exit
		err  error
	}
	done := make(chan result, 1)
	go func() {
		e, err := p.Wait(bg)
		done <- result{e, err}
	}()
	select {
	case r := <-done:
		return r.exit, r.err
	case <-ctx.Done():
	}
	for _, s := range []struct {
		sig   Signal
		grace time.Duration
	}{{Interrupt, stop.Interrupt}, {Terminate, stop.Terminate}, {Kill, 0}} {
		// A signal that cannot be delivered is followed by a stronger one.
		_ = p.Signal(bg, s.sig)
		if s.sig == Kill {
			break
		}
		t := time.NewTimer(s.grace)
		select {
		case r := <-done:
			t.Stop()
			if r.err != nil {
				return r.exit, r.err
			}
			return r.exit, context.Cause(ctx)
		case <-t.C:
		}
	}
	r := <-done
	if r.err != nil {
		return r.exit, r.err
	}
	return r.exit, context.Cause(ctx)
}
