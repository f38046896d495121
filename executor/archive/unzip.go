package archive

import (
	"archive/tar"
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// maxZipEntries bounds an archive that lists more than any artifact holds, if
// Options name no other number.
const maxZipEntries = 1_000_000

// Unzip writes the files of a zip archive below dir, which is made if need
// be, by the rules of Unpack. Links and devices are always refused, and what
// decompresses to more than its entry claims ends the whole. Options.Links and
// Options.Filter have no meaning.
func Unzip(ctx context.Context, dir string, r io.ReaderAt, size int64, o Options) error {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are judged below
		return fmt.Errorf("unzip into %q: %w", dir, err)
	}
	if o.MaxEntries == 0 {
		o.MaxEntries = maxZipEntries
	}
	if len(z.File) > o.MaxEntries {
		return fmt.Errorf("unzip into %q: more than %d entries: %w", dir, o.MaxEntries, ErrTooLarge)
	}
	if _, err := makeDir(dir); err != nil {
		return fmt.Errorf("unzip into %q: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unzip into %q: %w", dir, err)
	}
	defer root.Close()
	u := &unpacker{o: o, root: root, dirs: map[string]fs.FileMode{}, buf: make([]byte, 256<<10)}
	defer u.leave()
	for _, f := range z.File {
		if ctx.Err() != nil {
			return fmt.Errorf("unzip into %q: %w", dir, context.Cause(ctx))
		}
		if err := u.unzip(ctx, f); err != nil {
			if strings.Contains(err.Error(), "path escapes from parent") {
				err = fmt.Errorf("%w: a link on the way leaves the folder", ErrUnsafe)
			}
			return fmt.Errorf("unzip into %q: entry %q: %w", dir, f.Name, err)
		}
	}
	return u.finish()
}

func (u *unpacker) unzip(ctx context.Context, f *zip.File) error {
	if strings.Contains(f.Name, `\`) {
		return fmt.Errorf("%w: name holds a backslash", ErrUnsafe) // a folder for some, a name for others
	}
	name, err := cleanName(f.Name)
	if err != nil {
		return err
	}
	mode := f.Mode()
	switch {
	case mode.IsDir():
		if name == "." {
			return nil
		}
		if err := u.mkdir(name); err != nil {
			return err
		}
		u.dirs[name] = zipMode(mode, 0o755) | 0o700
		return nil
	case !mode.IsRegular():
		return fmt.Errorf("%w: it is neither file nor folder (%s)", ErrUnsafe, mode)
	}
	if u.o.MaxBytes > 0 && f.UncompressedSize64 > uint64(u.o.MaxBytes) { // before it becomes an int64
		return fmt.Errorf("more than %d bytes: %w", u.o.MaxBytes, ErrTooLarge)
	}
	content, err := f.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	// The reader ends with an error when the entry holds more or less than it
	// claims, so that the sum of claims bounds what is written.
	h := &tar.Header{Name: path.Clean(name), Size: int64(f.UncompressedSize64), Mode: int64(zipMode(mode, 0o644)), ModTime: f.Modified}
	if h.Size < 0 {
		return fmt.Errorf("its size: %w", ErrTooLarge)
	}
	return u.file(ctx, name, h, io.LimitReader(content, h.Size+1))
}

// zipMode is the mode that an archive gives, or another where it gives none
// (upload-artifact does not).
func zipMode(mode fs.FileMode, otherwise fs.FileMode) fs.FileMode {
	if perm := mode.Perm(); perm&0o400 != 0 {
		return perm
	}
	return otherwise
}
