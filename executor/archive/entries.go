package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// create opens a file that was not there before: what stood in its place is
// removed, never written through.
func create(dir *os.Root, base string, perm fs.FileMode) (*os.File, error) {
	f, err := dir.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if errors.Is(err, fs.ErrExist) {
		if err = dir.Remove(base); err == nil {
			f, err = dir.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		}
	}
	return f, err
}

func (u *unpacker) file(ctx context.Context, name string, h *tar.Header, r io.Reader) error {
	if u.bytes += h.Size; u.o.MaxBytes > 0 && u.bytes > u.o.MaxBytes {
		return fmt.Errorf("more than %d bytes: %w", u.o.MaxBytes, ErrTooLarge)
	}
	dir, base, err := u.enter(name)
	if err != nil {
		return err
	}
	// Perm drops set-user-id, set-group-id and sticky.
	perm := h.FileInfo().Mode().Perm()
	f, err := create(dir, base, perm|0o200)
	if err != nil {
		return err
	}
	err = u.fill(ctx, f, r)
	if err == nil && u.o.Owner != nil {
		err = f.Chown(u.o.Owner.UID, u.o.Owner.GID)
	}
	if err == nil {
		err = f.Chmod(perm) // also undoes the umask
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil && u.o.Times && h.ModTime.Unix() > 0 {
		err = dir.Chtimes(base, h.ModTime, h.ModTime)
	}
	return err
}

// fill copies without bufio's detour; a long file still notices ctx.
func (u *unpacker) fill(ctx context.Context, f *os.File, r io.Reader) error {
	for {
		n, err := io.ReadFull(r, u.buf)
		if n > 0 {
			if _, werr := f.Write(u.buf[:n]); werr != nil {
				return werr
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF) && n < len(u.buf):
			// Either the entry's end or the stream's: the next read tells.
			if _, err := r.Read(u.buf[:1]); err != io.EOF {
				return io.ErrUnexpectedEOF
			}
			return nil
		case err != nil:
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

func (u *unpacker) symlink(name, target string) error {
	if target == "" {
		return fmt.Errorf("%w: link without a target", ErrUnsafe)
	}
	if !inside(name, target) {
		switch u.o.Links {
		case SkipLinks:
			return nil
		case RefuseLinks:
			return fmt.Errorf("%w: link to %q leaves the folder", ErrUnsafe, target)
		}
	}
	dir, base, err := u.enter(name)
	if err != nil {
		return err
	}
	err = dir.Symlink(target, base)
	if errors.Is(err, fs.ErrExist) {
		if err = dir.Remove(base); err == nil {
			err = dir.Symlink(target, base)
		}
	}
	if err == nil && u.o.Owner != nil {
		err = dir.Lchown(base, u.o.Owner.UID, u.o.Owner.GID)
	}
	return err
}

// inside tells whether a link at name with that target stays in the folder,
// as far as the text tells; os.Root guards what goes through other links.
func inside(name, target string) bool {
	if path.IsAbs(target) || strings.ContainsRune(target, 0) {
		return false
	}
	p := path.Join(path.Dir(name), target)
	return p != ".." && !strings.HasPrefix(p, "../")
}

func (u *unpacker) hardlink(name, target string) error {
	target, err := cleanName(target)
	if err != nil {
		return err
	}
	fi, err := u.root.Lstat(target)
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return fmt.Errorf("%w: hard link to %q, which is not a file", ErrUnsafe, target)
	}
	if target == name {
		return nil
	}
	if err := u.mkdir(path.Dir(name)); err != nil {
		return err
	}
	err = u.root.Link(target, name)
	if errors.Is(err, fs.ErrExist) {
		if err = u.root.Remove(name); err == nil {
			err = u.root.Link(target, name)
		}
	}
	return err
}

func sortByLength(names []string) {
	slices.SortFunc(names, func(a, b string) int {
		if d := len(b) - len(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
}
