package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"sync"
	"time"
)

// Folder is a Store in a folder: a key is a path in it.
type Folder struct {
	root    *os.Root
	staging *staging

	mu    sync.Mutex
	locks map[*os.File]bool // that TryLock gave
}

// NewFolder opens the folder and makes it if need be. Close it when nothing is
// written any more.
func NewFolder(root string) (*Folder, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("make blob folder %q: %w", root, noSpace(err))
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("open blob folder %q: %w", root, err)
	}
	s, err := openStaging(r, slog.New(slog.DiscardHandler))
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("open blob folder %q: %w", root, err)
	}
	return &Folder{root: r, staging: s, locks: map[*os.File]bool{}}, nil
}

// Close removes what was not finished and frees the locks.
func (f *Folder) Close() error {
	f.mu.Lock()
	for file := range f.locks {
		file.Close()
		delete(f.locks, file)
	}
	f.mu.Unlock()
	defer f.root.Close()
	return f.staging.close()
}

func (f *Folder) Put(ctx context.Context, key string, r io.Reader, size int64) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	name, err := f.stage(ctx, r, size)
	if err != nil {
		return Info{}, fmt.Errorf("store blob %q: %w", key, err)
	}
	return f.adopt(ctx, name, key)
}

// stage writes a file of the staging folder and gives its name.
func (f *Folder) stage(ctx context.Context, r io.Reader, size int64) (string, error) {
	file, name, err := f.staging.create()
	if err != nil {
		return "", err
	}
	err = fill(ctx, file, r, size)
	if err = errors.Join(err, file.Close()); err != nil {
		f.staging.remove(name)
		return "", noSpace(err)
	}
	return name, nil
}

func fill(ctx context.Context, file *os.File, r io.Reader, size int64) (err error) {
	var n int64
	if from, ok := r.(*os.File); ok {
		n, err = io.Copy(file, from) // the kernel copies
	} else {
		n, err = copyBuffer(file, withContext(ctx, r))
	}
	if err == nil && size >= 0 && n != size {
		err = fmt.Errorf("%w: %d of %d bytes", ErrSize, n, size)
	}
	return err
}

// adopt gives a whole file of the staging folder its key; it is gone from there
// in any case.
func (f *Folder) adopt(ctx context.Context, name, key string) (Info, error) {
	err := f.place(key, func() error {
		return f.root.Rename(f.staged(name), key)
	})
	if err != nil {
		f.staging.remove(name)
		return Info{}, fmt.Errorf("store blob %q: %w", key, noSpace(err))
	}
	return f.Stat(ctx, key)
}

// staged is the path of a staged file from the store's root.
func (f *Folder) staged(name string) string {
	return path.Join(stagingFolder, f.staging.name, name)
}

// place makes the key's folder, unless it is there, and does the rest.
func (f *Folder) place(key string, do func() error) error {
	err := do()
	if !os.IsNotExist(err) {
		return err
	}
	if err := f.root.MkdirAll(path.Dir(key), 0o700); err != nil {
		return err
	}
	return do()
}

func (f *Folder) Create(ctx context.Context, key string, data []byte) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	name, err := f.stage(ctx, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return Info{}, fmt.Errorf("create blob %q: %w", key, err)
	}
	defer f.staging.remove(name)
	// A link, other than a rename, fails when the name is taken: whole and exclusive at once.
	if err := f.place(key, func() error { return f.root.Link(f.staged(name), key) }); err != nil {
		return Info{}, fmt.Errorf("create blob %q: %w", key, noSpace(err))
	}
	return f.Stat(ctx, key)
}

func (f *Folder) Open(_ context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fmt.Errorf("open blob %q: negative offset %d", key, offset)
	}
	file, err := f.root.Open(key)
	if err != nil {
		return nil, fmt.Errorf("open blob %q: %w", key, err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = os.ErrNotExist
	}
	if err == nil && offset > 0 {
		_, err = file.Seek(offset, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("open blob %q: %w", key, err)
	}
	if rest := max(info.Size()-offset, 0); length < 0 || length > rest {
		length = rest
	}
	return &section{file: file, rest: length}, nil
}

// section is a part of a file. It writes itself, so that a connection can take
// it by sendfile.
type section struct {
	file *os.File
	rest int64
}

func (s *section) Read(p []byte) (int, error) {
	if s.rest <= 0 {
		return 0, io.EOF
	}
	n, err := s.file.Read(p[:min(int64(len(p)), s.rest)])
	s.rest -= int64(n)
	return n, err
}

func (s *section) WriteTo(w io.Writer) (int64, error) {
	n, err := io.CopyN(w, s.file, s.rest)
	s.rest -= n
	return n, err
}

func (s *section) Close() error { return s.file.Close() }

func (f *Folder) Stat(_ context.Context, key string) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	info, err := f.root.Lstat(key)
	if err != nil {
		return Info{}, fmt.Errorf("look up blob %q: %w", key, err)
	}
	if !info.Mode().IsRegular() {
		return Info{}, fmt.Errorf("look up blob %q: not a file: %w", key, os.ErrNotExist)
	}
	return Info{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil
}

func (f *Folder) Touch(_ context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	now := time.Now()
	if err := f.root.Chtimes(key, now, now); err != nil {
		return fmt.Errorf("touch blob %q: %w", key, err)
	}
	return nil
}

func (f *Folder) Delete(_ context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := f.root.Remove(key); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("delete blob %q: %w", key, err)
	}
	return nil
}
