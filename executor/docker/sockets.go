package docker

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper"
)

// Connections out of a place take unix sockets where the engine sees this
// machine's files: HelperCache/sockets/OWNER/RUN/PLACE is shown to the place,
// read-only. Only this user and the root of the place get in, and find there
// what any process of the job reaches by TCP.
func (x *Executor) socketRoot(owner executor.OwnerID) string {
	return filepath.Join(x.opts.HelperCache, "sockets", string(owner))
}

// makeSockets makes the folder of a place; empty: it goes without.
func (x *Executor) makeSockets(c *connection, l executor.Labels) string {
	if runtime.GOOS != "linux" || !c.binds() || !oneName(string(l.Owner)) || !oneName(string(l.Run)) {
		return ""
	}
	run := filepath.Join(x.socketRoot(l.Owner), string(l.Run))
	var err error
	for range 10 { // the last job of the run may be removing it just now
		var dir string
		if err = os.MkdirAll(run, 0o700); err == nil {
			if dir, err = os.MkdirTemp(run, "p"); err == nil { // 0700
				return dir
			}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	x.log.Debug("no folder for sockets: connections out of the place go through the helper's stream", "error", err)
	return ""
}

// dropSockets removes the folder of a place, and that of its run with the last.
func dropSockets(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return executor.Errorf("remove the folder of a place's sockets", executor.Failed, "%w", err)
	}
	_ = os.Remove(filepath.Dir(dir))
	return nil
}

// socketsOf finds the folder of a place again by its mounts.
func (x *Executor) socketsOf(source string) string {
	if rel, err := filepath.Rel(filepath.Join(x.opts.HelperCache, "sockets"), source); err != nil || !filepath.IsLocal(rel) || rel == "." {
		return ""
	}
	return source
}

// sweepSockets removes what runs that are over left.
func (x *Executor) sweepSockets(owner executor.OwnerID, keep func(executor.RunID) bool) (removed []string, err error) {
	if !oneName(string(owner)) {
		return nil, nil
	}
	root := x.socketRoot(owner)
	runs, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	errs := []error{err}
	for _, r := range runs {
		if keep(executor.RunID(r.Name())) {
			continue
		}
		dir := filepath.Join(root, r.Name())
		if err := os.RemoveAll(dir); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, "folder "+dir)
	}
	return removed, errors.Join(errs...)
}

// oneName tells a name that is one element of a path.
func oneName(s string) bool {
	return s != "" && s != "." && filepath.IsLocal(s) && !strings.ContainsAny(s, `/\`)
}

// socketFolder is what the helper's client is told of it.
func (e *environment) socketFolder() helper.Sockets {
	if e.sockets == "" {
		return helper.Sockets{}
	}
	return helper.Sockets{Here: e.sockets, There: socketsTarget}
}
