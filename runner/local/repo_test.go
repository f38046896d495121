package local

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseRemote(t *testing.T) {
	for _, tc := range []struct{ address, server, full string }{
		{"https://github.com/octo/hello.git", "https://github.com", "octo/hello"},
		{"https://github.com/octo/hello/", "https://github.com", "octo/hello"},
		{"https://user:token@github.com/octo/hello", "https://github.com", "octo/hello"},
		{"git@github.com:octo/hello.git", "https://github.com", "octo/hello"},
		{"github.com:octo/hello", "https://github.com", "octo/hello"},
		{"git@github.com-work:octo/hello.git", "https://github.com", "octo/hello"},
		{"ssh://git@ssh.github.com:443/octo/hello.git", "https://github.com", "octo/hello"},
		{"ssh://git@ghes.example.com:7999/octo/hello.git", "https://ghes.example.com", "octo/hello"},
		{"https://ghes.example.com:8443/octo/hello.git", "https://ghes.example.com:8443", "octo/hello"},
		{"http://localhost:3000/octo/hello", "http://localhost:3000", "octo/hello"},
		{"git://github.com/octo/hello.js.git", "https://github.com", "octo/hello.js"},
		{"https://GitHub.com/Octo/Hello", "https://github.com", "Octo/Hello"},
		{"https://gitlab.example.com/group/sub/hello.git", "https://gitlab.example.com", "sub/hello"},
		{"/srv/git/octo/hello.git", "", ""},
		{"../octo/hello", "", ""},
		{"./with:colon/hello", "", ""},
		{"file:///srv/git/octo/hello", "", ""},
		{`C:\git\hello`, "", ""},
		{"https://github.com/hello", "", ""},
		{"", "", ""},
	} {
		got, ok := parseRemote(tc.address)
		if ok != (tc.full != "") || ok && (got.server != tc.server || got.owner+"/"+got.name != tc.full) {
			t.Errorf("parseRemote(%q) = %+v, %v; want %q %q", tc.address, got, ok, tc.server, tc.full)
		}
	}
}

func FuzzParseRemote(f *testing.F) {
	f.Add("git@github.com:octo/hello.git")
	f.Add("ssh://git@host:7/../x/y")
	f.Fuzz(func(t *testing.T, address string) {
		if r, ok := parseRemote(address); ok && (r.owner == "" || r.name == "" || !strings.Contains(r.server, "://")) {
			t.Errorf("%q gives %+v", address, r)
		}
		withoutCredentials(address)
	})
}

func TestServerURLs(t *testing.T) {
	for _, tc := range []struct{ server, api, graphql string }{
		{"https://github.com", "https://api.github.com", "https://api.github.com/graphql"},
		{"https://octo.ghe.com", "https://api.octo.ghe.com", "https://api.octo.ghe.com/graphql"},
		{"https://ghes.example.com", "https://ghes.example.com/api/v3", "https://ghes.example.com/api/graphql"},
	} {
		if apiURL(tc.server) != tc.api || graphqlURL(tc.server) != tc.graphql {
			t.Errorf("%s: %s %s", tc.server, apiURL(tc.server), graphqlURL(tc.server))
		}
	}
}

func TestWithoutCredentials(t *testing.T) {
	for in, want := range map[string]string{
		"https://me:secret@github.com/a/b": "https://github.com/a/b",
		"https://github.com/a/b":           "https://github.com/a/b",
		"ssh://git:secret@host/a/b":        "ssh://git@host/a/b",
		"git@github.com:a/b":               "git@github.com:a/b",
		"https://a:%zz@github.com/a/b":     "https://github.com/a/b",
	} {
		if got := withoutCredentials(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestOpen(t *testing.T) {
	f := newFixture(t)
	first := f.commit("a", "1", "one")
	f.git("remote", "add", "origin", "git@github.com:octo/hello.git")
	f.git("update-ref", "refs/remotes/origin/trunk", first)
	f.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
	f.git("tag", "light")
	f.git("tag", "-m", "x", "v1")
	f.git("checkout", "-q", "-b", "topic/x")
	f.write("sub/file", "")
	r, err := Open(t.Context(), filepath.Join(f.dir, "sub"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Root != f.dir || r.SHA != first || r.Branch != "topic/x" || r.FullName() != "octo/hello" ||
		r.Server != "https://github.com" || r.DefaultBranch != "trunk" || r.UserName != "Mona Lisa" || r.UserEmail != "mona@example.com" {
		t.Errorf("got %+v", r)
	}
	slices.Sort(r.Tags)
	if !slices.Equal(r.Tags, []string{"light", "v1"}) {
		t.Errorf("tags %q", r.Tags)
	}
	if !sameFolder(r.GitDir, filepath.Join(f.dir, ".git")) || !sameFolder(r.CommonDir, r.GitDir) {
		t.Errorf("git %q common %q", r.GitDir, r.CommonDir)
	}
	if dirty, err := r.Dirty(t.Context()); err != nil || !dirty {
		t.Errorf("dirty %v %v", dirty, err)
	}

	f.git("checkout", "-q", "--detach")
	if r := f.open(); r.Branch != "" || r.currentBranch() != "trunk" {
		t.Errorf("detached: branch %q, current %q", r.Branch, r.currentBranch())
	}
}

func TestOpenIgnoresHookVariables(t *testing.T) {
	f := newFixture(t)
	sha := f.commit("a", "1", "one")
	t.Setenv("GIT_DIR", t.TempDir())
	t.Setenv("GIT_INDEX_FILE", "/nowhere")
	if r := f.open(); r.SHA != sha {
		t.Errorf("sha %q, want %q", r.SHA, sha)
	}
}

func TestOpenInsteadOf(t *testing.T) {
	f := newFixture(t)
	f.commit("a", "1", "one")
	f.git("config", "url.git@github.com:.insteadOf", "gh:")
	f.git("remote", "add", "upstream", "/srv/mirror")
	f.git("remote", "add", "origin", "gh:octo/hello")
	if r := f.open(); r.FullName() != "octo/hello" || r.Server != "https://github.com" {
		t.Errorf("got %s at %s", r.FullName(), r.Server)
	}
}

func TestOpenWithout(t *testing.T) {
	t.Run("git", func(t *testing.T) {
		newFixture(t)
		dir := filepath.Join(t.TempDir(), "my project!")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		r, err := Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if r.Root != dir || r.GitDir != "" || r.SHA != NoSHA || r.Branch != "main" || r.FullName() != "local/my-project-" || r.Server != defaultServer {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("commit", func(t *testing.T) {
		f := newFixture(t)
		f.git("checkout", "-q", "-b", "dev")
		if r := f.open(); r.SHA != NoSHA || r.Branch != "dev" || r.DefaultBranch != "dev" || r.FullName() != "local/hello-world" {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("working copy", func(t *testing.T) {
		f := newFixture(t)
		bare := t.TempDir()
		f.git("clone", "-q", "--bare", ".", bare)
		if _, err := Open(t.Context(), bare); err == nil || !strings.Contains(err.Error(), "not bare") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("folder", func(t *testing.T) {
		if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "none")); err == nil {
			t.Error("no error")
		}
	})
}

func TestChangedFiles(t *testing.T) {
	f := newFixture(t)
	base := f.commit("a", "same\n", "one")
	f.git("checkout", "-q", "-b", "topic")
	f.git("mv", "a", "ü b")
	head := f.commit("c", "1", "two")
	f.git("checkout", "-q", "main")
	ahead := f.commit("only-main", "1", "three")
	r := f.open()
	for _, tc := range []struct {
		base, head string
		how        Compare
		want       []string
	}{
		{base, head, Direct, []string{"a", "c", "ü b"}},
		{ahead, head, Direct, []string{"a", "c", "only-main", "ü b"}},
		{ahead, head, MergeBase, []string{"a", "c", "ü b"}},
		{NoSHA, base, Direct, []string{"a"}},
		{NoSHA, head, Direct, []string{"a", "c", "ü b"}},
	} {
		got, err := ChangedFiles(t.Context(), r, tc.base, tc.head, tc.how)
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%.4s..%.4s %s: %q %v, want %q", tc.base, tc.head, tc.how, got, err, tc.want)
		}
	}
	target := filepath.Join(t.TempDir(), "x")
	if _, err := ChangedFiles(t.Context(), r, "--output="+target, head, Direct); err == nil {
		t.Error("an option was taken for a commit")
	}
	if _, err := os.Stat(target); err == nil {
		t.Error("git wrote a file")
	}
}

func BenchmarkOpen(b *testing.B) {
	f := newFixture(b)
	f.commit("a", "1", "one")
	for b.Loop() {
		if _, err := Open(b.Context(), f.dir); err != nil {
			b.Fatal(err)
		}
	}
}
