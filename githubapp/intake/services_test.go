package intake_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/intake"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/services"
	"github.com/drydock-ci/drydock/githubapp/services/mirror"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/trust"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// planner is a Services of the tests.
type planner struct {
	mu       sync.Mutex
	declares func(sha string) (bool, error)
	plan     func(services.Cause) (queue.Planned, bool, error)
	asked    int // Declares
	causes   []services.Cause
}

func (p *planner) Declares(_ context.Context, _ repository.Ref, sha string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.declares == nil {
		return true, nil
	}
	return p.declares(sha)
}

func (p *planner) Plan(ctx context.Context, c services.Cause) (queue.Planned, bool, error) {
	p.mu.Lock()
	p.causes = append(p.causes, c)
	f := p.plan
	p.mu.Unlock()
	if f != nil {
		return f(c)
	}
	w, problems := workflow.Parse(services.File, []byte("on: push\njobs: {web: {runs-on: services, steps: [{run: x}]}}"))
	if err := problems.Err(); err != nil {
		return queue.Planned{}, false, err
	}
	built, err := plan.Build(ctx, w, plan.Source{Path: services.File}, c.Run.Event, c.Contexts, nil)
	return queue.Planned{Run: c.Run, Plan: built}, true, err
}

func (p *planner) all() []services.Cause {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.causes)
}

func withServices(p intake.Services) func(*intake.Options) {
	return func(o *intake.Options) { o.Services = p }
}

// apart is the newest delivery of services.
func (w *world) apart() store.Delivery {
	w.t.Helper()
	for _, d := range slices.Backward(w.settle()) {
		if strings.HasSuffix(string(d.ID), "/services") {
			return d
		}
	}
	w.t.Fatal("no delivery of services")
	return store.Delivery{}
}

// ofGitHub is the newest delivery of GitHub's.
func (w *world) ofGitHub(event string) store.Delivery {
	w.t.Helper()
	for _, d := range slices.Backward(w.settle()) {
		if d.Event == event && !strings.HasSuffix(string(d.ID), "/services") {
			return d
		}
	}
	w.t.Fatalf("no delivery of %q", event)
	return store.Delivery{}
}

// newestServices is the run of services that was made last.
func (w *world) newestServices() queue.Planned {
	w.t.Helper()
	w.settle()
	all := w.planned()
	var last store.RunID
	for id, p := range all {
		if id > last && p.Run.Workflow == services.File {
			last = id
		}
	}
	if last == 0 {
		w.t.Fatal("no run of services")
	}
	return all[last]
}

// expectSorted is expectRuns where nobody knows who comes first.
func (w *world) expectSorted(want ...string) {
	w.t.Helper()
	got := w.runs()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		w.t.Errorf("runs:\n got %q\nwant %q", got, want)
	}
}

func (w *world) redeliver() {
	for _, d := range w.github.Deliveries() {
		w.github.Redeliver(d.ID)
	}
	w.settle()
}

// TestServices: a push has its services planned beside its workflows.
func TestServices(t *testing.T) {
	p := &planner{}
	w := newWorld(t, withServices(p))
	r := w.github.Repository("octo/demo", githubtest.Files{folder + "ci.yml": on("push"), "a": "1"})
	r.Protect("main")
	before := r.Head("refs/heads/main")
	sha := r.Push("main", githubtest.Files{"a": "2"}, "Change it\n\nbody")
	w.expectSorted("push ci.yml", "push drydock.yaml")
	d := w.ofGitHub("push")
	w.expectFate(d, store.Planned, "1 run")
	id := string(d.ID) + "/services"
	if got := w.why(d, "drydock.yaml"); got != fmt.Sprintf("false: its services are planned as delivery %q", id) {
		t.Errorf("why %q", got)
	}
	own := w.apart()
	w.expectFate(own, store.Planned, "1 run")
	if string(own.ID) != id || !strings.HasPrefix(w.why(own, "drydock.yaml"), "true: on: 'push'") {
		t.Errorf("%s: %q", own.ID, w.why(own, "drydock.yaml"))
	}
	run := w.newestServices()
	if at(t, run, "sha") != sha || at(t, run, "workflow") != "Services" || at(t, run, "event", "after") != sha {
		t.Errorf("github %s %s", at(t, run, "sha"), at(t, run, "workflow"))
	}
	if r := run.Run; r.Workflow != "drydock.yaml" || r.Name != "Services" || r.Title != "Change it" || r.Zone != string(trust.Protected) || r.SHA != sha || r.HeadSHA != sha ||
		r.Ref != "refs/heads/main" || r.Actor.Login != "octocat" || string(r.Delivery) != id || r.Origin == "" || run.Approval != "" {
		t.Errorf("%+v, approval %q", r, run.Approval)
	}
	if c := p.all()[0]; c.Before != before || c.PullRequest != 0 {
		t.Errorf("before %q, pull request %d", c.Before, c.PullRequest)
	}
	w.redeliver()
	w.expectSorted("push ci.yml", "push drydock.yaml")

	// Without workflows the delivery has done something all the same.
	alone := w.github.Repository("octo/alone", githubtest.Files{"a": "1"})
	alone.Push("main", githubtest.Files{"a": "2"}, "x")
	w.expectFate(w.ofGitHub("push"), store.Planned, "the commit has no workflows; its services are planned as delivery")
	if w.newestServices().Run.RepositoryName != "octo/alone" {
		t.Error("its services have no run")
	}

	alone.Tag("v1", alone.Head("refs/heads/main"))
	if run := w.newestServices(); run.Run.Ref != "refs/tags/v1" || run.Run.Zone != string(trust.Protected) || run.Run.SHA != alone.Head("refs/heads/main") {
		t.Errorf("a tag: %+v", run.Run)
	}
}

// TestServicesOfPulls: zone and approval are those of workflows.
func TestServicesOfPulls(t *testing.T) {
	p := &planner{}
	w := newWorld(t, withServices(p))
	r := w.github.Repository("octo/demo", githubtest.Files{"a": "1"})
	fork := r.Fork("mallory")
	head := fork.Push("evil", githubtest.Files{"a": "evil\n"}, "Let me in")
	pull := r.PullRequest(githubtest.Pull{Head: "mallory:evil", Title: "Let me in"})
	run := w.newestServices()
	if run.Run.Zone != string(trust.Fork) || run.Approval == "" || run.Run.HeadSHA != head || run.Run.SHA != r.Head(fmt.Sprintf("refs/pull/%d/merge", pull.Number)) ||
		run.Run.Event != "pull_request" || run.Run.Action != "opened" || run.Run.Title != "Let me in" || run.Run.RepositoryName != "octo/demo" {
		t.Errorf("%+v, approval %q", run.Run, run.Approval)
	}
	causes := p.all()
	c := causes[len(causes)-1]
	if c.PullRequest != pull.Number || c.Base != r.Head("refs/heads/main") {
		t.Errorf("pull request %d, base %q", c.PullRequest, c.Base)
	}
	r.Push("topic", githubtest.Files{"b": "1"}, "topic")
	r.PullRequest(githubtest.Pull{Head: "topic"})
	if run := w.newestServices(); run.Run.Event != "pull_request" || run.Run.Zone != string(trust.PullRequest) || run.Approval != "" {
		t.Errorf("%+v, approval %q", run.Run, run.Approval)
	}

	// What changes no code asks nobody.
	p.mu.Lock()
	asked := p.asked
	p.mu.Unlock()
	before := len(w.runs())
	for _, action := range []string{"labeled", "edited", "assigned"} {
		r.Emit("pull_request", action, map[string]any{"number": 1, "pull_request": map[string]any{"number": 1}}, "")
	}
	r.Issue("x", "y", "")
	r.DeleteBranch("topic")
	r.Push("main", githubtest.Files{"c": "1"}, "Not this one [skip ci]")
	n := len(w.runs())
	p.mu.Lock()
	defer p.mu.Unlock()
	if n != before || p.asked != asked {
		t.Errorf("%d more runs, %d questions", n-before, p.asked-asked)
	}
}

// TestServicesDoNotHold: while the services of a push are planned, workflows go on.
func TestServicesDoNotHold(t *testing.T) {
	hold, began := make(chan struct{}), make(chan struct{}, 10)
	p := &planner{}
	p.plan = func(services.Cause) (queue.Planned, bool, error) {
		began <- struct{}{}
		<-hold
		return queue.Planned{}, false, nil
	}
	w := newWorld(t, withServices(p))
	r := w.github.Repository("octo/demo", githubtest.Files{folder + "ci.yml": on("push")})
	r.Push("main", githubtest.Files{"a": "1"}, "x")
	<-began
	r.Push("main", githubtest.Files{"a": "2"}, "x")
	for deadline := time.Now().Add(2 * time.Minute); len(w.listRuns()) < 2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("workflows wait for services")
		}
	}
	if len(began) != 0 {
		t.Error("services of one repository are planned at the same time")
	}
	close(hold)
	w.expectFate(w.apart(), store.Ignored, "the commit declares no services")
	w.expectRuns("push ci.yml", "push ci.yml")
}

// TestServicesTrouble: what may pass is tried again, what does not is told.
func TestServicesTrouble(t *testing.T) {
	p := &planner{}
	w := newWorld(t, withServices(p))
	r := w.github.Repository("octo/demo", githubtest.Files{folder + "ci.yml": on("push")})
	once := func(err error) func(string) (bool, error) {
		return func(string) (bool, error) {
			defer func() { err = nil }()
			return err == nil, err
		}
	}
	p.mu.Lock()
	p.declares = once(errors.New("GitHub is away"))
	p.mu.Unlock()
	r.Push("main", githubtest.Files{"a": "1"}, "x")
	w.expectSorted("push ci.yml", "push drydock.yaml")
	p.mu.Lock()
	p.declares = nil
	p.mu.Unlock()

	// The server dies after it has stored the delivery of the services.
	w.refuse(errors.New("killed"))
	r.Push("main", githubtest.Files{"a": "2"}, "x")
	w.expectSorted("push ci.yml", "push ci.yml", "push drydock.yaml", "push drydock.yaml")

	fail := func(err error, times int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.plan = func(c services.Cause) (queue.Planned, bool, error) {
			if times--; times >= 0 {
				return queue.Planned{}, false, err
			}
			return queue.Planned{Run: c.Run, Problems: workflow.Diagnostics{{File: services.File, Severity: workflow.Error, Message: "no"}}}, true, nil
		}
	}
	fail(errors.New("it takes longer, and goes on"), 1)
	r.Push("main", githubtest.Files{"a": "3"}, "x")
	if d := w.apart(); d.Fate != store.Planned || d.Attempts != 2 || w.newestServices().Plan != nil {
		t.Errorf("%s %q after %d tries", d.Fate, d.Reason, d.Attempts)
	}
	fail(fmt.Errorf("plan: %w", &repository.Error{Doing: "fetch", Kind: repository.NoCommit}), 9)
	r.Push("main", githubtest.Files{"a": "4"}, "x")
	w.expectFate(w.apart(), store.Ignored, "there is no such commit any more")
	fail(&repository.Error{Doing: "fetch", Kind: repository.NoAccess}, 9)
	r.Push("main", githubtest.Files{"a": "5"}, "x")
	w.expectFate(w.apart(), store.Failed, "no access")
	p.mu.Lock()
	p.plan = func(services.Cause) (queue.Planned, bool, error) { panic("boom") }
	p.mu.Unlock()
	r.Push("main", githubtest.Files{"a": "6"}, "x")
	w.expectFate(w.apart(), store.Failed, "panic: boom")
	w.expectFate(w.ofGitHub("push"), store.Planned, "1 run")
}

// TestNoServices: without Services nothing is asked and nothing changes.
func TestNoServices(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{folder + "ci.yml": on("push"), "drydock.yaml": "services: {web: {path: ., image: x}}\n"})
	r.Push("main", githubtest.Files{"a": "1"}, "x")
	d := w.last("push")
	w.expectRuns("push ci.yml")
	if got := w.why(d, "drydock.yaml"); got != "" {
		t.Errorf("why %q", got)
	}
	if _, err := w.intake.Dispatch(t.Context(), intake.Dispatch{Repository: store.RepositoryID(r.ID), Workflow: "drydock.yaml"}); !errors.Is(err, intake.ErrNoDispatch) {
		t.Errorf("dispatch: %v", err)
	}
	// What another server left, which had them.
	full, err := w.store.Delivery(t.Context(), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	left := store.Delivery{ID: d.ID + "/services", Event: "push", Headers: map[string]string{"Drydock-Source": "services"}, Body: full.Body, Received: time.Now()}
	if _, err := w.store.AddDeliveries(t.Context(), []store.Delivery{left}); err != nil {
		t.Fatal(err)
	}
	w.intake.Wake()
	w.expectFate(w.apart(), store.Ignored, "this server builds no services")
	w.expectRuns("push ci.yml")
}

const monorepo = `services:
  web: {path: web, image: registry.example/web}
  api: {path: api, image: registry.example/api, depends-on: [web]}
`

func realPlanner(t *testing.T) func(*intake.Options) {
	return func(o *intake.Options) {
		m, err := mirror.New(mirror.Options{Folder: filepath.Join(t.TempDir(), "mirrors"), Endpoints: o.Endpoints})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Close)
		o.Services = services.NewPlanner(o.Reader, m)
	}
}

// verdicts are what a run does with each service.
func verdicts(t *testing.T, p queue.Planned) string {
	t.Helper()
	if p.Plan == nil {
		return p.Run.Reason
	}
	var all []string
	for _, job := range p.Plan.Graph.Jobs {
		with, err := services.ReadWith(&runner.Job{Leg: plan.Leg{Job: job}})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %s (%s)%s", with.Decision, with.Service, with.Reason, with.Publish))
	}
	return strings.Join(all, "; ")
}

// TestServicesForReal goes from webhooks of a GitHub to plans, with git between.
func TestServicesForReal(t *testing.T) {
	w := newWorld(t, realPlanner(t))
	r := w.github.Repository("octo/demo", githubtest.Files{
		"drydock.yaml": monorepo, "web/Dockerfile": "FROM scratch\nCOPY . /\n", "api/Dockerfile": "FROM scratch\nCOPY . /\n", "README.md": "x",
	})
	expect := func(what, want string) {
		t.Helper()
		if got := verdicts(t, w.newestServices()); got != want {
			t.Errorf("%s:\n got %s\nwant %s", what, got, want)
		}
	}
	r.Push("main", githubtest.Files{"README.md": "y"}, "Say more")
	expect("a push", "skip web (none of 1 changed file is an input); skip api (none of 1 changed file is an input)")
	good := r.Push("main", githubtest.Files{"api/main": "1"}, "api")
	expect("another", "skip web (none of 1 changed file is an input); build api (api/main (path api))")
	r.Push("main", githubtest.Files{"drydock.yaml": "services: {web: {path: web}}\n"}, "break it")
	expect("a mistake", `the services cannot be built: Service "web" has no "image"`)
	if p := w.newestServices(); len(p.Problems) == 0 || p.Problems[0].File != "drydock.yaml" || p.Problems[0].Pos.Line != 1 {
		t.Errorf("problems %v", p.Problems)
	}
	r.ForcePush("main", good)
	expect("set back", `build web (drydock.yaml (what it said before is not known)); build api (drydock.yaml (what it said before is not known))`)
	r.Push("topic", githubtest.Files{"web/index.html": "1"}, "topic")
	expect("a new branch", "build web (first push: there is nothing before it); build api (first push: there is nothing before it)")
	r.PullRequest(githubtest.Pull{Head: "topic"})
	expect("a pull request", `build web (web/index.html (path web)); build api (depends on "web", which is built: web/index.html (path web))`)
	plain := w.github.Repository("octo/plain", githubtest.Files{"drydock.yaml": "image: x\n", folder + "ci.yml": on("push")})
	plain.Push("main", githubtest.Files{"a": "1"}, "x")
	if p := w.newestServices(); p.Run.RepositoryName != "octo/demo" {
		t.Error("a file without services has a run of services")
	}
}

// TestDispatchServices: by hand, with what is asked for.
func TestDispatchServices(t *testing.T) {
	w := newWorld(t, realPlanner(t))
	r := w.github.Repository("octo/demo", githubtest.Files{
		"drydock.yaml": monorepo, "web/Dockerfile": "FROM scratch\n", "api/Dockerfile": "FROM scratch\n", folder + "drydock.yaml": on("workflow_dispatch"),
	})
	plain := w.github.Repository("octo/plain", githubtest.Files{folder + "drydock.yaml": on("workflow_dispatch")})
	r.Push("topic", githubtest.Files{"web/a": "1"}, "topic")
	plain.Push("topic", githubtest.Files{"web/a": "1"}, "topic")
	w.settle()
	by := store.Actor{ID: 77, Login: "mona"}
	dispatch := func(r *githubtest.Repository, path, ref string, inputs map[string]string) (queue.Planned, error) {
		id, err := w.intake.Dispatch(t.Context(), intake.Dispatch{Repository: store.RepositoryID(r.ID), Workflow: path, Ref: ref, Inputs: inputs, By: by})
		return w.planned()[id], err
	}
	for _, tt := range []struct {
		inputs map[string]string
		want   string
	}{
		{nil, "build web (started by hand)true; build api (started by hand)true"},
		{map[string]string{"services": "api", "publish": "false"}, "build api (started by hand)false"},
		{map[string]string{"services": "api, web", "publish": "true"}, "build web (started by hand)true; build api (started by hand)true"},
	} {
		p, err := dispatch(r, "drydock.yaml", "topic", tt.inputs)
		if err != nil {
			t.Fatal(err)
		}
		if got := verdicts(t, p); got != tt.want {
			t.Errorf("%v: %s", tt.inputs, got)
		}
		if p.Run.Event != "workflow_dispatch" || p.Run.Ref != "refs/heads/topic" || p.Run.Actor != by || p.Run.Zone != string(trust.Schedule) || p.Run.Workflow != "drydock.yaml" {
			t.Errorf("%+v", p.Run)
		}
	}
	for name, inputs := range map[string]map[string]string{
		`there is no service "x"`: {"services": "x"}, "publish": {"publish": "perhaps"}, `input "other" is not declared`: {"other": "1"},
	} {
		var invalid workflow.InvalidError
		if _, err := dispatch(r, "drydock.yaml", "", inputs); !errors.As(err, &invalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v", inputs, err)
		}
	}
	if p, err := dispatch(r, folder+"drydock.yaml", "", nil); err != nil || p.Run.Workflow != folder+"drydock.yaml" {
		t.Errorf("the workflow of that name: %q, %v", p.Run.Workflow, err)
	}
	if p, err := dispatch(plain, "drydock.yaml", "", nil); err != nil || p.Run.Workflow != folder+"drydock.yaml" {
		t.Errorf("where no services are: %q, %v", p.Run.Workflow, err)
	}
}
