package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func holder(run int, job plan.LegID) store.Holder {
	return store.Holder{Run: store.RunID(run), Job: job}
}

func (t *suite) enter(c store.Claim, standing store.Standing, cancel ...store.Holder) {
	t.Helper()
	if c.Repository == 0 {
		c.Repository = 1
	}
	if c.Group == "" {
		c.Group = "deploy"
	}
	got, err := t.s.EnterGroup(t.Context(), c)
	t.ok(err)
	t.equal(fmt.Sprintf("enter %+v", c), got, store.Entered{Standing: standing, Cancel: cancel})
}

func (t *suite) leave(promoted []store.Holder, who ...store.Holder) {
	t.Helper()
	got, err := t.s.LeaveGroups(t.Context(), who)
	t.ok(err)
	t.equal(fmt.Sprintf("leave %+v", who), got, promoted)
}

func groupsTurns(t *suite) {
	a, b, c := holder(1, ""), holder(2, "build"), holder(3, "")
	t.enter(store.Claim{Holder: a}, store.Holding)
	t.enter(store.Claim{Holder: a}, store.Holding) // asked again: the same answer
	t.enter(store.Claim{Holder: a, Group: "other"}, store.Holding)
	t.enter(store.Claim{Holder: b, Repository: 2}, store.Holding) // another repository: another group
	t.enter(store.Claim{Holder: b, Group: "DEPLOY"}, store.InLine)
	t.enter(store.Claim{Holder: c}, store.InLine, b) // one waits at most: b is displaced
	t.enter(store.Claim{Holder: b}, store.Displaced)
	t.leave(nil, b)
	t.leave([]store.Holder{c}, a)
	t.enter(store.Claim{Holder: c}, store.Holding)
	entries, err := t.s.GroupEntries(t.Context(), 1)
	t.ok(err)
	t.equal("entries", entries, []store.Entry{{Repository: 1, Group: "deploy", Holder: c, Standing: store.Holding}})
	t.leave(nil, c, c, holder(99, ""))
	if _, err := t.s.EnterGroup(t.Context(), store.Claim{Repository: 1, Group: strings.Repeat("g", 3000), Holder: a}); err == nil {
		t.Error("a name that no index takes was stored")
	}
}

func groupsCancel(t *suite) {
	a, b, c := holder(1, ""), holder(2, ""), holder(3, "")
	t.enter(store.Claim{Holder: a}, store.Holding)
	t.enter(store.Claim{Holder: b, CancelInProgress: true}, store.InLine, a)
	t.enter(store.Claim{Holder: a}, store.Cancelling) // it holds on until it left
	t.enter(store.Claim{Holder: c, CancelInProgress: true}, store.InLine, a, b)
	t.leave([]store.Holder{c}, a) // b was displaced: it is not its turn
	t.leave(nil, b)
	t.enter(store.Claim{Holder: c}, store.Holding)

	// With the run's end: in one change.
	r := t.run(1, []string{"linux"}, "job")
	t.enter(store.Claim{Holder: store.Holder{Run: r.ID}}, store.InLine)
	t.enter(store.Claim{Holder: store.Holder{Run: r.ID, Job: "job"}, Group: "g"}, store.Holding)
	t.enter(store.Claim{Holder: holder(50, ""), Group: "g"}, store.InLine)
	done, err := t.s.CommitRun(t.Context(), store.Change{Run: r, Leave: []store.Holder{{Run: r.ID}, {Run: r.ID, Job: "job"}}})
	t.ok(err)
	t.equal("promoted", done.Promoted, []store.Holder{holder(50, "")})
	r.Version = 1 // stale
	if _, err := t.s.CommitRun(t.Context(), store.Change{Run: r, Leave: []store.Holder{holder(50, "")}}); !errors.Is(err, store.ErrConflict) {
		t.Error(err)
	}
	t.enter(store.Claim{Holder: holder(50, ""), Group: "g"}, store.Holding)
}

func groupsQueueMax(t *suite) {
	a, b, c, d := holder(1, ""), holder(2, ""), holder(3, ""), holder(4, "")
	t.enter(store.Claim{Holder: a, QueueMax: true}, store.Holding)
	t.enter(store.Claim{Holder: b, QueueMax: true}, store.InLine)
	t.enter(store.Claim{Holder: c, QueueMax: true}, store.InLine)
	t.enter(store.Claim{Holder: d, QueueMax: true}, store.InLine)
	t.leave(nil, c)
	t.leave([]store.Holder{b}, a)
	t.leave(nil, b, d) // both at once: nobody is promoted on the way
}

func groupsRace(t *suite) {
	servers := []store.Store{t.s, t.second()}
	var mu sync.Mutex
	standing := map[store.Standing]int{}
	together(10, func(i int) {
		got, err := servers[i%2].EnterGroup(t.Context(), store.Claim{Repository: 1, Group: "g", Holder: holder(i+1, ""), QueueMax: true})
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		standing[got.Standing]++
		mu.Unlock()
	})
	t.equal("standings", standing, map[store.Standing]int{store.Holding: 1, store.InLine: 9})
	// All leave at the same time: each promotes one at most, and none is left.
	together(10, func(i int) {
		if _, err := servers[i%2].LeaveGroups(t.Context(), []store.Holder{holder(i+1, "")}); err != nil {
			t.Error(err)
		}
	})
	entries, err := t.s.GroupEntries(t.Context(), 0)
	t.ok(err)
	t.equal("left", len(entries), 0)
}

func approvals(t *suite) {
	r := t.run(1, []string{"linux"}, "a")
	mona := store.Actor{ID: 1, Login: "mona"}
	ok := store.Approval{Run: r.ID, SHA: "abc", By: mona, Verdict: store.Approved, Comment: "fine\x00"}
	change := func(f func(*store.Approval)) store.Approval {
		a := ok
		f(&a)
		return a
	}
	for name, tc := range map[string]struct {
		a    store.Approval
		want error
	}{
		"another commit":    {change(func(a *store.Approval) { a.SHA = "abd" }), store.ErrWrongCommit},
		"no commit":         {change(func(a *store.Approval) { a.SHA = "" }), store.ErrWrongCommit},
		"part of a commit":  {change(func(a *store.Approval) { a.SHA = "ab" }), store.ErrWrongCommit},
		"unknown run":       {change(func(a *store.Approval) { a.Run = 99 }), store.ErrNotFound},
		"a name, no person": {change(func(a *store.Approval) { a.By.ID = 0 }), nil},
		"no verdict":        {change(func(a *store.Approval) { a.Verdict = "" }), nil},
	} {
		if err := t.s.Approve(t.Context(), tc.a); err == nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	all, err := t.s.ListApprovals(t.Context(), r.ID)
	t.ok(err)
	t.equal("after refusals", len(all), 0)

	t.ok(t.s.Approve(t.Context(), change(func(a *store.Approval) { a.Verdict, a.Attempt = store.Rejected, 7 })))
	t.ok(t.s.Approve(t.Context(), ok)) // thought again
	t.clock.add(1e9)
	t.ok(t.s.Approve(t.Context(), change(func(a *store.Approval) { a.Environment, a.Attempt, a.By.ID = "prod", 2, 4 })))
	all, err = t.s.ListApprovals(t.Context(), r.ID)
	t.ok(err)
	ok.Comment, ok.At = "fine\uFFFD", t.clock.now().Add(-1e9)
	want := change(func(a *store.Approval) { a.Environment, a.Attempt, a.By.ID, a.At = "prod", 2, 4, t.clock.now() })
	t.equal("approvals", all, []store.Approval{ok, want})
}
