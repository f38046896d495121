package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/services/mirror"
)

// world is a GitHub and the mirrors of an App that is installed there.
type world struct {
	t      *testing.T
	github *githubtest.GitHub
	app    *auth.App
	front  *front
	mirror *mirror.Mirror
	folder string
	asked  atomic.Int64 // tokens
}

func newWorld(t *testing.T, change ...func(*mirror.Options)) *world {
	t.Helper()
	w := &world{t: t, github: githubtest.New(t), folder: filepath.Join(t.TempDir(), "mirrors")}
	w.front = newFront(t, w.github.URL())
	known := w.github.App()
	var err error
	if w.app, err = auth.New(auth.Options{AppID: known.ID, PrivateKey: known.PrivateKey, Address: w.github.URL(), MaxWait: time.Second}); err != nil {
		t.Fatal(err)
	}
	w.mirror = w.open(change...)
	return w
}

func (w *world) open(change ...func(*mirror.Options)) *mirror.Mirror {
	w.t.Helper()
	o := mirror.Options{Folder: w.folder, Endpoints: auth.Endpoints{Web: w.front.URL + "/"}, Token: w.token, Again: []time.Duration{time.Millisecond, time.Millisecond}}
	for _, f := range change {
		f(&o)
	}
	m, err := mirror.New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(m.Close)
	return m
}

func (w *world) token(ctx context.Context, r mirror.Repository) (string, error) {
	w.asked.Add(1)
	token, err := w.app.JobToken(ctx, auth.JobTokenRequest{Installation: r.Installation, Repository: int64(r.ID), Permissions: map[string]string{"contents": "read"}})
	return token.Value, err
}

func (w *world) of(r *githubtest.Repository) mirror.Repository {
	return mirror.Repository{ID: storeID(r.ID), Installation: w.github.Installation(r.Owner()).ID, FullName: r.FullName}
}

func (w *world) fetch(r *githubtest.Repository, wants ...string) {
	w.t.Helper()
	if _, err := w.mirror.Fetch(w.t.Context(), w.of(r), wants...); err != nil {
		w.t.Fatal(err)
	}
}

// TestFetch: what is new is brought with its history and all tags; what is there
// asks nobody.
func TestFetch(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{"a": "1"})
	r.SetPrivate(true)
	first := r.Head("refs/heads/main")
	second := r.Push("main", githubtest.Files{"a": "2"}, "two")
	r.Tag("v1.0.0", first)

	got, err := w.mirror.Fetch(t.Context(), w.of(r), second)
	if err != nil {
		t.Fatal(err)
	}
	if tag, commits, err := got.LastTag(t.Context(), second, "v*"); tag != "v1.0.0" || commits != 1 || err != nil {
		t.Errorf("last tag %q, %d commits since, %v", tag, commits, err)
	}
	if change, err := got.Push(t.Context(), first, second); err != nil || len(change.Files) != 1 || change.Files[0] != "a" {
		t.Errorf("changed %+v, %v", change, err)
	}
	commit := got.Commit(second)
	defer commit.Close()
	if content, err := commit.Read(t.Context(), "a"); string(content) != "2" || err != nil {
		t.Errorf("read %q, %v", content, err)
	}

	before := w.front.requests.Load()
	w.fetch(r, second, first)
	if n := w.front.requests.Load() - before; n != 0 || w.asked.Load() != 1 {
		t.Errorf("what was there took %d requests and %d tokens", n, w.asked.Load()-1)
	}
	w.fetch(r, first, "refs/tags/v1.0.0")
	if n := w.front.requests.Load() - before; n != 0 {
		t.Errorf("a tag that was there took %d requests", n)
	}

	third := r.Push("main", githubtest.Files{"b": strings.Repeat("new\n", 10)}, "three")
	sent := w.front.sent.Load()
	w.fetch(r, third)
	if n := w.front.sent.Load() - sent; n > 4000 {
		t.Errorf("one more commit took %d bytes", n)
	}
}

// TestTags: a tag of a commit that is there already, one that was moved, one that
// was deleted.
func TestTags(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{"a": "1"})
	first := r.Head("refs/heads/main")
	second := r.Push("main", githubtest.Files{"a": "2"}, "two")
	w.fetch(r, second)
	tags := func(sha string, wants ...string) string {
		t.Helper()
		got, err := w.mirror.Fetch(t.Context(), w.of(r), append(wants, sha)...)
		if err != nil {
			t.Fatal(err)
		}
		all, err := got.Tags(t.Context(), sha)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(all, " ")
	}
	r.Tag("v1", first)
	if got := tags(first, "refs/tags/v1"); got != "v1" {
		t.Errorf("tags %q", got)
	}
	if err := r.PushRefs("", "+"+second+":refs/tags/v1", second+":refs/tags/v2"); err != nil {
		t.Fatal(err)
	}
	if got := tags(second, "refs/tags/v1"); got != "v1 v2" {
		t.Errorf("tags after one was moved: %q", got)
	}
	if err := r.PushRefs("", ":refs/tags/v1"); err != nil {
		t.Fatal(err)
	}
	w.fetch(r, r.Push("main", githubtest.Files{"a": "3"}, "three"))
	if got := tags(second); got != "v2" {
		t.Errorf("tags after one was deleted: %q", got)
	}
}

// TestHidden: merge commits of pull requests are on no branch, and neither is what
// was replaced by force.
func TestHidden(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{"a": "1"})
	first := r.Head("refs/heads/main")
	fork := r.Fork("mallory")
	fork.Push("topic", githubtest.Files{"b": "of a fork"}, "topic")
	pull := r.PullRequest(githubtest.Pull{Head: "mallory:topic"})
	merge := r.Head(fmt.Sprintf("refs/pull/%d/merge", pull.Number))
	if merge == "" {
		t.Fatal("no merge commit")
	}
	got, err := w.mirror.Fetch(t.Context(), w.of(r), merge)
	if err != nil {
		t.Fatal(err)
	}
	if change, err := got.PullRequest(t.Context(), first, merge); err != nil || change.Base != first || len(change.Files) != 1 {
		t.Errorf("%+v, %v", change, err)
	}
	lost := r.Push("main", githubtest.Files{"a": "2"}, "two")
	r.ForcePush("main", first)
	w.fetch(r, lost)
}

// TestRefusals: what does not pass is told from what does.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{"a": "1"})
	r.SetPrivate(true)
	here, head := w.of(r), r.Head("refs/heads/main")
	w.fetch(r, head)
	gone := strings.Repeat("ab", 20)
	named := func(name string) mirror.Repository { n := here; n.FullName = name; return n }
	refused := w.open(func(o *mirror.Options) {
		o.Folder += "-refused"
		o.Token = func(context.Context, mirror.Repository) (string, error) { return "ghs_secretrefused", nil }
	})
	nobody := w.open(func(o *mirror.Options) { o.Folder += "-nobody"; o.Token = nil })
	for _, tt := range []struct {
		name  string
		m     *mirror.Mirror
		r     mirror.Repository
		wants []string
		kind  repository.Kind
	}{
		{"a commit that is gone", w.mirror, here, []string{gone}, repository.NoCommit},
		{"one of two", w.mirror, here, []string{head, gone}, repository.NoCommit},
		{"a refused token", refused, here, []string{head}, repository.NoAccess},
		{"no token", nobody, here, []string{head}, repository.NoAccess},
		{"an option for a name", w.mirror, named("--upload-pack=touch/x"), []string{gone}, repository.Malformed},
		{"a way out", w.mirror, named("octo/.."), []string{gone}, repository.Malformed},
		{"another host", w.mirror, named("@evil.example/x"), []string{gone}, repository.Malformed},
		{"a query", w.mirror, named("octo/x?y=/z"), []string{gone}, repository.Malformed},
		{"no name", w.mirror, named(""), []string{gone}, repository.Malformed},
		{"an option for a commit", w.mirror, here, []string{"--all"}, repository.Malformed},
		{"a branch", w.mirror, here, []string{"main"}, repository.Malformed},
		{"a refspec", w.mirror, here, []string{gone + ":refs/heads/x"}, repository.Malformed},
		{"an abbreviation", w.mirror, here, []string{"abcdef0"}, repository.Malformed},
		{"nothing", w.mirror, here, nil, repository.Malformed},
		{"a tag alone", w.mirror, here, []string{"refs/tags/v1"}, repository.Malformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.m.Fetch(t.Context(), tt.r, tt.wants...)
			if kind := repository.KindOf(err); kind != tt.kind {
				t.Errorf("kind %q of %v, want %q", kind, err, tt.kind)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("a secret in %q", err)
			}
		})
	}
	for _, tag := range []string{"refs/tags/../../x", "refs/tags/a b", "refs/tags/-x", "refs/tags/x^{tree}", "refs/tags/\nq", "refs/tags/${{ 1 }}`'\"", "refs/tags/none"} {
		w.fetch(r, head, tag) // no error: GitHub has no such tag
	}

	w.github.Faults(githubtest.Faults{Errors: 1})
	next := w.open(func(o *mirror.Options) {
		o.Folder += "-next"
		o.Token = func(context.Context, mirror.Repository) (string, error) { return w.github.UserToken("octo"), nil }
	})
	if _, err := next.Fetch(t.Context(), here, head); err == nil || repository.KindOf(err) != "" {
		t.Errorf("an error of GitHub's: kind %q of %v", repository.KindOf(err), err)
	}
	w.github.Faults(githubtest.Faults{})
	if _, err := next.Fetch(t.Context(), here, head); err != nil {
		t.Error(err)
	}
	deleted := w.github.Repository("octo/deleted", githubtest.Files{"a": "1"})
	at := w.of(deleted)
	deleted.Delete()
	if _, err := next.Fetch(t.Context(), at, gone); repository.KindOf(err) != repository.Gone {
		t.Errorf("a deleted repository: %v", err)
	}
}

// TestRefusedForAMoment: what GitHub refuses to a token that is seconds old, or when it
// was asked too often, is asked for again with another token, but not for ever.
func TestRefusedForAMoment(t *testing.T) {
	for name, status := range map[string]int{"no such token yet": 401, "too often": 403, "not found yet": 404} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := w.github.Repository("octo/demo", githubtest.Files{"a": "1"})
			w.front.refuse(2, status)
			w.fetch(r, r.Head("refs/heads/main"))
			if n := w.asked.Load(); n != 3 {
				t.Errorf("%d tokens", n)
			}
			w.front.refuse(3, status)
			_, err := w.mirror.Fetch(t.Context(), w.of(r), r.Push("main", githubtest.Files{"a": "2"}, "two"))
			if kind := repository.KindOf(err); kind != repository.NoAccess && kind != repository.Gone || w.asked.Load() != 6 {
				t.Errorf("%d tokens, %v", w.asked.Load(), err)
			}
		})
	}
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{"a": "1"})
	if _, err := w.mirror.Fetch(t.Context(), w.of(r), strings.Repeat("ab", 20)); repository.KindOf(err) != repository.NoCommit || w.asked.Load() != 1 {
		t.Errorf("%d tokens for a commit that is gone, %v", w.asked.Load(), err)
	}
}

// TestTogether: many that want the same wait for one fetch, and others do not wait
// for them.
func TestTogether(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{"a": "1"})
	other := w.github.Repository("octo/other", githubtest.Files{"a": "1"})
	var shas []string
	for i := range 5 {
		shas = append(shas, r.Push("main", githubtest.Files{"a": fmt.Sprint(i)}, "x"))
	}
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			at, sha := w.of(r), shas[i%5]
			if i%8 == 0 {
				at, sha = w.of(other), other.Head("refs/heads/main")
			}
			got, err := w.mirror.Fetch(t.Context(), at, sha)
			if err == nil {
				_, err = got.Commit(sha).Files(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := w.asked.Load(); n > 6 {
		t.Errorf("%d fetches for 6 commits", n)
	}
}

// TestSlow: a fetch outlives the one who asked, and is found done.
func TestSlow(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{"a": noise(1 << 20)})
	head := r.Head("refs/heads/main")
	w.front.stall(10_000)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-w.front.stalled; cancel() }()
	if _, err := w.mirror.Fetch(ctx, w.of(r), head); !errors.Is(err, context.Canceled) || repository.KindOf(err) != "" {
		t.Fatal(err)
	}
	w.front.release()
	w.fetch(r, head)
	if n := w.asked.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

// TestLimits: what is too large or takes too long is stopped and leaves nothing.
func TestLimits(t *testing.T) {
	w := newWorld(t, func(o *mirror.Options) { o.Limits.Size = 1 << 20 })
	r := w.github.Repository("octo/demo", githubtest.Files{"a": noise(8 << 20)})
	head := r.Head("refs/heads/main")
	w.front.stall(4 << 20)
	for range 2 {
		if _, err := w.mirror.Fetch(t.Context(), w.of(r), head); repository.KindOf(err) != repository.TooLarge {
			t.Error(err)
		}
	}
	if n := w.asked.Load(); n != 1 {
		t.Errorf("it was tried %d times", n)
	}
	if entries, _ := filepath.Glob(filepath.Join(w.folder, "*.git")); len(entries) != 0 {
		t.Errorf("left %v", entries)
	}
	w.front.release()

	slow := w.open(func(o *mirror.Options) { o.Limits.Time = 300 * time.Millisecond; o.Folder += "-slow" })
	w.front.stall(1000)
	began := time.Now()
	if _, err := slow.Fetch(t.Context(), w.of(r), head); err == nil || !strings.Contains(err.Error(), "took longer than") || time.Since(began) > time.Minute {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	w.front.release()
	patient := w.open(func(o *mirror.Options) { o.Folder += "-slow" })
	if _, err := patient.Fetch(t.Context(), w.of(r), head); err != nil {
		t.Error(err)
	}
}

// TestUnused: mirrors that nobody needs go, others stay.
func TestUnused(t *testing.T) {
	w := newWorld(t)
	old := w.github.Repository("octo/old", githubtest.Files{"a": "1"})
	r := w.github.Repository("octo/demo", githubtest.Files{"a": "1"})
	w.fetch(old, old.Head("refs/heads/main"))
	w.fetch(r, r.Head("refs/heads/main"))
	later := w.open(func(o *mirror.Options) { o.Now = func() time.Time { return time.Now().Add(31 * 24 * time.Hour) } })
	next := r.Push("main", githubtest.Files{"a": "2"}, "x")
	if _, err := later.Fetch(t.Context(), w.of(r), next); err != nil {
		t.Fatal(err)
	}
	if entries, _ := filepath.Glob(filepath.Join(w.folder, "*.git")); len(entries) != 1 || !strings.Contains(entries[0], fmt.Sprint(r.ID)) {
		t.Errorf("there are %v", entries)
	}
	if _, err := later.Fetch(t.Context(), w.of(old), old.Head("refs/heads/main")); err != nil {
		t.Error(err)
	}
}

// TestTidy: many fetches leave few packs.
func TestTidy(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{"a": "1"})
	first := r.Head("refs/heads/main")
	for i := range 45 {
		w.fetch(r, r.Commit("main", githubtest.Files{"a": fmt.Sprint(i)}, "x"))
	}
	packs, _ := filepath.Glob(filepath.Join(w.folder, "*.git", "objects", "pack", "*.pack"))
	if len(packs) > 10 {
		t.Errorf("%d packs", len(packs))
	}
	before := w.front.requests.Load()
	w.fetch(r, first)
	if w.front.requests.Load() != before {
		t.Error("an old commit was lost")
	}
}

// TestNothingRuns: hooks and settings that lie about are not run, and the token is
// in no file.
func TestNothingRuns(t *testing.T) {
	w := newWorld(t)
	home, proof := t.TempDir(), filepath.Join(t.TempDir(), "proof")
	evil := "#!/bin/sh\ntouch " + proof + "\n"
	if err := os.WriteFile(filepath.Join(home, "evil"), []byte(evil), 0o755); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("[core]\n\thooksPath = %[1]s\n\tfsmonitor = %[1]s/evil\n[credential]\n\thelper = !%[1]s/evil\n[filter \"lfs\"]\n\tsmudge = %[1]s/evil\n\trequired = true\n[url \"ssh://evil.example/\"]\n\tinsteadOf = http://\n", home)
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, hook := range []string{"reference-transaction", "post-update", "pre-auto-gc"} {
		if err := os.Symlink("evil", filepath.Join(home, hook)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	t.Setenv("GIT_SSH_COMMAND", filepath.Join(home, "evil"))
	t.Setenv("GIT_DIR", home)
	token := ""
	w.mirror = w.open(func(o *mirror.Options) {
		o.Token = func(ctx context.Context, r mirror.Repository) (string, error) {
			var err error
			token, err = w.token(ctx, r)
			return token, err
		}
	})
	r := w.github.Repository("octo/demo", githubtest.Files{"a": "1", ".gitattributes": "* filter=lfs\n", ".gitmodules": "[submodule \"x\"]\n\tpath = x\n\turl = --upload-pack=" + home + "/evil\n"})
	r.SetPrivate(true)
	head := r.Head("refs/heads/main")
	w.fetch(r, head)
	exported := t.TempDir()
	if err := tree.Open(filepath.Join(w.folder, fmt.Sprint(r.ID)+".git")).Export(t.Context(), head, exported); err != nil {
		t.Error(err)
	}
	if data, err := os.ReadFile(filepath.Join(exported, "a")); string(data) != "1" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := os.Stat(proof); err == nil {
		t.Error("something was run")
	}
	err := filepath.Walk(w.folder, func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), token) || strings.Contains(string(data), "Authorization") {
			t.Errorf("the token is in %s", path)
		}
		return err
	})
	if err != nil || token == "" {
		t.Error(token, err)
	}
	if info, err := os.Stat(w.folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), err)
	}
}
