package action

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseLocalRepository(t *testing.T) {
	for in, want := range map[string]LocalRepository{
		"a/b@v1=/x":                       {"a/b", "v1", "/x"},
		"a/b@feature/x=../y=z":            {"a/b", "feature/x", "../y=z"},
		"a/b=/x":                          {"a/b", "", "/x"},
		"a/b@*=/x":                        {"a/b", "*", "/x"},
		"https://github.com/a/b@v1=/x":    {"a/b", "v1", "/x"},
		"https://ghe.example:99/a/b@v=/x": {"a/b", "v", "/x"},
	} {
		if got, err := ParseLocalRepository(in); err != nil || got != want {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "a/b@v1", "a/b@v1=", "a@v1=/x", "../b@v=/x", "a/b@-v=/x", "a/b/c@v=/x"} {
		if got, err := ParseLocalRepository(in); err == nil || !strings.Contains(err.Error(), "owner/repo@ref=PATH") {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
}

func TestLocalRepositories(t *testing.T) {
	srv := newServer(t)
	sha := srv.commit("acme/tool", map[string]string{"action.yml": nodeAction})
	// A folder below a repository has no commit of its own.
	plain := filepath.Join(srv.dir("acme/tool"), "plain")
	if err := errors.Join(os.Mkdir(plain, 0o755), os.WriteFile(filepath.Join(plain, "action.yml"), []byte(nodeAction), 0o644)); err != nil {
		t.Fatal(err)
	}
	bare := filepath.Join(t.TempDir(), "bare")
	srv.git("acme/tool", "", "clone", "-q", "--bare", ".", bare)
	store := NewStore(Options{Dir: t.TempDir(), Offline: true, Local: []LocalRepository{
		{"acme/tool", "*", plain},
		{"Acme/Tool", "v1", srv.dir("acme/tool")},
		{"acme/none", "", "/does/not/exist"},
		{"acme/file", "", filepath.Join(plain, "action.yml")},
		{"acme/bare", "", bare},
	}})
	r := mustResolve(t, store, "acme/tool/sub@v1")
	if r.SHA != sha || !r.Local || r.Dir != srv.dir("acme/tool") || r.Ref != "v1" {
		t.Errorf("%+v", r)
	}
	if err := store.Verify(t.Context(), r); err != nil {
		t.Error(err)
	}
	r = mustResolve(t, store, "acme/tool@v2")
	if r.Dir != plain || !IsCommitID(r.SHA) || r.SHA == sha {
		t.Errorf("%+v", r)
	}
	if want, err := ContentHash(t.Context(), plain); err != nil || r.SHA != want {
		t.Errorf("hash %s, %v; want %s", r.SHA, err, want)
	}
	for uses, want := range map[string]string{"acme/none@v1": "/does/not/exist", "acme/file@v1": "no folder", "acme/bare@v1": "bare git repository"} {
		_, err := store.Resolve(t.Context(), mustRef(t, uses))
		if !IsKind(err, KindMissing) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", uses, err)
		}
	}
}

func TestContentHashIsGitsTree(t *testing.T) {
	srv := newServer(t)
	srv.commit("acme/tool", map[string]string{"a/b/c": "1", "a.b": "2", "a-b": "3", "x.sh": "#!/bin/sh", "l": "link:a.b", "ab": "4"})
	want := srv.git("acme/tool", "", "rev-parse", "HEAD^{tree}")
	got, err := ContentHash(t.Context(), srv.dir("acme/tool"))
	if err != nil || got != want {
		t.Errorf("%s, %v; git says %s", got, err, want)
	}
}

func TestPack(t *testing.T) {
	srv := newServer(t)
	srv.commit("acme/tool", map[string]string{"action.yml": nodeAction, "bin/run": "#!/bin/sh", "l": "link:bin/run", "sub/.git": "gitdir: /elsewhere"})
	link := filepath.Join(t.TempDir(), "by-link")
	if err := os.Symlink(srv.dir("acme/tool"), link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{srv.dir("acme/tool"), link} {
		var out bytes.Buffer
		if err := Pack(dir, &out); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for r := tar.NewReader(&out); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(r)
			got[h.Name] = string(h.Typeflag) + " " + os.FileMode(h.Mode).String() + " " + h.Linkname + string(text)
			if h.Uid != 0 || h.Gid != 0 {
				t.Errorf("%s belongs to %d:%d", h.Name, h.Uid, h.Gid)
			}
		}
		want := map[string]string{
			"action.yml": "0 -rw-r--r-- " + nodeAction, "bin/": "5 -rwxr-xr-x ", "bin/run": "0 -rwxr-xr-x #!/bin/sh",
			"l": "2 -rwxrwxrwx bin/run", "sub/": "5 -rwxr-xr-x ",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if err := os.Symlink("../../secret", filepath.Join(srv.dir("acme/tool"), "out")); err != nil {
		t.Fatal(err)
	}
	if err := Pack(link, io.Discard); err == nil || !strings.Contains(err.Error(), `"out" leads out of the action`) {
		t.Error(err)
	}
	if err := Pack(filepath.Join(link, "absent"), io.Discard); err == nil {
		t.Error("a missing folder was packed")
	}
}
