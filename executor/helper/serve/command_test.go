//go:build linux

package serve

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
)

func TestPrepare(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "tool"), []byte("#!/bin/sh\n"), 0o755)
	os.WriteFile(filepath.Join(dir, "plain"), nil, 0o644)
	os.Mkdir(filepath.Join(dir, "sh"), 0o755) // a folder is no program
	s := &server{env: map[string]string{"PATH": "/usr/bin:/bin", "KEEP": "1"}}
	user := account{uid: os.Getuid(), gid: os.Getgid(), home: "/home/x"}
	for _, c := range []struct {
		name string
		cmd  executor.Command
		path string
		env  []string
		err  string
	}{
		{"PATH", executor.Command{Argv: []string{"sh"}, Dir: dir, PrependPath: []string{dir}}, "/usr/bin/sh",
			[]string{"HOME=/home/x", "KEEP=1", "PATH=" + dir + ":/usr/bin:/bin", "PWD=" + dir}, ""},
		{"the command's PATH", executor.Command{Argv: []string{"tool"}, Dir: dir, Env: map[string]string{"PATH": dir, "HOME": "/h", "PWD": "/p"}},
			dir + "/tool", []string{"HOME=/h", "KEEP=1", "PATH=" + dir, "PWD=/p"}, ""},
		{"relative entry", executor.Command{Argv: []string{"tool"}, Dir: dir, Env: map[string]string{"PATH": "."}}, dir + "/tool", nil, ""},
		{"relative program", executor.Command{Argv: []string{"./tool"}, Dir: dir}, dir + "/tool", nil, ""},
		{"not executable", executor.Command{Argv: []string{"./plain"}, Dir: dir}, "", nil, "not executable"},
		{"a folder", executor.Command{Argv: []string{"./sh"}, Dir: dir}, "", nil, "is a folder"},
		{"not found", executor.Command{Argv: []string{"plain"}, Dir: dir, PrependPath: []string{dir}}, "", nil, "plain: command not found"},
		{"bad variable", executor.Command{Argv: []string{"sh"}, Env: map[string]string{"A=B": "x"}}, "", nil, "not a valid name"},
		{"null byte", executor.Command{Argv: []string{"sh"}, Env: map[string]string{"A": "x\x00"}}, "", nil, "not a valid name"},
		{"dir is a file", executor.Command{Argv: []string{"sh"}, Dir: dir + "/plain"}, "", nil, "not a folder"},
	} {
		l, err := s.prepare(&c.cmd, user)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q in it", c.name, err, c.err)
			}
			continue
		}
		if err != nil || l.path != c.path {
			t.Errorf("%s: %+v, %v; want path %q", c.name, l, err, c.path)
			continue
		}
		slices.Sort(l.env)
		if c.env != nil && !slices.Equal(l.env, c.env) {
			t.Errorf("%s: environment %q, want %q", c.name, l.env, c.env)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, c := range []struct {
		spec     string
		uid, gid int
		home     string
	}{
		{"root", 0, 0, "/root"}, {"0", 0, 0, "/root"}, {"0:7", 0, 7, "/root"}, {"54321:54322", 54321, 54322, ""}, {"54321", 54321, 0, ""},
		{"root:root", 0, 0, "/root"},
	} {
		a, err := lookup(c.spec)
		if err != nil || a.uid != c.uid || a.gid != c.gid || a.home != c.home {
			t.Errorf("%q: %+v, %v", c.spec, a, err)
		}
	}
	for _, spec := range []string{"no-such-user", "root:no-such-group", "-1"} {
		if a, err := lookup(spec); err == nil {
			t.Errorf("%q became %+v", spec, a)
		}
	}
}

func TestEnviron(t *testing.T) {
	env := environ([]string{"A=1=2", "DRYDOCK_TOKEN=x", "PWD=/x", "=odd", "B="})
	if len(env) != 3 || env["A"] != "1=2" || env["PATH"] != defaultPath {
		t.Errorf("environment %q", env)
	}
}

func TestCollectLimit(t *testing.T) {
	big := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(big, make([]byte, collectLimit+5), 0o644); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "dir")
	os.Mkdir(folder, 0o755)
	files, large := collectFiles([]string{big, folder, "/no/such/file"}, account{uid: os.Getuid(), gid: os.Getgid()})
	if len(files) != 1 || len(files[big]) != collectLimit || !slices.Equal(large, []string{big}) {
		t.Errorf("%d files, %d bytes, too large %q", len(files), len(files[big]), large)
	}
	if _, err := os.Stat(big); err == nil {
		t.Error("the file is still there")
	}
	// Of another user's process, a link does not count.
	secret, trap := filepath.Join(t.TempDir(), "secret"), filepath.Join(t.TempDir(), "trap")
	os.WriteFile(secret, []byte("secret"), 0o600)
	os.Symlink(secret, trap)
	if files, _ := collectFiles([]string{trap}, account{uid: 54321}); len(files) != 0 {
		t.Errorf("collected %q through another user's link", files)
	}
}
