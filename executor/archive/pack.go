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
	"path/filepath"
	"slices"
	"strings"
)

// PackOptions steer Pack.
type PackOptions struct {
	// Prefix goes before every name.
	Prefix string
	// Skip leaves an entry out, a folder with all below it; path has slashes
	// and is relative to dir.
	Skip func(path string, d fs.DirEntry) bool
	// Missing lets a listed path be absent; files may vanish between the
	// listing and the packing.
	Missing bool
	// Owner is written into the entries; nil writes 0:0.
	Owner *Owner
}

// Pack writes dir and all below it. Links are written as links; sockets,
// pipes and devices are left out.
func Pack(ctx context.Context, w io.Writer, dir string, o PackOptions) error {
	return PackPaths(ctx, w, dir, []string{"."}, o)
}

// PackPath writes one file or folder with names relative to its parent.
func PackPath(ctx context.Context, w io.Writer, name string, o PackOptions) error {
	name = filepath.Clean(name)
	return PackPaths(ctx, w, filepath.Dir(name), []string{filepath.Base(name)}, o)
}

// PackPaths writes the listed paths, which are relative to dir; a folder
// brings all below it. The folders above a listed path are written too, so
// that their modes are kept. This serves callers that know what to include
// (the files git would keep).
func PackPaths(ctx context.Context, w io.Writer, dir string, paths []string, o PackOptions) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("pack %q: %w", dir, err)
	}
	defer root.Close()
	bw := bufio.NewWriterSize(w, 256<<10)
	p := &packer{root: root, o: o, tw: tar.NewWriter(bw), seen: map[string]bool{}, buf: make([]byte, 256<<10)}
	defer p.leave()
	for _, name := range paths {
		name = path.Clean(filepath.ToSlash(name))
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return fmt.Errorf("pack %q: path %q is not below it", dir, name)
		}
		if err := p.parents(ctx, name); err != nil {
			return fmt.Errorf("pack %q: %w", dir, err)
		}
		if err := p.tree(ctx, name); err != nil {
			return fmt.Errorf("pack %q: %w", dir, err)
		}
	}
	if err := p.tw.Close(); err != nil {
		return fmt.Errorf("pack %q: %w", dir, err)
	}
	if err := bw.Flush(); err != nil {
		return fmt.Errorf("pack %q: %w", dir, err)
	}
	return nil
}

type packer struct {
	root    *os.Root
	o       PackOptions
	tw      *tar.Writer
	seen    map[string]bool // folders that are written
	cur     *os.Root
	curName string
	buf     []byte
}

func (p *packer) parents(ctx context.Context, name string) error {
	for i := range len(name) {
		if name[i] != '/' || p.seen[name[:i]] {
			continue
		}
		fi, err := p.root.Lstat(name[:i])
		if errors.Is(err, fs.ErrNotExist) && p.o.Missing {
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.entry(ctx, name[:i], fi); err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) tree(ctx context.Context, name string) error {
	fi, err := p.root.Lstat(name)
	if err != nil {
		if p.o.Missing && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if p.o.Skip != nil && name != "." && p.o.Skip(name, fs.FileInfoToDirEntry(fi)) {
		return nil
	}
	return p.walk(ctx, name, fi)
}

func (p *packer) walk(ctx context.Context, name string, fi fs.FileInfo) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := p.entry(ctx, name, fi); err != nil {
		return err
	}
	if !fi.IsDir() {
		return nil
	}
	f, err := p.root.Open(name)
	if err != nil {
		return err
	}
	entries, err := f.ReadDir(-1)
	f.Close()
	if err != nil {
		return err
	}
	// Sorted, so that the same folder gives the same bytes.
	sortEntries(entries)
	for _, d := range entries {
		child := path.Join(name, d.Name())
		if p.o.Skip != nil && p.o.Skip(child, d) {
			continue
		}
		cfi, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // vanished since the listing
		}
		if err != nil {
			return err
		}
		if err := p.walk(ctx, child, cfi); err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) entry(ctx context.Context, name string, fi fs.FileInfo) error {
	h := &tar.Header{
		Name:    strings.TrimPrefix(path.Join(p.o.Prefix, name), "/"),
		Mode:    int64(fi.Mode().Perm()),
		ModTime: fi.ModTime().Truncate(1e9), // whole seconds need no extra record
	}
	if p.o.Owner != nil {
		h.Uid, h.Gid = p.o.Owner.UID, p.o.Owner.GID
	}
	switch {
	case fi.IsDir():
		if p.seen[name] {
			return nil
		}
		p.seen[name] = true
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		return p.tw.WriteHeader(h)
	case fi.Mode()&fs.ModeSymlink != 0:
		target, err := p.root.Readlink(name)
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, filepath.ToSlash(target)
		return p.tw.WriteHeader(h)
	case fi.Mode().IsRegular():
		h.Typeflag = tar.TypeReg
		return p.file(ctx, name, h)
	default:
		return nil
	}
}

// sub is the folder that name is in, opened once for all its files.
func (p *packer) sub(name string) (*os.Root, string, error) {
	dir, base := path.Dir(name), path.Base(name)
	if p.cur != nil && p.curName == dir {
		return p.cur, base, nil
	}
	r, err := p.root.OpenRoot(dir)
	if err != nil {
		return nil, "", err
	}
	p.leave()
	p.cur, p.curName = r, dir
	return r, base, nil
}

func (p *packer) leave() {
	if p.cur != nil {
		p.cur.Close()
		p.cur = nil
	}
}

func (p *packer) file(ctx context.Context, name string, h *tar.Header) error {
	dir, base, err := p.sub(name)
	if err != nil {
		return err
	}
	f, err := dir.Open(base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return nil
	}
	h.Size = fi.Size()
	if err := p.tw.WriteHeader(h); err != nil {
		return err
	}
	for left := h.Size; left > 0; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := f.Read(p.buf[:min(left, int64(len(p.buf)))])
		if _, werr := p.tw.Write(p.buf[:n]); werr != nil {
			return werr
		}
		left -= int64(n)
		if err != nil && left > 0 {
			if err == io.EOF {
				return fmt.Errorf("file %q shrank while it was read", name)
			}
			return err
		}
	}
	return nil
}

func sortEntries(entries []fs.DirEntry) {
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
}
