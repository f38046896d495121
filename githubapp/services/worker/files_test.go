package worker

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree/treetest"
)

// TestExports: one folder for all who want a commit at one time, gone with the last.
func TestExports(t *testing.T) {
	r := treetest.New(t)
	r.Write(map[string]string{"a.txt": "1"})
	sha := r.Commit("x")
	x := &exports{folder: t.TempDir()}
	var all sync.WaitGroup
	var mu sync.Mutex
	paths := map[string]bool{}
	var back []func() error
	for range 8 {
		all.Go(func() {
			files, giveBack, err := x.use(t.Context(), commit{7, sha}, tree.Open(r.Dir))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			paths[files.folder()] = true
			back = append(back, giveBack)
		})
	}
	all.Wait()
	if len(paths) != 1 {
		t.Fatalf("%d folders", len(paths))
	}
	for i, giveBack := range back {
		for path := range paths {
			if _, err := os.Stat(filepath.Join(path, "a.txt")); err != nil {
				t.Errorf("before the give-back %d: %v", i, err)
			}
		}
		if err := giveBack(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(x.folder); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	_, giveBack, err := x.use(t.Context(), commit{7, "0123456789012345678901234567890123456789"}, tree.Open(r.Dir))
	if err == nil {
		t.Error("a commit that is not there has files")
	}
	if err := giveBack(); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestLeadsOut(t *testing.T) {
	for name, tt := range map[string]struct {
		link, target, want string
	}{
		"nothing":                {"", "", ""},
		"a file for images":      {"rootfs/localtime", "/etc/hostname", ""},
		"a module file":          {"go.mod", "/etc/hostname", "go.mod"},
		"a Go file below":        {"pkg/x.go", "/etc/hostname", "pkg/x.go"},
		"a folder":               {"pkg/etc", "/etc", "pkg/etc"},
		"a folder above":         {"pkg/up", "../..", "pkg/up"},
		"within":                 {"pkg/other", "../main", ""},
		"within, by a long way":  {"pkg/other.go", "../pkg/../main/main.go", ""},
		"to what is not there":   {"pkg/gone.go", "/nowhere", ""},
		"a Go file of a sibling": {"x.go", "../sibling/x.go", "x.go"},
	} {
		t.Run(name, func(t *testing.T) {
			above := t.TempDir()
			top := filepath.Join(above, "files")
			for _, path := range []string{"files/pkg/a.go", "files/main/main.go", "files/rootfs/a", "sibling/x.go"} {
				path = filepath.Join(above, path)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			if tt.link != "" {
				if err := os.Symlink(tt.target, filepath.Join(top, tt.link)); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := leadsOut(top); err != nil || got != tt.want {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
