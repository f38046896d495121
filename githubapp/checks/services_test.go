package checks

import (
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/services"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// TestServices: a service that is not affected is neutral and says why; jobs of
// workflows, and all else that happens to services, are told as ever.
func TestServices(t *testing.T) {
	w := newWorld(t)
	reason := "none of 3 changed files is an input of <web>\n`x` @octo " + strings.Repeat("é", 300)
	for _, tt := range []struct {
		workflow   string
		conclusion plan.Conclusion
		reason     string
		want       string
		title      string
	}{
		{services.File, plan.Skipped, reason, "neutral", "none of 3 changed files is an input of <web> `x` @octo é"},
		{services.File, plan.Skipped, "", "neutral", "Skipped"},
		{services.File, plan.Success, "web/main.go (path)", "success", "Passed in "},
		{services.File, plan.Failure, "build: no", "failure", "Failed in "},
		{services.File, plan.Cancelled, "", "cancelled", "Cancelled in "},
		{".github/workflows/ci.yml", plan.Skipped, reason, "skipped", "Skipped"},
		{".github/workflows/drydock.yaml", plan.Skipped, reason, "skipped", "Skipped"},
	} {
		name := strings.ReplaceAll(tt.workflow, "/", " ") + " " + string(tt.conclusion) + tt.want + tt.reason[:min(3, len(tt.reason))]
		run := w.runOf(tt.workflow, name, "web")
		w.events(run.ID, "web",
			runner.Summarised{Job: "web", Step: 1, Markdown: "| digest | sha256:1 |"},
			runner.JobFinished{Job: "web", Conclusion: tt.conclusion, Reason: tt.reason},
		)
		jobs, err := w.store.ListJobs(t.Context(), run.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now().Add(-time.Minute)
		jobs[0].State, jobs[0].Conclusion, jobs[0].Reason, jobs[0].Started, jobs[0].Finished = store.Completed, tt.conclusion, tt.reason, began, time.Now()
		run.State, run.Conclusion, run.Started, run.Finished, run.Plan = store.Completed, tt.conclusion, began, time.Now(), nil
		if _, err := w.store.CommitRun(t.Context(), store.Change{Run: *run, Jobs: jobs}); err != nil {
			t.Fatal(err)
		}
		w.settle(w.reporter(), run.ID)
		c := w.checks()[name+" / web (push)"]
		if c.Status != "completed" || c.Conclusion != tt.want || !strings.HasPrefix(c.Title, tt.title) || len(c.Title) > maxTitle {
			t.Errorf("%s: %s %s %q", name, c.Status, c.Conclusion, c.Title)
		}
		if tt.reason == reason {
			contains(t, "summary", c.Summary, "none of 3 changed files", "&lt;web&gt;", "sha256:1")
		}
	}
}
