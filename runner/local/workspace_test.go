package local

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// packed is the stream of a Pack, by name; a folder's name ends in a slash.
type packed map[string]packedFile

type packedFile struct {
	tar.Header
	content string
}

func pack(t testing.TB, r *Repo, dir string, submodules bool) packed {
	t.Helper()
	w, err := NewWorkspace(r, dir)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := w.Pack(t.Context(), submodules, &b); err != nil {
		t.Fatal(err)
	}
	files := packed{}
	for tr := tar.NewReader(&b); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" {
			t.Errorf("%s tells its owner: %d %d %q %q", h.Name, h.Uid, h.Gid, h.Uname, h.Gname)
		}
		if old, ok := files[h.Name]; ok && h.Typeflag != tar.TypeDir && old.content != string(content) {
			t.Errorf("%s is there twice", h.Name)
		}
		files[h.Name] = packedFile{*h, string(content)}
	}
}

// work are the names outside of .git, sorted.
func (p packed) work() []string {
	var names []string
	for name := range p {
		if !strings.Contains("/"+name, "/.git/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (p packed) expect(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := p.work(); !slices.Equal(got, want) {
		t.Errorf("packed %q\nwant   %q", got, want)
	}
}

// unpack lets git judge what was packed.
func (p packed) unpack(t *testing.T) fixture {
	t.Helper()
	f := fixture{t, filepath.Join(t.TempDir(), "out")}
	names := slices.SortedFunc(maps.Keys(p), func(a, b string) int { return strings.Compare(a, b) })
	for _, name := range names {
		file, target := p[name], filepath.Join(f.dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch file.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(target, 0o755)
		case tar.TypeSymlink:
			err = os.Symlink(file.Linkname, target)
		default:
			err = os.WriteFile(target, []byte(file.content), file.FileInfo().Mode().Perm())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func TestPack(t *testing.T) {
	f := newFixture(t)
	f.write(".gitignore", "*.log\n/build/\n")
	f.write("sub/.gitignore", "!keep.log\nlocal\n")
	f.write("sub/deep/x", "x")
	f.write("run.sh", "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(f.dir, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(f.dir, "link")); err != nil {
		t.Fatal(err)
	}
	f.write("gone", "x")
	f.write("was-folder/secret", "x")
	f.write("ü/名前 \n.txt", "unicode")
	f.write("bad\xffname", "bytes")
	f.write(strings.Repeat("long/", 40)+"name", "long")
	f.commit("a", "old", "one")

	f.write("a", "uncommitted")
	f.write("new file", "untracked")
	f.write("debug.log", "ignored")
	f.write("build/out", "ignored")
	f.write("sub/keep.log", "kept")
	f.write("sub/local", "ignored")
	f.write(".git/hooks/pre-commit", "#!/bin/sh\n")
	f.write(".git/info/exclude", "excluded\n")
	f.write("excluded", "ignored")
	if err := os.Remove(filepath.Join(f.dir, "gone")); err != nil {
		t.Fatal(err)
	}
	// A tracked folder that became a link must not lead the packing outside.
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("host"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(f.dir, "was-folder")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(f.dir, "was-folder")); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(f.dir, "sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()

	p := pack(t, f.open(), f.dir, false)
	want := []string{
		".gitignore", "a", "bad\xffname", "link", "new file", "run.sh", "was-folder",
		"sub/", "sub/.gitignore", "sub/keep.log", "sub/deep/", "sub/deep/x", "ü/", "ü/名前 \n.txt",
	}
	for i := 1; i <= 40; i++ {
		want = append(want, strings.Repeat("long/", i))
	}
	p.expect(t, append(want, strings.Repeat("long/", 40)+"name")...)
	if p["a"].content != "uncommitted" || p["link"].Linkname != "/etc/passwd" || p["run.sh"].Mode != 0o755 || p["a"].Mode != 0o644 {
		t.Errorf("a %q, link %q, modes %o %o", p["a"].content, p["link"].Linkname, p["run.sh"].Mode, p["a"].Mode)
	}
	if _, ok := p[".git/hooks/pre-commit"]; ok {
		t.Error("a hook was packed")
	}
	copied := p.unpack(t)
	if got, want := copied.git("status", "--porcelain"), f.git("status", "--porcelain"); got != want {
		t.Errorf("status in the copy\n%s\nwant\n%s", got, want)
	}
	if copied.git("rev-parse", "HEAD") != f.git("rev-parse", "HEAD") || copied.git("symbolic-ref", "HEAD") != "refs/heads/main" {
		t.Error("HEAD is another one")
	}
	copied.git("fsck", "--strict")
}

func TestPackNeverOpensIgnored(t *testing.T) {
	f := newFixture(t)
	f.commit(".gitignore", "pipe\nsecret/\n", "one")
	if out, err := exec.Command("mkfifo", filepath.Join(f.dir, "pipe")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f.write("secret/x", "x")
	if err := os.Chmod(filepath.Join(f.dir, "secret"), 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(filepath.Join(f.dir, "secret"), 0o755) //nolint:errcheck // for the clean-up of the test only
	pack(t, f.open(), f.dir, false).expect(t, ".gitignore")
}

func TestPackConfig(t *testing.T) {
	f := newFixture(t)
	f.commit("a", "1", "one")
	f.git("remote", "add", "origin", "https://me:hunter2@github.com/octo/hello")
	f.git("config", "http.https://github.com/.extraheader", "AUTHORIZATION: basic c2VjcmV0")
	f.git("config", "credential.helper", "!steal")
	f.git("config", "core.sshCommand", "/host/ssh")
	f.git("config", "core.hooksPath", "/host/hooks")
	f.git("config", "branch.we\"ird.merge", "refs/heads/x")
	p := pack(t, f.open(), f.dir, false)
	config := p[".git/config"].content
	for _, secret := range []string{"hunter2", "AUTHORIZATION", "steal", "/host/", "Mona"} {
		if strings.Contains(config, secret) {
			t.Errorf("the configuration holds %q:\n%s", secret, config)
		}
	}
	copied := p.unpack(t)
	if got := copied.git("remote", "get-url", "origin"); got != "https://github.com/octo/hello" {
		t.Errorf("origin %q", got)
	}
	if got := copied.git("config", "branch.we\"ird.merge"); got != "refs/heads/x" {
		t.Errorf("branch %q", got)
	}
}

func TestPackWorktree(t *testing.T) {
	f := newFixture(t)
	f.commit("a", "1", "one")
	f.git("branch", "other")
	tree := fixture{t, filepath.Join(t.TempDir(), "tree")}
	f.git("worktree", "add", "-q", "-b", "topic", tree.dir)
	sha := tree.commit("b", "2", "two")
	tree.write("c", "3")
	tree.git("add", "c")
	r := tree.open()
	if r.Branch != "topic" || r.SHA != sha || r.Root != tree.dir {
		t.Fatalf("got %+v", r)
	}
	p := pack(t, r, tree.dir, false)
	p.expect(t, "a", "b", "c")
	copied := p.unpack(t)
	if got := copied.git("rev-parse", "HEAD", "other", "main") + copied.git("symbolic-ref", "HEAD"); got != tree.git("rev-parse", "HEAD", "other", "main")+"refs/heads/topic" {
		t.Errorf("references %q", got)
	}
	if got := copied.git("status", "--porcelain"); got != "A  c" {
		t.Errorf("status %q", got)
	}
	copied.git("fsck", "--strict")

	// From the main working copy the other one is nothing to pack.
	inside := fixture{t, filepath.Join(f.dir, "trees", "inside")}
	f.git("worktree", "add", "-q", "-b", "inside", inside.dir)
	pack(t, f.open(), f.dir, true).expect(t, "a", "trees/", "trees/inside/")
}

func TestPackBorrowedObjects(t *testing.T) {
	f := newFixture(t)
	f.commit("a", "1", "one")
	shared := fixture{t, filepath.Join(t.TempDir(), "shared")}
	f.git("clone", "-q", "--shared", f.dir, shared.dir)
	shared.git("config", "user.name", "x")
	shared.git("config", "user.email", "x@example.com")
	shared.commit("b", "2", "two")
	copied := pack(t, shared.open(), shared.dir, false).unpack(t)
	if err := os.RemoveAll(f.dir); err != nil {
		t.Fatal(err)
	}
	copied.git("fsck", "--strict")
	if got := copied.git("log", "--format=%s"); got != "two\none" {
		t.Errorf("log %q", got)
	}
}

func TestPackSubmodules(t *testing.T) {
	lib := newFixture(t)
	lib.commit("lib.go", "package lib", "lib")
	f := newFixture(t)
	f.commit("a", "1", "one")
	f.git("submodule", "-q", "add", lib.dir, "vendor/lib")
	f.git("submodule", "-q", "add", lib.dir, "other")
	f.git("commit", "-q", "-m", "two")
	f.git("submodule", "-q", "deinit", "-f", "other")
	f.write("vendor/lib/new", "untracked")
	base := []string{".gitmodules", "a", "other/", "vendor/", "vendor/lib/"}
	pack(t, f.open(), f.dir, false).expect(t, base...)
	p := pack(t, f.open(), f.dir, true)
	p.expect(t, append(base, "vendor/lib/lib.go", "vendor/lib/new")...)
	copied := p.unpack(t)
	module := fixture{t, filepath.Join(copied.dir, "vendor", "lib")}
	if got := module.git("status", "--porcelain"); got != "?? new" {
		t.Errorf("status of the submodule %q", got)
	}
	if got, want := module.git("rev-parse", "HEAD"), lib.git("rev-parse", "HEAD"); got != want {
		t.Errorf("submodule at %q, want %q", got, want)
	}
}

func TestPackFolders(t *testing.T) {
	f := newFixture(t)
	f.write("examples/demo/.github/workflows/ci.yml", "on: push\n")
	f.commit("a", "1", "one")
	f.write("examples/demo/b", "1")
	r := f.open()
	t.Run("inside a repository", func(t *testing.T) {
		p := pack(t, r, filepath.Join(f.dir, "examples", "demo"), false)
		if len(p) != 4 { // and no .git
			t.Errorf("packed %q", slices.Collect(maps.Keys(p)))
		}
		p.expect(t, ".github/", ".github/workflows/", ".github/workflows/ci.yml", "b")
	})
	t.Run("no repository", func(t *testing.T) {
		dir := fixture{t, t.TempDir()}
		dir.write(".gitignore", "b\n")
		dir.write("b", "1")
		dir.write("empty/.git/config", "x")
		dir.write("d/c", "1")
		dir.write(".git", "nonsense")
		r := &Repo{Root: dir.dir, SHA: NoSHA}
		p := pack(t, r, dir.dir, false)
		p.expect(t, ".gitignore", "b", "d/", "d/c", "empty/")
		if _, ok := p["empty/.git/config"]; !ok {
			t.Error("only the .git of the folder itself is left out")
		}
	})
	t.Run("no commit", func(t *testing.T) {
		f := newFixture(t)
		f.write("x", "1")
		pack(t, f.open(), f.dir, false).expect(t, "x")
	})
}

// TestPackChanging packs files of which the size is wrong when they are read.
func TestPackChanging(t *testing.T) {
	var b bytes.Buffer
	ball := newTarball(t.Context(), &b)
	if err := ball.header("f", tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Size: 3 << 20}); err != nil {
		t.Fatal(err)
	}
	if err := ball.content(strings.NewReader("short"), 3<<20); err != nil {
		t.Fatal(err)
	}
	if err := ball.header("g", tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Size: 3}); err != nil {
		t.Fatal(err)
	}
	if err := ball.content(strings.NewReader("longer"), 3); err != nil {
		t.Fatal(err)
	}
	if err := ball.tw.Close(); err != nil {
		t.Error(err)
	}
}

func TestPackCancelled(t *testing.T) {
	f := newFixture(t)
	f.commit("a", "1", "one")
	w, err := NewWorkspace(f.open(), f.dir)
	if err != nil {
		t.Fatal(err)
	}
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	if err := w.Pack(ctx, false, io.Discard); !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkPack20k(b *testing.B) {
	f := newFixture(b)
	for i := range 20_000 {
		f.write(fmt.Sprintf("d%d/e%d/file%d.txt", i%40, i%400, i), strings.Repeat("x", 2000))
	}
	f.git("add", "-A")
	f.git("commit", "-q", "-m", "many")
	f.git("gc", "-q")
	benchmarkPack(b, f)
}

func BenchmarkPack1GiB(b *testing.B) {
	f := newFixture(b)
	chunk := strings.Repeat("0123456789abcdef", 1<<16)
	for i := range 16 {
		f.write(fmt.Sprintf("big%d", i), strings.Repeat(chunk, 64))
	}
	benchmarkPack(b, f)
}

func benchmarkPack(b *testing.B, f fixture) {
	w, err := NewWorkspace(f.open(), f.dir)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := w.Pack(b.Context(), false, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
