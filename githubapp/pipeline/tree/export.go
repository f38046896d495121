package tree

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Export writes a commit's files into a folder, as a checkout would, through an
// index of its own.
func (r *Repository) Export(ctx context.Context, sha, folder string) error {
	index, err := os.MkdirTemp("", "drydock-index-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(index)
	dir, err := git(ctx, r.dir, "rev-parse", "--absolute-git-dir")
	if err != nil {
		return err
	}
	for _, args := range [][]string{{"read-tree", sha}, {"checkout-index", "--all"}} {
		cmd := command(ctx, folder, append([]string{"--git-dir=" + strings.TrimSuffix(dir, "\n"), "--work-tree=" + folder}, args...)...)
		cmd.Env = append(cmd.Env, "GIT_INDEX_FILE="+filepath.Join(index, "index"))
		if out, err := cmd.CombinedOutput(); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("write the files of %q: %w", sha, &refusal{args[0], string(out)})
		}
	}
	return nil
}
