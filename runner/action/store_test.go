package action

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestResolve(t *testing.T) {
	srv := newServer(t)
	first := srv.commit("acme/tool", map[string]string{"action.yml": nodeAction, "sub/action.yaml": nodeAction, "run.sh": "#!/bin/sh\n", "l": "link:sub/action.yaml", "crlf.txt": "a\r\nb\n",
		".gitattributes": "* text=auto eol=lf\nsecret export-ignore\n", "secret": "kept"})
	srv.git("acme/tool", "", "tag", "v1")
	srv.git("acme/tool", "", "tag", "-a", "-m", "x", "v1.0")
	second := srv.commit("acme/tool", map[string]string{"new": "x"})
	srv.git("acme/tool", "", "branch", "feature/x")
	srv.git("acme/tool", "", "branch", "both", first)
	srv.git("acme/tool", "", "tag", "both", second)
	f := srv.fetcher()
	store := NewStore(Options{Dir: t.TempDir(), ServerURL: srv.url(), Fetcher: f})
	for uses, want := range map[string]string{
		"acme/tool@v1": first, "acme/tool@v1.0": first, "acme/tool@main": second, "acme/tool@feature/x": second,
		"acme/tool@refs/heads/main": second, "acme/tool@heads/main": second,
		"acme/tool@both": second, "acme/tool/sub@v1": first,
	} {
		r := mustResolve(t, store, uses)
		if r.SHA != want || r.Local || len(r.Warnings) > 0 {
			t.Errorf("%s: %+v; want %s", uses, r, want)
		}
		if err := store.Verify(t.Context(), r); err != nil {
			t.Error(err)
		}
	}
	if r := mustResolve(t, store, "ACME/Tool@"+strings.ToUpper(first)); r.SHA != first { // names ignore case
		t.Errorf("%+v", r)
	}
	r := mustResolve(t, store, "acme/tool/sub@v1")
	if want := filepath.Join(store.o.Dir, "actions/acme/tool", first); r.Dir != want {
		t.Errorf("dir is %s, want %s", r.Dir, want)
	}
	if a, err := r.Load("sub"); err != nil || a.Runs.Main != "index.js" {
		t.Errorf("load: %+v, %v", a, err)
	}
	if got := content(t, r.Dir, "l"); got != nodeAction {
		t.Errorf("the link gives %q", got)
	}
	if got := content(t, r.Dir, "secret"); got != "kept" {
		t.Errorf("secret is %q", got)
	}
	if info, err := os.Stat(filepath.Join(r.Dir, "run.sh")); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("run.sh: %v, %v", info, err)
	}
	if n := f.fetched.Load(); n != 2 {
		t.Errorf("%d fetches of 2 commits", n)
	}
	if _, err := os.Stat(filepath.Join(r.Dir, ".git")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the snapshot holds .git")
	}
}

func TestResolveErrors(t *testing.T) {
	srv := newServer(t)
	srv.commit("acme/tool", map[string]string{"action.yml": nodeAction})
	for _, c := range []struct {
		ref  Ref
		kind ErrorKind
		want string
	}{
		{Ref{Kind: Repository, Repository: "acme/tool", Ref: "v9"}, KindNotFound, `no branch or tag "v9"`},
		{Ref{Kind: Repository, Repository: "acme/none", Ref: "v9"}, KindNotFound, "acme/none"},
		{Ref{Kind: Repository, Repository: "acme/tool", Ref: strings.Repeat("a", 40)}, KindNotFound, "check the ref"},
		{Ref{Kind: Local, Path: "x"}, KindInvalid, "only owner/repo@ref"},
		{Ref{Kind: Repository, Repository: "acme/tool", Ref: "--upload-pack=x"}, KindInvalid, `begins with "-"`},
		{Ref{Kind: Repository, Repository: "../../etc", Ref: "v1"}, KindInvalid, "is no name"},
		{Ref{Kind: Repository, Repository: "acme/tool/x", Ref: "v1"}, KindInvalid, "do not fit"},
		{Ref{Kind: Repository, Repository: "acme/tool", Path: "../x", Ref: "v1"}, KindInvalid, "do not fit"},
	} {
		dir := t.TempDir()
		store := NewStore(Options{Dir: dir, ServerURL: srv.url()})
		_, err := store.Resolve(t.Context(), c.ref)
		if !IsKind(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v; want %s with %q", c.ref, err, c.kind, c.want)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "actions", "*", "*", "*")); len(left) > 0 {
			t.Errorf("%+v left %v", c.ref, left)
		}
	}
}

func TestServerURL(t *testing.T) {
	for address, want := range map[string]string{
		"ext::sh -c 'touch x'": "no known scheme",
		"ftp://x":              "no known scheme",
		"https://a b/":         "cannot be read",
	} {
		store := NewStore(Options{Dir: t.TempDir(), ServerURL: address})
		_, err := store.Resolve(t.Context(), mustRef(t, "a/b@v1"))
		if !IsKind(err, KindInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if got := serverName("https://GHE.example.com:8443/x/"); got != "ghe.example.com_8443_x" {
		t.Errorf("serverName gives %q", got)
	}
}

func TestFreshAndMoved(t *testing.T) {
	srv := newServer(t)
	first := srv.commit("acme/tool", map[string]string{"action.yml": nodeAction})
	srv.git("acme/tool", "", "tag", "v1")
	dir, f := t.TempDir(), srv.fetcher()
	o := Options{Dir: dir, ServerURL: srv.url(), Fetcher: f}
	mustResolve(t, NewStore(o), "acme/tool@v1")
	mustResolve(t, NewStore(o), "acme/tool@main")

	second := srv.commit("acme/tool", map[string]string{"new": ""})
	srv.git("acme/tool", "", "tag", "-f", "v1")
	for _, uses := range []string{"acme/tool@v1", "acme/tool@main"} {
		if r := mustResolve(t, NewStore(o), uses); r.SHA != first || len(r.Warnings) > 0 {
			t.Errorf("fresh %s: %+v", uses, r)
		}
	}
	if n := f.asked.Load(); n != 2 {
		t.Errorf("asked %d times within the hour", n)
	}

	later := NewStore(o)
	later.now = func() time.Time { return time.Now().Add(fresh + time.Minute) }
	r := mustResolve(t, later, "acme/tool@v1")
	if r.SHA != second || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], first) || !strings.Contains(r.Warnings[0], second) {
		t.Errorf("moved tag: %+v", r)
	}
	if r := mustResolve(t, later, "acme/tool@v1"); r.SHA != second || len(r.Warnings) != 0 {
		t.Errorf("a second time: %+v", r)
	}

	o.Refresh = true
	refresh := NewStore(o)
	asked := f.asked.Load()
	for range 3 {
		if r := mustResolve(t, refresh, "acme/tool@main"); r.SHA != second || len(r.Warnings) != 0 {
			t.Errorf("refreshed branch: %+v", r)
		}
	}
	if n := f.asked.Load() - asked; n != 1 {
		t.Errorf("refresh asked %d times", n)
	}
}

func TestUnreachableUsesTheLastCommit(t *testing.T) {
	srv := newServer(t)
	sha := srv.commit("acme/tool", map[string]string{"action.yml": nodeAction})
	o := Options{Dir: t.TempDir(), ServerURL: srv.url()}
	mustResolve(t, NewStore(o), "acme/tool@main")
	o.Refresh, o.Fetcher = true, deadFetcher{}
	r := mustResolve(t, NewStore(o), "acme/tool@main")
	if r.SHA != sha || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "no route") {
		t.Errorf("%+v", r)
	}
	_, err := NewStore(o).Resolve(t.Context(), mustRef(t, "acme/other@main"))
	if !IsKind(err, KindUnreachable) {
		t.Error(err)
	}
}

type deadFetcher struct{}

func (deadFetcher) Commit(context.Context, string, string) (Commit, error) {
	return Commit{}, &problem{kind: KindUnreachable, err: errors.New("no route to host")}
}
func (deadFetcher) Fetch(context.Context, string, Commit, string) error {
	return &problem{kind: KindUnreachable, err: errors.New("no route to host")}
}

func TestConcurrent(t *testing.T) {
	srv := newServer(t)
	sha := srv.commit("acme/tool", map[string]string{"action.yml": nodeAction})
	srv.git("acme/tool", "", "tag", "v1")
	f, dir := srv.fetcher(), t.TempDir()
	var wg sync.WaitGroup
	for n := range 16 {
		// Every second one has a store of its own, as another process would.
		store := NewStore(Options{Dir: dir, ServerURL: srv.url(), Fetcher: f})
		for range 2 {
			wg.Go(func() {
				uses := []string{"acme/tool@v1", "acme/tool@main"}[n%2]
				r, err := store.Resolve(t.Context(), Ref{Kind: Repository, Repository: "acme/tool", Ref: strings.TrimPrefix(uses, "acme/tool@")})
				if err != nil || r.SHA != sha {
					t.Errorf("%+v, %v", r, err)
					return
				}
				if err := store.Verify(t.Context(), r); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if f.asked.Load() != 2 || f.fetched.Load() != 1 {
		t.Errorf("asked %d times for 2 refs, fetched %d times for 1 commit", f.asked.Load(), f.fetched.Load())
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "actions/acme/tool/.tmp-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCancel(t *testing.T) {
	srv := newServer(t)
	srv.commit("acme/tool", map[string]string{"action.yml": nodeAction})
	store := NewStore(Options{Dir: t.TempDir(), ServerURL: srv.url()})
	unlock, err := lockFile(t.Context(), store.place("acme/tool").lock)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	gone := errors.New("the user left")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Millisecond, gone)
	defer cancel()
	if _, err := store.Resolve(ctx, mustRef(t, "acme/tool@main")); !errors.Is(err, gone) {
		t.Error(err)
	}
}

func TestTamperedSnapshot(t *testing.T) {
	srv := newServer(t)
	sha := srv.commit("acme/tool", map[string]string{"action.yml": nodeAction, "a/b": "old", "l": "link:a/b"})
	f := srv.fetcher()
	o := Options{Dir: t.TempDir(), ServerURL: srv.url(), Fetcher: f}
	store := NewStore(o)
	r := mustResolve(t, store, "acme/tool@"+sha)
	file := filepath.Join(r.Dir, "a/b")
	for name, spoil := range map[string]func() error{
		"content": func() error { // later than before by more than a tick of the file system
			later := time.Now().Add(time.Minute)
			return errors.Join(os.WriteFile(file, []byte("new"), 0o644), os.Chtimes(file, later, later))
		},
		"longer":     func() error { return os.WriteFile(file, []byte("longer"), 0o644) },
		"removed":    func() error { return os.Remove(file) },
		"added":      func() error { return os.WriteFile(filepath.Join(r.Dir, "evil"), nil, 0o644) },
		"mode":       func() error { return os.Chmod(file, 0o755) },
		"link":       func() error { return errors.Join(os.Remove(file), os.Symlink("/etc/passwd", file)) },
		"retarget":   func() error { l := filepath.Join(r.Dir, "l"); return errors.Join(os.Remove(l), os.Symlink("a/c", l)) },
		"all":        func() error { return os.RemoveAll(r.Dir) },
		"no record":  func() error { return os.Remove(r.Dir + ".json") },
		"bad record": func() error { return os.WriteFile(r.Dir+".json", []byte("{"), 0o644) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		o.Offline = true // restored from what was fetched, without the network
		again := mustResolve(t, NewStore(o), "acme/tool@"+sha)
		if got := content(t, again.Dir, "a/b"); got != "old" {
			t.Errorf("%s: a/b is %q", name, got)
		}
		if _, err := os.Stat(filepath.Join(r.Dir, "evil")); err == nil {
			t.Errorf("%s: the added file is still there", name)
		}
		if err := store.Verify(t.Context(), again); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(again.Warnings) == 0 && !strings.Contains(name, "record") {
			t.Errorf("%s: nobody was told", name)
		}
	}
	if f.fetched.Load() != 1 {
		t.Errorf("%d fetches", f.fetched.Load())
	}
}

func TestVerifyReadsContent(t *testing.T) {
	srv := newServer(t)
	sha := srv.commit("acme/tool", map[string]string{"action.yml": nodeAction, "a": "old"})
	store := NewStore(Options{Dir: t.TempDir(), ServerURL: srv.url()})
	r := mustResolve(t, store, "acme/tool@"+sha)
	file := filepath.Join(r.Dir, "a")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	// As large and as old as before: only the content tells.
	if err := errors.Join(os.WriteFile(file, []byte("new"), 0o644), os.Chtimes(file, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
	mustResolve(t, store, "acme/tool@"+sha)
	if err := store.Verify(t.Context(), r); err == nil || !strings.Contains(err.Error(), `"a" was changed`) {
		t.Error(err)
	}
	// A record that agrees with the changed file does not lead to the commit.
	rec, err := readRecord(r.Dir + ".json")
	if err != nil {
		t.Fatal(err)
	}
	for i := range rec.Files {
		if rec.Files[i].Path == "a" {
			if rec.Files[i].ID, err = objectID(sha, "blob", 3, strings.NewReader("new")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := writeJSON(r.Dir+".json", rec); err != nil {
		t.Fatal(err)
	}
	if err := store.Verify(t.Context(), r); err == nil || !strings.Contains(err.Error(), "not those of "+sha) {
		t.Error(err)
	}
}

func TestCopiedStore(t *testing.T) {
	srv := newServer(t)
	sha := srv.commit("acme/tool", map[string]string{"action.yml": nodeAction, "x/y": "z"})
	dir := t.TempDir()
	mustResolve(t, NewStore(Options{Dir: dir, ServerURL: srv.url()}), "acme/tool@main")
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil { // with new times
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(copied, "git")); err != nil {
		t.Fatal(err)
	}
	store := NewStore(Options{Dir: copied, ServerURL: srv.url(), Offline: true})
	if r := mustResolve(t, store, "acme/tool@main"); r.SHA != sha || len(r.Warnings) > 0 {
		t.Errorf("%+v", r)
	}
}

func TestDamagedBareRepository(t *testing.T) {
	srv := newServer(t)
	srv.commit("acme/tool", map[string]string{"action.yml": nodeAction})
	store := NewStore(Options{Dir: t.TempDir(), ServerURL: srv.url()})
	mustResolve(t, store, "acme/tool@main")
	bare := store.place("acme/tool").git
	if err := errors.Join(os.WriteFile(filepath.Join(bare, "config"), []byte("[broken"), 0o644), os.WriteFile(filepath.Join(bare, "shallow.lock"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	second := srv.commit("acme/tool", map[string]string{"new": ""})
	mustResolve(t, store, "acme/tool@"+second)
}

func TestFile(t *testing.T) {
	srv := newServer(t)
	sha := srv.commit("acme/flows", map[string]string{".github/workflows/ci.yml": "on: push\n", ".github/workflows/big.yml": strings.Repeat("#", maxWorkflow+1)})
	store := NewStore(Options{Dir: t.TempDir(), ServerURL: srv.url()})
	src, r, err := store.File(t.Context(), mustRef(t, "acme/flows/.github/workflows/ci.yml@main"))
	if err != nil || string(src) != "on: push\n" || r.SHA != sha {
		t.Errorf("%q, %+v, %v", src, r, err)
	}
	_, _, err = store.File(t.Context(), mustRef(t, "acme/flows/.github/workflows/none.yml@main"))
	if !IsKind(err, KindNotFound) || !strings.Contains(err.Error(), "none.yml") {
		t.Error(err)
	}
	_, _, err = store.File(t.Context(), mustRef(t, "acme/flows/.github/workflows/big.yml@main"))
	if err == nil || !strings.Contains(err.Error(), "larger than the limit") {
		t.Error(err)
	}
}
