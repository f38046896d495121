package checks

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const leaky = `on: push
jobs:
  build:
    runs-on: x
    steps:
      - name: step ${{ secrets.CANARY }}
        run: leak
      - name: base64 ${{ secrets.ENCODED }}
        run: leak
      - name: broken
        run: echo ${{ fromJSON(secrets.CANARY) }}
`

// TestCanary: whatever a job does with a secret, it is in nothing that GitHub is
// told: names of steps, annotations, errors, summaries.
func TestCanary(t *testing.T) {
	const canary = "c4nary-hunter2-value"
	encoded := base64.StdEncoding.EncodeToString([]byte(canary))
	parsed, problems := workflow.Parse("ci.yml", []byte(leaky))
	if problems.HasErrors() {
		t.Fatal(problems.Err())
	}
	gh := expr.StringMap(map[string]string{"repository": "octo/demo", "ref": "refs/heads/main", "event_name": "push"}, false)
	p, err := plan.Build(t.Context(), parsed, plan.Source{Path: "ci.yml"}, "push", map[string]expr.Value{"github": gh}, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := fake.New(fake.Options{Script: func(_ context.Context, _ executor.Command, io *fake.IO) executor.Exit {
		for _, secret := range []string{canary, encoded} {
			io.Printf("%[1]s\n::error file=%[1]s,line=1,title=t %[1]s::message %[1]s\n::warning::%[1]s\n::notice file=a.go::%[1]s\n::group::%[1]s\n::endgroup::\n", secret)
			io.AppendFile(io.Env()["GITHUB_STEP_SUMMARY"], "# Summary "+secret+"\n")
		}
		return executor.Exit{Code: 1}
	}})
	w := newWorld(t)
	run := w.run("CI", "build")
	var mu sync.Mutex
	var told []runner.Event
	engine := &runner.Engine{
		Executors: map[string]executor.Executor{"fake": x},
		Secrets: func(context.Context, *runner.Job) (map[string]string, error) {
			return map[string]string{"CANARY": canary, "ENCODED": encoded}, nil
		},
	}
	job := &runner.Job{Run: executor.RunID(fmt.Sprintf("%d-1", run.ID)), Leg: *plan.NewState(p).Start()[0].Leg, Place: runner.Place{Executor: "fake", Image: "img"}}
	result := engine.Run(t.Context(), job, runner.SinkFunc(func(e runner.Event) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, e)
	}))
	w.events(run.ID, "build", told...)
	w.change(run.ID, store.Completed, result.Conclusion)
	jobs, err := w.store.ListJobs(t.Context(), run.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	jobs[0].Reason = result.Reason
	again := w.read(run.ID)
	again.Plan = nil
	if _, err := w.store.CommitRun(t.Context(), store.Change{Run: *again, Jobs: jobs}); err != nil {
		t.Fatal(err)
	}
	w.settle(w.reporter(), run.ID)
	c := w.checks()["CI / build (push)"]
	if c.Conclusion != "failure" || len(c.Annotations) < 3 || !strings.Contains(c.Summary, "# Summary ***") || !strings.Contains(c.Summary, `\*\*\*`) {
		t.Errorf("the job did not do what it should: %+v", c)
	}
	for what, secret := range map[string]string{"the secret": canary, "its base64": encoded} {
		if text := fmt.Sprintf("%+v", c); strings.Contains(text, secret) {
			t.Errorf("%s is in the check run: %s", what, text)
		}
	}
}
