//go:build linux

package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/archive"
	"github.com/drydock-ci/drydock/executor/helper/hashfiles"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// collectLimit is how much of one collected file travels.
const collectLimit = 8 << 20

// writeFiles writes what a command needs before it starts.
func writeFiles(files []executor.File, user account) error {
	for _, f := range files {
		if err := writeFile(f, user); err != nil {
			return fmt.Errorf("write %q: %w", f.Path, err)
		}
	}
	return nil
}

func writeFile(f executor.File, user account) error {
	if !filepath.IsAbs(f.Path) {
		return errors.New("the path is not absolute")
	}
	mode := fs.FileMode(f.Mode).Perm()
	// No link is followed at the end: a step may have put one there.
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC | syscall.O_NOFOLLOW
	h, err := os.OpenFile(f.Path, flags, mode)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeDirs(filepath.Dir(f.Path), 0o755, user); err == nil {
			h, err = os.OpenFile(f.Path, flags, mode)
		}
	}
	if err != nil {
		return err
	}
	_, err = h.Write(f.Data)
	if err == nil {
		err = h.Chmod(mode)
	}
	if err == nil && user.other() {
		err = h.Chown(user.uid, user.gid)
	}
	if cerr := h.Close(); err == nil {
		err = cerr
	}
	return err
}

// makeDirs is os.MkdirAll whose new folders belong to user.
func makeDirs(dir string, mode fs.FileMode, user account) error {
	if fi, err := os.Stat(dir); err == nil {
		if !fi.IsDir() {
			return fmt.Errorf("%q is not a folder", dir)
		}
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := makeDirs(parent, 0o755, user); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Chmod(dir, mode); err != nil { // undoes the umask
		return err
	}
	return user.own(dir)
}

// collectFiles reads and removes what a command leaves. A process of another
// user could point a link at a file that only the helper may read, so links
// count only when both are the same user.
func collectFiles(paths []string, user account) (map[string][]byte, []string) {
	var files map[string][]byte
	var tooLarge []string
	flags := os.O_RDONLY | syscall.O_NONBLOCK
	if user.other() {
		flags |= syscall.O_NOFOLLOW
	}
	for _, path := range paths {
		data, err := readFile(path, flags)
		_ = os.Remove(path)
		if err != nil {
			continue
		}
		if len(data) > collectLimit {
			data = data[:collectLimit]
			tooLarge = append(tooLarge, path)
		}
		if files == nil {
			files = make(map[string][]byte, len(paths))
		}
		files[path] = data
	}
	return files, tooLarge
}

func readFile(path string, flags int) ([]byte, error) {
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, errors.New("not a file")
	}
	if fi.Size() == 0 {
		return []byte{}, nil
	}
	return io.ReadAll(io.LimitReader(f, collectLimit+1))
}

func (s *server) copyIn(st net.Conn, dir string) error {
	op := fmt.Sprintf("copy into %q", dir)
	if !filepath.IsAbs(dir) {
		return executor.Errorf(op, executor.Invalid, "the path is not absolute")
	}
	if err := wire.WriteJSON(st, wire.Reply{}); err != nil {
		return err
	}
	// Links that leave the folder are kept: they mean something in the place,
	// and only the place's own processes follow them.
	o := archive.Options{Links: archive.KeepLinks, Times: true}
	if s.user.other() {
		o.Owner = &archive.Owner{UID: s.user.uid, GID: s.user.gid}
	}
	body := wire.NewChunkReader(st)
	err := archive.Unpack(context.Background(), dir, body, o)
	if errors.Is(err, archive.ErrUnsafe) {
		return executor.Errorf(op, executor.Refused, "%w", err)
	}
	if err != nil {
		return executor.Errorf(op, executor.Failed, "%w", err)
	}
	// What follows the end of the archive is padding.
	if _, err := io.Copy(io.Discard, body); err != nil {
		return executor.Errorf(op, executor.Failed, "%w", err)
	}
	return nil
}

func (s *server) copyOut(st net.Conn, path string) error {
	op := fmt.Sprintf("copy %q out", path)
	if !filepath.IsAbs(path) {
		return executor.Errorf(op, executor.Invalid, "the path is not absolute")
	}
	if _, err := os.Lstat(path); err != nil {
		kind := executor.Failed
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			kind = executor.NotFound
		}
		return executor.Errorf(op, kind, "%w", err)
	}
	if err := wire.WriteJSON(st, wire.Reply{}); err != nil {
		return nil
	}
	ctx, cancel := watch(st)
	defer cancel()
	w := wire.NewChunkWriter(st)
	if err := archive.PackPath(ctx, w, path, archive.PackOptions{}); err != nil {
		_ = w.Abort(err)
		return nil
	}
	_ = w.End()
	return nil
}

func (s *server) hash(st net.Conn, q *executor.HashQuery) (string, error) {
	if q == nil {
		return "", executor.Errorf("evaluate hashFiles", executor.Invalid, "the request holds no query")
	}
	ctx, cancel := watch(st)
	defer cancel()
	home := s.env["HOME"]
	if home == "" {
		home = s.user.home
	}
	h, err := hashfiles.Hash(ctx, hashfiles.Query{
		Workspace: q.Workspace, Patterns: q.Patterns, FollowSymlinks: q.FollowSymlinks, Home: home,
	})
	if err != nil {
		return "", executor.Errorf("evaluate hashFiles", executor.Failed, "%w", err)
	}
	return h, nil
}

// setup makes folders and links in their order.
func (s *server) setup(entries []wire.Entry) error {
	for _, e := range entries {
		if err := s.entry(e); err != nil {
			return executor.Errorf(fmt.Sprintf("make %q", e.Path), executor.Failed, "%w", err)
		}
	}
	return nil
}

func (s *server) entry(e wire.Entry) error {
	if !filepath.IsAbs(e.Path) {
		return errors.New("the path is not absolute")
	}
	user := s.user
	if e.Owner != "" {
		var err error
		if user, err = lookup(e.Owner); err != nil {
			return err
		}
	}
	if e.Target != "" {
		if err := makeDirs(filepath.Dir(e.Path), 0o755, user); err != nil {
			return err
		}
		err := os.Symlink(e.Target, e.Path)
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return user.own(e.Path)
	}
	mode := fs.FileMode(0o755)
	if e.Mode != 0 {
		mode = unixMode(e.Mode)
	}
	if err := makeDirs(e.Path, mode, user); err != nil {
		return err
	}
	// What was said in so many words counts for a folder that was there too,
	// such as a fresh volume.
	if e.Mode != 0 {
		if err := os.Chmod(e.Path, mode); err != nil {
			return err
		}
	}
	if e.Owner != "" {
		return os.Chown(e.Path, user.uid, user.gid)
	}
	return nil
}

// unixMode keeps the sticky bit, for folders like /tmp.
func unixMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m).Perm()
	if m&0o1000 != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}
