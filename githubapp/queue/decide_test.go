package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

var errInfra = errors.New("no engine answers")

var (
	mona = store.Actor{ID: 5, Login: "mona"}
	hub  = store.Actor{ID: 6, Login: "hub"}
)

func runGroups(b *bench) {
	text := fmt.Sprintf(grouped, "false")
	first, second, third := b.start(text), b.start(text), b.start(text)
	// The same name in another repository is another group, and a new name of
	// the repository makes no new one.
	other := b.start(text, func(r *store.Run) { r.Repository, r.RepositoryName = 2, "octo/other" })
	b.want(other, "queued", "a queued")
	renamed := b.start(text, func(r *store.Run) { r.RepositoryName = "octo/renamed" })
	b.want(first, "queued", "a queued")
	b.want(second, "cancelled: cancelled by run #3 in concurrency group 'deploy'", "a cancelled: cancelled: cancelled by run #3 in concurrency group 'deploy'")
	if r := b.run(third); r.Conclusion != plan.Cancelled {
		b.Errorf("the third is %+v", r)
	}
	b.want(renamed, "pending: waits for concurrency group 'deploy'")
	b.does("1-1 a", plan.Success)
	b.want(renamed, "queued", "a queued")
}

func runGroupsCancel(b *bench) {
	text := fmt.Sprintf(grouped, "true")
	first := b.start(text)
	l := b.next("1-1 a")
	second := b.start(text)
	b.told(l, "cancelled by run #2 in concurrency group 'deploy'")
	b.want(second, "pending: waits for concurrency group 'deploy'")
	b.next("")
	third := b.start(text) // the first is told once, the second goes
	b.finish(l, plan.Cancelled)
	if r := b.run(first); r.Conclusion != plan.Cancelled {
		b.Errorf("the first is %+v", r)
	}
	b.until("the second's end", func() bool { return b.run(second).Conclusion == plan.Cancelled })
	b.want(third, "queued", "a queued")
	b.does("3-1 a", plan.Success)
	entries, err := b.s.GroupEntries(b.Context(), 0)
	if err != nil || len(entries) != 0 {
		b.Errorf("the group holds %+v, %v", entries, err)
	}
}

func jobGroups(b *bench) {
	text := "jobs:\n  a: {runs-on: x, concurrency: prod, steps: [{run: echo}]}\n  b: {needs: a, runs-on: x, concurrency: prod, steps: [{run: echo}]}\n"
	first, second := b.start(text), b.start(text)
	b.want(second, "pending: waits for concurrency group 'prod'", "a pending: waits for concurrency group 'prod'")
	b.does("1-1 a", plan.Success)
	// The second's a came before the first's b.
	b.want(first, "pending: waits for concurrency group 'prod'", "a success", "b pending: waits for concurrency group 'prod'")
	b.does("2-1 a", plan.Success)
	b.does("1-1 b", plan.Success)
	b.does("2-1 b", plan.Success)
	b.want(first, "success", "a success", "b success")
	b.want(second, "success", "a success", "b success")
}

func callGroups(b *bench) {
	text := "jobs:\n  call: {uses: ./.github/workflows/called.yml}\n  after: {needs: call, runs-on: x, steps: [{run: echo}]}\n"
	first, second := b.start(text), b.start(text)
	b.want(second, "pending: waits for concurrency group 'inner'", "call/one pending: waits for concurrency group 'inner'")
	b.does("1-1 call/one", plan.Success)
	b.does("1-1 call/two", plan.Success) // the group is held from the first job to the last
	b.want(first, "in_progress", "call/one success", "call/two success", "after queued")
	b.want(second, "queued", "call/one queued")
	b.ok(b.q.Advance(b.Context(), second))
	third := b.start(text)
	fourth := b.start(text) // takes the third's place
	b.want(third, "cancelled", "call/one cancelled: cancelled by run #4 in concurrency group 'inner'",
		"call/two skipped: needs 'one' was cancelled", "after skipped: needs 'call' was cancelled")
	b.ok(b.q.Cancel(b.Context(), second, mona, "", true))
	b.want(fourth, "queued", "call/one queued")
	b.ok(b.q.Cancel(b.Context(), fourth, mona, "", true))
	entries, err := b.s.GroupEntries(b.Context(), 0)
	if err != nil || len(entries) != 0 {
		b.Errorf("the group holds %+v, %v", entries, err)
	}
}

const always = `
jobs:
  a: {runs-on: x, steps: [{run: echo}]}
  b: {runs-on: x, steps: [{run: echo}]}
  c: {needs: a, runs-on: x, steps: [{run: echo}]}
  d: {needs: a, if: always(), runs-on: x, steps: [{run: echo}]}
`

func cancelAll(b *bench) {
	id := b.start(always)
	a := b.next("1-1 a")
	b.ok(b.q.Cancel(b.Context(), id, mona, "", false))
	b.ok(b.q.Cancel(b.Context(), id, mona, "twice", false))
	b.told(a, "cancelled by mona")
	b.want(id, "in_progress: cancelled by mona", "a in_progress", "b cancelled: cancelled by mona")
	b.finish(a, plan.Cancelled)
	b.want(id, "in_progress: cancelled by mona", "a cancelled: cancelled by mona", "b cancelled: cancelled by mona",
		"c cancelled: cancelled: cancelled by mona", "d queued")
	b.does("1-1 d", plan.Success)
	if r := b.run(id); r.Conclusion != plan.Cancelled || r.Reason != "cancelled by mona" {
		b.Errorf("run %+v", r)
	}
}

func cancelForce(b *bench) {
	id := b.start("jobs:\n  a: {if: always(), runs-on: x, steps: [{run: echo}]}\n  b: {needs: a, if: always(), runs-on: x, steps: [{run: echo}]}\n")
	a := b.next("1-1 a")
	b.ok(b.q.Cancel(b.Context(), id, mona, "", false))
	b.want(id, "in_progress: cancelled by mona", "a in_progress")
	b.ok(b.q.Cancel(b.Context(), id, hub, "at once", true))
	b.told(a, "at once")
	b.told(a, "at once")
	b.finish(a, plan.Cancelled)
	b.next("")
	b.want(id, "cancelled: cancelled by mona", "a cancelled: at once", "b cancelled: cancelled: cancelled by mona")
}

func rerunAll(b *bench) {
	id := b.start(chain)
	_, err := b.q.Rerun(b.Context(), id, RerunRequest{What: All, By: hub})
	b.fails(err, ErrNotCompleted)
	b.does("1-1 a", plan.Failure)
	b.want(id, "failure", "a failure", "b skipped: needs 'a' failed", "c skipped: needs 'a' failed")
	attempt, err := b.q.Rerun(b.Context(), id, RerunRequest{What: All, By: hub, Debug: true})
	if err != nil || attempt != 2 {
		b.Fatalf("attempt %d, %v", attempt, err)
	}
	a := b.next("1-2 a")
	github := a.Job.Leg.Contexts["github"]
	n, _ := github.Lookup("run_attempt")
	by, _ := github.Lookup("triggering_actor")
	if n.Text() != "2" || by.Text() != "hub" || !a.Job.Debug {
		b.Errorf("attempt %q by %q, debug %v", n.Text(), by.Text(), a.Job.Debug)
	}
	b.finish(a, plan.Success, "x=y")
	b.does("1-2 b", plan.Success)
	if r := b.run(id); r.Conclusion != plan.Success || r.Attempt != 2 {
		b.Errorf("run %+v", r)
	}
	old, err := b.s.ListJobs(b.Context(), id, 1)
	if err != nil || len(old) != 3 || old[0].Conclusion != plan.Failure {
		b.Errorf("the first attempt is %+v, %v", old, err)
	}
	_, err = b.q.Rerun(b.Context(), id, RerunRequest{What: Failed})
	b.fails(err, ErrNothing)
	_, err = b.q.Rerun(b.Context(), id, RerunRequest{What: Job, Job: "nope"})
	b.fails(err, ErrNothing)
	if _, err = b.q.Rerun(b.Context(), id, RerunRequest{What: "some"}); err == nil {
		b.Error("it ran some again")
	}
}

func rerunFailed(b *bench) {
	id := b.start(`
jobs:
  a: {runs-on: x, outputs: {o: "${{ 1 }}"}, steps: [{run: echo}]}
  m: {needs: a, strategy: {fail-fast: false, matrix: {n: [1, 2]}}, runs-on: "${{ needs.a.outputs.o }}", steps: [{run: echo}]}
  z: {needs: m, runs-on: x, steps: [{run: echo}]}
`)
	b.does("1-1 a", plan.Success, "o=out")
	b.does("1-1 m/0", plan.Success)
	b.does("1-1 m/1", plan.Failure)
	for attempt := 2; attempt <= 3; attempt++ {
		_, err := b.q.Rerun(b.Context(), id, RerunRequest{What: Failed, By: hub})
		b.ok(err)
		l := b.next(fmt.Sprintf("1-%d m/1", attempt))
		b.next("")
		if l.Job.Place.Labels[0] != "out" {
			b.Errorf("labels %q", l.Job.Place.Labels)
		}
		if attempt == 2 {
			b.finish(l, plan.Failure)
			continue
		}
		b.finish(l, plan.Success)
		b.does("1-3 z", plan.Success)
	}
	b.want(id, "success", "a success: taken from attempt 1", "m/0 success: taken from attempt 1", "m/1 success", "z success")
}

func rerunJob(b *bench) {
	id := b.start("jobs:\n  m: {strategy: {matrix: {n: [1, 2]}}, runs-on: x, steps: [{run: echo}]}\n  z: {runs-on: x, steps: [{run: echo}]}\n")
	l := b.next("1-1 m/0")
	m1 := b.next("1-1 m/1")
	b.does("1-1 z", plan.Success)
	b.finish(m1, plan.Success)
	b.finish(l, plan.Failure)
	_, err := b.q.Rerun(b.Context(), id, RerunRequest{What: Job, Job: "m/1", By: hub})
	b.ok(err)
	// The failure of the other leg comes last: it must not stop this one.
	b.does("1-2 m/1", plan.Success)
	b.want(id, "failure", "m/1 success", "z success: taken from attempt 1", "m/0 failure: taken from attempt 1")
}

func approval(b *bench) {
	b.q.Approval = func(r *store.Run) string {
		if r.Zone == "fork" {
			return "a run of a fork waits for approval"
		}
		return ""
	}
	fork := func(r *store.Run) { r.Zone = "fork" }
	text := "concurrency: {group: g, cancel-in-progress: true}\n" + always[1:]
	trusted := b.start(text)
	id := b.start(text, fork)
	b.want(trusted, "queued", "a queued", "b queued") // it was not pushed out by a run that nobody approved
	b.ok(b.q.Cancel(b.Context(), trusted, mona, "", true))
	b.want(id, "waiting: a run of a fork waits for approval")
	if s, err := StatusOf(b.run(id)); err != nil || s.Approval == "" {
		b.Errorf("status %+v, %v", s, err)
	}
	b.ok(b.q.Advance(b.Context(), id))
	b.next("")

	approve := func(sha string, v store.Verdict) error {
		return b.q.Approve(b.Context(), store.Approval{Run: id, SHA: sha, By: hub, Verdict: v})
	}
	b.fails(approve("another", store.Approved), store.ErrWrongCommit)
	b.fails(b.q.Approve(b.Context(), store.Approval{Run: id, Attempt: 1, Environment: "prod", SHA: "abc", By: hub, Verdict: store.Approved}), ErrNotWaiting)
	b.fails(b.q.Approve(b.Context(), store.Approval{Run: trusted, SHA: "abc", By: hub, Verdict: store.Approved}), ErrNotWaiting)

	// Neither cancelling nor running it again leads around the approval.
	b.ok(b.q.Cancel(b.Context(), id, mona, "", false))
	b.next("")
	if r := b.run(id); r.Conclusion != plan.Cancelled {
		b.Errorf("run %+v", r)
	}
	for _, what := range []RerunRequest{{What: All}, {What: Failed}, {What: Job, Job: "d"}} {
		_, err := b.q.Rerun(b.Context(), id, what)
		b.ok(err)
		b.want(id, "waiting: a run of a fork waits for approval")
		b.next("")
		b.ok(b.q.Cancel(b.Context(), id, mona, "", true))
	}
	_, err := b.q.Rerun(b.Context(), id, RerunRequest{What: All})
	b.ok(err)
	b.ok(approve("abc", store.Rejected))
	if r := b.run(id); r.Conclusion != plan.Cancelled || r.Reason != "refused by hub" {
		b.Errorf("run %+v", r)
	}
	b.fails(approve("abc", store.Approved), ErrNotWaiting)
	_, err = b.q.Rerun(b.Context(), id, RerunRequest{What: All})
	b.ok(err)
	b.want(id, "waiting: a run of a fork waits for approval") // it may be thought over
	b.ok(approve("abc", store.Approved))
	b.want(id, "queued", "a queued", "b queued")
	// A new push is a new run, with an approval of its own.
	next := b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n", fork, func(r *store.Run) { r.HeadSHA = "def" })
	b.want(next, "waiting: a run of a fork waits for approval")
}

func environments(b *bench) {
	var mu sync.Mutex // the queue looks again by itself
	var rules Protection
	var unreachable error
	where := ""
	b.q.Protection = func(_ context.Context, _ *store.Run, name string) (Protection, error) {
		if name != "prod" {
			return Protection{}, nil
		}
		mu.Lock()
		defer mu.Unlock()
		return rules, unreachable
	}
	now := func(r Protection, err error) {
		mu.Lock()
		defer mu.Unlock()
		rules, unreachable = r, err
	}
	b.q.Variables = func(_ context.Context, _ *store.Run, environment string) (map[string]string, error) {
		mu.Lock()
		defer mu.Unlock()
		if where != "" {
			environment = where
		}
		return map[string]string{"WHERE": environment}, nil
	}
	member := func(_ context.Context, team int64, by store.Actor) (bool, error) { return team == 77 && by == hub, nil }
	text := "jobs:\n  a: {runs-on: x, environment: {name: Prod, url: 'https://x'}, steps: [{run: echo}]}\n"
	text = text[:len(text)-1] + "\n  b: {runs-on: x, environment: \"pr${{ 'od' }}\", steps: [{run: echo}]}\n"

	// Nothing is asked for.
	b.start(text)
	l := b.next("1-1 a")
	if v, _ := l.Job.Leg.Contexts["vars"].Lookup("where"); v.Text() != "Prod" {
		b.Errorf("vars.WHERE is %q", v.Text())
	}
	b.finish(l, plan.Success)
	b.does("1-1 b", plan.Success)

	one := "jobs:\n  a: {runs-on: x, environment: prod, steps: [{run: echo}]}\n"
	now(Protection{Allowed: func(ref string) bool { return ref == "refs/heads/release" }}, nil)
	id := b.start(one)
	b.want(id, "failure", `a failure: "refs/heads/main" is not allowed to deploy to environment "prod" by its rules`)
	now(Protection{Refused: "runs of forks may not use it"}, nil)
	id = b.start(one)
	b.want(id, "failure", `a failure: environment "prod": runs of forks may not use it`)

	// Its own variables do not name it: they would lead around its rules.
	now(Protection{Refused: "not this one"}, nil)
	mu.Lock()
	where = "prod"
	mu.Unlock()
	p := planned(b, "jobs:\n  a: {runs-on: x, environment: \"${{ vars.WHERE }}\", steps: [{run: echo}]}\n")
	p.Plan.Contexts["vars"] = expr.StringMap(map[string]string{"WHERE": "test"}, false)
	id = b.create(p)
	b.does("4-1 a", plan.Success)
	if j, err := b.s.Job(b.Context(), store.JobKey{Run: id, Attempt: 1, Job: "a"}); err != nil || j.Environment != "test" {
		b.Errorf("environment %q, %v", j.Environment, err)
	}

	// What cannot be asked is asked again.
	now(Protection{}, errors.New("503"))
	id = b.start(one)
	b.want(id, `waiting: the rules of environment "prod" cannot be read: 503`, `a waiting: the rules of environment "prod" cannot be read: 503`)
	b.next("")
	now(Protection{}, nil)
	b.until("another look", func() bool { return b.run(id).State == store.Queued })
	b.does("5-1 a", plan.Success)

	// The timer.
	now(Protection{Wait: time.Hour}, nil)
	id = b.start(one)
	b.next("")
	if r := b.run(id); r.State != store.Waiting {
		b.Errorf("run %+v", r)
	}
	b.clock.add(59 * time.Minute)
	b.ok(b.q.Advance(b.Context(), id))
	b.next("")
	b.clock.add(2 * time.Minute)
	b.ok(b.q.Advance(b.Context(), id))
	b.does("6-1 a", plan.Success)

	// Reviewers.
	reviewed := Protection{Reviewers: []Reviewer{{User: mona.ID}, {Team: 77}}, PreventSelfReview: true, Member: member}
	now(reviewed, nil)
	id = b.start(one)
	wait := `waiting: waits for a reviewer of environment "prod"`
	b.want(id, wait, "a "+wait)
	if s, err := StatusOf(b.run(id)); err != nil || len(s.Environments) != 1 || s.Environments[0].Environment != "prod" {
		b.Errorf("status %+v, %v", s, err)
	}
	approve := func(attempt int, sha string, by store.Actor, v store.Verdict) error {
		return b.q.Approve(b.Context(), store.Approval{Run: id, Attempt: attempt, Environment: "PROD", SHA: sha, By: by, Verdict: v})
	}
	b.fails(approve(1, "abc", mona, store.Approved), ErrNotReviewer) // her own run
	b.fails(approve(1, "abc", store.Actor{ID: 9, Login: "mallory"}, store.Approved), ErrNotReviewer)
	b.fails(approve(1, "abc", store.Actor{Login: "hub"}, store.Approved), ErrNotReviewer)
	b.fails(approve(1, "def", hub, store.Approved), store.ErrWrongCommit)
	b.fails(approve(2, "abc", hub, store.Approved), ErrNotWaiting)
	b.next("")
	b.ok(approve(1, "abc", hub, store.Approved))
	b.does("7-1 a", plan.Failure)
	b.fails(approve(1, "abc", hub, store.Approved), ErrNotWaiting)

	// Each attempt anew.
	_, err := b.q.Rerun(b.Context(), id, RerunRequest{What: Failed, By: hub})
	b.ok(err)
	b.want(id, wait, "a "+wait)
	b.fails(approve(1, "abc", mona, store.Approved), ErrNotWaiting)
	b.fails(approve(2, "abc", hub, store.Approved), ErrNotReviewer) // who asked for it again
	b.fails(approve(2, "abc", mona, store.Approved), ErrNotReviewer)
	reviewed.PreventSelfReview = false
	now(reviewed, nil)
	b.ok(approve(2, "abc", mona, store.Rejected))
	b.want(id, "failure", `a failure: environment "prod": refused by mona`)
}
