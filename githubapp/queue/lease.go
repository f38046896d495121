package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// maxRetries is how often a job is tried again whose place could not be made.
const maxRetries = 3

// lease is a job that this process works on.
type lease struct {
	q       *Queue
	key     store.JobKey
	ticket  store.Ticket
	sink    *sink
	retries int  // that were before this one
	repeats bool // see Options.Repeats
	name    string

	cancelled chan error
	nudged    chan struct{}
	ended     chan struct{}
	once      sync.Once

	seen time.Time // when the lease was last known to hold

	mu   sync.Mutex
	told int // reasons that were given
	gone bool
}

// keep extends the lease until it ends or is lost.
func (l *lease) keep() {
	tick := time.NewTicker(l.q.extend)
	defer tick.Stop()
	for {
		select {
		case <-l.ended:
			return
		case <-tick.C:
		case <-l.nudged:
		}
		if !l.extended() {
			l.lose()
			return
		}
	}
}

// extended tells whether the lease holds. A store that does not answer is
// believed to until the lease has run out.
func (l *lease) extended() bool {
	at := time.Now()
	ctx, cancel := context.WithDeadline(context.Background(), l.seen.Add(l.q.lease))
	defer cancel()
	e, err := l.q.Store.Extend(ctx, l.ticket, l.q.lease)
	switch {
	case errors.Is(err, store.ErrLeaseLost):
		return false
	case err != nil:
		l.q.Log.Warn("extend a lease", "run", l.key.Run, "job", l.key.Job, "err", err)
		return time.Since(l.seen) < l.q.lease
	}
	l.seen = at
	if e.Cancel == "" {
		return true
	}
	l.tell(e.Cancel)
	if r, err := l.q.Store.Run(ctx, l.key.Run); err == nil {
		if _, p, err := decode(r); err == nil && p.Aborts[l.key.Job].Force && r.Attempt == l.key.Attempt {
			l.force(e.Cancel)
		}
	}
	return true
}

// holds asks the store whether the lease holds, until it answers.
func (l *lease) holds() bool {
	for wait := 10 * time.Millisecond; !l.lost(); wait = min(2*wait, time.Second) {
		ctx, cancel := context.WithTimeout(context.Background(), l.q.lease)
		_, err := l.q.Store.Extend(ctx, l.ticket, l.q.lease)
		cancel()
		switch {
		case err == nil:
			return true
		case errors.Is(err, store.ErrLeaseLost):
			l.lose()
			return false
		}
		time.Sleep(wait)
	}
	return false
}

// heard waits, for a moment, until the worker has taken the reasons to stop.
func (l *lease) heard() {
	for range 200 {
		time.Sleep(5 * time.Millisecond)
		if len(l.cancelled) == 0 {
			return
		}
	}
}

// tell cancels the job, force also what a cancelled job lets go on.
func (l *lease) tell(reason string)  { l.give(1, reason) }
func (l *lease) force(reason string) { l.give(2, reason) }

func (l *lease) give(upTo int, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.told < upTo {
		l.told++
		l.cancelled <- errors.New(reason) // it holds both
	}
}

// lose stops the job: somebody else has it, or will.
func (l *lease) lose() {
	l.mu.Lock()
	l.gone = true
	l.mu.Unlock()
	l.q.Log.Warn("a lease is lost", "run", l.key.Run, "job", l.key.Job)
	l.force("the lease of the job is lost") // before who waits for the sink goes on
	l.sink.die()
	l.release()
}

// release ends the care for the lease.
func (l *lease) release() {
	l.once.Do(func() {
		close(l.ended)
		l.q.mu.Lock()
		if l.q.leases[l.key] == l {
			delete(l.q.leases, l.key)
		}
		l.q.mu.Unlock()
	})
}

func (l *lease) lost() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone
}

// nudge has a lease of this process looked at now.
func (q *Queue) nudge(key store.JobKey) {
	q.mu.Lock()
	l := q.leases[key]
	q.mu.Unlock()
	if l == nil {
		return
	}
	select {
	case l.nudged <- struct{}{}:
	default:
	}
}

// finish hands in a result: all its events first, then the result with what
// follows from it. A store that does not answer is asked again for as long as
// the lease holds. The result of a lost lease is dropped.
func (l *lease) finish(ctx context.Context, result runner.Result) error {
	defer l.release()
	if result.Conclusion == "" {
		result.Conclusion = plan.Failure
	}
	if result.Reason == "" && result.Infra != nil {
		result.Reason = result.Infra.Error()
	}
	delay := time.Duration(l.retries+1) * l.q.retry
	again := l.mayRetry(result)
	if again {
		result.Reason = fmt.Sprintf("try %d of %d failed, the next is in %s: %s", l.retries+1, maxRetries+1, delay, result.Reason)
	} else if result.Infra != nil && l.retries > 0 {
		result.Reason = fmt.Sprintf("%s (tried %d times)", result.Reason, l.retries+1)
	}
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := l.handIn(ctx, result, again, delay)
		switch {
		case err == nil:
			return nil
		case l.lost(), errors.Is(err, store.ErrLeaseLost):
			l.sink.die()
			l.q.Log.Warn("the result of a job is dropped, its lease is lost", "run", l.key.Run, "job", l.key.Job, "conclusion", result.Conclusion)
			return nil
		case errors.Is(err, store.ErrNotFound): // the run was pruned, or never was
			l.sink.die()
			return err
		}
		l.q.Log.Warn("hand in a result", "run", l.key.Run, "job", l.key.Job, "err", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			l.sink.die()
			return fmt.Errorf("hand in the result of job %q of run %d: %w", l.key.Job, l.key.Run, errors.Join(err, context.Cause(ctx)))
		}
	}
}

// mayRetry tells whether the job may run again from its beginning: its place is
// to blame, and no step of it that does something had begun, or it does no harm twice.
func (l *lease) mayRetry(result runner.Result) bool {
	if result.Infra == nil || l.retries >= maxRetries || !l.repeats && l.begun(result) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told == 0
}

// begun tells whether a step has begun that may have done something.
func (l *lease) begun(result runner.Result) bool {
	acted := func(s runner.StepResult) bool { return s.Step.Phase != runner.SetUp && s.Outcome != plan.Skipped }
	return l.sink.acted() || slices.ContainsFunc(result.Steps, acted)
}

func (l *lease) handIn(ctx context.Context, result runner.Result, again bool, delay time.Duration) error {
	if again {
		if l.sink.acted() { // what it has told so far does not count
			l.sink.Emit(runner.JobRequeued{Time: time.Now(), Job: l.key.Job, Name: l.name, Reason: result.Reason, Cause: result.Cause})
		}
		if err := l.sink.close(ctx, runner.Noticed{Time: time.Now(), Level: "warning", Text: result.Reason}); err != nil {
			return err
		}
		return l.giveBack(ctx, result.Reason, delay)
	}
	if err := l.sink.close(ctx, nil); err != nil {
		return err
	}
	return l.commit(ctx, result)
}

// commit writes the result and what follows from it.
func (l *lease) commit(ctx context.Context, result runner.Result) error {
	err := l.q.move(ctx, l.key.Run, func(ctx context.Context, t *turn) error {
		leg, err := l.of(t)
		if err != nil {
			return err
		}
		if a, ok := t.p.Aborts[l.key.Job]; ok && result.Reason == "" && result.Conclusion == plan.Cancelled {
			result.Reason = a.Reason
		}
		more, err := t.end(ctx, leg, result.Conclusion, result.Outputs, result.Reason)
		if err != nil {
			return err
		}
		t.change.Finish = append(t.change.Finish, l.ticket)
		return t.handle(ctx, more)
	})
	if errors.Is(err, errStale) {
		return l.q.Store.Finish(ctx, l.ticket)
	}
	return err
}

// giveBack lets the job wait for another try.
func (l *lease) giveBack(ctx context.Context, reason string, delay time.Duration) error {
	err := l.q.move(ctx, l.key.Run, func(ctx context.Context, t *turn) error {
		if _, err := l.of(t); err != nil {
			return err
		}
		j, err := t.row(ctx, l.key.Job)
		if err != nil {
			return err
		}
		j.State, j.Reason, j.Checkpoint = store.Queued, reason, []byte{}
		t.put(j)
		if t.p.Retries == nil {
			t.p.Retries = map[plan.LegID]int{}
		}
		t.p.Retries[l.key.Job] = l.retries + 1
		return nil
	})
	if errors.Is(err, errStale) {
		return l.q.Store.Finish(ctx, l.ticket)
	}
	if err != nil {
		return err
	}
	return l.q.Store.Return(ctx, l.ticket, delay)
}

// leave leaves the job to the worker that alone can go on with it, unless that
// has not come back for too long.
func (l *lease) leave(ctx context.Context, worker string) error {
	var since time.Time
	err := l.q.move(ctx, l.key.Run, func(_ context.Context, t *turn) error {
		if _, err := l.of(t); err != nil {
			return err
		}
		if t.p.Absent == nil {
			t.p.Absent = map[plan.LegID]time.Time{}
		}
		if since = t.p.Absent[l.key.Job]; since.IsZero() {
			since = t.now()
			t.p.Absent[l.key.Job] = since
		}
		return nil
	})
	switch {
	case errors.Is(err, errStale):
		return l.q.Store.Finish(ctx, l.ticket)
	case err != nil:
		return err
	case l.q.Now().Sub(since) < l.q.absent:
		return l.q.Store.Return(ctx, l.ticket, l.q.absent/10)
	}
	return l.q.close(ctx, l, plan.Failure, fmt.Sprintf("lost: worker %q ended while the job ran, and has not come back for %s: nobody else can go on with it", worker, l.q.absent))
}

// of is the leg of the lease in a turn of its run.
func (l *lease) of(t *turn) (*plan.Leg, error) {
	if t.run.State == store.Completed || t.run.Attempt != l.key.Attempt {
		return nil, errStale
	}
	leg := t.leg(l.key.Job)
	if leg == nil {
		return nil, errStale
	}
	return leg, nil
}
