package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// Working is the working copy: what git tracks there, and what it does not know
// yet and does not ignore.
type Working struct {
	top string

	mu     sync.Mutex
	listed bool
	files  []File
}

// Working gives the working copy whose top folder is top.
func (r *Repository) Working(top string) *Working { return &Working{top: top} }

// Files lists the working copy.
func (w *Working) Files(ctx context.Context) ([]File, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listed {
		return w.files, nil
	}
	var tracked, others string
	group, within := errgroup.WithContext(ctx)
	group.Go(func() (err error) { tracked, err = git(within, w.top, "ls-files", "-s", "-z"); return err })
	group.Go(func() (err error) { others, err = untracked(within, w.top); return err })
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("list the working copy %q: %w", w.top, err)
	}
	var files []File
	for _, record := range records(tracked) {
		if f, _, ok := parseEntry(record, 1); ok && (len(files) == 0 || files[len(files)-1].Path != f.Path) { // stages of a conflict
			files = append(files, f)
		}
	}
	for _, path := range records(others) {
		files = append(files, File{Path: strings.TrimSuffix(path, "/")}) // a folder: a repository in this one
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	w.files, w.listed = files, true
	return files, nil
}

func untracked(ctx context.Context, top string) (string, error) {
	return git(ctx, top, "ls-files", "-o", "-z", "--exclude-standard")
}

// Read reads from the disk, never through a symlink out of the working copy.
func (w *Working) Read(_ context.Context, path string) ([]byte, error) {
	root, err := os.OpenRoot(w.top)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	defer root.Close()
	name := filepath.FromSlash(path)
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Errorf("read %q: %w", path, fs.ErrNotExist)
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := root.Readlink(name)
		return []byte(filepath.ToSlash(target)), err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("read %q: it is no file", path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("read %q: it is larger than %d bytes", path, maxFile)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}
