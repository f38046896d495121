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
