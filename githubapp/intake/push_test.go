package intake_test

import (
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/store"
)

// TestMonorepo: a repository whose workflows filter by path runs only what a push
// touched, and says why the rest did not.
func TestMonorepo(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/mono", githubtest.Files{
		folder + "api.yml":       on("{push: {paths: ['services/api/**']}}"),
		folder + "web.yml":       on("{push: {paths: ['services/web/**', '!**.md']}}"),
		folder + "docs.yaml":     on("{push: {paths: ['docs/**']}}"),
		folder + "all.yml":       on("push"),
		folder + "release.yml":   on("{push: {tags: ['v*']}}"),
		folder + "sub/no.yml":    on("push"),
		folder + "notes.txt":     "no workflow",
		"services/api/main.go":   "package main\n",
		"services/web/index.ts":  "export {}\n",
		"services/web/README.md": "web\n",
	})
	first := r.Head("refs/heads/main")
	r.Push("main", githubtest.Files{"services/api/main.go": "package main // 2\n", "services/web/README.md": "more\n"}, "Change the API")
	d := w.last("push")
	w.expectRuns("push all.yml", "push api.yml")
	if d.Fate != store.Planned || d.Reason != "2 runs" {
		t.Errorf("%s %q", d.Fate, d.Reason)
	}
	for path, want := range map[string]string{
		"api.yml":     "true: on: 'push'",
		"web.yml":     "false: paths: every changed file is left out: 'services/web/README.md' by '!**.md'; 1 more match nothing",
		"docs.yaml":   "false: paths: no changed file matches 'docs/**'",
		"release.yml": "false: tags: the event is filtered by tags alone",
	} {
		if got := w.why(d, path); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	r.Push("main", githubtest.Files{"README.md": "x"}, "Nothing\n\n[skip ci]")
	if d := w.last("push"); d.Fate != store.Ignored || !strings.Contains(w.why(d, "all.yml"), "[skip ci]") {
		t.Errorf("%s %q %q", d.Fate, d.Reason, w.why(d, "all.yml"))
	}
	// A branch that is new: against where it left what was there.
	r.Push("topic", githubtest.Files{"docs/a.md": "x"}, "Write")
	w.settle()
	w.expectRuns("push all.yml", "push api.yml", "push all.yml", "push docs.yaml")
	// Set back: what differs between the two is what counts.
	r.ForcePush("main", first)
	w.settle()
	w.expectRuns("push all.yml", "push api.yml", "push all.yml", "push docs.yaml", "push all.yml", "push api.yml")
	r.DeleteBranch("topic")
	for _, d := range w.settle() {
		if d.Event == "push" && d.Reason == "the push deletes the ref: this starts no workflow" {
			return
		}
	}
	t.Error("the deletion has no reason")
}

func TestPushContext(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{folder + "ci.yml": on("push") + "concurrency: ci-${{ github.run_id }}\n"})
	r.Collaborator("mona", "write")
	r.Protect("main")
	sha := r.PushAs("mona", "main", githubtest.Files{"a": "1"}, "First line\n\nbody")
	p := w.newest()
	for key, want := range map[string]string{
		"ref": "refs/heads/main", "sha": sha, "repository": "octo/demo", "repository_owner": "octo", "actor": "mona", "triggering_actor": "mona",
		"event_name": "push", "ref_name": "main", "ref_type": "branch", "ref_protected": "true", "head_ref": "", "base_ref": "",
		"workflow": "CI", "workflow_ref": "octo/demo/.github/workflows/ci.yml@refs/heads/main", "workflow_sha": sha,
		"server_url": w.github.URL(), "api_url": w.github.URL() + "/api/v3", "graphql_url": w.github.URL() + "/api/graphql",
		"run_attempt": "1", "retention_days": "90", "secret_source": "Actions", "repository_visibility": "public",
	} {
		if got := at(t, p, key); got != want {
			t.Errorf("github.%s is %q, want %q", key, got, want)
		}
	}
	if got := at(t, p, "event", "head_commit", "message"); got != "First line\n\nbody" {
		t.Errorf("event.head_commit.message %q", got)
	}
	run := p.Run
	if run.Title != "First line" || run.Zone != "protected" || run.HeadSHA != sha || run.Actor.ID == 0 || run.Origin == "" || run.Delivery == "" {
		t.Errorf("%+v", run)
	}
	first := p.Plan.Concurrency.Group
	r.Push("main", githubtest.Files{"a": "2"}, "Again")
	if second := w.newest().Plan.Concurrency.Group; second == first || strings.HasSuffix(second, "-") {
		t.Errorf("groups %q and %q bring runs together", first, second)
	}
	tagged := r.Head("refs/heads/main")
	r.Tag("v1", tagged)
	p = w.newest()
	if p.Run.Ref != "refs/tags/v1" || p.Run.SHA != tagged || at(t, p, "ref_type") != "tag" {
		t.Errorf("%+v", p.Run)
	}
}

// TestOnce: redeliveries, repetitions and faults make no run twice and lose none.
func TestOnce(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{folder + "ci.yml": on("[push, create]")})
	w.github.Faults(githubtest.Faults{Seed: 7, Errors: 0.2, RepeatWebhooks: 0.5, ReorderWebhooks: 0.3})
	for n := range 5 {
		r.Commit("main", githubtest.Files{"a": strings.Repeat("x", n+1)}, "change")
	}
	w.settle()
	w.github.Faults(githubtest.Faults{})
	for _, d := range w.github.Deliveries() {
		w.github.Redeliver(d.ID)
	}
	if got := len(w.runs()); got != 5 {
		t.Errorf("%d runs, want 5: %q", got, w.runs())
	}
	seen := map[string]bool{}
	for _, run := range w.listRuns() {
		if seen[run.SHA] {
			t.Errorf("two runs of %s", run.SHA)
		}
		seen[run.SHA] = true
	}
}

func TestBroken(t *testing.T) {
	w := newWorld(t)
	deep := "a:" + strings.Repeat(" [", 5000)
	r := w.github.Repository("octo/bad", githubtest.Files{
		folder + "yaml.yml":     "on: push\njobs: [\n",
		folder + "key.yml":      strings.Replace(on("push"), "steps:", "stpes:", 1),
		folder + "issues.yml":   strings.Replace(on("issues"), "steps:", "stpes:", 1),
		folder + "huge.yml":     on("push") + "# " + strings.Repeat("x", 2<<20),
		folder + "deep.yml":     deep,
		folder + "empty.yml":    "",
		folder + "missing.yml":  "on: push\njobs:\n  a:\n    uses: ./.github/workflows/none.yml\n",
		folder + "foreign.yml":  "on: push\njobs:\n  a:\n    uses: octo/secret/.github/workflows/x.yml@main\n",
		folder + "loop.yml":     "on: [push, workflow_call]\njobs:\n  a:\n    uses: ./.github/workflows/loop.yml\n",
		folder + "outside.yml":  "on: push\njobs:\n  a:\n    uses: ./../../etc/passwd\n",
		folder + "good \"'.yml": on("push"),
	})
	secret := w.github.Repository("other/secret", githubtest.Files{folder + "x.yml": on("workflow_call")})
	secret.SetPrivate(true)
	r.Push("main", githubtest.Files{"a": "1"}, "x")
	d := w.last("push")
	if d.Fate != store.Planned || d.Reason != "10 runs" {
		t.Fatalf("%s %q", d.Fate, d.Reason)
	}
	want := map[string]string{
		"yaml.yml": "", "key.yml": "", "huge.yml": "bytes", "deep.yml": "", "empty.yml": "", "missing.yml": "there is no such file",
		"foreign.yml": "the repository was deleted, or the App cannot see it any more", "loop.yml": "calls itself", "outside.yml": "",
	}
	for _, p := range w.planned() {
		name := strings.TrimPrefix(p.Run.Workflow, folder)
		text, bad := want[name]
		if bad == (p.Plan != nil) {
			t.Errorf("%s: planned %t", name, p.Plan != nil)
		}
		if bad && (!p.Problems.HasErrors() || p.Run.Reason == "" || !strings.Contains(p.Problems.Err().Error(), text)) {
			t.Errorf("%s: %v, %q", name, p.Problems, p.Run.Reason)
		}
	}
	if got := w.why(d, "issues.yml"); !strings.HasPrefix(got, "false: on: 'push' is not among") {
		t.Errorf("issues.yml: %q", got)
	}
}

func TestCalled(t *testing.T) {
	w := newWorld(t)
	call := "on: push\njobs:\n  a:\n    uses: %s\n"
	shared := w.github.Repository("octo/shared", githubtest.Files{
		folder + "x.yml": "on: workflow_call\njobs:\n  y:\n    uses: ./.github/workflows/y.yml\n",
		folder + "y.yml": on("workflow_call"),
	})
	shared.Tag("v1", shared.Head("refs/heads/main"))
	private := w.github.Repository("octo/private", githubtest.Files{folder + "x.yml": on("workflow_call")})
	private.SetPrivate(true)
	r := w.github.Repository("octo/demo", githubtest.Files{
		folder + "own.yml":     strings.Replace(call, "%s", "./.github/workflows/call.yml", 1),
		folder + "call.yml":    on("workflow_call"),
		folder + "tag.yml":     strings.Replace(call, "%s", "octo/shared/.github/workflows/x.yml@v1", 1),
		folder + "private.yml": strings.Replace(call, "%s", "octo/private/.github/workflows/x.yml@main", 1),
	})
	r.Push("main", githubtest.Files{"a": "1"}, "x")
	w.expectRuns("push own.yml", "push private.yml", "push tag.yml")
	for _, p := range w.planned() {
		switch strings.TrimPrefix(p.Run.Workflow, folder) {
		case "private.yml": // a public repository must not show what is private
			if p.Plan != nil {
				t.Error("a private workflow was shown to a public repository")
			}
		case "tag.yml":
			if p.Plan == nil {
				t.Fatal(p.Problems)
			}
			x := p.Plan.Graph.Jobs[0].Call.Graph
			if y := x.Jobs[0].Call.Graph.Source; x.Source.SHA != shared.Head("refs/heads/main") || y.Repository != "octo/shared" || y.SHA != x.Source.SHA {
				t.Errorf("%+v calls %+v", x.Source, y)
			}
		default:
			if p.Plan == nil {
				t.Error(p.Problems)
			}
		}
	}
}
