package queue

import (
	"context"
	"fmt"
	"slices"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// takeGroups asks for the concurrency groups that a leg needs, first those of the
// legs that call its workflow. Displaced names one that it will not get.
func (t *turn) takeGroups(ctx context.Context, leg *plan.Leg, h *held) (ok bool, displaced string, err error) {
	for _, caller := range leg.Callers {
		if t.p.Calls[caller.Leg] {
			continue
		}
		t.p.Calls[caller.Leg] = false
		ok, displaced, err := t.takeAll(ctx, caller.Leg, caller.Concurrency, h)
		if err != nil || !ok {
			return false, displaced, err
		}
		t.p.Calls[caller.Leg] = true
	}
	if h.Entered {
		return true, "", nil
	}
	ok, displaced, err = t.takeAll(ctx, leg.ID, leg.Concurrency, h)
	h.Entered = ok
	return ok, displaced, err
}

func (t *turn) takeAll(ctx context.Context, id plan.LegID, groups []plan.Concurrency, h *held) (ok bool, displaced string, err error) {
	for _, c := range groups {
		h.State, h.Reason = store.PendingRun, fmt.Sprintf("waits for concurrency group '%s'", c.Group)
		if len(t.change.Leave) > 0 { // first what ends here leaves, or its place would be seen as taken
			t.next = append(t.next, task{run: t.run.ID})
			return false, "", nil
		}
		standing, err := t.enter(ctx, c, store.Holder{Run: t.run.ID, Job: id})
		switch {
		case err != nil || standing == store.InLine:
			return false, "", err
		case standing != store.Holding:
			return false, c.Group, nil
		}
	}
	return true, "", nil
}

// leaveCalls leaves the groups of calls that have ended.
func (t *turn) leaveCalls() {
	if len(t.p.Calls) == 0 {
		return
	}
	for _, job := range t.state.Results() {
		for _, leg := range job.Legs {
			if _, ok := t.p.Calls[leg.ID]; ok && leg.Conclusion != "" {
				delete(t.p.Calls, leg.ID)
				t.change.Leave = append(t.change.Leave, store.Holder{Run: t.run.ID, Job: leg.ID})
			}
		}
	}
}

// within are the legs that run, or are to, in the workflow that a leg calls.
func (t *turn) within(call plan.LegID) []plan.LegID {
	var ids []plan.LegID
	for _, l := range t.running() {
		if slices.ContainsFunc(l.Callers, func(c plan.Caller) bool { return c.Leg == call }) {
			ids = append(ids, l.ID)
		}
	}
	return ids
}

// stands tells whether something of the run may stand in a group.
func (t *turn) stands(h store.Holder) bool {
	if t.run.State == store.Completed {
		return false
	}
	_, calls := t.p.Calls[h.Job]
	return h.Job == "" || calls || t.leg(h.Job) != nil
}
