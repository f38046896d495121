package tree_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree/treetest"
)

func TestIndex(t *testing.T) {
	files, _ := tree.Memory{"a": "", "a.b/x": "", "a/b": "", "a/b/c/d": "", "a/b/e": "", "a0": "", "z/ä ö": ""}.Files(t.Context())
	x := tree.Index(files)
	for folder, want := range map[string]string{
		"a": "a/b a/b/c/d a/b/e", "a/b": "a/b/c/d a/b/e", "a/b/c": "a/b/c/d", "b": "", "a/b/e": "", "z": "z/ä ö",
		".": "a a.b/x a/b a/b/c/d a/b/e a0 z/ä ö",
	} {
		if got := paths(x.Below(folder)); got != want {
			t.Errorf("below %q: %q, want %q", folder, got, want)
		}
	}
	for folder, want := range map[string]string{".": "a a0", "a": "a/b", "a/b": "a/b/e", "q": ""} {
		if got := paths(x.In(folder)); got != want {
			t.Errorf("in %q: %q, want %q", folder, got, want)
		}
	}
	for path, want := range map[string]bool{"a": true, "a/b/c": true, "a/b/c/d": true, "a.": false, "b": false} {
		if got := x.Has(path); got != want {
			t.Errorf("has %q: %v", path, got)
		}
	}
}

func paths(files []tree.File) string {
	var all []string
	for _, f := range files {
		all = append(all, f.Path)
	}
	return strings.Join(all, " ")
}

func TestCommit(t *testing.T) {
	r := treetest.New(t)
	large := strings.Repeat("x", 100_000)
	r.Write(map[string]string{"a": "one", "b/ü \n c": large, "b/link": "-> ../a", "empty": ""})
	sha := r.Commit("first")
	r.Write(map[string]string{"a": "two"})
	r.Commit("second")
	bare := t.TempDir()
	r.Git("clone", "-q", "--bare", r.Dir, bare)
	for _, dir := range []string{r.Dir, filepath.Join(r.Dir, "b"), bare} {
		c := tree.Open(dir).Commit(sha)
		files, err := c.Files(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := []tree.File{{Path: "a"}, {Path: "b/link", Mode: tree.Symlink}, {Path: "b/ü \n c"}, {Path: "empty"}}
		if diff := cmp.Diff(want, files); diff != "" {
			t.Error(diff)
		}
		for path, want := range map[string]string{"a": "one", "b/ü \n c": large, "b/link": "../a", "empty": ""} {
			if got, err := c.Read(t.Context(), path); err != nil || string(got) != want {
				t.Errorf("read %q: %q, %v", path, got[:min(20, len(got))], err)
			}
		}
		if _, err := c.Read(t.Context(), "b"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("read what is not there: %v", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if got, err := c.Read(t.Context(), "a"); err != nil || string(got) != "one" {
			t.Errorf("read after Close: %q, %v", got, err)
		}
		_ = c.Close()
	}
	if _, err := tree.Open(r.Dir).Commit(tree.NoSHA).Files(t.Context()); err == nil {
		t.Error("files of a commit that is not there")
	}
	if _, err := tree.Open(r.Dir).Resolve(t.Context(), "--upload-pack=x"); err == nil || !strings.Contains(err.Error(), "check its name") {
		t.Errorf("resolve: %v", err)
	}
}

// What is too large, or a submodule, has an error of its own, and reading goes on.
func TestUnreadable(t *testing.T) {
	r := treetest.New(t)
	large := strings.Repeat("x", 16<<20+1)
	r.Write(map[string]string{"a": "one", "large": large, "folder/x": ""})
	sub := r.Commit("first")
	r.Git("update-index", "--add", "--cacheinfo", "160000,"+sub+",sub")
	r.Git("update-index", "--add", "--cacheinfo", "120000,"+r.Git("rev-parse", "HEAD:large")+",link")
	r.Git("commit", "-q", "-m", "second")
	r.Git("checkout", "-q", "-f", "HEAD", "--", "sub")
	c := tree.Open(r.Dir).Commit(r.Git("rev-parse", "HEAD"))
	defer c.Close()
	w := tree.Open(r.Dir).Working(r.Dir)
	for _, tt := range []struct {
		in   tree.Tree
		path string
		want error
	}{
		{c, "large", tree.ErrFileTooLarge}, {c, "sub", tree.ErrNoFile}, {c, "link", tree.ErrFileTooLarge},
		{w, "large", tree.ErrFileTooLarge}, {w, "sub", tree.ErrNoFile}, {w, "folder", tree.ErrNoFile},
	} {
		if got, err := tt.in.Read(t.Context(), tt.path); !errors.Is(err, tt.want) || !tree.Unreadable(err) {
			t.Errorf("%T, %s: %.20q, %v", tt.in, tt.path, got, err)
		}
		if got, err := tt.in.Read(t.Context(), "a"); string(got) != "one" || err != nil {
			t.Errorf("%T, after %s: %q, %v", tt.in, tt.path, got, err)
		}
	}
	files, err := c.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var nowhere *tree.NowhereError
	if _, _, err := tree.Follow(t.Context(), c, files, "link/x"); !errors.As(err, &nowhere) || nowhere.Path != "link" {
		t.Errorf("follow: %v", err)
	}
}

func TestExport(t *testing.T) {
	r := treetest.New(t)
	r.Write(map[string]string{"a/b": "one", "link": "-> a/b"})
	sha := r.Commit("first")
	r.Write(map[string]string{"a/b": "two", "c": "new"})
	r.Commit("second")
	top := t.TempDir()
	folder := filepath.Join(top, "files")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", filepath.Join(top, "none")) // what it needs beside the files is beside them
	if err := tree.Open(filepath.Join(r.Dir, "a")).Export(t.Context(), sha, folder); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(top); len(left) != 1 || err != nil {
		t.Errorf("%v is left, %v", left, err)
	}
	if got, err := os.ReadFile(filepath.Join(folder, "link")); string(got) != "one" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := os.Lstat(filepath.Join(folder, "c")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a later file: %v", err)
	}
	if status := r.Git("status", "--short"); status != "" {
		t.Errorf("the repository is changed: %s", status)
	}
	if err := tree.Open(r.Dir).Export(t.Context(), tree.NoSHA, folder); err == nil {
		t.Error("no such commit is written")
	}
}

func TestWorking(t *testing.T) {
	r := treetest.New(t)
	r.Write(map[string]string{"a": "one", "gone": "", ".gitignore": "ignored", "out": "-> /etc"})
	base := r.Commit("first")
	r.Write(map[string]string{"a": "changed", "new/b": "b", "ignored": "x", "staged": "s"})
	r.Git("add", "staged")
	if err := os.Remove(filepath.Join(r.Dir, "gone")); err != nil {
		t.Fatal(err)
	}
	w := tree.Open(r.Dir).Working(r.Dir)
	files, err := w.Files(t.Context())
	if err != nil || paths(files) != ".gitignore a gone new/b out staged" {
		t.Errorf("%s, %v", paths(files), err)
	}
	if got, err := w.Read(t.Context(), "a"); string(got) != "changed" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := w.Read(t.Context(), "out"); string(got) != "/etc" || err != nil {
		t.Errorf("a link: %q, %v", got, err)
	}
	if got, err := w.Read(t.Context(), "out/passwd"); err == nil {
		t.Errorf("read outside: %q", got)
	}
	for _, path := range []string{"gone", "a/b"} {
		if _, err := w.Read(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("read %q: %v", path, err)
		}
	}
	c, err := w.Change(t.Context(), "HEAD")
	if diff := cmp.Diff(tree.Change{Base: base, Files: []string{"a", "gone", "new/b", "staged"}}, c); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestChanges(t *testing.T) {
	r := treetest.New(t)
	r.Write(map[string]string{"old/a": "a", "b": "b"})
	first := r.Commit("first")
	r.Git("mv", "old", "new")
	second := r.Commit("rename")
	r.Git("checkout", "-q", "-b", "topic", first)
	r.Write(map[string]string{"b": "topic"})
	topic := r.Commit("topic")
	r.Git("checkout", "-q", "--orphan", "stranger")
	stranger := r.Commit("stranger")
	repo := tree.Open(r.Dir)
	ctx := t.Context()

	for _, tt := range []struct {
		name          string
		change        func(context.Context) (tree.Change, error)
		files, reason string
	}{
		{"a rename is two files", func(ctx context.Context) (tree.Change, error) { return repo.Push(ctx, first, second) }, "new/a old/a", ""},
		{"force push", func(ctx context.Context) (tree.Change, error) { return repo.Push(ctx, second, topic) }, "b new/a old/a", ""},
		{"first push", func(ctx context.Context) (tree.Change, error) { return repo.Push(ctx, tree.NoSHA, first) }, "", "first push"},
		{"unknown before", func(ctx context.Context) (tree.Change, error) {
			return repo.Push(ctx, strings.Repeat("ab", 20), first)
		}, "", "the commit before the push, abababa, is not here"},
		{"pull request", func(ctx context.Context) (tree.Change, error) { return repo.PullRequest(ctx, second, topic) }, "b", ""},
		{"strangers", func(ctx context.Context) (tree.Change, error) { return repo.PullRequest(ctx, second, stranger) }, "", "no commit in common"},
		{"no upstream", func(ctx context.Context) (tree.Change, error) { return repo.Working(r.Dir).Change(ctx, "") }, "", "no upstream"},
		{"since nothing", func(ctx context.Context) (tree.Change, error) { return repo.Working(r.Dir).Change(ctx, tree.NoSHA) }, "", "first push"},
	} {
		c, err := tt.change(ctx)
		if err != nil || strings.Join(c.Files, " ") != tt.files || !strings.Contains(c.Unknown, tt.reason) || (c.Unknown != "") != (tt.reason != "") {
			t.Errorf("%s: %+v, %v", tt.name, c, err)
		}
	}
	if _, err := repo.Working(r.Dir).Change(ctx, "no-such"); err == nil || !strings.Contains(err.Error(), `"no-such"`) {
		t.Errorf("an unknown REF: %v", err)
	}

	// A clone has an upstream.
	clone := treetest.New(t)
	clone.Git("remote", "add", "origin", r.Dir)
	clone.Git("fetch", "-q", "origin")
	clone.Git("checkout", "-q", "-t", "origin/main")
	local := tree.Open(clone.Dir)
	if c, err := local.Working(clone.Dir).Change(ctx, ""); err != nil || len(c.Files) != 0 || c.Base != second || c.Unknown != "" {
		t.Errorf("nothing changed: %+v, %v", c, err)
	}
	clone.Write(map[string]string{"c": "committed"})
	clone.Commit("ahead")
	clone.Write(map[string]string{"d": "untracked"})
	if c, err := local.Working(clone.Dir).Change(ctx, ""); err != nil || strings.Join(c.Files, " ") != "c d" {
		t.Errorf("ahead: %+v, %v", c, err)
	}
	empty := treetest.New(t)
	if c, err := tree.Open(empty.Dir).Working(empty.Dir).Change(ctx, ""); err != nil || c.Unknown != "there is no commit yet" {
		t.Errorf("no commit: %+v, %v", c, err)
	}
}
