package local

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Workspace packs a working copy as a checkout would give it: what git tracks
// and what it would add, with uncommitted changes, and a .git folder that
// stands on its own. It implements runner.Workspace and may be used by several
// jobs at once.
type Workspace struct {
	root   string // the folder that is packed
	repo   *Repo
	commit string
}

// NewWorkspace is the workspace of dir: the repository's root, or a folder
// inside it, which then is packed without .git.
func NewWorkspace(r *Repo, dir string) (*Workspace, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open workspace: %w", err)
	}
	if fi, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("open workspace: %w", err)
	} else if !fi.IsDir() {
		return nil, fmt.Errorf("open workspace %q: it is not a folder", dir)
	}
	return &Workspace{root: dir, repo: r, commit: r.SHA}, nil
}

// Commit is the commit that the working copy stands on, or NoSHA.
func (w *Workspace) Commit() string { return w.commit }

// Pack writes the files as a tar stream: names relative to the root, owner 0,
// links as they are. Ignored files are never opened; sockets, pipes and
// devices are left out; so is what vanishes meanwhile. Submodules are empty
// folders unless they are asked for.
func (w *Workspace) Pack(ctx context.Context, submodules bool, out io.Writer) error {
	bw := bufio.NewWriterSize(out, 1<<20)
	t := newTarball(ctx, bw)
	defer t.close()
	err := w.pack(ctx, t, submodules)
	if err == nil {
		err = t.tw.Close()
	}
	if err == nil {
		err = bw.Flush()
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("pack the working copy %q: %w", w.root, err)
	}
	return nil
}

func (w *Workspace) pack(ctx context.Context, t *tarball, submodules bool) error {
	if w.repo.GitDir == "" {
		return packAll(t, w.root)
	}
	folder := gitFolder{git: w.repo.GitDir, common: w.repo.CommonDir}
	if !sameFolder(w.root, w.repo.Root) {
		folder = gitFolder{}
	}
	return packRepository(ctx, t, w.root, "", folder, submodules)
}

// packAll writes a folder that is in no repository.
func packAll(t *tarball, root string) error {
	return t.below(root, "", func(name string, _ fs.DirEntry) bool { return name == ".git" })
}

// packRepository writes a working copy below prefix.
func packRepository(ctx context.Context, t *tarball, root, prefix string, folder gitFolder, submodules bool) error {
	list, err := listFiles(ctx, root)
	if err != nil {
		return err
	}
	if folder.git != "" {
		if err := packGit(ctx, t, root, path.Join(prefix, ".git"), folder); err != nil {
			return err
		}
	}
	if err := t.enter(root, prefix); err != nil {
		return err
	}
	var modules []string
	for _, f := range list {
		if !f.module {
			if err := t.listed(f.name); err != nil {
				return err
			}
			continue
		}
		if err := t.listedFolder(f.name); err != nil {
			return err
		}
		if submodules && f.tracked {
			modules = append(modules, f.name)
		}
	}
	for _, name := range modules {
		dir := filepath.Join(root, filepath.FromSlash(name))
		folder, ok := findGitFolder(ctx, dir)
		if !ok {
			continue // never initialized
		}
		if err := packRepository(ctx, t, dir, path.Join(prefix, name), folder, true); err != nil {
			return err
		}
	}
	return nil
}

// findGitFolder asks git for the repository of a submodule; a folder that has
// none of its own belongs to the repository around it.
func findGitFolder(ctx context.Context, dir string) (gitFolder, bool) {
	if _, err := os.Lstat(filepath.Join(dir, ".git")); err != nil {
		return gitFolder{}, false
	}
	out, err := git(ctx, dir, "rev-parse", "--absolute-git-dir", "--git-common-dir")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err != nil || len(lines) != 2 {
		return gitFolder{}, false
	}
	common := filepath.FromSlash(lines[1])
	if !filepath.IsAbs(common) {
		common = filepath.Join(dir, common)
	}
	return gitFolder{git: filepath.FromSlash(lines[0]), common: common}, true
}

// listedFile is a path of git's list.
type listedFile struct {
	name    string
	module  bool // a submodule, or another repository inside
	tracked bool
}

// listFiles gives what git tracks and what it would add, sorted.
func listFiles(ctx context.Context, root string) ([]listedFile, error) {
	var tracked, untracked string
	var trackedErr, untrackedErr error
	var both sync.WaitGroup
	both.Go(func() { tracked, trackedErr = git(ctx, root, "ls-files", "-s", "-z") })
	both.Go(func() { untracked, untrackedErr = git(ctx, root, "ls-files", "-o", "--exclude-standard", "-z") })
	both.Wait()
	for _, err := range []error{trackedErr, untrackedErr} {
		if err != nil {
			return nil, err
		}
	}
	var list []listedFile
	for _, record := range records(tracked) {
		// mode SP object SP stage TAB path; a conflict has several stages.
		facts, name, ok := strings.Cut(record, "\t")
		if !ok || len(list) > 0 && list[len(list)-1].name == name {
			continue
		}
		list = append(list, listedFile{name: name, module: strings.HasPrefix(facts, "160000 "), tracked: true})
	}
	for _, name := range records(untracked) {
		short := strings.TrimSuffix(name, "/") // a slash: a repository of its own
		list = append(list, listedFile{name: short, module: short != name})
	}
	// By folder, so that each is opened once.
	slices.SortFunc(list, func(a, b listedFile) int {
		if c := strings.Compare(path.Dir(a.name), path.Dir(b.name)); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	return list, nil
}

func sameFolder(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	fa, errA := os.Stat(a)
	fb, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(fa, fb)
}
