package queue

import (
	"context"
	"errors"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

const (
	reclaimEvery = 5 * time.Second
	groupsEvery  = time.Minute
)

// glance remembers what the last look at a run gave.
type glance struct {
	version int64
	again   time.Time // zero: only when it has changed
}

// Run looks after what nobody moves on, until ctx ends: runs whose process died
// in between, timers, leases that ran out, places in groups that nobody left.
// Each tick does a bounded amount of work. Any number of servers may do so.
func (q *Queue) Run(ctx context.Context) error {
	tick := time.NewTicker(q.tick)
	defer tick.Stop()
	defer q.stopTimers()
	var before store.RunID // where the next page of runs ends; 0: at the newest
	var reclaimed, grouped time.Time
	for {
		before = q.sweepRuns(ctx, before)
		if time.Since(reclaimed) >= reclaimEvery {
			reclaimed = time.Now()
			if n, err := q.Store.Reclaim(ctx); err != nil {
				q.warn(ctx, "bring back leases", err)
			} else if n > 0 {
				q.Log.Info("leases ran out", "count", n)
				q.wakeUp()
			}
		}
		if time.Since(grouped) >= groupsEvery {
			grouped = time.Now()
			q.sweepGroups(ctx)
		}
		if before != 0 && q.unknown() { // after a start: all runs once, without a pause
			select {
			case <-ctx.Done():
				return nil
			default:
				continue
			}
		}
		q.mu.Lock()
		q.looked = true
		q.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// unknown tells whether not all runs have been looked at yet.
func (q *Queue) unknown() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.looked
}

// sweepRuns looks at a page of the open runs and tells where the next begins.
func (q *Queue) sweepRuns(ctx context.Context, before store.RunID) store.RunID {
	open := store.RunFilter{
		States: []store.State{store.Waiting, store.PendingRun, store.Queued, store.InProgress}, Before: before, Limit: q.sweep,
	}
	list, err := q.Store.ListRuns(ctx, open)
	if err != nil {
		q.warn(ctx, "list open runs", err)
		return 0
	}
	for _, r := range list {
		q.mu.Lock()
		q.listed[r.ID] = true
		q.mu.Unlock()
		if !q.worthALook(&r) {
			continue
		}
		if err := q.Advance(ctx, r.ID); err != nil {
			q.warn(ctx, "look after runs", err)
			q.note(r.ID, glance{r.Version, q.Now().Add(q.again)})
		}
	}
	if len(list) < q.sweep {
		q.forget()
		return 0
	}
	return list[len(list)-1].ID
}

// worthALook tells whether something may be done for a run.
func (q *Queue) worthALook(r *store.Run) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	g, ok := q.glances[r.ID]
	return !ok || g.version != r.Version || !g.again.IsZero() && !q.Now().Before(g.again)
}

// forget drops what is remembered of runs that another server has ended: they
// were on no page.
func (q *Queue) forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id := range q.glances {
		if !q.listed[id] {
			delete(q.glances, id)
		}
	}
	clear(q.listed)
}

func (q *Queue) note(id store.RunID, g glance) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.glances[id] = g
}

// noteLook remembers what a turn found, and sets its timer. A run whose jobs are
// all in the queue moves only when one of them does.
func (q *Queue) noteLook(t *turn) {
	g := glance{version: t.run.Version}
	if len(t.p.Held) > 0 || len(t.p.Aborts) > 0 || !t.p.Begun {
		g.again = q.Now().Add(q.again)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.run.State == store.Completed {
		delete(q.glances, t.run.ID)
	} else {
		q.glances[t.run.ID] = g
	}
	if old := q.timers[t.run.ID]; old != nil {
		old.Stop()
		delete(q.timers, t.run.ID)
	}
	if t.look.IsZero() || q.closed || t.run.State == store.Completed {
		return
	}
	id := t.run.ID
	q.timers[id] = time.AfterFunc(max(t.look.Sub(q.Now()), q.flush), func() {
		if err := q.Advance(context.Background(), id); err != nil {
			q.Log.Warn("look at a run again", "err", err)
		}
	})
}

func (q *Queue) stopTimers() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for id, t := range q.timers {
		t.Stop()
		delete(q.timers, id)
	}
}

// sweepGroups takes holders out of their groups whose run has ended: their
// process died between entering the group and seeing that.
func (q *Queue) sweepGroups(ctx context.Context) {
	entries, err := q.Store.GroupEntries(ctx, 0)
	if err != nil {
		q.warn(ctx, "list concurrency groups", err)
		return
	}
	over := map[store.RunID]bool{}
	var gone []store.Holder
	for _, e := range entries {
		if _, known := over[e.Holder.Run]; !known {
			if len(over) >= q.sweep {
				break
			}
			r, err := q.Store.Run(ctx, e.Holder.Run)
			over[e.Holder.Run] = err == nil && r.State == store.Completed || errors.Is(err, store.ErrNotFound)
		}
		if over[e.Holder.Run] {
			gone = append(gone, e.Holder)
		}
	}
	if len(gone) == 0 {
		return
	}
	promoted, err := q.Store.LeaveGroups(ctx, gone)
	if err != nil {
		q.warn(ctx, "leave concurrency groups", err)
	}
	for _, h := range promoted {
		if err := q.Advance(ctx, h.Run); err != nil {
			q.warn(ctx, "begin a run whose turn it is", err)
		}
	}
}

// warn logs what went wrong, unless the end is why.
func (q *Queue) warn(ctx context.Context, doing string, err error) {
	if ctx.Err() == nil {
		q.Log.Warn("look after the queue", "doing", doing, "err", err)
	}
}
