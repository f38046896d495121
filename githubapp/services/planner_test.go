package services_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/services"
	"github.com/drydock-ci/drydock/githubapp/services/mirror"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const declared = `services:
  base: {path: base, image: registry.example/base}
  web: {path: web, image: registry.example/web, build: {context: .}}
  api: {path: api, image: registry.example/api}
`

var files = githubtest.Files{
	services.File: declared, "README.md": "hello",
	"base/Dockerfile": "FROM scratch\nCOPY . /\n", "base/data": "1",
	"web/Dockerfile": "FROM registry.example/base\nCOPY web /web\nCOPY assets /assets\n", "web/index.html": "hi", "assets/logo": "x",
	"api/Dockerfile": "FROM scratch\nCOPY . /\n", "api/main": "1",
}

type world struct {
	t       *testing.T
	github  *githubtest.GitHub
	reader  *repository.Reader
	planner *services.Planner
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, github: githubtest.New(t)}
	known := w.github.App()
	app, err := auth.New(auth.Options{AppID: known.ID, PrivateKey: known.PrivateKey, Address: w.github.URL(), MaxWait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	m, err := mirror.New(mirror.Options{
		Folder: filepath.Join(t.TempDir(), "mirrors"), Endpoints: app.Endpoints(),
		Token: func(ctx context.Context, r mirror.Repository) (string, error) {
			token, err := app.JobToken(ctx, auth.JobTokenRequest{Installation: r.Installation, Repository: int64(r.ID), Permissions: map[string]string{"contents": "read"}})
			return token.Value, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	w.reader = repository.New(repository.Options{Clients: app.Installation})
	w.planner = services.NewPlanner(w.reader, m)
	return w
}

func (w *world) ref(r *githubtest.Repository) repository.Ref {
	owner, name, _ := strings.Cut(r.FullName, "/")
	return repository.Ref{Installation: w.github.Installation(r.Owner()).ID, ID: store.RepositoryID(r.ID), Owner: owner, Name: name}
}

// pushed is the cause that a push is.
func (w *world) pushed(r *githubtest.Repository, ref, before, after string) services.Cause {
	github := expr.NewObject(false).Set("ref", expr.String(ref)).Set("sha", expr.String(after)).Value()
	return services.Cause{
		Run: store.Run{
			Installation: w.github.Installation(r.Owner()).ID, Repository: store.RepositoryID(r.ID), RepositoryName: r.FullName,
			Event: "push", Ref: ref, SHA: after, HeadSHA: after, Name: services.WorkflowName, Workflow: services.File,
		},
		Contexts: map[string]expr.Value{"github": github, "inputs": expr.NewObject(false).Value(), "vars": expr.NewObject(false).Value()},
		Before:   before,
	}
}

func (w *world) plan(c services.Cause) queue.Planned {
	w.t.Helper()
	planned, found, err := w.planner.Plan(w.t.Context(), c)
	if err != nil || !found {
		w.t.Fatalf("found %v, %v", found, err)
	}
	return planned
}

// told are the jobs of a plan, with what they are told.
func told(t *testing.T, p queue.Planned) map[string]services.With {
	t.Helper()
	if p.Plan == nil {
		t.Fatalf("it cannot be planned: %s %v", p.Run.Reason, p.Problems)
	}
	if p.Plan.Graph.Source.Path != services.File || p.Plan.Graph.Name != services.WorkflowName {
		t.Errorf("the plan is of %+v, %q", p.Plan.Graph.Source, p.Plan.Graph.Name)
	}
	all := map[string]services.With{}
	for _, job := range p.Plan.Graph.Jobs {
		with, err := services.ReadWith(&runner.Job{Leg: plan.Leg{ID: plan.LegID(job.ID), Job: job}})
		if err != nil {
			t.Fatal(err)
		}
		all[with.Service] = with
	}
	return all
}

// verdicts are "build" or "skip", and the reason.
func verdicts(t *testing.T, p queue.Planned) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, with := range told(t, p) {
		all[name] = string(with.Decision) + ": " + with.Reason
	}
	return all
}

func expect(t *testing.T, p queue.Planned, want map[string]string) {
	t.Helper()
	got := verdicts(t, p)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !strings.Contains(got[name], want[name]) {
			t.Errorf("%s: %q, want %q", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d jobs: %v", len(got), got)
	}
}

func all(why string) map[string]string {
	return map[string]string{"base": "build: " + why, "web": "build: " + why, "api": "build: " + why}
}

func TestPush(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", files)
	const main = "refs/heads/main"
	first := r.Head(main)
	expect(t, w.plan(w.pushed(r, main, strings.Repeat("0", 40), first)), all("first push"))

	second := r.Push("main", githubtest.Files{"assets/logo": "y"}, "logo")
	p := w.plan(w.pushed(r, main, first, second))
	expect(t, p, map[string]string{"base": "skip: none of 1 changed file", "web": "build: assets/logo (", "api": "skip: "})
	with := told(t, p)["web"]
	if want := (services.With{
		Service: "web", Decision: "build", Reason: with.Reason, Base: first, Head: second, Ref: main, Needs: []string{"base"},
	}); cmp.Diff(want, with) != "" {
		t.Error(cmp.Diff(want, with))
	}
	for _, job := range p.Plan.Graph.Jobs {
		if job.ID == "web" && !slices.Equal(job.Needs, []string{"base"}) || job.ID != "web" && len(job.Needs) != 0 {
			t.Errorf("%s needs %v", job.ID, job.Needs)
		}
	}

	third := r.Push("main", githubtest.Files{"base/data": "2"}, "base")
	expect(t, w.plan(w.pushed(r, main, second, third)), map[string]string{"base": "build: base/data", "web": `build: depends on "base"`, "api": "skip"})
	expect(t, w.plan(w.pushed(r, main, first, third)), map[string]string{"base": "build: base/data", "web": "build: assets/logo", "api": "skip"})

	// Moved by force: what it was is compared with, when GitHub still has it.
	r.ForcePush("main", first)
	side := r.Push("main", githubtest.Files{"api/main": "2"}, "another way")
	expect(t, w.plan(w.pushed(r, main, third, side)), map[string]string{"base": "build: base/data", "web": "build: assets/logo", "api": "build: api/main"})
	expect(t, w.plan(w.pushed(r, main, strings.Repeat("ab", 20), side)), all("the commit before the push, abababa, is not here"))

	renamed := r.Push("main", githubtest.Files{services.File: strings.ReplaceAll(declared, "  api:", "  app:")}, "rename")
	expect(t, w.plan(w.pushed(r, main, side, renamed)), map[string]string{"base": "skip", "web": "skip", "app": "build: drydock.yaml (the service is new)"})

	r.Tag("v1.0.0", renamed)
	p = w.plan(w.pushed(r, "refs/tags/v1.0.0", strings.Repeat("0", 40), renamed))
	expect(t, p, map[string]string{"base": "build: tag v1.0.0", "web": "build: tag v1.0.0", "app": "build: tag v1.0.0"})
	if got := told(t, p)["app"].Ref; got != "refs/tags/v1.0.0" {
		t.Errorf("ref %q", got)
	}
}

func TestPullRequest(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", files)
	base := r.Head("refs/heads/main")
	fork := r.Fork("mallory")
	head := fork.Push("topic", githubtest.Files{"web/index.html": "hello"}, "greet")
	// The base moves on before GitHub merges the two: that is no change of theirs.
	moved := r.Push("main", githubtest.Files{"api/main": "2"}, "api")
	pull := r.PullRequest(githubtest.Pull{Head: "mallory:topic"})
	ref := fmt.Sprintf("refs/pull/%d/merge", pull.Number)
	merge := r.Head(ref)
	c := w.pushed(r, ref, "", merge)
	c.Run.Event, c.Run.HeadSHA, c.PullRequest, c.Base = "pull_request", head, pull.Number, base
	p := w.plan(c)
	expect(t, p, map[string]string{"base": "skip", "web": "build: web/index.html", "api": "skip: none of 1 changed file"})
	with := told(t, p)["web"]
	if with.Base != moved || with.Head != merge || with.PullRequest != pull.Number || with.Ref != ref {
		t.Errorf("%+v", with)
	}

	// Without a merge commit: from where the head left its base.
	c = w.pushed(r, ref, "", head)
	c.Run.Event, c.Run.HeadSHA, c.PullRequest, c.Base = "pull_request", head, pull.Number, moved
	p = w.plan(c)
	expect(t, p, map[string]string{"base": "skip", "web": "build: web/index.html", "api": "skip"})
	if got := told(t, p)["web"].Base; got != base {
		t.Errorf("base %s, want %s", got, base)
	}
	c.Base = strings.Repeat("ab", 20)
	expect(t, w.plan(c), all("the base of the pull request is not there any more"))
	c.Base = "--upload-pack=x"
	expect(t, w.plan(c), all("the base of the pull request is not there any more"))
}

func TestDispatch(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", files)
	asked := func(names string, publish bool) services.Cause {
		c := w.pushed(r, "refs/heads/main", "", r.Head("refs/heads/main"))
		c.Run.Event = "workflow_dispatch"
		c.Contexts["inputs"] = expr.NewObject(false).Set("services", expr.String(names)).Set("publish", expr.Bool(publish)).Value()
		return c
	}
	p := w.plan(asked("", true))
	expect(t, p, all("started by hand"))
	if got := told(t, p)["api"].Publish; got != "true" {
		t.Errorf("publish %q", got)
	}
	p = w.plan(asked(" web, api ,", false))
	expect(t, p, map[string]string{"web": "build: started by hand", "api": "build: started by hand"})
	if got := told(t, p)["web"]; got.Publish != "false" || !slices.Equal(got.Needs, []string{"base"}) {
		t.Errorf("%+v", got)
	}
	for _, job := range p.Plan.Graph.Jobs {
		if len(job.Needs) != 0 {
			t.Errorf("%s needs %v, which is not in the run", job.ID, job.Needs)
		}
	}
	p = w.plan(asked("web,wbe", true))
	if p.Plan != nil || !strings.Contains(p.Run.Reason, `there is no service "wbe"`) || len(p.Problems) != 1 || !strings.Contains(p.Problems[0].Hint, "web") {
		t.Errorf("%v %q %v", p.Plan, p.Run.Reason, p.Problems)
	}
}

// TestNotPlanned: what cannot be planned, and why.
func TestNotPlanned(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name, file       string
		declares, found  bool
		reason, position string
	}{
		{"no file", "", false, false, "", ""},
		{"no services", "image: x\n", false, false, "", ""},
		{"settings of services", "services: {run_steps: true}\n", false, false, "", ""},
		{"wrong", "services:\n  web: {path: web}\n", true, true, `the services cannot be built: Service "web" has no "image"`, "2:3"},
		{"no YAML", "services: {\n", true, true, "the services cannot be built: ", "1:"},
		{"right", declared, true, true, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			content := githubtest.Files{"README.md": "x"}
			if tt.file != "" {
				content[services.File] = tt.file
			}
			r := w.github.Repository("octo/"+strings.ReplaceAll(tt.name, " ", "-"), content)
			sha := r.Head("refs/heads/main")
			declares, err := w.planner.Declares(t.Context(), w.ref(r), sha)
			if declares != tt.declares || err != nil {
				t.Errorf("declares %v, %v", declares, err)
			}
			p, found, err := w.planner.Plan(t.Context(), w.pushed(r, "refs/heads/main", "", sha))
			if found != tt.found || err != nil || !strings.Contains(p.Run.Reason, tt.reason) || (p.Plan == nil) != (tt.reason != "" || !tt.found) {
				t.Errorf("found %v, %v: %q", found, err, p.Run.Reason)
			}
			if tt.reason != "" && (len(p.Problems) == 0 || !strings.Contains(p.Problems[0].String(), services.File+":"+tt.position)) {
				t.Errorf("problems %v", p.Problems)
			}
		})
	}
	r := w.github.Repository("octo/demo", files)
	if _, _, err := w.planner.Plan(t.Context(), w.pushed(r, "refs/heads/main", "", strings.Repeat("ab", 20))); repository.KindOf(err) != repository.NoCommit {
		t.Errorf("a commit that is gone: %v", err)
	}
	if _, err := w.planner.Declares(t.Context(), w.ref(r), strings.Repeat("ab", 20)); repository.KindOf(err) != repository.NoCommit {
		t.Errorf("a commit that is gone: %v", err)
	}
	w.github.Faults(githubtest.Faults{Errors: 1, Only: func(r *http.Request) bool { return strings.Contains(r.URL.Path, ".git/") }})
	if _, _, err := w.planner.Plan(t.Context(), w.pushed(r, "refs/heads/main", "", r.Head("refs/heads/main"))); err == nil || repository.KindOf(err) != "" {
		t.Errorf("GitHub is away: %v", err)
	}
}
