package tree

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Export writes a commit's files into a folder, as a checkout would, through an
// index of its own, which is beside the folder for that time.
func (r *Repository) Export(ctx context.Context, sha, folder string) error {
	if err := r.fits(ctx, sha); err != nil {
		return fmt.Errorf("write the files of %q: %w", sha, err)
	}
	index, err := os.MkdirTemp(filepath.Dir(filepath.Clean(folder)), "drydock-index-")
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

// maxExported bounds what a commit's files take: one file can be there many times.
const maxExported = 20 << 30 // bytes

func (r *Repository) fits(ctx context.Context, sha string) error {
	entries, err := r.entries(ctx, sha, "--long") // MODE TYPE OID SIZE\tPATH; the size of a submodule is "-"
	if err != nil {
		return err
	}
	room := int64(maxExported)
	for _, entry := range entries {
		facts, _, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(facts)
		size, err := strconv.ParseInt(fields[len(fields)-1], 10, 64)
		if err != nil {
			continue
		}
		if room -= size; room < 0 {
			return fmt.Errorf("its files take more than %d bytes", int64(maxExported))
		}
	}
	return nil
}
