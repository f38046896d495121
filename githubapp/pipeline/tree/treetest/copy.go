package treetest

import (
	"os"
)

// Copy copies a folder into the repository.
func (r *Repository) Copy(folder string) {
	r.t.Helper()
	if err := os.CopyFS(r.Dir, os.DirFS(folder)); err != nil {
		r.t.Fatal(err)
	}
}
