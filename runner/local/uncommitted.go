package local

import (
	"context"
	"fmt"
)

// Uncommitted lists the files whose content differs from HEAD, relative to
// Root: a rename is two files; files that git does not know yet count, ignored
// ones do not.
func (r *Repo) Uncommitted(ctx context.Context) ([]string, error) {
	if r.GitDir == "" {
		return nil, nil
	}
	out, err := git(ctx, r.Root, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames")
	if err != nil {
		return nil, fmt.Errorf("read the state of %q: %w", r.Root, err)
	}
	var files []string
	for _, entry := range records(out) {
		if len(entry) > 3 { // "XY name"
			files = append(files, entry[3:])
		}
	}
	return files, nil
}
