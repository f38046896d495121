package attacktest

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/lint"
)

// forge is a folder of git repositories that somebody else writes.
type forge struct {
	t    *testing.T
	root string
}

func newForge(t *testing.T) forge { return forge{t, t.TempDir()} }

func (f forge) url() string { return "file://" + filepath.ToSlash(f.root) }

func (f forge) git(repository, stdin string, args ...string) string {
	f.t.Helper()
	dir := filepath.Join(f.root, repository)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		f.t.Fatal(err)
	}
	cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit makes a commit of files in a repository and gives its id.
func (f forge) commit(repository string, files map[string]string) string {
	f.t.Helper()
	if _, err := os.Stat(filepath.Join(f.root, repository, ".git")); err != nil {
		f.git(repository, "", "init", "-q", "-b", "main")
	}
	for name, content := range files {
		file := filepath.Join(f.root, repository, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			f.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			f.t.Fatal(err)
		}
	}
	f.git(repository, "", "add", "-A")
	f.git(repository, "", "commit", "-q", "--allow-empty", "-m", "c")
	return f.git(repository, "", "rev-parse", "HEAD")
}

// leaf is an entry of a tree as git itself would not write it: mode, name,
// content or id.
type leaf struct{ mode, name, content string }

func (f forge) tree(repository string, list ...leaf) string {
	f.t.Helper()
	var tree strings.Builder
	for _, e := range list {
		id := e.content
		if e.mode != "40000" {
			id = f.git(repository, e.content, "hash-object", "-w", "--stdin")
		}
		raw, err := hex.DecodeString(id)
		if err != nil {
			f.t.Fatal(err)
		}
		tree.WriteString(e.mode + " " + e.name + "\x00" + string(raw))
	}
	return f.git(repository, tree.String(), "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
}

func mustUses(t *testing.T, uses string) action.Ref {
	t.Helper()
	ref, err := action.ParseUses(uses)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

const manifest = "runs: {using: composite, steps: []}\n"

// TestActionRepositoriesCannotEscape: a repository with names, links and sizes
// that no honest one has writes nothing outside its own folder of the store.
func TestActionRepositoriesCannotEscape(t *testing.T) {
	for what, make := range map[string]func(f forge) []leaf{
		"parent":   func(forge) []leaf { return []leaf{{"100644", "../../../../escaped", "x"}} },
		"absolute": func(forge) []leaf { return []leaf{{"100644", "/tmp/drydock-attacktest-escaped", "x"}} },
		"parent tree": func(f forge) []leaf {
			return []leaf{{"40000", "..", f.tree("evil/act", leaf{"100644", "escaped", "x"})}}
		},
		"git hooks": func(f forge) []leaf {
			return []leaf{{"40000", ".git", f.tree("evil/act", leaf{"100755", "post-checkout", "x"})}}
		},
		"link out":        func(forge) []leaf { return []leaf{{"120000", "l", "../../../../../etc/passwd"}} },
		"link by nothing": func(forge) []leaf { return []leaf{{"120000", "l", "absent/../../../x"}} },
		"link to root":    func(forge) []leaf { return []leaf{{"120000", "l", "/"}} },
		"file by link": func(f forge) []leaf {
			return []leaf{{"120000", "d", "../.."}, {"40000", "d", f.tree("evil/act", leaf{"100644", "escaped", "x"})}}
		},
		"link by link": func(f forge) []leaf { // read as text, l stays inside
			return []leaf{{"40000", "p", f.tree("evil/act", leaf{"40000", "q", f.tree("evil/act", leaf{"120000", "k", "."}, leaf{"120000", "l", "k/../../../z"})})}}
		},
		"large": func(forge) []leaf { return []leaf{{"100644", "large", strings.Repeat("x", 1<<20)}} },
	} {
		t.Run(what, func(t *testing.T) {
			f := newForge(t)
			f.commit("evil/act", map[string]string{"action.yml": manifest})
			id := f.tree("evil/act", append([]leaf{{"100644", "action.yml", manifest}}, make(f)...)...)
			sha := f.git("evil/act", "", "commit-tree", id, "-m", "evil")
			f.git("evil/act", "", "update-ref", "refs/heads/evil", sha)
			base := t.TempDir()
			store := filepath.Join(base, "a/b/store")
			_, err := action.NewStore(action.Options{Dir: store, ServerURL: f.url(), MaxBytes: 512 << 10}).Resolve(t.Context(), mustUses(t, "evil/act@evil"))
			if err == nil {
				t.Error("it was taken")
			}
			walkErr := filepath.WalkDir(base, func(name string, d fs.DirEntry, err error) error {
				rel, _ := filepath.Rel(store, name)
				if err == nil && !d.IsDir() && (strings.HasPrefix(rel, "..") || strings.HasPrefix(rel, "actions")) {
					t.Errorf("written: %q", rel)
				}
				return err
			})
			if walkErr != nil {
				t.Error(walkErr)
			}
			if _, err := os.Stat("/tmp/drydock-attacktest-escaped"); err == nil {
				t.Error("written into /tmp")
			}
		})
	}
}

// TestMovedTag_CVE_2025_30066: a tag that names another commit than before is
// told, and who names a commit keeps it.
func TestMovedTag_CVE_2025_30066(t *testing.T) {
	f := newForge(t)
	good := f.commit("tj/changed-files", map[string]string{"action.yml": manifest})
	f.git("tj/changed-files", "", "tag", "v1")
	dir := t.TempDir()
	resolve := func(uses string) action.Resolved {
		t.Helper()
		r, err := action.NewStore(action.Options{Dir: dir, ServerURL: f.url(), Refresh: true}).Resolve(t.Context(), mustUses(t, uses))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := resolve("tj/changed-files@v1"); r.SHA != good || len(r.Warnings) > 0 {
		t.Fatalf("%+v", r)
	}
	evil := f.commit("tj/changed-files", map[string]string{"dump.sh": "evil"})
	f.git("tj/changed-files", "", "tag", "-f", "v1")
	r := resolve("tj/changed-files@v1")
	if r.SHA != evil || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "the tag tj/changed-files@v1 has moved") || !strings.Contains(r.Warnings[0], good) {
		t.Errorf("a moved tag: %s, warnings %q", r.SHA, r.Warnings)
	}
	pinned := resolve("tj/changed-files@" + good)
	if _, err := os.Stat(filepath.Join(pinned.Dir, "dump.sh")); pinned.SHA != good || err == nil {
		t.Errorf("who pinned %s got %s (%v)", good, pinned.SHA, err)
	}

	// Offline, what was there stays.
	offline, err := action.NewStore(action.Options{Dir: dir, ServerURL: f.url(), Offline: true}).Resolve(t.Context(), mustUses(t, "tj/changed-files@"+good))
	if err != nil || offline.SHA != good {
		t.Errorf("offline: %+v, %v", offline, err)
	}
}

// TestStoredActionsAreChecked: who can write into the store's folders does not
// change what runs.
func TestStoredActionsAreChecked(t *testing.T) {
	f := newForge(t)
	sha := f.commit("a/act", map[string]string{"action.yml": manifest, "main.sh": "good"})
	dir := t.TempDir()
	resolve := func() action.Resolved {
		t.Helper()
		r, err := action.NewStore(action.Options{Dir: dir, ServerURL: f.url()}).Resolve(t.Context(), mustUses(t, "a/act@"+sha))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, change := range []func(string) error{
		func(d string) error { return os.WriteFile(filepath.Join(d, "main.sh"), []byte("evil"), 0o644) },
		func(d string) error { return os.WriteFile(filepath.Join(d, "more.sh"), []byte("evil"), 0o644) },
		func(d string) error {
			_ = os.Remove(filepath.Join(d, "main.sh"))
			return os.Symlink("/etc/passwd", filepath.Join(d, "main.sh"))
		},
	} {
		if err := change(resolve().Dir); err != nil {
			t.Fatal(err)
		}
		r := resolve()
		data, err := os.ReadFile(filepath.Join(r.Dir, "main.sh"))
		_, more := os.Stat(filepath.Join(r.Dir, "more.sh"))
		if err != nil || string(data) != "good" || more == nil || len(r.Warnings) == 0 {
			t.Errorf("the action is %q, %v, warnings %q", data, err, r.Warnings)
		}
	}
}

// TestUsesCannotInjectArguments_CVE_2026_40161: nothing in a `uses:` is an
// option of git, or another server's name.
func TestUsesCannotInjectArguments_CVE_2026_40161(t *testing.T) {
	for _, uses := range []string{
		"--upload-pack=touch${IFS}x/repo@v1", "-c/repo@v1", "owner/--upload-pack=x@v1", "owner/-repo@v1", "owner/repo@--upload-pack=x", "owner/repo@-v1",
		"owner/repo@v1..v2", "owner/repo@v1:refs/heads/x", "owner/repo@v1 v2", "owner/repo@v1\nx", "owner/repo@@{0}", "owner/repo@a~1",
		"../repo@v1", "owner/..@v1", "owner/.git@v1", "owner/repo/../../x@v1", "owner/repo/.git/hooks@v1", "https://evil.example/owner/repo@v1",
		"evil.example:owner/repo@v1", "ext::sh -c touch% x/repo@v1", "file:///etc/repo@v1", "owner/re$(id)po@v1", "owner/repo\x00@v1", "owner/repo@v\x001",
		"docker://--privileged", "docker://-v/:/host", "docker://a b", "./../../etc", "./a/../../etc", strings.Repeat("a", 5000) + "/b@v1",
		"owner/" + strings.Repeat("b", 5000) + "@v1", "owner/repo@" + strings.Repeat("v", 5000),
	} {
		ref, err := action.ParseUses(uses)
		if err == nil {
			t.Errorf("%.60q is taken as %+v", uses, ref)
		} else if len(err.Error()) > 500 {
			t.Errorf("the error of %.60q has %d bytes", uses, len(err.Error()))
		}
	}

	// A Ref that did not come from ParseUses reaches no git either.
	ran := filepath.Join(t.TempDir(), "ran")
	f := newForge(t)
	f.commit("owner/repo", map[string]string{"action.yml": manifest})
	store := action.NewStore(action.Options{Dir: t.TempDir(), ServerURL: f.url()})
	git := &action.Git{ServerURL: f.url()}
	for _, ref := range []action.Ref{
		{Kind: action.Repository, Repository: "owner/repo", Ref: "--upload-pack=touch " + ran},
		{Kind: action.Repository, Repository: "--upload-pack=touch " + ran + "/x", Ref: "main"},
		{Kind: action.Repository, Repository: "../../etc", Ref: "main"},
		{Kind: action.Repository, Repository: "owner/repo", Path: "../..", Ref: "main"},
	} {
		if r, err := store.Resolve(t.Context(), ref); err == nil {
			t.Errorf("%+v resolves to %+v", ref, r)
		}
		if ref.Path == "" {
			if _, err := git.Commit(t.Context(), ref.Repository, ref.Ref); err == nil {
				t.Errorf("git was asked for %+v", ref)
			}
		}
	}
	if _, err := store.Resolve(t.Context(), action.Ref{Kind: action.Repository, Repository: "owner/repo/sub", Ref: "main"}); err == nil || !strings.Contains(err.Error(), "do not fit together") {
		t.Errorf("a reference that reads otherwise: %v", err)
	}
	for _, sha := range []string{"--upload-pack=touch " + ran, "main", "-x"} {
		if err := git.Fetch(t.Context(), "owner/repo", action.Commit{SHA: sha}, filepath.Join(t.TempDir(), "g")); err == nil || !strings.Contains(err.Error(), "is no commit id") {
			t.Errorf("git was asked for %q: %v", sha, err)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("git ran a program of the workflow's")
	}
	for _, server := range []string{"ext::sh -c 'touch " + ran + "'", "--upload-pack=x", "fd::17"} {
		if _, err := (&action.Git{ServerURL: server}).Commit(t.Context(), "owner/repo", "main"); err == nil {
			t.Errorf("the server %q was asked", server)
		}
	}
}

// TestWorkspaceShowsNothingElse: names and links of the repository bring
// nothing of this machine into a job, and are no commands on the way.
func TestWorkspaceShowsNothingElse(t *testing.T) {
	f := newForge(t)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("private content"), 0o600); err != nil {
		t.Fatal(err)
	}
	names := []string{"$(touch pwned)", "`touch pwned`;x", "-rf", "--help", "a\nb", "::set-env name=X::y", "'\"", "d/secret"}
	files := map[string]string{".gitignore": "ignored\n"}
	for _, n := range names {
		files[n] = "public"
	}
	f.commit("octo/demo", files)
	root := filepath.Join(f.root, "octo/demo")
	// What git tracks as a folder is a link out by now.
	for _, err := range []error{
		os.RemoveAll(filepath.Join(root, "d")), os.Symlink(outside, filepath.Join(root, "d")),
		os.Symlink(filepath.Join(outside, "secret"), filepath.Join(root, "link")),
		os.WriteFile(filepath.Join(root, "ignored"), []byte("private content"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	repo, err := local.Open(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	w, err := local.NewWorkspace(repo, root)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := w.Pack(t.Context(), true, &buf); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for r := tar.NewReader(&buf); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || strings.Contains(string(data), "private content") {
			t.Errorf("%q carries %q, %v", h.Name, data, err)
		}
		got[h.Name] = true
	}
	for _, n := range names[:len(names)-1] {
		if !got[n] {
			t.Errorf("%q is missing", n)
		}
	}
	if got["d/secret"] || got["ignored"] || got["pwned"] {
		t.Errorf("packed: %v", got)
	}
}

// TestScriptInjectionIsTold_CVE_2023_51664: a script that holds an expression
// which strangers fill is told, by `drydock check`, with its place.
func TestScriptInjectionIsTold_CVE_2023_51664(t *testing.T) {
	for _, field := range []string{
		"github.event.issue.title", "github.event.pull_request.head.ref", "github.event.comment.body", "github.head_ref",
		"github.event.commits[0].message", "github.event.pull_request.head.label",
	} {
		src := fmt.Sprintf("on: [push, issues, issue_comment, pull_request_target]\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ %s }}\n", field)
		w, diags := workflow.Parse("ci.yml", []byte(src))
		if w == nil || diags.HasErrors() {
			t.Fatal(diags.Err())
		}
		found := false
		for _, d := range (&lint.Linter{}).Check("ci.yml", []byte(src), diags) {
			found = found || d.Pos.Line == 6 && strings.Contains(d.Message, "untrusted")
		}
		if !found {
			t.Errorf("nothing is said of ${{ %s }} in a script", field)
		}
	}
	// In the environment it is text.
	src := "on: issues\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo \"$T\"\n        env: {T: \"${{ github.event.issue.title }}\"}\n"
	for _, d := range (&lint.Linter{}).Check("ci.yml", []byte(src), nil) {
		t.Errorf("said of a good script: %s", d)
	}
	o := attack{github: map[string]string{"head_ref": `x"; echo stolen; "$(echo stolen)`}, workflow: job(`
steps:
  - run: printf '%s|' "$REF"; echo
    env: {REF: "${{ github.head_ref }}"}
`)}.run(t)
	o.wantLines(`x"; echo stolen; "$(echo stolen)|`)
}
