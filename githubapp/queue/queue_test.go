package queue

import (
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/storetest"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const chain = `
jobs:
  a:
    runs-on: ubuntu-latest
    outputs: {x: "${{ steps.s.outputs.x }}"}
    steps: [{run: echo}]
  b:
    needs: a
    runs-on: ["${{ needs.a.outputs.x }}", big]
    steps: [{run: echo}]
  c:
    needs: a
    if: github.ref == 'refs/heads/dev'
    runs-on: ubuntu-latest
    steps: [{run: echo}]
`

// scenarios run on every database.
var scenarios = []struct {
	name string
	run  func(*bench)
}{
	{"a graph", graph},
	{"one cause makes one run", oneCause},
	{"a place that is not known", noPlace},
	{"what cannot be planned", unplanned},
	{"fail-fast", failFast},
	{"groups of runs", runGroups},
	{"groups with cancel-in-progress", runGroupsCancel},
	{"groups of jobs", jobGroups},
	{"groups of called workflows", callGroups},
	{"cancel queued and running jobs", cancelAll},
	{"cancel by force", cancelForce},
	{"run all again", rerunAll},
	{"run failed jobs again", rerunFailed},
	{"run one job again", rerunJob},
	{"fork runs wait for approval", approval},
	{"environments", environments},
	{"places that cannot be made", retries},
	{"leases of a dead server", deadServer},
	{"a server that restarts", restarted},
	{"labels and limits", labels},
}

func TestSQLite(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { s.run(on(t)) })
	}
}

func TestPostgres(t *testing.T) {
	cluster := storetest.Postgres(t)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { s.run(onPostgres(t, cluster)) })
	}
}

func graph(b *bench) {
	var changes int
	b.q.Changed = func(store.RunID) { changes++ }
	id := b.start(chain)
	b.want(id, "queued", "a queued")
	a := b.next("1-1 a")
	b.want(id, "in_progress", "a in_progress")
	if key, err := KeyOf(a.Job); err != nil || key != (store.JobKey{Run: id, Attempt: 1, Job: "a"}) {
		b.Errorf("key %v, %v", key, err)
	}
	github := a.Job.Leg.Contexts["github"]
	for name, want := range map[string]string{"run_id": "1", "run_number": "1", "run_attempt": "1", "retention_days": "90", "repository": "octo/app"} {
		if v, _ := github.Lookup(name); v.Text() != want {
			b.Errorf("github.%s is %q, want %q", name, v.Text(), want)
		}
	}
	if a.Job.Place.Executor != "fake" || a.Job.Debug || a.Job.Checkout.Repository != "octo/app" || a.Checkpoint != nil {
		b.Errorf("job %+v", a.Job)
	}
	b.next("")
	b.finish(a, plan.Success, "x=metal")
	b.want(id, "in_progress", "a success", "b queued", "c skipped: if: github.ref == 'refs/heads/dev' is false ('refs/heads/main' == 'refs/heads/dev')")
	last := b.next("1-1 b")
	if got := last.Job.Place.Labels; len(got) != 2 || got[0] != "metal" || got[1] != "big" {
		b.Errorf("labels %q", got)
	}
	b.finish(last, plan.Failure)
	b.want(id, "failure", "a success", "b failure", "c skipped: if: github.ref == 'refs/heads/dev' is false ('refs/heads/main' == 'refs/heads/dev')")
	r := b.run(id)
	if r.Started.IsZero() || r.Finished.Before(r.Started) {
		b.Errorf("started %v, finished %v", r.Started, r.Finished)
	}
	b.ok(b.q.Advance(b.Context(), id))
	if v := b.run(id).Version; v != r.Version {
		b.Errorf("looking at a completed run changed it: version %d, was %d", v, r.Version)
	}
	if changes < 5 {
		b.Errorf("%d changes were told", changes)
	}
	b.fails(b.q.Cancel(b.Context(), id, store.Actor{}, "", false), ErrCompleted)
	b.fails(b.q.Advance(b.Context(), 99), store.ErrNotFound)
}

func oneCause(b *bench) {
	p := planned(b, chain, func(r *store.Run) { r.Origin = "push 1 abc" })
	first, second := b.create(p), b.create(p)
	if first != second {
		b.Errorf("runs %d and %d of one cause", first, second)
	}
	b.next("1-1 a")
	b.next("")
}

func noPlace(b *bench) {
	id := b.start("jobs:\n  a: {runs-on: nowhere, steps: [{run: echo}]}\n  b: {runs-on: \"${{ github.nothing }}\", steps: [{run: echo}]}\n  c: {needs: a, if: always(), runs-on: x, steps: [{run: echo}]}\n")
	b.want(id, "queued",
		`a failure: .github/workflows/ci.yml:3:16: runs-on of job "a": no image is known for the label "nowhere"`,
		`b failure: .github/workflows/ci.yml:4:16: runs-on of job "b": it is empty: name a label, for example ubuntu-latest`, "c queued")
	b.does("1-1 c", plan.Success)
	if r := b.run(id); r.Conclusion != plan.Failure {
		b.Errorf("run %+v", r)
	}
}

func unplanned(b *bench) {
	id := b.create(Planned{
		Run: store.Run{Repository: 1, RepositoryName: "octo/app", Workflow: "ci.yml", HeadSHA: "abc", Reason: "the file is invalid"},
		Problems: workflow.Diagnostics{
			{File: "ci.yml", Pos: workflow.Pos{Line: 3, Column: 5}, Severity: workflow.Error, Code: "unknown-key", Message: "unknown key 'step'", Hint: "steps"},
		},
	})
	b.want(id, "failure: the file is invalid")
	b.wantLog(id, 1, "", "error ci.yml:3:5 unknown key 'step' (steps)")
	s, err := StatusOf(b.run(id))
	if err != nil || s.Plan != nil || len(s.Problems) != 1 || s.Problems[0].Pos.Line != 3 {
		b.Errorf("status %+v, %v", s, err)
	}
	if _, err := b.q.Rerun(b.Context(), id, RerunRequest{What: All}); err == nil {
		b.Error("it runs again")
	}
}

func failFast(b *bench) {
	id := b.start("jobs:\n  m: {strategy: {matrix: {n: [1, 2, 3]}, max-parallel: 2}, runs-on: x, steps: [{run: echo}]}\n")
	first, second := b.next("1-1 m/0"), b.next("1-1 m/1")
	b.next("")
	b.finish(first, plan.Failure)
	b.told(second, "fail-fast: 'm (1)' failed")
	b.finish(second, plan.Cancelled)
	b.want(id, "failure", "m/0 failure", "m/1 cancelled: fail-fast: 'm (1)' failed", "m/2 cancelled: fail-fast: 'm (1)' failed")
}

const grouped = "concurrency: {group: deploy, cancel-in-progress: %s}\njobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n"

func retries(b *bench) {
	id := b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n")
	lost := runner.Result{Conclusion: plan.Failure, Reason: "no engine answers", Infra: errInfra}
	l := b.next("1-1 a")
	l.Sink.Emit(runner.JobStarted{Job: "a"})
	l.Sink.Emit(runner.JobFinished{Job: "a", Infra: true})
	b.ok(l.Finish(b.Context(), lost))
	b.want(id, "in_progress", "a queued: try 1 of 4 failed, the next is in 1ms: no engine answers")
	for range 2 {
		b.clock.add(time.Second)
		b.ok(b.next("1-1 a").Finish(b.Context(), lost))
	}
	b.clock.add(time.Second)
	l = b.next("1-1 a")
	l.Sink.Emit(runner.JobStarted{Job: "a"})
	l.Sink.Emit(runner.JobFinished{Job: "a", Infra: true})
	b.ok(l.Finish(b.Context(), lost))
	b.want(id, "failure", "a failure: no engine answers (tried 4 times)")
	b.wantLog(id, 1, "a", "job-started", "notice: try 1 of 4 failed, the next is in 1ms: no engine answers",
		"notice: try 2 of 4 failed, the next is in 2ms: no engine answers", "notice: try 3 of 4 failed, the next is in 3ms: no engine answers", "job-started", "job-finished")

	// What has begun is not done twice.
	id = b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n")
	l = b.next("2-1 a")
	l.Sink.Emit(runner.StepStarted{Job: "a", Step: runner.StepRef{Number: 2, Phase: runner.Main}})
	b.ok(l.Finish(b.Context(), lost))
	b.want(id, "failure", "a failure: no engine answers")
}

func deadServer(b *bench) {
	id := b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n  b: {runs-on: x, steps: [{run: echo}]}\n")
	dead := b.server("dead")
	dead.extend = time.Hour // it will not come to that
	a := b.nextOf(dead, "1-1 a")
	a.Sink.Emit(runner.StepStarted{Job: "a", Step: runner.StepRef{Number: 1, Phase: runner.SetUp}})
	c := b.nextOf(dead, "1-1 b")
	c.Sink.Emit(runner.StepStarted{Job: "b", Step: runner.StepRef{Number: 2, Phase: runner.Main}})
	b.next("")
	b.clock.add(time.Minute)
	// Of a nothing had begun but the setting up: it runs. B may have done something.
	again := b.next("1-1 a")
	b.next("")
	b.want(id, "in_progress", "a in_progress",
		`b failure: lost: worker "dead" ended while the steps of the job ran, and there is no checkpoint: what they did is not known; run the job again if it may be repeated`)
	// The dead one was only slow: its result counts no more.
	b.finish(a, plan.Failure)
	b.want(id, "in_progress", "a in_progress",
		`b failure: lost: worker "dead" ended while the steps of the job ran, and there is no checkpoint: what they did is not known; run the job again if it may be repeated`)
	b.finish(again, plan.Success)
	if r := b.run(id); r.Conclusion != plan.Failure {
		b.Errorf("run %+v", r)
	}
}

func restarted(b *bench) {
	b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n")
	old := b.server("s1")
	old.extend = time.Hour
	l := b.nextOf(old, "1-1 a")
	checks := old.Checkpoints()
	l.Sink.Emit(runner.Line{Job: "a", Step: 2, Text: "one"})
	done := make(chan struct{})
	checks.Save(l.Job, &runner.Checkpoint{Version: 1, Job: "a"}, true, func() { close(done) })
	<-done
	l.Sink.Emit(runner.Line{Job: "a", Step: 2, Text: "two"})
	b.until("the event", func() bool { return len(b.log(1, 1, "a")) == 2 })

	b.nextOf(b.server("other"), "") // its lease holds
	now := b.server("s1")
	again := b.nextOf(now, "1-1 a") // its own it gets back at once
	if again.Checkpoint == nil || again.Checkpoint.Job != "a" {
		b.Fatalf("checkpoint %+v", again.Checkpoint)
	}
	again.Sink.Emit(runner.JobStarted{Job: "a"})
	again.Sink.Emit(runner.Noticed{Text: "goes on"})
	for _, text := range []string{"two", "three"} { // what came after the checkpoint comes again
		again.Sink.Emit(runner.Line{Job: "a", Step: 2, Text: text, Time: time.Now()})
	}
	again.Sink.Emit(runner.JobFinished{Job: "a"})
	b.finish(again, plan.Success)
	b.wantLog(1, 1, "a", "one", "two", "notice: goes on", "three", "job-finished")
	b.want(1, "success", "a success")
	j, err := b.s.Job(b.Context(), store.JobKey{Run: 1, Attempt: 1, Job: "a"})
	if err != nil || len(j.Checkpoint) != 0 {
		b.Errorf("a checkpoint is left: %q, %v", j.Checkpoint, err)
	}
}

func labels(b *bench) {
	b.start("jobs:\n  a: {runs-on: [linux, gpu], steps: [{run: echo}]}\n  b: {runs-on: linux, steps: [{run: echo}]}\n  c: {runs-on: linux, steps: [{run: echo}]}\n  d: {runs-on: {group: big}, steps: [{run: echo}]}\n")
	plain := b.server("plain", func(o *Options) { o.Labels, o.Limits = []string{"Linux"}, store.Limits{PerRepository: 1} })
	l := b.nextOf(plain, "1-1 b")
	b.nextOf(plain, "")
	b.finish(l, plan.Success)
	b.nextOf(plain, "1-1 c")
	b.nextOf(plain, "")
	b.next("1-1 a")
	b.next("1-1 d")
}
