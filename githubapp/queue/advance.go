package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// advance decides everything that can be decided now.
func (t *turn) advance(ctx context.Context) error {
	if t.run.State == store.Completed {
		return nil
	}
	if t.p.Unplanned {
		return t.endUnplanned(ctx)
	}
	if !t.p.Begun {
		if ok, err := t.mayBegin(ctx); err != nil || !ok {
			return errors.Join(err, t.conclude())
		}
		t.p.Begun, t.run.Reason = true, ""
		if err := t.handle(ctx, t.state.Start()); err != nil {
			return err
		}
	}
	if err := t.abortions(ctx); err != nil {
		return err
	}
	t.leaveCalls()
	if err := t.releaseLegs(ctx); err != nil {
		return err
	}
	t.leaveCalls()
	return t.conclude()
}

// endUnplanned tells why a run cannot be planned, and ends it.
func (t *turn) endUnplanned(ctx context.Context) error {
	stream := store.Stream{Run: t.run.ID, Attempt: t.run.Attempt}
	var data []byte
	for _, p := range t.p.Problems {
		a := runner.Annotated{Time: t.run.Created} // the same bytes, whoever writes them
		a.Level, a.Message, a.Title, a.File, a.Line, a.Column = "error", p.Message, p.Code, p.File, p.Line, p.Column
		if p.Severity != "error" {
			a.Level = "warning"
		}
		if p.Hint != "" {
			a.Message += " (" + p.Hint + ")"
		}
		data = runner.AppendEvent(data, "", a)
	}
	if len(data) > 0 {
		if _, err := t.q.Store.AppendEvents(ctx, stream, 0, [][]byte{data}); err != nil && !errors.Is(err, store.ErrSequence) {
			return err
		}
	}
	if t.run.Reason == "" {
		t.run.Reason = "the workflow cannot be planned"
	}
	t.run.State, t.run.Conclusion = store.Completed, plan.Failure
	t.run.Started, t.run.Finished = t.now(), t.now()
	return nil
}

// mayBegin is whether the run was approved, if it has to be, and holds its
// concurrency group, if it has one. A run that waits for approval stands in no
// group: it must not push others out.
func (t *turn) mayBegin(ctx context.Context) (bool, error) {
	if ok, err := t.released(ctx); err != nil || !ok {
		return false, err
	}
	c := t.plan.Concurrency
	if c == nil || t.p.Entered {
		return true, nil
	}
	me := store.Holder{Run: t.run.ID}
	standing, err := t.enter(ctx, *c, me)
	if err != nil {
		return false, err
	}
	switch standing {
	case store.Holding:
		t.p.Entered = true
		return true, nil
	case store.InLine:
		t.run.State = store.PendingRun
		t.run.Reason = fmt.Sprintf("waits for concurrency group '%s'", c.Group)
		return false, nil
	default:
		return false, t.giveUp(ctx, fmt.Sprintf("a newer run took its place in concurrency group '%s'", c.Group))
	}
}

// enter asks for a place in a group, and has those cancelled that must go.
func (t *turn) enter(ctx context.Context, c plan.Concurrency, me store.Holder) (store.Standing, error) {
	if !slices.Contains(t.claims, me) {
		t.claims = append(t.claims, me)
	}
	in, err := t.q.Store.EnterGroup(ctx, store.Claim{
		Repository: t.run.Repository, Group: c.Group, Holder: me, CancelInProgress: c.CancelInProgress, QueueMax: c.QueueMax,
	})
	if err != nil {
		return "", err
	}
	reason := fmt.Sprintf("cancelled by run #%d in concurrency group '%s'", t.run.Number, c.Group)
	for _, other := range in.Cancel {
		if other.Run == t.run.ID {
			continue // the plan's state sees to its own
		}
		t.next = append(t.next, task{other.Run, func(ctx context.Context, o *turn) error {
			o.claims = append(o.claims, other) // if it has ended it leaves now
			if other.Job != "" {
				return o.stop(ctx, other.Job, reason, false)
			}
			return o.cancel(ctx, reason, false)
		}})
	}
	return in.Standing, nil
}

// released tells whether the run needs no approval, or has it.
func (t *turn) released(ctx context.Context) (bool, error) {
	if t.p.Gate == "" || t.p.Released {
		return true, nil
	}
	list, err := t.q.Store.ListApprovals(ctx, t.run.ID)
	if err != nil {
		return false, err
	}
	// The newest word counts. A refusal of an earlier attempt is not one of this.
	for _, a := range slices.Backward(list) {
		switch {
		case a.Environment != "" || a.SHA != t.run.HeadSHA:
		case a.Verdict == store.Approved:
			t.p.Released = true
			return true, nil
		case !a.At.Before(t.p.Since):
			return false, t.giveUp(ctx, "refused by "+a.By.Login)
		}
	}
	t.run.State, t.run.Reason = store.Waiting, t.p.Gate
	return false, nil
}

// giveUp ends a run that has not begun: nothing of it runs, not even what asks
// to run when a run is cancelled.
func (t *turn) giveUp(ctx context.Context, reason string) error {
	t.p.Begun, t.p.Cancelled, t.p.Forced = true, reason, true
	t.run.Reason = reason
	return t.handle(ctx, append(t.state.Cancel(reason), t.state.Cancel(reason)...))
}

// conclude writes down where the run stands.
func (t *turn) conclude() error {
	if !t.p.Begun {
		return nil
	}
	r := t.run
	if t.state.Finished() {
		r.State, r.Conclusion, r.Finished = store.Completed, t.state.Conclusion(), t.now()
		if r.Started.IsZero() {
			r.Started = r.Finished
		}
		r.Reason = t.p.Cancelled
		if t.plan.Concurrency != nil {
			t.change.Leave = append(t.change.Leave, store.Holder{Run: r.ID})
		}
		return nil
	}
	waiting, inQueue := false, false
	for _, l := range t.state.Running() {
		h := t.p.Held[l.ID]
		switch {
		case h == nil:
			inQueue = inQueue || !slices.Contains(t.p.Late, l.ID)
		case h.State == store.Waiting:
			waiting = true
		}
	}
	switch {
	case inQueue && r.Started.IsZero():
		r.State = store.Queued
	case inQueue || len(t.p.Held) == 0:
		r.State = store.InProgress
	case waiting:
		r.State = store.Waiting
	default:
		r.State = store.PendingRun
	}
	r.Reason = t.p.Cancelled
	if !inQueue && r.Reason == "" {
		for _, id := range sortedLegs(t.p.Held) {
			r.Reason = t.p.Held[id].Reason
		}
	}
	return nil
}
