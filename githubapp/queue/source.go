package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// maxLeases is how often a job is handed out before it counts as lost: it may be
// what ends the programs that work on it.
const maxLeases = 50

// Source gives this process's workers their jobs. A lease is extended for as
// long as the process lives. When it is lost, the job is told to stop and its
// result is dropped: somebody else has it.
func (q *Queue) Source() runner.Source { return source{q} }

type source struct{ q *Queue }

// Drain lets no more jobs begin here: Next gives io.EOF. Those that run go on.
func (q *Queue) Drain() { q.drain.Do(func() { close(q.drained) }) }

// Next waits for a job; only the end of ctx, or Drain, ends it without one.
func (s source) Next(ctx context.Context) (*runner.Lease, error) {
	q := s.q
	pause := min(q.poll, 100*time.Millisecond)
	for {
		select {
		case <-q.drained:
			return nil, io.EOF
		default:
		}
		wake := q.waiting()
		l, err := q.take(ctx)
		if l != nil {
			return l, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			q.Log.Warn("look for a job", "err", err)
		}
		select {
		case <-wake:
			pause = min(q.poll, 100*time.Millisecond)
		case <-time.After(pause):
			pause = min(2*pause, q.poll)
		case <-q.drained:
		case <-ctx.Done():
		}
	}
}

func (q *Queue) waiting() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.wake
}

// wakeUp lets all who wait for a job look again.
func (q *Queue) wakeUp() {
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.wake)
	q.wake = make(chan struct{})
}

// take leases a job that can run, or nil.
func (q *Queue) take(ctx context.Context) (*runner.Lease, error) {
	if err := q.takeBack(ctx); err != nil {
		return nil, err
	}
	for {
		got, err := q.Store.Lease(ctx, store.Offer{Worker: q.Owner, Labels: q.Labels, For: q.lease, Limits: q.Limits})
		if got == nil || err != nil {
			return nil, err
		}
		l, err := q.begin(ctx, got)
		if l != nil {
			return l, nil
		}
		if err != nil && !errors.Is(err, store.ErrLeaseLost) {
			if back := q.Store.Return(context.WithoutCancel(ctx), got.Ticket, q.again); back != nil {
				err = errors.Join(err, back)
			}
			return nil, fmt.Errorf("begin job %q of run %d: %w", got.Item.Key.Job, got.Item.Key.Run, err)
		}
	}
}

// takeBack returns, once, what a process of the same name had when it ended: its
// jobs need not wait for their leases to end.
func (q *Queue) takeBack(ctx context.Context) error {
	// The other workers wait: a job that one of them took now would look like one from
	// before, and run twice.
	q.first.Lock()
	defer q.first.Unlock()
	if q.back {
		return nil
	}
	items, err := q.Store.ListQueue(ctx, 0, manyItems)
	if err != nil {
		return err
	}
	for _, i := range items {
		if i.Worker != q.Owner {
			continue
		}
		err := q.Store.Return(ctx, store.Ticket{Item: i.ID, Try: i.Tries}, 0)
		if err != nil && !errors.Is(err, store.ErrLeaseLost) {
			return err
		}
	}
	q.back = true
	return nil
}

// errStale: the item is of a job that is over.
var errStale = errors.New("the job is over")

// begin makes the lease of an item that was handed out. Nil without an error:
// the job is over, or ended here.
func (q *Queue) begin(ctx context.Context, got *store.Lease) (*runner.Lease, error) {
	key := got.Item.Key
	row, err := q.Store.Job(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, q.Store.Finish(ctx, got.Ticket)
	}
	if err != nil {
		return nil, err
	}
	l := &lease{
		q: q, key: key, ticket: got.Ticket, cancelled: make(chan error, 2), nudged: make(chan struct{}, 1),
		ended: make(chan struct{}), seen: time.Now(), name: row.Name,
	}
	var job runner.Job
	if err := json.Unmarshal(row.Message, &job); err != nil {
		return nil, q.close(ctx, l, plan.Failure, fmt.Sprintf("lost: its message cannot be read: %v", err))
	}
	l.repeats = q.Repeats != nil && q.Repeats(job.Place)
	kept, over, lost, err := q.resumable(ctx, got, row, l.repeats)
	if err != nil {
		return nil, err
	}
	if over != nil {
		return nil, l.commit(ctx, runner.Result{Conclusion: over.Conclusion, Outputs: over.Outputs, Reason: over.Reason})
	}
	if got.Item.Cancel != "" && kept == nil {
		return nil, q.close(ctx, l, plan.Cancelled, got.Item.Cancel)
	}
	if lost != "" {
		return nil, q.close(ctx, l, plan.Failure, "lost: "+lost)
	}
	if kept != nil && row.Worker != q.Owner && q.Resumes != nil && !q.Resumes(kept.Checkpoint.Place, row.Worker) {
		return nil, l.leave(ctx, row.Worker)
	}
	err = q.move(ctx, key.Run, func(ctx context.Context, t *turn) error {
		if t.run.State == store.Completed || t.run.Attempt != key.Attempt || t.leg(key.Job) == nil {
			return errStale
		}
		j, err := t.row(ctx, key.Job)
		if err != nil {
			return err
		}
		if j.Started.IsZero() {
			j.Started = t.now()
		}
		j.State, j.Reason, j.Worker = store.InProgress, "", q.Owner
		t.put(j)
		if t.run.Started.IsZero() {
			t.run.Started = t.now()
		}
		l.retries = t.p.Retries[key.Job]
		delete(t.p.Absent, key.Job)
		return nil
	})
	if errors.Is(err, errStale) {
		return nil, q.Store.Finish(ctx, got.Ticket)
	}
	if err != nil {
		return nil, err
	}
	if l.sink, err = q.newSink(ctx, l, kept); err != nil {
		return nil, err
	}
	q.mu.Lock()
	q.leases[key] = l
	q.mu.Unlock()
	if got.Item.Cancel != "" {
		l.tell(got.Item.Cancel)
	}
	if l.repeats && row.State == store.InProgress {
		l.sink.Emit(runner.JobRequeued{Time: q.Now(), Job: key.Job, Name: row.Name, Reason: fmt.Sprintf("worker %q ended in the middle of it", row.Worker)})
	}
	go l.keep()
	out := &runner.Lease{Job: &job, Sink: l.sink, Cancelled: l.cancelled, Finish: l.finish}
	if kept != nil {
		out.Checkpoint = kept.Checkpoint
	}
	return out, nil
}

// close ends a job that was handed out without running it.
func (q *Queue) close(ctx context.Context, l *lease, c plan.Conclusion, reason string) error {
	err := l.commit(ctx, runner.Result{Conclusion: c, Reason: reason})
	if err == nil {
		q.Log.Warn("a job ended without its worker", "run", l.key.Run, "job", l.key.Job, "conclusion", c, "reason", reason)
	}
	return err
}

// kept is what a checkpoint's bytes hold, sealed.
type kept struct {
	After store.Sequence `json:"after"` // the last event before it
	// Told is, for each step, how many events after that were told before it: it
	// was taken while a resumed job told again what had been stored.
	Told       map[int]int        `json:"told,omitempty"`
	Checkpoint *runner.Checkpoint `json:"checkpoint"`
}

func purpose(key store.JobKey) string {
	return fmt.Sprintf("checkpoint of job %s of run %d, attempt %d", key.Job, key.Run, key.Attempt)
}

// resumable is where a job stands that was handed out before; nil: it has not
// begun. Lost says why nobody can go on with it. Over is its end, if a worker
// told it and died before it had handed in the result. A job that repeats is never
// lost for what it had begun.
func (q *Queue) resumable(ctx context.Context, got *store.Lease, row *store.Job, repeats bool) (k *kept, over *runner.JobFinished, lost string, err error) {
	if len(row.Checkpoint) > 0 {
		plain, err := q.Seal.Open(purpose(row.JobKey), row.Checkpoint)
		if err == nil {
			k = &kept{}
			err = json.Unmarshal(plain, k)
		}
		if err == nil && k.Checkpoint == nil {
			err = errors.New("it is empty")
		}
		if err != nil {
			return nil, nil, fmt.Sprintf("worker %q ended while the job ran, and its checkpoint cannot be read: %v", row.Worker, err), nil
		}
	}
	if k == nil && row.State != store.InProgress {
		return nil, nil, "", nil
	}
	begun := false
	err = q.lines(ctx, row.JobKey, 0, func(line []byte) {
		switch {
		case bytes.HasPrefix(line, []byte(`{"type":"step-started"`)):
			e, _ := runner.DecodeEvent(line)
			begun = begun || acts(e)
		case bytes.HasPrefix(line, []byte(`{"type":"job-finished"`)):
			if e, _ := runner.DecodeEvent(line); e != nil {
				end := e.(runner.JobFinished)
				over = &end
			}
		}
	})
	switch {
	case err != nil || over != nil:
		return nil, over, "", err
	case got.Item.Tries > maxLeases:
		return nil, nil, fmt.Sprintf("it was handed to workers %d times, and none of them came to its end", got.Item.Tries-1), nil
	case k == nil && begun && !repeats:
		return nil, nil, fmt.Sprintf("worker %q ended while the steps of the job ran, and there is no checkpoint: what they did is not known; run the job again if it may be repeated", row.Worker), nil
	}
	return k, nil, "", nil
}

// lines goes through the events of a stream after a number.
func (q *Queue) lines(ctx context.Context, s store.Stream, after store.Sequence, do func(line []byte)) error {
	for {
		list, err := q.Store.EventsSince(ctx, s, after, eventPage)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, e := range list {
			after = e.Sequence
			for line := range bytes.Lines(e.Data) {
				do(line)
			}
		}
	}
}

// eventPage is how many events are read together.
const eventPage = 64

// acts tells whether an event is the begin of a step that may do something.
func acts(e runner.Event) bool {
	s, ok := e.(runner.StepStarted)
	return ok && s.Step.Phase != runner.SetUp
}
