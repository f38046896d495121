package stored_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/api/stored"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func open(t *testing.T) (store.Store, *stored.Backend) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, stored.New(stored.Options{Store: s})
}

// TestWaits: what a run waits for comes of its row: an approval, reviewers of an
// environment but not its timer, and jobs that others need.
func TestWaits(t *testing.T) {
	s, b := open(t)
	w, problems := workflow.Parse("ci.yml", []byte(`on: push
jobs:
  build: {runs-on: x, steps: [{run: a}]}
  stage: {runs-on: x, environment: Staging, steps: [{run: a}]}
  prod: {runs-on: x, environment: prod, steps: [{run: a}]}
  after: {runs-on: x, needs: [build, prod], steps: [{run: a}]}
`))
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	empty := expr.StringMap(nil, false)
	p, err := plan.Build(t.Context(), w, plan.Source{Path: "ci.yml"}, "push", map[string]expr.Value{"github": empty, "inputs": empty, "vars": empty}, nil)
	if err != nil {
		t.Fatal(err)
	}
	planned, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ progress, approvals, reasons string }{
		{`{"gate":"from a fork"}`, "[{ head from a fork}]", "build: stage: prod: after:waits for 'build', 'prod'"},
		{
			`{"begun":true,"held":{"prod":{"environment":"prod","state":"waiting","reason":"waits for a reviewer of environment \"prod\""},
			"stage":{"environment":"Staging","state":"waiting","reason":"waits for the timer"}}}`,
			`[{prod head waits for a reviewer of environment "prod"}]`, `build: stage:waits for the timer prod:waits for a reviewer of environment "prod" after:waits for 'build', 'prod'`,
		},
		{`[`, "[]", ""},
	} {
		made, err := s.CreateRuns(t.Context(), store.Settlement{}, []store.NewRun{{Run: store.Run{
			Repository: 1, RepositoryName: "o/r", Workflow: "ci.yml", State: store.Waiting, HeadSHA: "head", Plan: planned, Progress: []byte(c.progress),
		}}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.Run(t.Context(), made[0].ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(r.Approvals); got != c.approvals {
			t.Errorf("%s\n got %s\nwant %s", c.progress, got, c.approvals)
		}
		reasons := ""
		for i, j := range r.Jobs {
			if i > 0 {
				reasons += " "
			}
			reasons += string(j.ID) + ":" + j.Reason
		}
		if c.reasons != "" && reasons != c.reasons {
			t.Errorf("%s\n got %s\nwant %s", c.progress, reasons, c.reasons)
		}
		if c.reasons == "" && len(r.Annotations) != 1 {
			t.Errorf("a damaged row is shown without a word: %+v", r.Annotations)
		}
	}
}

// TestFold: steps are as the newest events say, also when a job began again.
func TestFold(t *testing.T) {
	s, b := open(t)
	key := store.JobKey{Run: 1, Attempt: 1, Job: "build"}
	if _, err := s.CreateRuns(t.Context(), store.Settlement{}, []store.NewRun{{
		Run:  store.Run{Repository: 1, RepositoryName: "o/r", Workflow: "ci.yml", State: store.InProgress},
		Jobs: []store.Job{{JobKey: key, Name: "build", State: store.InProgress}},
	}}); err != nil {
		t.Fatal(err)
	}
	step := func(n int) runner.StepRef { return runner.StepRef{Number: n, Name: fmt.Sprint("step ", n)} }
	after := store.Sequence(0)
	for _, c := range []struct {
		events []runner.Event
		want   string
	}{
		{[]runner.Event{runner.JobStarted{Job: "build", Executor: "docker"}, runner.StepStarted{Job: "build", Step: step(2), Time: time.Now()}, runner.Summarised{Job: "build", Step: 2, Markdown: "first try"}}, "docker 2:in_progress:"},
		{[]runner.Event{runner.StepFinished{Job: "build", StepResult: runner.StepResult{Step: step(2), Conclusion: plan.Success}}, runner.StepFinished{Job: "build", StepResult: runner.StepResult{Step: step(1), Conclusion: plan.Skipped}}}, "docker 1:completed:skipped 2:completed:success"},
		{[]runner.Event{runner.JobStarted{Job: "build", Executor: "host"}, runner.StepStarted{Job: "build", Step: step(1)}, runner.Summarised{Job: "build", Step: 1, Markdown: "second try"}}, "host 1:in_progress:"},
		{[]runner.Event{runner.JobFinished{Job: "build", Steps: []runner.StepResult{{Step: step(1), Conclusion: plan.Failure}}}}, "host 1:completed:failure"},
	} {
		data := []byte("{\"type\":\"damaged\n")
		for _, e := range c.events {
			data = runner.AppendEvent(data, "1-1", e)
		}
		var err error
		if after, err = s.AppendEvents(t.Context(), key, after, [][]byte{data}); err != nil {
			t.Fatal(err)
		}
		r, err := b.Run(t.Context(), 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := r.Jobs[0].Executor
		for _, x := range r.Jobs[0].Steps {
			got += fmt.Sprintf(" %d:%s:%s", x.Number, x.State, x.Conclusion)
		}
		if got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if all, err := b.Summaries(t.Context(), 1, 0); err != nil || len(all) != 1 || all[0].Markdown != "second try" {
		t.Errorf("summaries %+v, %v", all, err)
	}
	if r, err := b.Runs(t.Context(), api.Query{Workflow: "ci", Limit: 5}); err != nil || len(r) != 1 {
		t.Errorf("runs of ci: %v, %v", r, err)
	}
}
