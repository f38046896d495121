package intake_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/intake"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow"
)

func TestPullRequest(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{
		folder + "ci.yml":     on("{pull_request: {paths: ['src/**']}}"),
		folder + "target.yml": on("pull_request_target"),
		"src/a":               "1\n", "docs/a": "1\n",
	})
	base := r.Head("refs/heads/main")
	head := r.Push("topic", githubtest.Files{"src/a": "2\n"}, "Change")
	w.settle()
	r.PullRequest(githubtest.Pull{Head: "topic", Title: "A change"})
	w.expectRuns("pull_request ci.yml", "pull_request_target target.yml")
	for _, p := range w.planned() {
		run := p.Run
		if run.HeadSHA != head || run.Title != "A change" || run.HeadRef != "topic" || at(t, p, "head_ref") != "topic" || at(t, p, "base_ref") != "main" {
			t.Errorf("%+v", run)
		}
		switch run.Event {
		case "pull_request":
			merge := r.Head("refs/pull/1/merge")
			if run.SHA != merge || run.Ref != "refs/pull/1/merge" || at(t, p, "workflow_sha") != merge || run.Zone != "pull-request" {
				t.Errorf("%+v, the merge commit is %s", run, merge)
			}
		default:
			if run.SHA != base || run.Ref != "refs/heads/main" || at(t, p, "workflow_sha") != base {
				t.Errorf("%+v", run)
			}
		}
	}
	// Another commit, then one in conflict.
	r.Push("topic", githubtest.Files{"docs/a": "2\n"}, "Docs")
	w.settle() // three dots: src/a changed since the branch left
	w.expectRuns("pull_request ci.yml", "pull_request_target target.yml", "pull_request ci.yml", "pull_request_target target.yml")
	r.Push("main", githubtest.Files{"docs/a": "3\n"}, "Otherwise")
	w.settle()
	r.Push("topic", githubtest.Files{"src/a": "4\n"}, "More")
	d := w.last("pull_request")
	if got := w.why(d, ""); !strings.Contains(got, "conflicts with") {
		t.Errorf("%s %q %q", d.Fate, d.Reason, got)
	}
	w.expectRuns("pull_request ci.yml", "pull_request_target target.yml", "pull_request ci.yml", "pull_request_target target.yml", "pull_request_target target.yml")
}

func TestFork(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{folder + "ci.yml": on("pull_request")})
	fork := r.Fork("mallory")
	fork.Push("evil", githubtest.Files{folder + "ci.yml": on("pull_request") + "env: {X: evil}\n"}, "Let me in")
	r.PullRequest(githubtest.Pull{Head: "mallory:evil"})
	p := w.newest()
	if p.Run.Zone != "fork" || !strings.Contains(p.Approval, "fork") || at(t, p, "secret_source") != "None" || p.Run.Actor.Login != "mallory" {
		t.Errorf("%+v", p.Run)
	}
	if p.Run.SHA != r.Head("refs/pull/1/merge") || p.Run.HeadSHA != fork.Head("refs/heads/evil") {
		t.Errorf("%+v", p.Run)
	}
}

// TestDefaultBranch: events that happen to no commit read the default branch.
func TestDefaultBranch(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{
		folder + "issue.yml": on("{issues: {types: [opened]}, issue_comment: }"), folder + "rel.yml": on("{release: {types: [published]}}"),
		folder + "custom.yml": on("{repository_dispatch: {types: [deploy]}}"), folder + "branch.yml": on("[create, delete]"),
	})
	main := r.Head("refs/heads/main")
	n := r.Issue("It <b>\"breaks\"</b>\n", "body", "mallory")
	w.expectRuns("issues issue.yml")
	if p := w.newest(); p.Run.SHA != main || p.Run.Ref != "refs/heads/main" || p.Run.Title != "It <b>\"breaks\"</b>" {
		t.Errorf("%+v", p.Run)
	}
	r.Comment(n, "me too", "mallory")
	w.expectRuns("issues issue.yml", "issue_comment issue.yml")
	side := r.Push("side", githubtest.Files{"a": "1"}, "x")
	w.settle()
	if p := w.newest(); p.Run.Event != "create" || p.Run.SHA != side || p.Run.Ref != "refs/heads/side" {
		t.Errorf("%+v", p.Run)
	}
	r.Tag("v1", side)
	w.settle()
	r.Release("v1", false, "")
	if p := w.newest(); p.Run.Event != "release" || p.Run.SHA != side || p.Run.Ref != "refs/tags/v1" {
		t.Errorf("%+v", p.Run)
	}
	r.DeleteBranch("side")
	if p := w.newest(); p.Run.Event != "delete" || p.Run.SHA != main {
		t.Errorf("%+v", p.Run)
	}
	r.DispatchRepository("deploy", map[string]any{"to": "prod"}, "")
	if p := w.newest(); p.Run.Event != "repository_dispatch" || p.Run.SHA != main || p.Run.Action != "deploy" || at(t, p, "event", "client_payload", "to") != "prod" {
		t.Errorf("%+v", p.Run)
	}
	// What a job's token does starts nothing, but for a dispatch.
	bot := w.github.App().Slug + "[bot]"
	before := len(w.runs())
	r.Emit("issues", "opened", map[string]any{"issue": map[string]any{"title": "by a job"}}, bot)
	if d := w.last("issues"); d.Fate != store.Ignored || !strings.Contains(d.Reason, "job's token") {
		t.Errorf("%s %q", d.Fate, d.Reason)
	}
	r.DispatchRepository("deploy", nil, bot)
	if got := len(w.runs()); got != before+1 {
		t.Errorf("%d runs, want %d", got, before+1)
	}
}

const dispatched = `name: Deploy
on:
  workflow_dispatch:
    inputs:
      target: {type: choice, options: [dev, prod], default: dev}
      dry: {type: boolean}
      count: {type: number, default: 3}
      who: {required: true}
jobs:
  a: {runs-on: ubuntu-latest, steps: [{run: echo}]}
`

func TestDispatch(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{folder + "deploy.yml": dispatched, folder + "ci.yml": on("push"), folder + "bad.yml": "on: workflow_dispatch\njobs: 1\n"})
	r.Push("main", githubtest.Files{"a": "1"}, "x") // so that the repository is known
	w.settle()
	by := store.Actor{ID: 5, Login: "mona"}
	ask := func(path, ref string, inputs map[string]string) (store.RunID, error) {
		return w.intake.Dispatch(t.Context(), intake.Dispatch{Repository: store.RepositoryID(r.ID), Workflow: path, Ref: ref, Inputs: inputs, By: by})
	}
	id, err := ask("deploy.yml", "", map[string]string{"who": "me", "dry": "true"})
	if err != nil {
		t.Fatal(err)
	}
	p := w.planned()[id]
	if p.Run.Actor != by || p.Run.Ref != "refs/heads/main" || p.Run.Event != "workflow_dispatch" || p.Plan.Contexts["inputs"].JSON(false) != `{"target":"dev","dry":true,"count":3,"who":"me"}` {
		t.Errorf("%+v %s", p.Run, p.Plan.Contexts["inputs"].JSON(false))
	}
	if got := at(t, p, "event", "inputs"); got != `{"target":"dev","dry":"true","count":"3","who":"me"}` {
		t.Errorf("event.inputs %s", got)
	}
	if again, err := ask("deploy.yml", "main", map[string]string{"who": "me", "dry": "true"}); err != nil || again == id {
		t.Errorf("the same again: run %d, %v", again, err)
	}
	for _, tc := range []struct {
		path, ref string
		inputs    map[string]string
		want      string
	}{
		{"deploy.yml", "", nil, "is required"},
		{"deploy.yml", "", map[string]string{"who": "x", "target": "moon"}, "must be one of dev, prod"},
		{"deploy.yml", "", map[string]string{"who": "x", "other": "1"}, "is not declared"},
		{"bad.yml", "", nil, "jobs"},
		{"ci.yml", "", nil, "has no workflow_dispatch"},
		{"none.yml", "", nil, "no such workflow"},
		{"deploy.yml", "nowhere", map[string]string{"who": "x"}, "no such commit"},
		{"../../deploy.yml", "", nil, "no such workflow"},
	} {
		_, err := ask(tc.path, tc.ref, tc.inputs)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %v: %v, want %q", tc.path, tc.inputs, err, tc.want)
		}
		var invalid workflow.InvalidError
		if tc.want == "is required" && !errors.As(err, &invalid) {
			t.Errorf("%T", err)
		}
	}
	if _, err := w.intake.Dispatch(t.Context(), intake.Dispatch{Repository: 999, Workflow: "deploy.yml", By: by}); !errors.Is(err, intake.ErrNoDispatch) {
		t.Errorf("%v", err)
	}
	// The button on GitHub's page.
	r.DispatchWorkflow("deploy.yml", "main", map[string]any{"who": "web", "dry": false}, "")
	if p := w.newest(); p.Run.Event != "workflow_dispatch" || p.Plan.Contexts["inputs"].JSON(false) != `{"target":"dev","dry":false,"count":3,"who":"web"}` {
		t.Errorf("%+v", p)
	}
}

func TestButtons(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{folder + "ci.yml": on("push")})
	r.Collaborator("mona", "write")
	r.Collaborator("reader", "read")
	sha := r.Push("main", githubtest.Files{"a": "1"}, "x")
	w.settle()
	run := w.listRuns()[0]
	if err := w.store.SetCheckRun(t.Context(), store.JobKey{Run: run.ID}, 77); err != nil {
		t.Fatal(err)
	}
	emit := func(app int64, action, login, button string) string {
		body := map[string]any{"check_run": map[string]any{"id": 77, "head_sha": sha, "app": map[string]any{"id": app}}}
		if button != "" {
			body["requested_action"] = map[string]any{"identifier": button}
		}
		before := len(w.queue.noted())
		r.Emit("check_run", action, body, login)
		d := w.last("check_run")
		pressed := w.queue.noted()
		if len(pressed) == before {
			return d.Reason
		}
		return pressed[before]
	}
	own := w.github.App().ID
	for _, tc := range []struct {
		app                   int64
		action, login, button string
		want                  string
	}{
		{own, "rerequested", "mona", "", "rerun 1 all  by mona"},
		{own, "requested_action", "mona", "rerun-failed", "rerun 1 failed  by mona"},
		{own, "requested_action", "mona", "cancel", "cancel 1 by mona"},
		{own, "requested_action", "mona", "approve", "approve 1 by mona"},
		{own, "requested_action", "mona", "format-disk", "there is no button \"format-disk\""},
		{own, "requested_action", "reader", "approve", "\"reader\" may not write to octo/demo"},
		{own, "rerequested", "stranger", "", "\"stranger\" may not write to octo/demo"},
		{99, "rerequested", "mona", "", "the check is another App's"},
	} {
		if got := emit(tc.app, tc.action, tc.login, tc.button); got != tc.want {
			t.Errorf("%s %s by %s: %q, want %q", tc.action, tc.button, tc.login, got, tc.want)
		}
	}
}

func TestChain(t *testing.T) {
	w := newWorld(t)
	again := "{workflow_run: {workflows: [CI, Next], types: [completed]}}"
	r := w.github.Repository("octo/demo", githubtest.Files{
		folder + "ci.yml":   on("push"),
		folder + "next.yml": strings.Replace(on(again), "name: CI", "name: Next", 1),
	})
	sha := r.Push("topic", githubtest.Files{"a": "1"}, "x")
	w.settle()
	finish := func() store.Run {
		t.Helper()
		run := w.listRuns()[0]
		run.State, run.Conclusion, run.Finished = store.Completed, "success", time.Now()
		if _, err := w.store.CommitRun(t.Context(), store.Change{Run: run}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // told twice
			if err := w.intake.Completed(t.Context(), run.ID); err != nil {
				t.Fatal(err)
			}
		}
		w.settle()
		return run
	}
	first := finish()
	p := w.newest()
	main := r.Head("refs/heads/main")
	if p.Run.Zone != "branch" || p.Approval != "" {
		t.Errorf("zone %q, approval %q", p.Run.Zone, p.Approval)
	}
	if p.Run.Event != "workflow_run" || p.Run.SHA != main || p.Run.Ref != "refs/heads/main" || at(t, p, "event", "workflow_run", "conclusion") != "success" ||
		at(t, p, "event", "workflow_run", "head_sha") != sha || at(t, p, "event", "workflow_run", "head_branch") != "topic" || at(t, p, "event", "workflow_run", "id") != "1" {
		t.Errorf("%+v of %+v", p.Run, first)
	}
	for range 4 {
		finish()
	}
	w.expectRuns("push ci.yml", "workflow_run next.yml", "workflow_run next.yml", "workflow_run next.yml")
	if d := w.last("workflow_run"); !strings.Contains(d.Reason, "GitHub allows no more") {
		t.Errorf("%q", d.Reason)
	}
	// GitHub's own story is not ours.
	r.Emit("workflow_run", "completed", map[string]any{"workflow": map[string]any{"name": "CI"}, "workflow_run": map[string]any{"name": "CI"}}, "")
	if d := w.last("workflow_run"); d.Fate != store.Ignored || !strings.Contains(d.Reason, "GitHub Actions") {
		t.Errorf("%s %q", d.Fate, d.Reason)
	}
}

func TestSchedule(t *testing.T) {
	c := &clock{}
	// Tomorrow at ten: nothing is due then, whenever the test runs.
	c.advance(time.Until(time.Now().UTC().Truncate(24 * time.Hour).Add(34 * time.Hour)))
	w := newWorld(t, func(o *intake.Options) { o.Now = c.now })
	r := w.github.Repository("octo/demo", githubtest.Files{})
	r.Push("main", githubtest.Files{
		folder + "night.yml": on("{schedule: [{cron: '0 3 * * *', timezone: Europe/Berlin}]}"),
		folder + "both.yml":  on("{schedule: [{cron: '30 4 * * *'}, {cron: '0 12 * * MON'}], push: }"),
	}, "x")
	w.expectRuns("push both.yml")
	other := intake.New(intake.Options{Store: w.store, Queue: w.queue, Reader: w.reader, Now: c.now, Endpoints: w.app.Endpoints()})
	tick := func() {
		t.Helper()
		errs := make(chan error, 2)
		for _, i := range []*intake.Intake{w.intake, other} {
			go func() { errs <- i.Tick(t.Context()) }()
		}
		for range 2 {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		w.intake.Wake()
		w.settle()
	}
	tick()
	w.expectRuns("push both.yml")
	c.advance(24 * time.Hour)
	tick()
	tick()
	count := func() (n int) {
		for _, run := range w.listRuns() {
			if run.Event == "schedule" && !strings.Contains(run.Title, "12 * * MON") {
				n++
			}
		}
		return n
	}
	if got := count(); got < 2 || got > 3 { // the third is a Monday's
		t.Fatalf("%d runs after a day: %q", got, w.runs())
	}
	p := w.newest()
	if p.Run.SHA != r.Head("refs/heads/main") || p.Run.Ref != "refs/heads/main" || at(t, p, "event", "schedule") == "" || p.Run.Actor.Login == "" {
		t.Errorf("%+v", p.Run)
	}
	before := count()
	c.advance(30 * 24 * time.Hour) // nobody was here for a month: each entry once
	tick()
	tick()
	if got := count(); got != before+3 {
		t.Errorf("%d runs, want %d", got, before+3)
	}
	before = count()
	r.Delete()
	w.settle()
	c.advance(24 * time.Hour)
	tick()
	if got := count(); got != before {
		t.Errorf("%d runs of a repository that was deleted", got-before)
	}
}
