package worker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
	"github.com/drydock-ci/drydock/githubapp/store"
)

// exports are the files of commits that services are being made from: one folder
// for all services of a commit. Nothing writes into it.
type exports struct {
	folder string

	mu  sync.Mutex
	all map[commit]*export
}

type commit struct {
	repository store.RepositoryID
	sha        string
}

type export struct {
	users int
	done  chan struct{} // closed when the files are there, or err is
	path  string
	out   string // a link that leads out of the folder, to what Go would read; "": none
	err   error
}

// folder is where they are.
func (e *export) folder() string {
	if e == nil {
		return ""
	}
	return e.path
}

// use gives the files of a commit, for as long as it is not given
// back.
func (x *exports) use(ctx context.Context, at commit, r *tree.Repository) (files *export, giveBack func() error, err error) {
	x.mu.Lock()
	e := x.all[at]
	if e == nil {
		if x.all == nil {
			x.all = map[commit]*export{}
		}
		e = &export{done: make(chan struct{})}
		x.all[at] = e
		go func() { // whoever asked first may be cancelled, the others not
			defer close(e.done)
			if e.path, e.err = os.MkdirTemp(x.folder, "files-"); e.err == nil {
				e.err = r.Export(context.WithoutCancel(ctx), at.sha, e.path)
			}
			if e.err == nil {
				e.out, e.err = leadsOut(e.path)
			}
		}()
	}
	e.users++
	x.mu.Unlock()
	giveBack = func() error { return x.leave(at, e) }
	select {
	case <-e.done:
		if e.err != nil {
			err = fmt.Errorf("write the files of %.7s: %w", at.sha, e.err)
		}
		return e, giveBack, err
	case <-ctx.Done():
		return nil, giveBack, context.Cause(ctx)
	}
}

// leave removes the files with their last user.
func (x *exports) leave(at commit, e *export) error {
	x.mu.Lock()
	e.users--
	last := e.users == 0
	if last {
		delete(x.all, at)
	}
	x.mu.Unlock()
	if !last {
		return nil
	}
	<-e.done
	return removeAll(e.path)
}

// leadsOut finds a link to outside of the folder that the go tool would follow: it
// says in its errors what it read.
func leadsOut(folder string) (string, error) {
	top, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return "", err
	}
	found := ""
	err = filepath.WalkDir(top, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.Type() != os.ModeSymlink {
			return err
		}
		rel, err := filepath.Rel(top, name)
		if err != nil {
			return err
		}
		real, err := filepath.EvalSymlinks(name)
		if err != nil {
			return nil //nolint:nilerr // it leads nowhere
		}
		info, err := os.Stat(real)
		if err != nil || !info.IsDir() && !forGo(filepath.Base(name)) {
			return nil //nolint:nilerr // as above
		}
		if inside, err := filepath.Rel(top, real); err != nil || !filepath.IsLocal(inside) {
			found = rel
			return filepath.SkipAll
		}
		return nil
	})
	return found, err
}

// forGo tells whether the go tool reads files of that name.
func forGo(name string) bool {
	switch name {
	case "go.mod", "go.sum", "go.work", "go.work.sum", "modules.txt":
		return true
	}
	switch filepath.Ext(name) { // those of cgo too, though it is off
	case ".go", ".s", ".S", ".c", ".h", ".cc", ".cpp", ".hh", ".m", ".syso", ".swig":
		return true
	}
	return false
}

// removeAll removes also folders that a repository's files left without rights.
func removeAll(folder string) error {
	if folder == "" {
		return nil
	}
	_ = filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) //nolint:gosec // its owner's
		}
		return nil
	})
	return os.RemoveAll(folder)
}
