package tree_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree/treetest"
)

// grow gives a commit whose tree has a file 10^levels times.
func grow(t *testing.T, r *treetest.Repository, levels int) string {
	t.Helper()
	id, entry := r.Git("rev-parse", "HEAD:f"), "100644 blob"
	for range levels {
		var list strings.Builder
		for i := range 10 {
			fmt.Fprintf(&list, "%s %s\t%d%s\n", entry, id, i, strings.Repeat("-", 200))
		}
		cmd := exec.Command("git", "-C", r.Dir, "mktree")
		cmd.Stdin = strings.NewReader(list.String())
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		id, entry = strings.TrimSpace(string(out)), "040000 tree"
	}
	return r.Git("commit-tree", id, "-m", "grown")
}

// TestManyFiles: ten small trees that list as ten billion files are refused, in a
// list, a comparison and an export, and neither git nor this process keeps them.
func TestManyFiles(t *testing.T) {
	r := treetest.New(t)
	r.Write(map[string]string{"f": "x"})
	first := r.Commit("first")
	bomb := grow(t, r, 10)
	c := tree.Open(r.Dir).Commit(bomb)
	defer c.Close()
	if _, err := c.Files(t.Context()); !errors.Is(err, tree.ErrTooLarge) {
		t.Errorf("listed: %v", err)
	}
	if _, err := tree.Open(r.Dir).Push(t.Context(), first, bomb); !errors.Is(err, tree.ErrTooLarge) {
		t.Errorf("compared: %v", err)
	}
	if err := tree.Open(r.Dir).Export(t.Context(), bomb, t.TempDir()); !errors.Is(err, tree.ErrTooLarge) {
		t.Errorf("written: %v", err)
	}
}

// TestLargeFiles: one file that is there ten thousand times does not fill the disk.
func TestLargeFiles(t *testing.T) {
	r := treetest.New(t)
	r.Write(map[string]string{"f": strings.Repeat("x", 4<<20)})
	r.Commit("first")
	large, folder := grow(t, r, 4), t.TempDir()
	if err := tree.Open(r.Dir).Export(t.Context(), large, folder); err == nil || !strings.Contains(err.Error(), "more than 21474836480 bytes") {
		t.Errorf("written: %v", err)
	}
	if files, err := os.ReadDir(folder); len(files) != 0 || err != nil {
		t.Errorf("%d files, %v", len(files), err)
	}
}
