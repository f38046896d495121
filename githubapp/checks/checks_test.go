package checks

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func TestLife(t *testing.T) {
	w := newWorld(t)
	run := w.run("CI", "build", "lint")
	r := w.reporter()
	w.settle(r, run.ID)
	c := w.checks()["CI / build (push)"]
	if c.Status != "queued" || c.SHA != w.sha || c.DetailsURL != fmt.Sprintf("https://ci.example.com/runs/%d?job=build", run.ID) || len(c.Actions) != 1 {
		t.Fatalf("queued: %+v", c)
	}
	w.change(run.ID, store.InProgress, "")
	w.settle(r, run.ID)
	if c = w.checks()["CI / build (push)"]; c.Status != "in_progress" || c.Started.IsZero() {
		t.Errorf("in progress: %+v", c)
	}
	w.events(run.ID, "build",
		runner.JobStarted{Job: "build"},
		runner.Line{Job: "build", Step: 1, Text: "not in a check"},
		annotated(command.LevelError, "main.go", 7, "undefined: x"),
		runner.StepFinished{Job: "build", StepResult: runner.StepResult{Step: runner.StepRef{Number: 1, Name: "Set up job"}, Conclusion: plan.Success, Seconds: 1}},
		runner.StepFinished{Job: "build", StepResult: runner.StepResult{Step: runner.StepRef{Number: 2, Name: "go vet | tee"}, Conclusion: plan.Failure, Outcome: plan.Failure, Seconds: 2.5}},
		runner.Summarised{Job: "build", Step: 2, Markdown: "## My summary"},
		runner.JobFinished{Job: "build", Conclusion: plan.Failure, FirstError: &command.Annotation{Message: "undefined: x"}},
	)
	w.change(run.ID, store.Completed, plan.Failure)
	w.settle(r, run.ID)
	c = w.checks()["CI / build (push)"]
	if c.Status != "completed" || c.Conclusion != "failure" || c.Completed.IsZero() || len(c.Actions) != 2 {
		t.Errorf("completed: %+v", c)
	}
	contains(t, "title", c.Title, "Failed in 1m0s")
	contains(t, "summary", c.Summary, "undefined: x", `| failed | go vet \| tee | 2.5 s |`, "| passed | Set up job | 1.0 s |", "## My summary", c.DetailsURL)
	if strings.Contains(c.Summary, "not in a check") {
		t.Error("a line of the log is in the summary")
	}
	if len(c.Annotations) != 1 || c.Annotations[0].Path != "main.go" || c.Annotations[0].StartLine != 7 || c.Annotations[0].Level != "failure" {
		t.Errorf("annotations %+v", c.Annotations)
	}
	if c.Requests != 3 {
		t.Errorf("%d requests", c.Requests)
	}
	if w.begun() != 0 {
		t.Error("the record stays after the end")
	}
	// Whoever looks again says nothing.
	w.settle(w.reporter(), run.ID)
	if c = w.checks()["CI / build (push)"]; c.Requests != 3 {
		t.Errorf("%d requests after another look", c.Requests)
	}
	jobs, err := w.store.ListJobs(t.Context(), run.ID, 1)
	if err != nil || jobs[0].CheckRun != c.ID {
		t.Errorf("the store knows check run %d, not %d (%v)", jobs[0].CheckRun, c.ID, err)
	}
}

func TestConclusions(t *testing.T) {
	w := newWorld(t)
	r := w.reporter()
	for _, c := range []struct {
		conclusion plan.Conclusion
		cause      runner.Cause
		want       string
	}{
		{plan.Success, "", "success"}, {plan.Skipped, "", "skipped"}, {plan.Cancelled, runner.CauseCancelled, "cancelled"},
		{plan.Failure, runner.CauseStep, "failure"}, {plan.Failure, runner.CauseTimeout, "timed_out"}, {plan.Cancelled, runner.CauseTimeout, "timed_out"},
	} {
		name := string(c.conclusion) + string(c.cause)
		run := w.run(name, "build")
		w.events(run.ID, "build", runner.JobFinished{Job: "build", Conclusion: c.conclusion, Cause: c.cause})
		w.change(run.ID, store.Completed, c.conclusion)
		w.settle(r, run.ID)
		if got := w.checks()[name+" / build (push)"]; got.Conclusion != c.want || got.Requests != 1 {
			t.Errorf("%s: %s after %d requests, want %s", name, got.Conclusion, got.Requests, c.want)
		}
	}
}

func TestLargeAndHostile(t *testing.T) {
	w := newWorld(t)
	name := "<img src=x onerror=alert(1)> \"q\" 'a' | `b`\nnext @octo"
	run := w.run(name, "build")
	var list []runner.Event
	for i := range 200 {
		list = append(list, annotated(command.LevelWarning, "a.go", i+1, strings.Repeat("m", i)))
	}
	list = append(list, runner.Summarised{Job: "build", Step: 2, Markdown: "first"}, runner.Summarised{Job: "build", Step: 3, Markdown: strings.Repeat("é", 1<<19)},
		runner.StepFinished{Job: "build", StepResult: runner.StepResult{Step: runner.StepRef{Number: 1, Name: name}, Conclusion: plan.Success}})
	w.events(run.ID, "build", list...)
	w.change(run.ID, store.Completed, plan.Success)
	w.settle(w.reporter(), run.ID)
	all := w.gh.CheckRuns(w.repo, "")
	if len(all) != 1 {
		t.Fatalf("%d check runs", len(all))
	}
	c := all[0]
	if len(c.Annotations) != 200 || c.Requests != 4 {
		t.Errorf("%d annotations in %d requests", len(c.Annotations), c.Requests)
	}
	seen := map[int]bool{}
	for _, a := range c.Annotations {
		seen[a.StartLine] = true
	}
	if len(seen) != 200 {
		t.Errorf("%d lines of 200 have an annotation", len(seen))
	}
	if len(c.Summary) > maxText {
		t.Errorf("a summary of %d bytes", len(c.Summary))
	}
	contains(t, "summary", c.Summary, "first", "Not all step summaries", "&lt;img", "\\|", strings.Repeat("é", 20000))
	if strings.Contains(c.Summary, "<img") || strings.Contains(c.Summary, " @octo") {
		t.Errorf("a name acts: %s", c.Summary)
	}
}

// TestUnplanned: a workflow that cannot run has a check run of its own.
func TestUnplanned(t *testing.T) {
	w := newWorld(t)
	run := w.run("CI")
	a := annotated(command.LevelError, ".github/workflows/ci.yml", 3, "unknown key \"stpes\"")
	a.Job = ""
	w.events(run.ID, "", a)
	w.change(run.ID, store.Completed, plan.Failure)
	w.settle(w.reporter(), run.ID)
	c := w.checks()["CI (push)"]
	if c.Conclusion != "failure" || len(c.Annotations) != 1 || c.Annotations[0].StartLine != 3 {
		t.Errorf("%+v", c)
	}
	if w.read(run.ID).CheckRun != c.ID {
		t.Error("the store does not know the check run")
	}
}

func TestApproval(t *testing.T) {
	w := newWorld(t)
	run := w.run("CI")
	w.change(run.ID, store.Waiting, "")
	r := w.reporter()
	w.settle(r, run.ID)
	c := w.checks()["CI (push)"]
	if c.Conclusion != "action_required" || len(c.Actions) == 0 || c.Actions[0].Identifier != "approve" {
		t.Errorf("waiting: %+v", c)
	}
	w.change(run.ID, store.InProgress, "")
	w.settle(r, run.ID)
	if c = w.checks()["CI (push)"]; c.Conclusion != "neutral" || len(c.Actions) != 0 {
		t.Errorf("approved: %+v", c)
	}
}

// TestTrouble: whatever GitHub does, in the end there is one check run for each
// job, in its last state.
func TestTrouble(t *testing.T) {
	for name, faults := range map[string]githubtest.Faults{
		"errors":       {Seed: 1, Errors: 0.2},
		"cut":          {Seed: 2, Cut: 0.2},
		"lost answers": {Seed: 3, Lost: 0.2},
		"all":          {Seed: 4, Errors: 0.1, Cut: 0.1, Lost: 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			jobs := []string{"a", "b", "c"}
			run := w.run("CI", jobs...)
			w.gh.Faults(faults)
			w.settle(w.reporter(), run.ID)
			w.change(run.ID, store.InProgress, "")
			if _, err := w.reporter().report(t.Context(), run.ID); err != nil { // a server that ends in the middle
				t.Logf("interrupted: %v", err)
			}
			for _, j := range jobs {
				w.events(run.ID, j, annotated(command.LevelNotice, "a", 1, "n"))
			}
			w.change(run.ID, store.Completed, plan.Success)
			w.settle(w.reporter(), run.ID)
			w.gh.Faults(githubtest.Faults{})
			all := w.checks()
			if len(all) != len(jobs) {
				t.Errorf("%d check runs", len(all))
			}
			for n, c := range all {
				if c.Conclusion != "success" {
					t.Errorf("%s is %s/%s", n, c.Status, c.Conclusion)
				}
			}
			if w.begun() != 0 {
				t.Error("the record stays")
			}
		})
	}
}

// TestLimits: when GitHub says to wait, nothing is asked until then, and nothing is
// given up.
func TestLimits(t *testing.T) {
	w := newWorld(t)
	run := w.run("CI", "build")
	w.gh.Faults(githubtest.Faults{Secondary: 1, RetryAfter: time.Minute})
	_, err := w.reporter().report(t.Context(), run.ID)
	if until := limitedUntil(err); time.Until(until) < 30*time.Second {
		t.Errorf("told to wait a minute: %v (%s)", err, until)
	}
	w.gh.Faults(githubtest.Faults{})
	var fresh error
	if w.app, fresh = auth.New(auth.Options{AppID: w.gh.App().ID, PrivateKey: w.gh.App().PrivateKey, Address: w.gh.URL()}); fresh != nil {
		t.Fatal(fresh)
	}
	w.settle(w.reporter(), run.ID)
	if len(w.checks()) != 1 {
		t.Error("no check run after the wait")
	}
}

// TestTwoReporters: several servers make no check run twice.
func TestTwoReporters(t *testing.T) {
	w := newWorld(t)
	var runs []*store.Run
	for i := range 5 {
		runs = append(runs, w.run(fmt.Sprint("CI ", i), "a", "b"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 3 {
		r := w.reporter()
		all.Go(func() { _ = r.Run(ctx) })
		for _, run := range runs {
			r.Changed(run.ID)
		}
	}
	wait(t, func() bool { return len(w.gh.CheckRuns(w.repo, "")) >= 10 })
	for _, run := range runs {
		w.change(run.ID, store.Completed, plan.Success)
	}
	cancel()
	all.Wait()
	last := w.reporter()
	for _, run := range runs {
		w.settle(last, run.ID)
	}
	if got := w.checks(); len(got) != 10 {
		t.Errorf("%d check runs", len(got))
	}
}

// TestAway: GitHub is away while a run lives and ends; nobody tells the reporter of
// the run.
func TestAway(t *testing.T) {
	w := newWorld(t)
	w.gh.Faults(githubtest.Faults{Away: true})
	run := w.run("CI", "build")
	r := w.reporter()
	var mu sync.Mutex
	ahead := time.Duration(0)
	r.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return time.Now().Add(ahead)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); _ = r.Run(ctx) }()
	wait(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.failed[run.ID] > 0 })
	w.change(run.ID, store.Completed, plan.Failure)
	w.gh.Faults(githubtest.Faults{})
	mu.Lock()
	ahead = time.Hour
	mu.Unlock()
	r.Changed(0) // only to wake it: no run has this id
	wait(t, func() bool { c := w.checks()["CI / build (push)"]; return c.Conclusion == "failure" && w.begun() == 0 })
	cancel()
	<-done
}

// TestAttempts: another attempt has check runs of its own, but not for what it
// took over.
func TestAttempts(t *testing.T) {
	w := newWorld(t)
	run := w.run("CI", "build", "test")
	w.events(run.ID, "build", annotated(command.LevelNotice, "a", 1, "n"))
	w.change(run.ID, store.Completed, plan.Failure)
	r := w.reporter()
	w.settle(r, run.ID)
	again := w.read(run.ID)
	again.Attempt, again.State, again.Conclusion, again.Plan = 2, store.InProgress, "", nil
	jobs := []store.Job{
		{JobKey: store.JobKey{Run: run.ID, Attempt: 2, Job: "build"}, Name: "build", State: store.Completed, Conclusion: plan.Success, Reason: "taken from attempt 1", Message: []byte("{}")},
		{JobKey: store.JobKey{Run: run.ID, Attempt: 2, Job: "test"}, Name: "test", State: store.Queued, Message: []byte("{}")},
	}
	if _, err := w.store.CommitRun(t.Context(), store.Change{Run: *again, Jobs: jobs}); err != nil {
		t.Fatal(err)
	}
	w.settle(r, run.ID)
	count := map[string]int{}
	for _, c := range w.gh.CheckRuns(w.repo, "") {
		count[c.Name+" "+c.Status]++
		if c.Requests != 1 {
			t.Errorf("%s (%s): %d requests", c.Name, c.Status, c.Requests)
		}
	}
	want := map[string]int{"CI / build (push) completed": 1, "CI / test (push) completed": 1, "CI / test (push) queued": 1}
	if fmt.Sprint(count) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", count, want)
	}
}

// TestBudget: a run of many jobs, each short, costs about two requests a job.
func TestBudget(t *testing.T) {
	w := newWorld(t)
	var jobs []string
	for i := range 300 {
		jobs = append(jobs, fmt.Sprint("job-", i))
	}
	run := w.run("CI", jobs...)
	r := w.reporter()
	w.settle(r, run.ID)
	w.change(run.ID, store.Completed, plan.Success)
	w.settle(r, run.ID)
	n := 0
	for _, c := range w.checks() {
		n += c.Requests
	}
	if n != 300+shownQueued {
		t.Errorf("%d requests for 300 jobs", n)
	}
}

// TestSpare: with little left of the hour's budget only ends are told.
func TestSpare(t *testing.T) {
	w := newWorld(t)
	run := w.run("CI", "build")
	r := w.reporter()
	left := 1000
	r.Budget = func(int64) (int, int) { return left, 5000 }
	if again, err := r.report(t.Context(), run.ID); again != spareWait || err != nil || len(w.checks()) != 0 {
		t.Errorf("again %s, %v, %d check runs", again, err, len(w.checks()))
	}
	w.change(run.ID, store.Completed, plan.Success)
	w.settle(r, run.ID)
	if c := w.checks()["CI / build (push)"]; c.Conclusion != "success" || c.Requests != 1 {
		t.Errorf("ended: %+v", c)
	}
	next := w.run("Next", "build")
	left = 4000
	w.settle(r, next.ID)
	if c := w.checks()["Next / build (push)"]; c.Status != "queued" {
		t.Errorf("queued, with enough left: %+v", c)
	}
}

func wait(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatal("it does not happen")
}
