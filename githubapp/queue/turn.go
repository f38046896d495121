package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// turn is one try to move a run on: everything that follows from one look at
// it, written in one transaction or not at all.
type turn struct {
	q     *Queue
	run   *store.Run
	plan  *plan.Plan
	state *plan.State
	p     progress

	rows    map[plan.LegID]store.Job  // of the attempt, as read; nil: not read yet
	items   map[plan.LegID]store.Item // of the attempt in the queue; nil: not read yet
	changed []plan.LegID              // rows to be written, in order
	change  store.Change

	claims []store.Holder // that entered a group in this turn
	next   []task         // to be done when this is written
	look   time.Time      // when to look again; zero: when something happens
}

// task is something to do with a run; do may be nil: only look what is next.
type task struct {
	run store.RunID
	do  func(context.Context, *turn) error
}

// maxTries bounds how often a turn is tried while others change the run.
const maxTries = 200

// maxTasks bounds what follows from one call; the rest is found by Run.
const maxTasks = 500

// move does something with a run, and then what follows from it, also in other
// runs. The error is that of the run itself.
func (q *Queue) move(ctx context.Context, id store.RunID, do func(context.Context, *turn) error) error {
	todo := []task{{id, do}}
	for i := 0; len(todo) > 0 && i < maxTasks; i++ {
		one := todo[0]
		todo = todo[1:]
		more, err := q.turn(ctx, one)
		if err != nil && i == 0 {
			return err
		}
		if err != nil {
			q.Log.Warn("move a run on", "run", one.run, "err", err)
		}
		todo = append(todo, more...)
	}
	return nil
}

// turn tries until nobody comes in between.
func (q *Queue) turn(ctx context.Context, one task) ([]task, error) {
	defer q.turns.enter(one.run)()
	var claims []store.Holder
	for try := 0; ; try++ {
		r, err := q.Store.Run(ctx, one.run)
		if err != nil {
			return nil, err
		}
		t, err := q.open(r)
		if err != nil {
			return nil, err
		}
		t.claims = claims
		before, err := encode(t.p)
		if err != nil {
			return nil, err
		}
		was := *r
		if one.do != nil {
			if err := one.do(ctx, t); err != nil {
				return nil, err
			}
		}
		if err := t.advance(ctx); err != nil {
			return nil, err
		}
		wrote, err := t.commit(ctx, &was, before)
		claims = t.claims
		if err == nil && !wrote && len(claims) > 0 {
			err = t.unchanged(ctx)
		}
		if errors.Is(err, store.ErrConflict) && try < maxTries {
			time.Sleep(time.Duration(rand.IntN(min(try+1, 20))) * time.Millisecond)
			continue
		}
		if err != nil {
			return nil, err
		}
		t.unclaim(ctx)
		t.request(ctx)
		q.noteLook(t)
		if wrote {
			q.Changed(r.ID)
		}
		return t.next, nil
	}
}

func (q *Queue) open(r *store.Run) (*turn, error) {
	made, p, err := decode(r)
	if err != nil {
		return nil, err
	}
	t := &turn{q: q, run: r, plan: made, p: p}
	if made != nil {
		t.state = stateOf(made, p)
	}
	return t, nil
}

// commit writes what has changed, if anything has.
func (t *turn) commit(ctx context.Context, was *store.Run, before []byte) (bool, error) {
	if t.state != nil {
		t.p.Log = t.state.Log()
	}
	after, err := encode(t.p)
	if err != nil {
		return false, err
	}
	for _, id := range t.changed {
		t.change.Jobs = append(t.change.Jobs, t.rows[id])
	}
	c := &t.change
	same := bytes.Equal(before, after) && was.Attempt == t.run.Attempt && was.State == t.run.State && was.Conclusion == t.run.Conclusion &&
		was.Reason == t.run.Reason && was.Started.Equal(t.run.Started) && was.Finished.Equal(t.run.Finished)
	if same && len(c.Jobs)+len(c.Enqueue)+len(c.Dequeue)+len(c.Finish)+len(c.Leave) == 0 {
		return false, nil
	}
	c.Run = *t.run
	c.Run.Progress = after
	done, err := t.q.Store.CommitRun(ctx, *c)
	if err != nil {
		return false, err
	}
	t.run.Version = done.Version
	for _, h := range done.Promoted {
		t.next = append(t.next, task{run: h.Run})
	}
	if len(c.Enqueue) > 0 {
		t.q.wakeUp()
	}
	return true, nil
}

// unchanged looks whether somebody ended the run, and left its groups, before
// this turn entered them: it has written nothing that would have failed.
func (t *turn) unchanged(ctx context.Context) error {
	r, err := t.q.Store.Run(ctx, t.run.ID)
	if err == nil && r.Version != t.run.Version {
		return store.ErrConflict
	}
	return err
}

// unclaim leaves groups that were entered for what has ended meanwhile: an entry
// stays until its holder leaves.
func (t *turn) unclaim(ctx context.Context) {
	var gone []store.Holder
	for _, h := range t.claims {
		if !t.stands(h) {
			gone = append(gone, h)
		}
	}
	if len(gone) == 0 {
		return
	}
	promoted, err := t.q.Store.LeaveGroups(ctx, gone)
	if err != nil {
		t.q.Log.Warn("leave concurrency groups", "run", t.run.ID, "err", err)
	}
	for _, h := range promoted {
		t.next = append(t.next, task{run: h.Run})
	}
}

func (t *turn) running() []*plan.Leg {
	if t.state == nil {
		return nil
	}
	return t.state.Running()
}

// leg is one whose result is awaited, or nil.
func (t *turn) leg(id plan.LegID) *plan.Leg {
	for _, l := range t.running() {
		if l.ID == id {
			return l
		}
	}
	return nil
}

// row is a job's row, or a new one.
func (t *turn) row(ctx context.Context, id plan.LegID) (store.Job, error) {
	if t.rows == nil {
		t.rows = map[plan.LegID]store.Job{}
		list, err := t.q.Store.ListJobs(ctx, t.run.ID, t.run.Attempt)
		if err != nil {
			return store.Job{}, err
		}
		for _, j := range list {
			t.rows[j.Job] = j
		}
	}
	j, ok := t.rows[id]
	if !ok {
		j = store.Job{JobKey: store.JobKey{Run: t.run.ID, Attempt: t.run.Attempt, Job: id}, Name: string(id)}
	}
	return j, nil
}

func (t *turn) put(j store.Job) {
	if old, ok := t.rows[j.Job]; ok { // what a row holds beside is not lost by writing it twice
		if j.Message == nil {
			j.Message = old.Message
		}
		if j.Checkpoint == nil {
			j.Checkpoint = old.Checkpoint
		}
	}
	t.rows[j.Job] = j
	if !slices.Contains(t.changed, j.Job) {
		t.changed = append(t.changed, j.Job)
	}
}

// item is a job's place in the queue.
func (t *turn) item(ctx context.Context, id plan.LegID) (store.Item, bool, error) {
	if t.items == nil {
		t.items = map[plan.LegID]store.Item{}
		list, err := t.q.Store.ListQueue(ctx, t.run.ID, manyItems)
		if err != nil {
			return store.Item{}, false, err
		}
		for _, i := range list {
			if i.Key.Attempt == t.run.Attempt {
				t.items[i.Key.Job] = i
			}
		}
	}
	i, ok := t.items[id]
	return i, ok, nil
}

// manyItems is more than can be queued.
const manyItems = 1 << 30

// lookAt asks for another turn at that time, or earlier.
func (t *turn) lookAt(at time.Time) {
	if t.look.IsZero() || at.Before(t.look) {
		t.look = at
	}
}

func (t *turn) now() time.Time { return t.q.Now().UTC().Truncate(time.Microsecond) }

func sortedLegs[T any](m map[plan.LegID]T) []plan.LegID {
	return slices.Sorted(maps.Keys(m))
}

// Advance does what is next for a run: it looks at approvals, concurrency
// groups, environments and timers. It may be called at any time, by anybody.
func (q *Queue) Advance(ctx context.Context, id store.RunID) error {
	if err := q.move(ctx, id, nil); err != nil {
		return fmt.Errorf("advance run %d: %w", id, err)
	}
	return nil
}
