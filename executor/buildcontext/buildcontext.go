package buildcontext

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// Context is a folder as a builder shall see it.
type Context struct {
	dir        string
	dockerfile string
	ignore     *patternmatcher.PatternMatcher // nil: nothing is ignored
}

// Read reads what dir's Dockerfile, or the one named, leaves out of the folder.
func Read(dir, dockerfile string) (*Context, error) {
	if dockerfile == "" {
		dockerfile = "Dockerfile"
	}
	if !filepath.IsLocal(dockerfile) {
		return nil, fmt.Errorf("the Dockerfile %q is outside of its folder", dockerfile)
	}
	b := &Context{dir: dir, dockerfile: filepath.Clean(dockerfile)}
	if !isFile(filepath.Join(dir, dockerfile)) {
		return nil, fmt.Errorf("there is no file %q in %q", dockerfile, dir)
	}
	// docker: the Dockerfile's own list comes before the folder's.
	for _, name := range []string{b.dockerfile + ".dockerignore", ".dockerignore"} {
		f, err := os.Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		patterns, err := ignorefile.ReadAll(f)
		f.Close()
		if err == nil {
			b.ignore, err = patternmatcher.New(patterns)
		}
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", name, err)
		}
		break
	}
	return b, nil
}

// Sum is a digest, in hexadecimal, over the repository's name, the platform, the Dockerfile's
// path and the context.
func (b *Context) Sum(repository, platform string) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q\n", repository, platform, filepath.ToSlash(b.dockerfile))
	if err := b.Write(h); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Write packs the context, always the same for the same content: no times, no
// owners, names in order.
func (b *Context) Write(w io.Writer) error {
	root, err := os.OpenRoot(b.dir) // links must not lead out
	if err != nil {
		return err
	}
	defer root.Close()
	tw := tar.NewWriter(w)
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		skip, err := b.skips(name)
		if err != nil {
			return err
		}
		if skip {
			// A later pattern may bring back something below the folder.
			if d.IsDir() && !b.ignore.Exclusions() && !strings.HasPrefix(filepath.ToSlash(b.dockerfile), name+"/") {
				return fs.SkipDir
			}
			return nil
		}
		return pack(tw, root, name, d)
	})
	if err != nil {
		return fmt.Errorf("packing %q: %w", b.dir, err)
	}
	return tw.Close()
}

func (b *Context) skips(name string) (bool, error) {
	if b.ignore == nil || name == filepath.ToSlash(b.dockerfile) {
		return false, nil
	}
	return b.ignore.MatchesOrParentMatches(filepath.FromSlash(name))
}

func pack(tw *tar.Writer, root *os.Root, name string, d fs.DirEntry) error {
	fi, err := d.Info()
	if err != nil {
		return err
	}
	h := &tar.Header{Name: name, Mode: 0o644, Format: tar.FormatPAX}
	if fi.Mode()&0o111 != 0 {
		h.Mode = 0o755
	}
	switch {
	case fi.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, name+"/"
	case fi.Mode()&fs.ModeSymlink != 0:
		h.Typeflag, h.Mode = tar.TypeSymlink, 0o777
		if h.Linkname, err = root.Readlink(name); err != nil {
			return err
		}
	case fi.Mode().IsRegular():
		h.Typeflag, h.Size = tar.TypeReg, fi.Size()
	default:
		return nil // sockets and devices are no source
	}
	if err := tw.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
		return err
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyN(tw, f, fi.Size())
	return err
}

// Bases are the images that the Dockerfile builds on, as far as they are
// written out.
func (b *Context) Bases() []string {
	f, err := os.Open(filepath.Join(b.dir, b.dockerfile))
	if err != nil {
		return nil
	}
	defer f.Close()
	var out []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 2 || !strings.EqualFold(f[0], "FROM") {
			continue
		}
		for _, w := range f[1:] {
			if !strings.HasPrefix(w, "--") {
				out = append(out, w)
				break
			}
		}
	}
	return out
}

func isFile(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular()
}
