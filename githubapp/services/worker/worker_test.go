package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/services/ledger"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// TestFailed: only what may pass is tried again.
func TestFailed(t *testing.T) {
	gone, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("somebody cancelled it"))
	for _, tt := range []struct {
		name       string
		cancelled  bool
		err        error
		conclusion plan.Conclusion
		again      bool
	}{
		{"no answer", false, errors.New("i/o timeout"), plan.Failure, true},
		{"a secret is missing", false, fmt.Errorf("begin: %w", refusal{errors.New("no secret")}), plan.Failure, false},
		{"a commit that is gone", false, &repository.Error{Doing: "fetch", Kind: repository.NoCommit}, plan.Failure, false},
		{"cancelled", true, errors.New("i/o timeout"), plan.Cancelled, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := t.Context()
			if tt.cancelled {
				ctx = gone
			}
			r := failed(ctx, tt.err)
			if r.Conclusion != tt.conclusion || (r.Infra != nil) != tt.again || r.Reason == "" {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestAccess: what publishes has its login, or says which secret is missing.
func TestAccess(t *testing.T) {
	w := &Worker{Options: Options{
		Policy:  Policy{Logins: map[string]Login{"registry.example": {Username: "reg_user", Password: "REG_PASSWORD"}}},
		Trusted: func(*store.Run) bool { return false },
	}}
	both := map[string]string{"REG_USER": "robot", "REG_PASSWORD": "hunter2"}
	for _, tt := range []struct {
		name    string
		image   string
		secrets map[string]string
		publish bool
		ok      bool
	}{
		{"publish", "registry.example/web", both, true, true},
		{"publish without", "registry.example/web", map[string]string{"REG_USER": "robot"}, true, false},
		{"publish elsewhere", "other.example/web", nil, true, true},
		{"build without", "registry.example/web", nil, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := w.access(&store.Run{}, &declaration.Service{Image: declaration.Scalar{Text: tt.image}}, tt.secrets, Release{Publish: tt.publish})
			if (err == nil) != tt.ok || tt.ok && got.Registry == nil {
				t.Fatalf("%v", err)
			}
			if err != nil && (!strings.Contains(err.Error(), "REG_PASSWORD") || strings.Contains(err.Error(), "robot")) {
				t.Error(err)
			}
		})
	}
	if value, ok := (Access{Secrets: both}).lookup("reg_user"); !ok || value != "robot" {
		t.Errorf("%q %t", value, ok)
	}
}

// TestSummary: what a repository says stays text, and in its cell.
func TestSummary(t *testing.T) {
	text := summary(ledger.Build{
		Service: "web", Outcome: pipeline.Failed, Reason: "a|b <img src=x> `c`\n# no heading", Error: "[link](https://evil.example) **bold**",
		Image: "r/web`|x", Tags: []string{"main", "v1"}, Size: 2_500_000, Bases: []ledger.Base{{Name: "alpine:3"}},
	}, Release{Why: "a fork's pull request publishes nothing"})
	for _, bad := range []string{"<img", "\n# no heading", " [link](", "\n[link](", "**bold**", "web`|x"} {
		if strings.Contains(text, bad) {
			t.Errorf("the summary holds %q:\n%s", bad, text)
		}
	}
	for _, want := range []string{"| size | 2.5 MB |", "| tags | `main v1` |", "| made from | `alpine:3` |", "| published | no: a fork's pull request publishes nothing |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the summary lacks %q:\n%s", want, text)
		}
	}
}

// TestSteps: secrets are hidden in everything that is told, and nothing of the whole
// pipeline is.
func TestSteps(t *testing.T) {
	var told []runner.Event
	s := newSteps(runner.SinkFunc(func(e runner.Event) { told = append(told, e) }), []string{"hunter2"})
	for _, e := range []runner.Event{
		runner.RunStarted{}, runner.JobStarted{}, runner.StepStarted{}, runner.Line{Text: "with hunter2"}, runner.Noticed{Text: "hunter2"},
		runner.StepFinished{StepResult: runner.StepResult{Reason: "no hunter2"}}, runner.Summarised{Markdown: "hunter2"}, runner.JobFinished{}, runner.RunFinished{},
	} {
		s.Emit(e)
	}
	if text := fmt.Sprintf("%+v", told); strings.Contains(text, "hunter2") || len(told) != 5 || len(s.results()) != 1 {
		t.Errorf("%d told, %d results: %s", len(told), len(s.results()), text)
	}
}
