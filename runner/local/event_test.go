package local

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/workflow/expr"
)

func build(t *testing.T, r *Repo, name string, o EventOptions) *Event {
	t.Helper()
	o.Now = time.Date(2026, 11, 20, 1, 2, 3, 0, time.UTC)
	e, err := BuildEvent(t.Context(), r, name, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// at is the JSON of a field: at(v, "commits.0.id").
func at(t *testing.T, v expr.Value, path string) string {
	t.Helper()
	for key := range strings.SplitSeq(path, ".") {
		if v.Kind() == expr.KindArray {
			if i := int(expr.String(key).Num()); i < v.Len() {
				v = v.Items()[i]
				continue
			}
			t.Fatalf("%s: no item %s", path, key)
		}
		next, ok := v.Lookup(key)
		if !ok {
			t.Fatalf("%s: no key %q in %s", path, key, v.JSON(false))
		}
		v = next
	}
	return v.JSON(false)
}

func expectFields(t *testing.T, v expr.Value, want map[string]string) {
	t.Helper()
	for path, text := range want {
		if got := at(t, v, path); got != text {
			t.Errorf("%s is %s, want %s", path, got, text)
		}
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func list(items ...string) string {
	b, _ := json.Marshal(items)
	return string(b)
}

func TestPush(t *testing.T) {
	f := newFixture(t)
	first := f.commit("a", "1", "one")
	f.git("remote", "add", "origin", "https://github.com/octo/hello.git")
	f.git("update-ref", "refs/remotes/origin/main", first)
	f.git("mv", "a", "b")
	f.git("config", "user.email", "7+mona@users.noreply.github.com")
	second := f.commit("c", "1", "two\n\nwith a body")
	third := f.commit("c", "2", "three")

	t.Run("ahead of the remote", func(t *testing.T) {
		r := f.open()
		e := build(t, r, "push", EventOptions{})
		expectFields(t, e.Payload, map[string]string{
			"ref": `"refs/heads/main"`, "before": quote(first), "after": quote(third),
			"created": "false", "deleted": "false", "forced": "false", "base_ref": "null",
			"compare":        quote("https://github.com/octo/hello/compare/" + first[:12] + "..." + third[:12]),
			"commits.0.id":   quote(second),
			"commits.1.id":   quote(third),
			"head_commit.id": quote(third), "commits.0.tree_id": quote(f.git("rev-parse", second+"^{tree}")),
			"commits.0.message": `"two\n\nwith a body"`, "commits.0.timestamp": `"2026-01-02T03:04:05+01:00"`,
			"commits.0.url":             quote("https://github.com/octo/hello/commit/" + second),
			"commits.0.author.name":     `"Mona Lisa"`,
			"commits.0.author.username": `"mona"`,
			"commits.0.distinct":        "true",
			"commits.0.added":           list("b", "c"), "commits.0.removed": list("a"), "commits.0.modified": "[]",
			"commits.1.modified": list("c"),
			"pusher.name":        `"mona"`, "sender.login": `"mona"`, "sender.type": `"User"`,
			"repository.full_name": `"octo/hello"`, "repository.default_branch": `"main"`,
			"repository.owner.login": `"octo"`, "repository.owner.name": `"octo"`, "repository.private": "true",
			"repository.clone_url": `"https://github.com/octo/hello.git"`,
		})
		if e.Ref != "refs/heads/main" || e.SHA != third || e.Actor != "mona" || e.Repository != "octo/hello" {
			t.Errorf("got %+v", e)
		}
		files, err := e.ChangedFiles(t.Context(), r)
		if err != nil || !slices.Equal(files, []string{"a", "b", "c"}) {
			t.Errorf("changed %q %v", files, err)
		}
	})
	t.Run("remote has all", func(t *testing.T) {
		f.git("update-ref", "refs/remotes/origin/main", third)
		e := build(t, f.open(), "push", EventOptions{})
		expectFields(t, e.Payload, map[string]string{"before": quote(second), "commits.0.id": quote(third), "created": "false"})
	})
	t.Run("behind the remote", func(t *testing.T) {
		f.git("reset", "-q", "--hard", second)
		e := build(t, f.open(), "push", EventOptions{})
		expectFields(t, e.Payload, map[string]string{"before": quote(first), "commits.0.id": quote(second), "forced": "false"})
	})
	t.Run("forced", func(t *testing.T) {
		mine := f.commit("d", "1", "other")
		e := build(t, f.open(), "push", EventOptions{})
		expectFields(t, e.Payload, map[string]string{"before": quote(third), "after": quote(mine), "forced": "true"})
		f.git("reset", "-q", "--hard", third)
	})
	t.Run("new branch", func(t *testing.T) {
		f.git("checkout", "-q", "-b", "topic")
		mine := f.commit("t", "1", "topic")
		r := f.open()
		e := build(t, r, "push", EventOptions{})
		expectFields(t, e.Payload, map[string]string{
			"before": quote(NoSHA), "created": "true", "ref": `"refs/heads/topic"`, "commits.0.id": quote(mine),
			"compare": `"https://github.com/octo/hello/compare/topic"`,
		})
		if files, err := e.ChangedFiles(t.Context(), r); err != nil || !slices.Equal(files, []string{"t"}) {
			t.Errorf("changed %q %v", files, err)
		}
	})
	t.Run("tag", func(t *testing.T) {
		f.git("tag", "-m", "release", "v1.0")
		f.git("checkout", "-q", "--detach")
		e := build(t, f.open(), "push", EventOptions{})
		expectFields(t, e.Payload, map[string]string{
			"ref": `"refs/tags/v1.0"`, "before": quote(NoSHA), "created": "true", "commits": "[]",
			"base_ref": `"refs/heads/main"`, "head_commit.message": `"topic"`,
		})
		if e.Ref != "refs/tags/v1.0" {
			t.Errorf("ref %q", e.Ref)
		}
	})
	t.Run("called", func(t *testing.T) {
		if e := build(t, f.open(), "workflow_call", EventOptions{}); e.Name != "push" {
			t.Errorf("name %q", e.Name)
		}
	})
}

func TestPushMerge(t *testing.T) {
	f := newFixture(t)
	first := f.commit("a", "1", "one")
	f.git("checkout", "-q", "-b", "topic")
	f.commit("b", "1", "two")
	f.git("checkout", "-q", "main")
	f.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
	e := build(t, f.open(), "push", EventOptions{})
	expectFields(t, e.Payload, map[string]string{"before": quote(first), "head_commit.message": `"merge"`, "head_commit.added": list("b")})
}

func TestPushBeginnings(t *testing.T) {
	f := newFixture(t)
	e := build(t, f.open(), "push", EventOptions{})
	expectFields(t, e.Payload, map[string]string{"after": quote(NoSHA), "commits": "[]", "head_commit": "null", "repository.full_name": `"local/hello-world"`})
	if e.Actor != "mona-lisa" {
		t.Errorf("actor %q", e.Actor)
	}
	f.commit("a", "1", "one")
	e = build(t, f.open(), "push", EventOptions{})
	expectFields(t, e.Payload, map[string]string{"before": quote(NoSHA), "created": "true", "commits.0.added": list("a")})
}

func TestPullRequest(t *testing.T) {
	f := newFixture(t)
	base := f.commit("a", "1\n", "one")
	f.git("remote", "add", "origin", "git@ghes.example.com:octo/hello.git")
	f.git("checkout", "-q", "-b", "topic")
	f.commit("b", "1\n2\n", "two")
	head := f.commit("a", "2\n", "Title\n\nBody text")
	r := f.open()
	e := build(t, r, "pull_request", EventOptions{Number: 7, Actor: "hubot"})
	expectFields(t, e.Payload, map[string]string{
		"action": `"opened"`, "number": "7", "pull_request.number": "7", "pull_request.title": `"Title"`, "pull_request.body": `"Body text"`,
		"pull_request.head.ref": `"topic"`, "pull_request.head.sha": quote(head), "pull_request.head.repo.full_name": `"octo/hello"`,
		"pull_request.base.ref": `"main"`, "pull_request.base.sha": quote(base), "pull_request.base.repo.default_branch": `"main"`,
		"pull_request.merge_commit_sha": quote(head), "pull_request.draft": "false", "pull_request.labels": "[]",
		"pull_request.user.login": `"hubot"`, "pull_request.commits": "2", "pull_request.changed_files": "2",
		"pull_request.additions": "3", "pull_request.deletions": "1", "sender.login": `"hubot"`,
		"pull_request.url": `"https://ghes.example.com/api/v3/repos/octo/hello/pulls/7"`,
	})
	if e.Ref != "refs/pull/7/merge" || e.SHA != head || e.HeadRef != "topic" || e.BaseRef != "main" || e.Actor != "hubot" {
		t.Errorf("got %+v", e)
	}
	if files, err := e.ChangedFiles(t.Context(), r); err != nil || !slices.Equal(files, []string{"a", "b"}) {
		t.Errorf("changed %q %v", files, err)
	}

	e = build(t, r, "pull_request", EventOptions{Action: "synchronize"})
	expectFields(t, e.Payload, map[string]string{"action": `"synchronize"`, "after": quote(head), "before": quote(f.git("rev-parse", "HEAD^"))})
	e = build(t, r, "pull_request_target", EventOptions{})
	if e.Ref != "refs/heads/main" || e.SHA != base || e.HeadRef != "topic" {
		t.Errorf("target: %+v", e)
	}
	e = build(t, r, "pull_request_review", EventOptions{})
	expectFields(t, e.Payload, map[string]string{"action": `"submitted"`, "review.state": `"approved"`, "pull_request.head.ref": `"topic"`})

	if _, err := BuildEvent(t.Context(), r, "pull_request", EventOptions{Base: "release"}); err == nil || !strings.Contains(err.Error(), `"release" is not known here: fetch it`) {
		t.Errorf("got %v", err)
	}
	f.git("checkout", "-q", "main")
	e = build(t, f.open(), "pull_request", EventOptions{})
	expectFields(t, e.Payload, map[string]string{"pull_request.base.sha": quote(NoSHA), "pull_request.head.sha": quote(base), "pull_request.commits": "1"})
}

func TestOtherEvents(t *testing.T) {
	f := newFixture(t)
	sha := f.commit("a", "1", "one")
	f.git("checkout", "-q", "-b", "topic")
	r := f.open()
	for _, tc := range []struct {
		name string
		o    EventOptions
		ref  string
		want map[string]string
	}{
		{"workflow_dispatch", EventOptions{Inputs: map[string]string{"b": "true", "a": "1"}, Workflow: "w.yml"}, "refs/heads/topic",
			map[string]string{"inputs": `{"a":"1","b":"true"}`, "ref": `"refs/heads/topic"`, "workflow": `"w.yml"`}},
		{"workflow_dispatch", EventOptions{Ref: "v1"}, "refs/heads/v1", map[string]string{"inputs": "null", "ref": `"refs/heads/v1"`}},
		{"schedule", EventOptions{Cron: "0 0 * * *"}, "refs/heads/main", map[string]string{"schedule": `"0 0 * * *"`}},
		{"issues", EventOptions{Action: "labeled"}, "refs/heads/main", map[string]string{"action": `"labeled"`, "repository.name": `"hello-world"`}},
		{"release", EventOptions{Ref: "refs/tags/v2"}, "refs/tags/v2", map[string]string{"action": `"published"`, "release.tag_name": `"v2"`}},
		{"create", EventOptions{Ref: "refs/tags/v2"}, "refs/tags/v2", map[string]string{"ref": `"v2"`, "ref_type": `"tag"`}},
		{"merge_group", EventOptions{}, "refs/heads/gh-readonly-queue/main/pr-1-" + sha, map[string]string{"action": `"checks_requested"`}},
		{"gollum", EventOptions{}, "refs/heads/main", map[string]string{"sender.login": `"mona-lisa"`}},
	} {
		e := build(t, r, tc.name, tc.o)
		expectFields(t, e.Payload, tc.want)
		if e.Ref != tc.ref || e.SHA != sha {
			t.Errorf("%s: ref %q sha %q, want %q", tc.name, e.Ref, e.SHA, tc.ref)
		}
	}
}

func TestEventFile(t *testing.T) {
	f := newFixture(t)
	sha := f.commit("a", "1", "one")
	r := f.open()
	other := strings.Repeat("ab", 20)
	for _, tc := range []struct {
		name, event, payload                          string
		ref, sha, headRef, baseRef, actor, repository string
	}{
		{"empty", "push", `{}`, "refs/heads/main", sha, "", "", "mona-lisa", "local/hello-world"},
		{"push", "push", `{"ref":"refs/tags/v1","after":"` + other + `","sender":{"login":"octocat"},"repository":{"full_name":"octo/x"}}`, "refs/tags/v1", other, "", "", "octocat", "octo/x"},
		{"deleted", "push", `{"ref":"dev","after":"` + NoSHA + `"}`, "refs/heads/dev", sha, "", "", "mona-lisa", "local/hello-world"},
		{"pull request", "pull_request", `{"pull_request":{"head":{"ref":"h"},"base":{"ref":"main"}}}`, "refs/pull/1/merge", sha, "h", "main", "mona-lisa", "local/hello-world"},
		{"numbered", "pull_request", `{"number":5,"pull_request":{"head":{"ref":"h","sha":"` + other + `"},"base":{"ref":"main"}}}`, "refs/pull/5/merge", other, "h", "main", "mona-lisa", "local/hello-world"},
		{"default branch", "issues", `{"repository":{"default_branch":"trunk"}}`, "refs/heads/trunk", sha, "", "", "mona-lisa", "local/hello-world"},
		{"hostile", "push", `{"after":"--output=x","before":"-x","repository":{"full_name":"a/b/c"},"ref":7}`, "refs/heads/7", sha, "", "", "mona-lisa", "a/b/c"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := build(t, r, tc.event, EventOptions{Payload: []byte(tc.payload), File: "event.json"})
			if tc.name == "hostile" {
				tc.repository = "local/hello-world"
			}
			got := []string{e.Ref, e.SHA, e.HeadRef, e.BaseRef, e.Actor, e.Repository}
			if want := []string{tc.ref, tc.sha, tc.headRef, tc.baseRef, tc.actor, tc.repository}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if at(t, e.Payload, "repository.default_branch") == `""` {
				t.Error("no default branch")
			}
		})
	}
	t.Run("kept", func(t *testing.T) {
		e := build(t, r, "push", EventOptions{Payload: []byte("\xef\xbb\xbf" + `{"z":1,"a":{"y":[1.5,null]},"repository":{"default_branch":"x","owner":{"login":"me"}}}`), File: "event.json"})
		if keys := e.Payload.Keys(); !slices.Equal(keys, []string{"z", "a", "repository"}) {
			t.Errorf("keys %q", keys)
		}
		expectFields(t, e.Payload, map[string]string{"a": `{"y":[1.5,null]}`, "repository.default_branch": `"x"`, "repository.owner.login": `"me"`, "repository.owner.type": `"User"`, "repository.name": `"hello-world"`})
	})
	for payload, want := range map[string]string{"[1]": "JSON object", "{": "event.json", "": "event.json"} {
		if _, err := BuildEvent(t.Context(), r, "push", EventOptions{Payload: []byte(payload), File: "event.json"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", payload, err)
		}
	}
}

func TestContexts(t *testing.T) {
	f := newFixture(t)
	sha := f.commit("a", "1", "one")
	f.git("remote", "add", "origin", "https://github.com/octo/hello")
	r := f.open()
	e := build(t, r, "push", EventOptions{Public: true})
	github := Contexts(r, e, RunOptions{Workflow: "CI", Path: ".github/workflows/ci.yml", Number: 3})["github"]
	expectFields(t, github, map[string]string{
		"ref": `"refs/heads/main"`, "ref_name": `"main"`, "ref_type": `"branch"`, "ref_protected": "false", "sha": quote(sha),
		"repository": `"octo/hello"`, "repository_owner": `"octo"`, "repositoryUrl": `"git://github.com/octo/hello.git"`,
		"run_number": `"3"`, "run_attempt": `"1"`, "retention_days": `"90"`, "repository_visibility": `"public"`,
		"actor": `"mona-lisa"`, "triggering_actor": `"mona-lisa"`, "workflow": `"CI"`, "head_ref": `""`, "base_ref": `""`,
		"event_name": `"push"`, "event.after": quote(sha), "server_url": `"https://github.com"`, "api_url": `"https://api.github.com"`,
		"graphql_url": `"https://api.github.com/graphql"`, "secret_source": `"Actions"`,
		"workflow_ref": `"octo/hello/.github/workflows/ci.yml@refs/heads/main"`, "workflow_sha": quote(sha),
		"repository_id":       quote(at(t, e.Payload, "repository.id")),
		"repository_owner_id": quote(at(t, e.Payload, "repository.owner.id")),
		"actor_id":            quote(at(t, e.Payload, "sender.id")),
	})
	run, _ := github.Lookup("run_id")
	if run.Kind() != expr.KindString || run.Num() < 1e9 || run.Num() > 1<<53 {
		t.Errorf("run_id %s", run.JSON(false))
	}
	again := Contexts(f.open(), build(t, f.open(), "push", EventOptions{Public: true}), RunOptions{ID: "42"})["github"]
	expectFields(t, again, map[string]string{"run_id": `"42"`, "repository_id": at(t, github, "repository_id")})
}

func TestLogin(t *testing.T) {
	for _, tc := range []struct{ name, email, want string }{
		{"Mona Lisa", "1+octocat@users.noreply.github.com", "octocat"},
		{"Mona Lisa", "m@example.com", "mona-lisa"},
		{"Conan O'Brien", "", "conan-obrien"},
		{"名前", "taro@example.com", "taro"},
		{"", "", unknownActor},
		{strings.Repeat("ab ", 30), "", strings.TrimRight(strings.Repeat("ab-", 30)[:39], "-")},
	} {
		if got := login(tc.name, tc.email); got != tc.want {
			t.Errorf("%q <%s>: %q, want %q", tc.name, tc.email, got, tc.want)
		}
	}
}

// TestPayloadKeys compares the shape of ours with payloads of GitHub: what
// they have at the top and in the objects that workflows read.
func TestPayloadKeys(t *testing.T) {
	shared := os.Getenv("DRYDOCK_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	f := newFixture(t)
	f.commit("a", "1", "one")
	f.git("remote", "add", "origin", "https://github.com/Codertocat/Hello-World")
	f.git("checkout", "-q", "-b", "changes")
	f.commit("b", "1", "two")
	r := f.open()
	for _, tc := range []struct {
		event, file string
		objects     []string // "" is the payload
		absent      []string
	}{
		{"push", "push/1.payload.json", []string{"", "repository", "repository.owner", "pusher", "sender"}, []string{"organization", "has_discussions", "allow_forking", "custom_properties"}},
		{"pull_request", "pull_request/opened.payload.json", []string{"", "pull_request", "pull_request.head", "pull_request.base.repo", "pull_request._links", "sender"}, []string{"installation", "custom_properties"}},
		{"workflow_dispatch", "workflow_dispatch/payload.json", []string{"", "repository"}, []string{"organization", "custom_properties"}},
	} {
		data, err := os.ReadFile(filepath.Join(shared, "suites", "webhook-payloads", tc.file))
		if os.IsNotExist(err) {
			t.Skip("the shared suites are not here: set DRYDOCK_SHARED")
		}
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := expr.DecodeJSON(data)
		if err != nil {
			t.Fatal(err)
		}
		ours := build(t, r, tc.event, EventOptions{Actor: "Codertocat"}).Payload
		for _, object := range tc.objects {
			path := strings.FieldsFunc(object, func(c rune) bool { return c == '.' })
			have := field(ours, path...)
			for _, key := range field(theirs, path...).Keys() {
				if _, ok := have.Lookup(key); !ok && !slices.Contains(tc.absent, key) {
					t.Errorf("%s: %s lacks %q", tc.event, object, key)
				}
			}
		}
	}
}

func BenchmarkOpenAndBuild(b *testing.B) {
	f := newFixture(b)
	f.commit("a", "1", "one")
	f.git("checkout", "-q", "-b", "topic")
	f.commit("b", "1", "two")
	for _, name := range []string{"push", "pull_request"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := BuildEvent(b.Context(), f.open(), name, EventOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
