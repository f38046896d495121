package archive

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"
)

// ErrUnsafe is the cause of every refusal: the stream asks for something that
// an honest one does not.
var ErrUnsafe = errors.New("unsafe archive")

// ErrTooLarge is the cause when a limit of Options was reached.
var ErrTooLarge = errors.New("archive too large")

// OutsideLinks says what happens to a symbolic link whose target is absolute
// or leaves the folder. Unpack itself follows none of them, whatever is chosen.
type OutsideLinks int

// The choices.
const (
	RefuseLinks OutsideLinks = iota // the whole stream fails
	KeepLinks                       // written as they are: the folder's readers are inside the same place
	SkipLinks                       // left out
)

// Owner is who gets the files.
type Owner struct{ UID, GID int }

// Options steer Unpack. The zero value is the strict one, without limits.
type Options struct {
	Links      OutsideLinks
	Owner      *Owner                 // nil: whoever unpacks
	Times      bool                   // keep modification times of files
	Filter     func(*tar.Header) bool // false leaves the entry out; it sees the cleaned name and may change it
	MaxBytes   int64                  // sum of file sizes; 0: no limit
	MaxEntries int                    // 0: no limit
}

// Unpack writes the stream's entries below dir, which is made if need be.
// Entries that exist are replaced; folders are merged.
func Unpack(ctx context.Context, dir string, r io.Reader, o Options) error {
	u := &unpacker{o: o, dirs: map[string]fs.FileMode{}}
	made, err := makeDir(dir)
	if err != nil {
		return fmt.Errorf("unpack into %q: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unpack into %q: %w", dir, err)
	}
	defer root.Close()
	u.root = root
	defer u.leave()
	if o.Owner != nil {
		for _, p := range made {
			if err := os.Lchown(p, o.Owner.UID, o.Owner.GID); err != nil {
				return fmt.Errorf("unpack into %q: %w", dir, err)
			}
		}
	}
	if err := u.all(ctx, tar.NewReader(bufio.NewReaderSize(r, 256<<10))); err != nil {
		return fmt.Errorf("unpack into %q: %w", dir, err)
	}
	return nil
}

// makeDir is os.MkdirAll that tells which folders it made.
func makeDir(dir string) ([]string, error) {
	var missing []string
	for p := strings.TrimRight(dir, "/"); p != "" && p != "."; {
		if _, err := os.Stat(p); err == nil || !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, p)
		i := strings.LastIndexByte(p, os.PathSeparator)
		if i <= 0 {
			break
		}
		p = p[:i]
	}
	return missing, os.MkdirAll(dir, 0o755)
}

type unpacker struct {
	o       Options
	root    *os.Root
	cur     *os.Root // the folder of the last entry, so that a file costs no walk
	curName string
	dirs    map[string]fs.FileMode // modes to set at the end, once nothing is written below any more
	buf     []byte
	bytes   int64
	entries int
}

func (u *unpacker) all(ctx context.Context, tr *tar.Reader) error {
	u.buf = make([]byte, 256<<10)
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return u.finish()
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if u.entries++; u.o.MaxEntries > 0 && u.entries > u.o.MaxEntries {
			return fmt.Errorf("more than %d entries: %w", u.o.MaxEntries, ErrTooLarge)
		}
		name, err := cleanName(h.Name)
		if err != nil {
			return err
		}
		h.Name = name
		if u.o.Filter != nil {
			if !u.o.Filter(h) {
				continue
			}
			if name, err = cleanName(h.Name); err != nil {
				return err
			}
		}
		if err := u.entry(ctx, name, h, tr); err != nil {
			if strings.Contains(err.Error(), "path escapes from parent") {
				err = fmt.Errorf("%w: a link on the way leaves the folder", ErrUnsafe)
			}
			return fmt.Errorf("entry %q: %w", h.Name, err)
		}
	}
}

// cleanName gives the entry's path relative to the folder, "." for itself.
func cleanName(name string) (string, error) {
	if strings.ContainsRune(name, 0) || path.IsAbs(name) || (runtime.GOOS == "windows" && strings.ContainsAny(name, `\:`)) {
		return "", fmt.Errorf("entry %q: %w: name is not relative", name, ErrUnsafe)
	}
	for _, s := range strings.Split(name, "/") {
		if s == ".." {
			return "", fmt.Errorf("entry %q: %w: name holds \"..\"", name, ErrUnsafe)
		}
	}
	return path.Clean(name), nil
}

func (u *unpacker) entry(ctx context.Context, name string, h *tar.Header, r io.Reader) error {
	switch h.Typeflag {
	case tar.TypeDir:
		if name == "." {
			u.dirs["."] = h.FileInfo().Mode().Perm()
			return nil
		}
		if err := u.mkdir(name); err != nil {
			return err
		}
		u.dirs[name] = h.FileInfo().Mode().Perm()
		return nil
	case tar.TypeReg, tar.TypeGNUSparse:
		return u.file(ctx, name, h, r)
	case tar.TypeSymlink:
		return u.symlink(name, h.Linkname)
	case tar.TypeLink:
		return u.hardlink(name, h.Linkname)
	default:
		return fmt.Errorf("%w: type %q is neither file, folder nor link", ErrUnsafe, string(h.Typeflag))
	}
}

// enter gives the folder that name is in, made if need be, and the last part.
func (u *unpacker) enter(name string) (*os.Root, string, error) {
	if name == "." {
		return nil, "", fmt.Errorf("%w: it would replace the folder itself", ErrUnsafe)
	}
	dir, base := path.Split(name)
	dir = path.Clean(dir)
	if u.cur != nil && u.curName == dir {
		return u.cur, base, nil
	}
	sub, err := u.root.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err = u.mkdir(dir); err == nil {
			sub, err = u.root.OpenRoot(dir)
		}
	}
	if err != nil {
		return nil, "", err
	}
	u.leave()
	u.cur, u.curName = sub, dir
	return sub, base, nil
}

func (u *unpacker) leave() {
	if u.cur != nil {
		u.cur.Close()
		u.cur = nil
	}
}

func (u *unpacker) mkdir(name string) error {
	if name == "." {
		return nil
	}
	err := u.root.Mkdir(name, 0o755)
	if errors.Is(err, fs.ErrNotExist) {
		if err = u.mkdir(path.Dir(name)); err == nil {
			err = u.root.Mkdir(name, 0o755)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		fi, serr := u.root.Stat(name)
		if serr != nil {
			return serr
		}
		if fi.IsDir() {
			return nil
		}
		if err = u.root.Remove(name); err == nil {
			err = u.root.Mkdir(name, 0o755)
		}
	}
	if err == nil && u.o.Owner != nil {
		err = u.root.Lchown(name, u.o.Owner.UID, u.o.Owner.GID)
	}
	return err
}

// finish sets the modes of folders, the deepest first by length of the name,
// which is enough: a child's name is longer than its parent's.
func (u *unpacker) finish() error {
	u.leave()
	names := make([]string, 0, len(u.dirs))
	for n, m := range u.dirs {
		if n != "." && m == 0o755 {
			if fi, err := u.root.Lstat(n); err == nil && fi.Mode().Perm() == m {
				continue
			}
		}
		names = append(names, n)
	}
	sortByLength(names)
	for _, n := range names {
		if err := u.root.Chmod(n, u.dirs[n]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("entry %q: %w", n, err)
		}
	}
	return nil
}
