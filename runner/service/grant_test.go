package service

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/service/token"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func pull(headRepo expr.Value) expr.Value {
	return object("repository", object("default_branch", "main"), "pull_request", object("head", object("repo", headRepo)))
}

func TestGrantFollowsTheEvent(t *testing.T) {
	own, fork, gone := object("full_name", "octo/demo"), object("full_name", "mallory/demo"), expr.Value{}
	merge := map[string]string{"event_name": "pull_request", "ref": "refs/pull/7/merge", "base_ref": "release"}
	target := map[string]string{"event_name": "pull_request_target", "ref": "refs/heads/release", "base_ref": "release"}
	for _, test := range []struct {
		name  string
		gh    expr.Value
		ref   string
		reads []string
		write bool
		id    bool
	}{
		{"push", github(nil, withDefault), "refs/heads/feature", []string{"refs/heads/main"}, true, true},
		{"push to the default branch", github(map[string]string{"ref": "refs/heads/main"}, withDefault), "refs/heads/main", nil, true, true},
		{"tag", github(map[string]string{"ref": "refs/tags/v1"}, withDefault), "refs/tags/v1", []string{"refs/heads/main"}, true, true},
		{"no default branch known", github(nil, object()), "refs/heads/feature", nil, true, true},
		{"pull request", github(merge, pull(own)), "refs/pull/7/merge", []string{"refs/heads/release", "refs/heads/main"}, true, true},
		{"pull request of a fork", github(merge, pull(fork)), "refs/pull/7/merge", []string{"refs/heads/release", "refs/heads/main"}, true, false},
		{"pull request of a fork that is gone", github(merge, pull(gone)), "refs/pull/7/merge", []string{"refs/heads/release", "refs/heads/main"}, true, false},
		{"pull request with a branch as its ref", github(map[string]string{"event_name": "pull_request", "ref": "refs/heads/main"}, pull(own)), "refs/heads/main", nil, false, true},
		{"target, own", github(target, pull(own)), "refs/heads/release", []string{"refs/heads/main"}, true, true},
		{"target, fork", github(target, pull(fork)), "refs/heads/release", []string{"refs/heads/main"}, false, false},
		{
			"workflow_run of a fork",
			github(map[string]string{"event_name": "workflow_run", "ref": "refs/heads/main"}, object("workflow_run", object("head_repository", fork))),
			"refs/heads/main", nil, false, false,
		},
		{
			"merge queue",
			github(
				map[string]string{"event_name": "merge_group", "ref": "refs/heads/gh-readonly-queue/main/pr-7"},
				object("merge_group", object("base_ref", "refs/heads/release"), "repository", object("default_branch", "main")),
			),
			"refs/heads/gh-readonly-queue/main/pr-7", []string{"refs/heads/release", "refs/heads/main"}, true, true,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, err := grantOf(message(test.gh, mayIDToken), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if g.Ref != test.ref || !g.CacheRead || g.CacheWrite != test.write || g.IDToken != test.id {
				t.Errorf("grant = ref %s, read %v, write %v, id token %v; want %s, true, %v, %v", g.Ref, g.CacheRead, g.CacheWrite, g.IDToken, test.ref, test.write, test.id)
			}
			if diff := cmp.Diff(test.reads, g.ReadRefs); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCacheMode(t *testing.T) {
	for _, test := range []struct {
		mode        *workflow.Node
		read, write bool
		word        string
	}{
		{nil, true, true, ""},
		{text("write"), true, true, ""},
		{text("read"), true, false, "read"},
		{text(" Write-Only "), false, true, "write-only"},
		{text("none"), false, false, "none"},
		{text("whatever"), true, true, ""},
	} {
		g, err := grantOf(message(github(nil, withDefault), func(j *plan.Job) { j.CacheMode = test.mode }), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if word := modeWord(g.CacheRead, g.CacheWrite); g.CacheRead != test.read || g.CacheWrite != test.write || word != test.word {
			t.Errorf("%v: read %v, write %v, %q; want %v, %v, %q", test.mode, g.CacheRead, g.CacheWrite, word, test.read, test.write, test.word)
		}
	}
}

func TestTokenLivesAsLongAsItsJob(t *testing.T) {
	number := func(n float64) *workflow.Node { return &workflow.Node{Kind: workflow.Number, Number: n} }
	for _, test := range []struct {
		timeout, grace *workflow.Node
		want           time.Duration
	}{
		{nil, nil, 365*time.Minute + margin},
		{number(10), nil, 15*time.Minute + margin},
		{number(0.5), number(1), 90*time.Second + margin},
		{number(-1), nil, 365*time.Minute + margin},
		{number(1e300), nil, longest*time.Minute + 5*time.Minute + margin},
	} {
		now := time.Now()
		g, err := grantOf(message(github(nil, withDefault), func(j *plan.Job) { j.TimeoutMinutes, j.CancelTimeout = test.timeout, test.grace }), now)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.Expires.Sub(now); got != test.want {
			t.Errorf("%v, %v: lives %s, want %s", test.timeout, test.grace, got, test.want)
		}
	}
}

func TestGrantNamesTheRun(t *testing.T) {
	g, err := grantOf(message(github(map[string]string{"run_attempt": "3"}, withDefault)), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	g.Expires = time.Time{}
	want := token.Grant{
		Run: "4711", Attempt: 3, Job: "build", Repository: "Octo/Demo", RepositoryID: "11", OwnerID: "22",
		Ref: "refs/heads/feature", ReadRefs: []string{"refs/heads/main"}, CacheRead: true, CacheWrite: true,
	}
	if diff := cmp.Diff(want, g); diff != "" {
		t.Error(diff)
	}
	if g, _ = grantOf(message(github(map[string]string{"run_id": "", "run_attempt": "x"}, withDefault)), time.Now()); g.Run != "r1" || g.Attempt != 1 {
		t.Errorf("without a run_id: run %q, attempt %d", g.Run, g.Attempt)
	}
}

func TestIDTokenNeedsItsPermission(t *testing.T) {
	for _, test := range []struct {
		name        string
		permissions *workflow.Permissions
		want        bool
	}{
		{"none given", nil, false},
		{"empty", &workflow.Permissions{}, false},
		{"write", &workflow.Permissions{Scopes: map[string]string{"id-token": "write"}}, true},
		{"read", &workflow.Permissions{Scopes: map[string]string{"id-token": "read"}}, false},
		{"others", &workflow.Permissions{Scopes: map[string]string{"contents": "write"}}, false},
		{"write-all", &workflow.Permissions{All: "write-all"}, true},
		{"read-all", &workflow.Permissions{All: "read-all"}, false},
	} {
		g, err := grantOf(message(github(nil, withDefault), func(j *plan.Job) { j.Permissions = test.permissions }), time.Now())
		if err != nil || g.IDToken != test.want || (g.Claims != nil) != test.want {
			t.Errorf("%s: id token %v, claims %v (%v), want %v", test.name, g.IDToken, g.Claims, err, test.want)
		}
	}
}

func TestClaims(t *testing.T) {
	with := func(n *workflow.Node) func(*plan.Job) { return func(j *plan.Job) { mayIDToken(j); j.Environment = n } }
	for _, test := range []struct {
		name string
		job  *runner.Job
		want map[string]any
	}{
		{"branch", message(github(nil, withDefault), mayIDToken), map[string]any{
			"sub": "repo:Octo/Demo:ref:refs/heads/feature", "ref": "refs/heads/feature", "run_attempt": "1", "ref_protected": "false",
			"job_workflow_ref": "Octo/Demo/.github/workflows/ci.yml@refs/heads/feature", "job_workflow_sha": "def",
			"runner_environment": "self-hosted", "environment": nil,
		}},
		{"environment", message(github(nil, withDefault), with(text("prod"))), map[string]any{
			"sub": "repo:Octo/Demo:environment:prod", "environment": "prod",
		}},
		{"environment of an expression", message(github(nil, withDefault), with(text("${{ github.sha }}-env"))), map[string]any{
			"sub": "repo:Octo/Demo:environment:abc-env", "environment": "abc-env",
		}},
		{"pull request", message(github(map[string]string{"event_name": "pull_request", "ref": "refs/pull/7/merge"}, withDefault), mayIDToken), map[string]any{
			"sub": "repo:Octo/Demo:pull_request",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, err := grantOf(test.job, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range test.want {
				if g.Claims[name] != want {
					t.Errorf("%s = %v, want %v", name, g.Claims[name], want)
				}
			}
		})
	}

	called := message(github(nil, withDefault), mayIDToken)
	called.Leg.Source = plan.Source{Repository: "octo/shared", Ref: "v1", SHA: "123", Path: ".github/workflows/deploy.yml"}
	g, err := grantOf(called, time.Now())
	if err != nil || g.Claims["job_workflow_ref"] != "octo/shared/.github/workflows/deploy.yml@v1" || g.Claims["job_workflow_sha"] != "123" {
		t.Errorf("called workflow: %v %v (%v)", g.Claims["job_workflow_ref"], g.Claims["job_workflow_sha"], err)
	}
	if _, err := grantOf(message(github(nil, withDefault), with(text("${{ fromJSON('[]') }}"))), time.Now()); err == nil || !strings.Contains(err.Error(), "environment") {
		t.Errorf("an environment that is no name: %v", err)
	}
}
