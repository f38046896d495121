package queue

import (
	"context"
	"fmt"
	"slices"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// handle carries out decisions of the plan's state, in order, and those that
// follow from them.
func (t *turn) handle(ctx context.Context, decisions []plan.Decision) error {
	for {
		if len(decisions) == 0 {
			more, err := t.takeLate(ctx)
			if err != nil || len(more) == 0 {
				return err
			}
			decisions = more
		}
		d := decisions[0]
		decisions = decisions[1:]
		var more []plan.Decision
		var err error
		switch d.Action {
		case plan.Start:
			more, err = t.start(ctx, d.Leg)
		case plan.Abort:
			more, err = t.abort(ctx, d.Leg.ID, d.Reason, false)
		case plan.Skip, plan.Fail:
			err = t.unrun(ctx, d)
		case plan.Done: // its legs have told
		}
		if err != nil {
			return err
		}
		decisions = append(decisions, more...)
	}
}

// start holds a leg until it may be queued, or ends it with the result of an
// earlier attempt.
func (t *turn) start(ctx context.Context, leg *plan.Leg) ([]plan.Decision, error) {
	old, ok := t.p.Taken[leg.ID]
	switch {
	case !ok:
		t.p.Held[leg.ID] = &held{State: store.PendingRun}
		j, err := t.row(ctx, leg.ID)
		if err != nil {
			return nil, err
		}
		j.Name, j.State, j.Queued = leg.Name, store.PendingRun, t.now()
		t.put(j)
		return nil, nil
	case old.Conclusion == plan.Failure:
		// Now it would stop the legs beside it: fail-fast.
		t.p.Late = append(t.p.Late, leg.ID)
		return nil, nil
	}
	return t.take(ctx, leg)
}

// takeLate takes failures of an earlier attempt when nothing else is to be waited for.
func (t *turn) takeLate(ctx context.Context) ([]plan.Decision, error) {
	for len(t.p.Late) > 0 {
		if len(t.state.Running()) > len(t.p.Late) {
			return nil, nil
		}
		leg := t.leg(t.p.Late[0])
		t.p.Late = slices.Delete(t.p.Late, 0, 1)
		if leg == nil {
			continue
		}
		return t.take(ctx, leg)
	}
	return nil, nil
}

// take ends a leg with the result of an earlier attempt.
func (t *turn) take(ctx context.Context, leg *plan.Leg) ([]plan.Decision, error) {
	old := t.p.Taken[leg.ID]
	j, err := t.row(ctx, leg.ID)
	if err != nil {
		return nil, err
	}
	j.Name, j.State, j.Conclusion, j.Reason = leg.Name, store.Completed, old.Conclusion, old.Reason
	j.Started, j.Finished = old.Started, old.Finished
	t.put(j)
	return t.state.Apply(leg.ID, old.Conclusion, old.Outputs), nil
}

// unrun notes a job or leg that does not run.
func (t *turn) unrun(ctx context.Context, d plan.Decision) error {
	id := d.Job
	if d.Leg != nil {
		id = d.Leg.ID
	}
	j, err := t.row(ctx, id)
	if err != nil {
		return err
	}
	j.Name, j.State, j.Conclusion, j.Reason, j.Finished = d.Name, store.Completed, d.Conclusion, d.Reason, t.now()
	t.put(j)
	return nil
}

// end notes the result of a leg that had been started.
func (t *turn) end(ctx context.Context, leg *plan.Leg, c plan.Conclusion, outputs map[string]string, reason string) ([]plan.Decision, error) {
	j, err := t.row(ctx, leg.ID)
	if err != nil {
		return nil, err
	}
	j.Name, j.State, j.Conclusion, j.Reason, j.Finished = leg.Name, store.Completed, c, reason, t.now()
	j.Checkpoint = []byte{} // it is as secret as the job, and of no more use
	t.put(j)
	delete(t.p.Held, leg.ID)
	delete(t.p.Aborts, leg.ID)
	delete(t.p.Retries, leg.ID)
	delete(t.p.Absent, leg.ID)
	t.p.Late = slices.DeleteFunc(t.p.Late, func(id plan.LegID) bool { return id == leg.ID })
	if len(leg.Concurrency) > 0 {
		t.change.Leave = append(t.change.Leave, store.Holder{Run: t.run.ID, Job: leg.ID})
	}
	return t.state.Apply(leg.ID, c, outputs), nil
}

// stop stops one leg, whatever it is at, or the workflow that it calls.
func (t *turn) stop(ctx context.Context, id plan.LegID, reason string, force bool) error {
	if t.run.State == store.Completed || t.state == nil {
		return nil
	}
	for _, inner := range t.within(id) {
		if err := t.stop(ctx, inner, reason, force); err != nil {
			return err
		}
	}
	if t.leg(id) == nil {
		return nil
	}
	more, err := t.abort(ctx, id, reason, force)
	if err != nil {
		return err
	}
	return t.handle(ctx, more)
}

// abort ends a leg that nobody has taken yet, and has a leased one stopped; its
// result is still to come.
func (t *turn) abort(ctx context.Context, id plan.LegID, reason string, force bool) ([]plan.Decision, error) {
	leg := t.leg(id)
	if leg == nil {
		return nil, nil
	}
	if slices.Contains(t.p.Late, id) {
		t.p.Late = slices.DeleteFunc(t.p.Late, func(l plan.LegID) bool { return l == id })
		return t.take(ctx, leg)
	}
	if t.p.Held[id] == nil && !t.queuedNow(id) {
		item, ok, err := t.item(ctx, id)
		if err != nil {
			return nil, err
		}
		if ok && item.Worker != "" {
			known := t.p.Aborts[id]
			if known.Reason == "" {
				known.Reason = reason
			}
			known.Force = known.Force || force
			t.p.Aborts[id] = known
			return nil, nil
		}
		t.change.Dequeue = append(t.change.Dequeue, store.JobKey{Run: t.run.ID, Attempt: t.run.Attempt, Job: id})
	}
	t.change.Enqueue = slices.DeleteFunc(t.change.Enqueue, func(i store.Item) bool { return i.Key.Job == id })
	return t.end(ctx, leg, plan.Cancelled, nil, reason)
}

// queuedNow tells whether this very turn puts the leg into the queue.
func (t *turn) queuedNow(id plan.LegID) bool {
	return slices.ContainsFunc(t.change.Enqueue, func(i store.Item) bool { return i.Key.Job == id })
}

// abortions looks at the leased jobs that have to stop: one that nobody has any
// more ends here.
func (t *turn) abortions(ctx context.Context) error {
	for _, id := range sortedLegs(t.p.Aborts) {
		a := t.p.Aborts[id]
		if t.leg(id) == nil {
			delete(t.p.Aborts, id)
			continue
		}
		if err := t.stop(ctx, id, a.Reason, a.Force); err != nil {
			return err
		}
	}
	return nil
}

// request tells the workers of the jobs that have to stop.
func (t *turn) request(ctx context.Context) {
	for _, id := range sortedLegs(t.p.Aborts) {
		key := store.JobKey{Run: t.run.ID, Attempt: t.run.Attempt, Job: id}
		if err := t.q.Store.RequestCancel(ctx, key, t.p.Aborts[id].Reason); err != nil {
			// It came back or ended at this moment: the next turn sees it.
			t.q.Log.Debug("cancel a job", "run", key.Run, "job", id, "err", err)
			t.lookAt(t.now())
		}
		t.q.nudge(key)
	}
}

// cancel cancels the run; force also what a cancelled run lets go on.
func (t *turn) cancel(ctx context.Context, reason string, force bool) error {
	if t.run.State == store.Completed || t.state == nil {
		return nil
	}
	if !t.p.Begun {
		return t.giveUp(ctx, reason)
	}
	if t.p.Cancelled == "" {
		t.p.Cancelled = reason
		if err := t.handle(ctx, t.state.Cancel(reason)); err != nil {
			return err
		}
	}
	if !force || t.p.Forced {
		return nil
	}
	t.p.Forced = true
	if err := t.handle(ctx, t.state.Cancel(reason)); err != nil {
		return err
	}
	for _, l := range t.state.Running() {
		if err := t.stop(ctx, l.ID, reason, true); err != nil {
			return err
		}
	}
	return nil
}

func takenFrom(attempt int) string { return fmt.Sprintf("taken from attempt %d", attempt) }
