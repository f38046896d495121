package action

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entry is a line of a tree as a hostile server may make it.
type entry struct{ mode, name, content string }

// evilCommit makes a commit whose trees git itself would not write.
func (s *server) evilCommit(repository string, entries ...entry) string {
	s.t.Helper()
	s.commit(repository, nil)
	var tree strings.Builder
	for _, e := range entries {
		id := e.content
		if e.mode != modeTree && e.mode != modeSubmodule {
			id = s.git(repository, e.content, "hash-object", "-w", "--stdin")
		}
		raw, err := hex.DecodeString(id)
		if err != nil {
			s.t.Fatal(err)
		}
		tree.WriteString(e.mode + " " + e.name + "\x00" + string(raw))
	}
	id := s.git(repository, tree.String(), "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
	sha := s.git(repository, "", "commit-tree", id, "-m", "evil")
	s.git(repository, "", "update-ref", "refs/heads/evil", sha)
	return sha
}

func (s *server) tree(repository string, e entry) string {
	s.t.Helper()
	raw, err := hex.DecodeString(s.git(repository, e.content, "hash-object", "-w", "--stdin"))
	if err != nil {
		s.t.Fatal(err)
	}
	return s.git(repository, e.mode+" "+e.name+"\x00"+string(raw), "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
}

func TestEvilTrees(t *testing.T) {
	for name, c := range map[string]struct {
		make func(*server) []entry
		want string
	}{
		"dot dot file":  {func(*server) []entry { return []entry{{modeFile, "..", "x"}} }, "is no name in a tree"},
		"slash in name": {func(*server) []entry { return []entry{{modeFile, "../../../x", "x"}} }, "is no name in a tree"},
		"absolute":      {func(*server) []entry { return []entry{{modeFile, "/etc/x", "x"}} }, "is no name in a tree"},
		"dot dot tree": {func(s *server) []entry {
			s.commit("acme/evil", nil)
			return []entry{{modeTree, "..", s.tree("acme/evil", entry{modeFile, "escaped", "x"})}}
		}, "is no name in a tree"},
		"git config": {func(s *server) []entry {
			s.commit("acme/evil", nil)
			return []entry{{modeTree, ".GIT", s.tree("acme/evil", entry{modeFile, "config", "x"})}}
		}, "is no name in a tree"},
		"same twice": {func(*server) []entry { return []entry{{modeFile, "a", "x"}, {modeFile, "a", "y"}} }, `write "a"`},
		"through a link": {func(s *server) []entry {
			s.commit("acme/evil", nil)
			return []entry{{modeLink, "d", ".."}, {modeTree, "d", s.tree("acme/evil", entry{modeFile, "escaped", "x"})}}
		}, ""},
		"link up":       {func(*server) []entry { return []entry{{modeLink, "l", "../../x"}} }, `the symbolic link "l" leads out of the action`},
		"link absolute": {func(*server) []entry { return []entry{{modeLink, "l", "/etc/passwd"}} }, "leads out of the action"},
		"link by link": {func(*server) []entry {
			return []entry{{modeLink, "here", "."}, {modeLink, "out", "here/../etc"}}
		}, ""},
		"link by deeper link": {func(s *server) []entry {
			s.commit("acme/evil", nil)
			return []entry{{modeLink, "a", "b/../.."}, {modeTree, "b", s.tree("acme/evil", entry{modeFile, "x", "x"})}}
		}, "leads out of the action"},
		"link long":  {func(*server) []entry { return []entry{{modeLink, "l", strings.Repeat("a/", 3000)}} }, "has a target of"},
		"link empty": {func(*server) []entry { return []entry{{modeLink, "l", ""}} }, "leads out of the action"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			sha := srv.evilCommit("acme/evil", c.make(srv)...)
			base := t.TempDir()
			dir := filepath.Join(base, "a/b/c/store")
			_, err := NewStore(Options{Dir: dir, ServerURL: srv.url()}).Resolve(t.Context(), mustRef(t, "acme/evil@"+sha))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if files := snapshotFiles(t, base); len(files) > 0 {
				t.Errorf("written: %v", files)
			}
		})
	}
}

// snapshotFiles lists what lies anywhere but in the store's own folders.
func snapshotFiles(t *testing.T, base string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(base, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(base, name)
		own := strings.HasPrefix(rel, "a/b/c/store/git") || strings.HasPrefix(rel, "a/b/c/store/locks") || strings.HasPrefix(rel, "a/b/c/store/refs")
		if !d.IsDir() && !own {
			files = append(files, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestHarmlessLinksAndSubmodules(t *testing.T) {
	srv := newServer(t)
	srv.commit("acme/tool", map[string]string{"a/x": "x"})
	sub := srv.git("acme/tool", "", "rev-parse", "HEAD")
	srv.commit("acme/tool", map[string]string{"action.yml": nodeAction, "a/up": "link:../action.yml", "nowhere": "link:absent/file", "self": "link:self", "dir": "link:a"})
	srv.git("acme/tool", "", "update-index", "--add", "--cacheinfo", "160000,"+sub+",mod")
	srv.git("acme/tool", "", "commit", "-q", "-m", "sub")
	sha := srv.git("acme/tool", "", "rev-parse", "HEAD")
	store := NewStore(Options{Dir: t.TempDir(), ServerURL: srv.url()})
	for range 2 {
		r := mustResolve(t, store, "acme/tool@"+sha)
		if len(r.Warnings) > 0 {
			t.Error(r.Warnings)
		}
		if err := store.Verify(t.Context(), r); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(filepath.Join(r.Dir, "mod")); err != nil || !info.IsDir() {
			t.Errorf("submodule: %v, %v", info, err)
		}
		if got := content(t, r.Dir, "a/up"); got != nodeAction {
			t.Errorf("a/up is %q", got)
		}
	}
}

func TestLimits(t *testing.T) {
	srv := newServer(t)
	srv.commit("acme/tool", map[string]string{"a": strings.Repeat("x", 1000), "b": strings.Repeat("x", 1000), "c": ""})
	for _, o := range []Options{{MaxBytes: 1500}, {MaxFiles: 2}} {
		o.Dir, o.ServerURL = t.TempDir(), srv.url()
		_, err := NewStore(o).Resolve(t.Context(), mustRef(t, "acme/tool@main"))
		if !IsKind(err, KindInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestUserGit runs with what a user's git may be set to: hooks, templates,
// helpers, filters, and the variables of a hook that started us.
func TestUserGit(t *testing.T) {
	srv := newServer(t)
	sha := srv.commit("acme/tool", map[string]string{"action.yml": nodeAction, "a.txt": "plain\n", ".gitattributes": "*.txt filter=evil\n"})
	home := t.TempDir()
	trace := filepath.Join(home, "ran")
	script := "#!/bin/sh\necho ran >> " + trace + "\ncat\n"
	for _, name := range []string{"hooks/post-checkout", "hooks/reference-transaction", "template/hooks/reference-transaction", "helper", "filter"} {
		file := filepath.Join(home, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(script), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	config := "[core]\n hooksPath = " + home + "/hooks\n fsmonitor = " + home + "/helper\n[init]\n templateDir = " + home + "/template\n[credential]\n helper = " +
		home + "/helper\n[filter \"evil\"]\n smudge = " + home + "/filter\n[core]\n autocrlf = true\n"
	if err := os.WriteFile(filepath.Join(home, "gitconfig"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(home, "gitconfig"))
	t.Setenv("GIT_DIR", filepath.Join(home, "users.git"))
	t.Setenv("GIT_WORK_TREE", home)
	t.Setenv("GIT_INDEX_FILE", filepath.Join(home, "index"))
	t.Setenv("GIT_TRACE", trace)
	t.Setenv("GIT_TEMPLATE_DIR", filepath.Join(home, "template"))
	r := mustResolve(t, NewStore(Options{Dir: t.TempDir(), ServerURL: srv.url()}), "acme/tool@"+sha)
	if got := content(t, r.Dir, "a.txt"); got != "plain\n" {
		t.Errorf("a.txt is %q", got)
	}
	if src, err := os.ReadFile(trace); err == nil {
		t.Errorf("something of the user's ran:\n%s", src)
	}
	if _, err := os.Stat(filepath.Join(home, "users.git")); err == nil {
		t.Error("the user's repository was touched")
	}
}

func TestTokenStaysOutOfArgv(t *testing.T) {
	g := gitCommand{server: "https://x", token: "secret"}
	cmd := g.command(t.Context(), "ls-remote")
	if strings.Contains(strings.Join(cmd.Args, " "), "secret") {
		t.Error(cmd.Args)
	}
	if !strings.Contains(strings.Join(cmd.Env, "\n"), tokenVariable+"=secret\n") {
		t.Error("the token is not in the environment")
	}
}
