package intake_test

import (
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/store"
)

// TestStrangers: a comment or an issue is trusted as far as the one who wrote it.
func TestStrangers(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{folder + "talk.yml": on("[issues, issue_comment]")})
	n := r.Issue("It breaks", "body", "mallory")
	for who, want := range map[string]string{"mallory": "fork-target", "": "branch"} {
		r.Comment(n, "/deploy", who)
		if p := w.newest(); p.Run.Event != "issue_comment" || p.Run.Zone != want || p.Approval != "" {
			t.Errorf("a comment of %q: %s in zone %q, approval %q, want %q", who, p.Run.Event, p.Run.Zone, p.Approval, want)
		}
	}
	r.Issue("Mine", "body", "")
	if p := w.newest(); p.Run.Event != "issues" || p.Run.Zone != "branch" {
		t.Errorf("an issue of the owner: %s in zone %q", p.Run.Event, p.Run.Zone)
	}
	r.Emit("issue_comment", "created", map[string]any{"issue": map[string]any{}, "comment": map[string]any{"author_association": 7}}, "")
	if p := w.newest(); p.Run.Zone != "fork-target" {
		t.Errorf("a comment of nobody knows whom: zone %q", p.Run.Zone)
	}
}

// TestNoLaundering: what follows a fork's run is trusted no more for following it
// twice.
func TestNoLaundering(t *testing.T) {
	w := newWorld(t)
	after := func(name, of string) string {
		return strings.Replace(on("{workflow_run: {workflows: ["+of+"], types: [completed]}}"), "name: CI", "name: "+name, 1)
	}
	r := w.github.Repository("octo/demo", githubtest.Files{
		folder + "ci.yml": on("pull_request"), folder + "one.yml": after("One", "CI"), folder + "two.yml": after("Two", "One"),
	})
	fork := r.Fork("mallory")
	fork.Push("evil", githubtest.Files{"a": "evil\n"}, "Let me in")
	r.PullRequest(githubtest.Pull{Head: "mallory:evil"})
	w.settle()
	for _, want := range []string{"one.yml", "two.yml"} {
		run := w.listRuns()[0]
		run.State, run.Conclusion, run.Finished = store.Completed, "success", time.Now()
		if _, err := w.store.CommitRun(t.Context(), store.Change{Run: run}); err != nil {
			t.Fatal(err)
		}
		if err := w.intake.Completed(t.Context(), run.ID); err != nil {
			t.Fatal(err)
		}
		w.settle()
		if p := w.newest(); !strings.HasSuffix(p.Run.Workflow, want) || p.Run.Zone != "fork-target" {
			t.Errorf("%s in zone %q, want %s in fork-target", p.Run.Workflow, p.Run.Zone, want)
		}
	}
}
