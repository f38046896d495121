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
// yet and does not ignore. It is listed once.
type Working struct {
	repository *Repository
	top        string

	files  once[[]File]
	others once[[]string]
}

// Working gives the working copy whose top folder is top.
func (r *Repository) Working(top string) *Working { return &Working{repository: r, top: top} }

// once keeps the first answer that is no error.
type once[T any] struct {
	mu    sync.Mutex
	done  bool
	value T
}

func (o *once[T]) do(ask func() (T, error)) (T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return o.value, nil
	}
	value, err := ask()
	if err == nil {
		o.value, o.done = value, true
	}
	return value, err
}

// Files lists the working copy.
func (w *Working) Files(ctx context.Context) ([]File, error) {
	return w.files.do(func() ([]File, error) {
		var tracked string
		var others []string
		group, within := errgroup.WithContext(ctx)
		group.Go(func() (err error) { tracked, err = git(within, w.top, "ls-files", "-s", "-z"); return err })
		group.Go(func() (err error) { others, err = w.untracked(within); return err })
		if err := group.Wait(); err != nil {
			return nil, fmt.Errorf("list the working copy %q: %w", w.top, err)
		}
		var files []File
		for _, record := range records(tracked) {
			if f, _, ok := parseEntry(record, 1); ok && (len(files) == 0 || files[len(files)-1].Path != f.Path) { // stages of a conflict
				files = append(files, f)
			}
		}
		if len(others) == 0 {
			return files, nil // git's order is ours
		}
		for _, path := range others {
			files = append(files, File{Path: path, Mode: w.mode(path)})
		}
		slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
		return files, nil
	})
}

// mode looks at a file that git does not know.
func (w *Working) mode(path string) Mode {
	info, err := os.Lstat(filepath.Join(w.top, filepath.FromSlash(path)))
	switch {
	case err != nil:
		return Regular
	case info.Mode()&fs.ModeSymlink != 0:
		return Symlink
	case info.IsDir():
		return Submodule // a repository in this one
	}
	return Regular
}

// untracked are the files that git does not know and does not ignore.
func (w *Working) untracked(ctx context.Context) ([]string, error) {
	return w.others.do(func() ([]string, error) {
		out, err := git(ctx, w.top, "ls-files", "-o", "-z", "--exclude-standard")
		paths := records(out)
		for i := range paths {
			paths[i] = strings.TrimSuffix(paths[i], "/")
		}
		return paths, err
	})
}

// Change is what the working copy changes: against a revision when one is given,
// else against where HEAD left its upstream, or the remote's default branch.
func (w *Working) Change(ctx context.Context, since string) (Change, error) {
	base, unknown, err := w.repository.since(ctx, since)
	if err != nil || unknown != "" {
		return Change{Unknown: unknown}, err
	}
	var known string
	var others []string
	group, within := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		known, err = git(within, w.top, append(slices.Clone(diff), "--end-of-options", base, "--")...)
		return err
	})
	group.Go(func() (err error) { others, err = w.untracked(within); return err })
	if err := group.Wait(); err != nil {
		return Change{}, fmt.Errorf("compare the working copy with %q: %w", base, err)
	}
	files := append(records(known), others...)
	slices.Sort(files)
	return Change{Base: base, Files: slices.Compact(files)}, nil
}

var diff = []string{"diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-color", "--no-relative", "--ignore-submodules=none"}

// since gives the commit that the working copy is compared with, or why there is
// none.
func (r *Repository) since(ctx context.Context, revision string) (base, unknown string, err error) {
	if revision != "" {
		if strings.Trim(revision, "0") == "" {
			return "", "first push: there is nothing before it", nil
		}
		base, err = r.Resolve(ctx, revision)
		return base, "", err
	}
	head, err := r.Resolve(ctx, "HEAD")
	if err != nil {
		return "", "there is no commit yet", ctx.Err()
	}
	for _, upstream := range []string{"@{upstream}", "refs/remotes/origin/HEAD"} {
		if sha, err := r.Resolve(ctx, upstream); err == nil {
			return r.common(ctx, sha, head)
		}
	}
	return "", "this branch has no upstream to compare with: --since REF gives a commit", ctx.Err()
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
		return nil, fmt.Errorf("read %q: %w", path, ErrNoFile)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("read %q: %w", path, ErrFileTooLarge)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}
