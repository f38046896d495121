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
