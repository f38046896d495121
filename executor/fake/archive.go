package fake

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/archive"
	"github.com/drydock-ci/drydock/executor/helper/hashfiles"
)

var errUnsafe = executor.Errorf("unpack the archive", executor.Refused, "%w", archive.ErrUnsafe)

// unpack keeps the rules of package archive, which works on real folders.
func (f *files) unpack(ctx context.Context, dir string, r io.Reader) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	root := f.resolve(dir)
	f.makeDir(root, 0o755)
	tr := tar.NewReader(r)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if path.IsAbs(h.Name) || strings.Contains("/"+h.Name+"/", "/../") {
			return errUnsafe
		}
		p := path.Join(root, h.Name)
		parent := f.resolve(path.Dir(p))
		if parent != root && !strings.HasPrefix(parent, strings.TrimSuffix(root, "/")+"/") && p != root {
			return errUnsafe
		}
		if p != root {
			p = path.Join(parent, path.Base(p))
			f.makeDir(parent, 0o755)
		}
		mode := uint32(h.Mode) & 0o777
		switch h.Typeflag {
		case tar.TypeDir:
			f.makeDir(p, mode)
			f.list[p].mode = mode
		case tar.TypeReg:
			data, err := io.ReadAll(tr)
			if err != nil {
				return err
			}
			f.list[p] = &node{mode: mode, data: data}
		case tar.TypeSymlink:
			f.list[p] = &node{mode: 0o777, link: h.Linkname}
		case tar.TypeLink:
			n := f.list[path.Join(root, h.Linkname)]
			if strings.Contains("/"+h.Linkname+"/", "/../") || n == nil || n.dir || n.link != "" {
				return errUnsafe
			}
			f.list[p] = n
		default:
			return errUnsafe
		}
	}
}

func (f *files) pack(p string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p = path.Clean("/" + p)
	p = path.Join(f.resolve(path.Dir(p)), path.Base(p))
	if f.list[p] == nil {
		return nil, fmt.Errorf("%q: %w", p, fs.ErrNotExist)
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, name := range f.below(p) {
		n := f.list[name]
		h := &tar.Header{Name: strings.TrimPrefix(name, strings.TrimSuffix(path.Dir(p), "/")+"/"), Mode: int64(n.mode)}
		switch {
		case n.dir:
			h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		case n.link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, n.link
		default:
			h.Typeflag, h.Size = tar.TypeReg, int64(len(n.data))
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(n.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// hash writes the workspace to a real folder and lets package hashfiles work
// on it, so that there is one implementation of its rules.
func (f *files) hash(ctx context.Context, q executor.HashQuery, home string) (string, error) {
	tmp, err := os.MkdirTemp("", "drydock-fake-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if data, err := f.pack(q.Workspace); err == nil {
		into := filepath.Join(tmp, path.Dir(path.Clean(q.Workspace)))
		if err := archive.Unpack(ctx, into, bytes.NewReader(data), archive.Options{Links: archive.KeepLinks}); err != nil {
			return "", err
		}
	}
	var patterns []string
	for _, text := range q.Patterns {
		for line := range strings.SplitSeq(text, "\n") {
			line = strings.TrimSpace(line)
			bare := strings.TrimLeft(line, "! ")
			if path.IsAbs(bare) {
				line = line[:len(line)-len(bare)] + tmp + bare
			}
			patterns = append(patterns, line)
		}
	}
	return hashfiles.Hash(ctx, hashfiles.Query{
		Workspace: filepath.Join(tmp, q.Workspace), Patterns: patterns,
		FollowSymlinks: q.FollowSymlinks, Home: tmp + home,
	})
}
