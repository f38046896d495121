package local

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// wholeFile is the size up to which a file is read before its header is
// written, so that a change of its length meanwhile does no harm.
const wholeFile = 1 << 20

// tarball writes files of several folders into one stream.
type tarball struct {
	stopped func() error // why to stop, or nil
	tw      *tar.Writer
	buf     []byte

	root   *os.Root
	prefix string          // of the names below root
	real   map[string]bool // folders below root: true is written, false is none to go into
	dir    *os.Root        // the folder of the file before
	name   string          // its name
}

func newTarball(ctx context.Context, w io.Writer) *tarball {
	return &tarball{stopped: ctx.Err, tw: tar.NewWriter(w), buf: make([]byte, wholeFile)}
}

func (t *tarball) close() {
	t.leave()
	if t.root != nil {
		t.root.Close()
		t.root = nil
	}
}

func (t *tarball) leave() {
	if t.dir != nil {
		t.dir.Close()
		t.dir = nil
	}
}

// enter goes on with the files of another folder, whose names get the prefix.
func (t *tarball) enter(dir, prefix string) error {
	t.close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	t.root, t.prefix, t.real = root, prefix, map[string]bool{".": true}
	return nil
}

// folder writes the folders down to name, once each. It is false when one of
// them is not a folder: a link there would lead elsewhere.
func (t *tarball) folder(name string) (bool, error) {
	if ok, seen := t.real[name]; seen {
		return ok, nil
	}
	ok, err := t.folder(path.Dir(name))
	if err != nil || !ok {
		t.real[name] = false
		return false, err
	}
	fi, err := t.root.Lstat(name)
	if gone(err) || err == nil && !fi.IsDir() {
		t.real[name] = false
		return false, nil
	}
	if err != nil {
		return false, err
	}
	t.real[name] = true
	return true, t.header(name, tar.Header{Typeflag: tar.TypeDir, Mode: int64(fi.Mode().Perm()) | 0o700, ModTime: fi.ModTime()})
}

func (t *tarball) header(name string, h tar.Header) error {
	if err := t.stopped(); err != nil {
		return err
	}
	h.Name = path.Join(t.prefix, name)
	if h.Typeflag == tar.TypeDir {
		h.Name += "/"
	}
	h.ModTime = h.ModTime.Truncate(time.Second) // fractions would need a record of their own
	return t.tw.WriteHeader(&h)
}

// listed writes one file or link; a folder is what it is only in a list that
// is out of date.
func (t *tarball) listed(name string) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil
	}
	ok, err := t.folder(path.Dir(name))
	if err != nil || !ok {
		return err
	}
	base, err := t.open(name)
	if err != nil {
		return ignoreGone(err)
	}
	fi, err := t.dir.Lstat(base)
	if err != nil {
		return ignoreGone(err)
	}
	switch mode := fi.Mode(); {
	case mode&fs.ModeSymlink != 0:
		target, err := t.dir.Readlink(base)
		if err != nil {
			return ignoreGone(err)
		}
		return t.header(name, tar.Header{Typeflag: tar.TypeSymlink, Linkname: filepath.ToSlash(target), Mode: 0o777, ModTime: fi.ModTime()})
	case mode.IsRegular():
		return t.file(name, base, fi)
	default:
		return nil
	}
}

// listedFolder writes an empty folder.
func (t *tarball) listedFolder(name string) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil
	}
	_, err := t.folder(name)
	return err
}

// open opens the folder that name is in; the last one stays open.
func (t *tarball) open(name string) (base string, err error) {
	dir := path.Dir(name)
	if t.dir != nil && t.name == dir {
		return path.Base(name), nil
	}
	t.leave()
	t.dir, err = t.root.OpenRoot(dir)
	t.name = dir
	return path.Base(name), err
}

func (t *tarball) file(name, base string, seen fs.FileInfo) error {
	// A pipe that took the file's place must not make us wait.
	f, err := t.dir.OpenFile(base, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("file %q cannot be read: permission denied: mend its mode, or list it in .gitignore", path.Join(t.prefix, name))
	}
	if err != nil {
		return ignoreGone(err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return nil
	}
	h := tar.Header{Typeflag: tar.TypeReg, Mode: int64(seen.Mode().Perm()), ModTime: fi.ModTime(), Size: fi.Size()}
	if h.Size < wholeFile {
		n, err := io.ReadFull(f, t.buf[:h.Size])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		h.Size = int64(n)
		if err := t.header(name, h); err != nil {
			return err
		}
		_, err = t.tw.Write(t.buf[:n])
		return err
	}
	if err := t.header(name, h); err != nil {
		return err
	}
	return t.content(f, h.Size)
}

// content writes exactly size bytes: what was appended since is left out, and
// what was cut off is zeros, as tar programs do.
func (t *tarball) content(f io.Reader, size int64) error {
	for size > 0 {
		if err := t.stopped(); err != nil {
			return err
		}
		chunk := t.buf[:min(size, int64(len(t.buf)))]
		n, err := f.Read(chunk)
		if err != nil && n == 0 {
			if err != io.EOF {
				return err
			}
			clear(chunk)
			n = len(chunk)
		}
		if _, err := t.tw.Write(chunk[:n]); err != nil {
			return err
		}
		size -= int64(n)
	}
	return nil
}

// bytes writes a file that no disk holds.
func (t *tarball) bytes(name string, content []byte) error {
	if err := t.header(name, tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, ModTime: time.Now(), Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := t.tw.Write(content)
	return err
}

// below writes a whole folder but what skip names: paths relative to dir.
func (t *tarball) below(dir, prefix string, skip func(string, fs.DirEntry) bool) error {
	if err := t.enter(dir, prefix); err != nil {
		return err
	}
	return t.walk(".", skip)
}

func (t *tarball) walk(name string, skip func(string, fs.DirEntry) bool) error {
	f, err := t.root.Open(name)
	if err != nil {
		return ignoreGone(err)
	}
	entries, err := f.ReadDir(-1)
	f.Close()
	if err != nil {
		return ignoreGone(err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	var folders []string
	for _, d := range entries {
		child := path.Join(name, d.Name())
		switch {
		case skip(child, d):
		case d.IsDir():
			folders = append(folders, child)
		default:
			if err := t.listed(child); err != nil {
				return err
			}
		}
	}
	for _, child := range folders {
		ok, err := t.folder(child)
		if err != nil {
			return err
		}
		if ok {
			if err := t.walk(child, skip); err != nil {
				return err
			}
		}
	}
	return nil
}

// gone tells whether a path is not there any more, or not as it was listed.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO)
}

func ignoreGone(err error) error {
	if gone(err) {
		return nil
	}
	return err
}
