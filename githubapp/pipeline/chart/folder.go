package chart

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/ignore"
)

// Limits of a chart. Helm keeps what it installs in a Secret of 1 MiB at most, so
// that nothing larger than this is of use.
const (
	maxFile  = 5 << 20  // bytes; helm: pkg/chart/loader, MaxDecompressedFileSize
	maxChart = 20 << 20 // bytes, archives in charts/ unpacked
	maxFiles = 10_000
	maxDepth = 32 // of folders
)

const ignoreFile = ignore.HelmIgnore

// folder is a chart's folder, without what is ignored.
type folder struct {
	root  *os.Root
	name  string // from the top of the repository
	rules *ignore.Rules
	files []file // sorted by path
	size  int64
}

type file struct {
	path string // from the top of the chart
	size int64
	data []byte // what is packed in place of what the file holds
}

// open lists a chart's folder. Nothing outside it can be read through it.
func open(repository, name string) (*folder, error) {
	top, err := os.OpenRoot(repository)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	f := &folder{name: name}
	if f.root, err = top.OpenRoot(filepath.FromSlash(name)); err != nil {
		return nil, fmt.Errorf("open the chart %q: %w", name, plain(err))
	}
	if err := f.list(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *folder) close() { _ = f.root.Close() }

func (f *folder) list() error {
	text, err := f.read(ignoreFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if f.rules, err = parseIgnore(path.Join(f.name, ignoreFile), string(text)); err != nil {
		return err
	}
	if err := f.walk(".", 0); err != nil {
		return err
	}
	slices.SortFunc(f.files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	return nil
}

// walk follows symlinks, as Helm does, as long as they stay in the chart: a file
// elsewhere would be packed without being an input that builds the service.
func (f *folder) walk(dir string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: folders are nested deeper than %d", path.Join(f.name, dir), maxDepth)
	}
	d, err := f.root.Open(filepath.FromSlash(dir))
	if err != nil {
		return fmt.Errorf("read the folder %q: %w", path.Join(f.name, dir), plain(err))
	}
	entries, err := d.ReadDir(-1)
	_ = d.Close()
	if err != nil {
		return fmt.Errorf("read the folder %q: %w", path.Join(f.name, dir), plain(err))
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		info, err := f.root.Stat(filepath.FromSlash(name))
		shown := info
		if err != nil {
			shown, _ = f.root.Lstat(filepath.FromSlash(name))
		}
		if shown != nil && f.rules.Ignore(name, shown) {
			continue
		}
		switch {
		case err != nil && e.Type()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s: it is a symlink that leads nowhere, in a circle, or out of the chart's folder: put the file itself there", path.Join(f.name, name))
		case err != nil:
			return fmt.Errorf("read %q: %w", path.Join(f.name, name), plain(err))
		case info.IsDir():
			err = f.walk(name, depth+1)
		default:
			err = f.add(name, info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// impossible are names that Helm takes for an attempt to leave the chart (helm:
// pkg/chart/loader, LoadArchiveFiles).
var impossible = regexp.MustCompile(`^\.\.|^[a-zA-Z]:/|\\`)

func (f *folder) add(name string, info fs.FileInfo) error {
	shown := path.Join(f.name, name)
	f.size += info.Size()
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: it is no regular file, and no chart can hold it: list it in %s", shown, ignoreFile)
	case impossible.MatchString(name):
		return fmt.Errorf("%s: helm refuses charts that hold a file of this name: rename it, or list it in %s", shown, ignoreFile)
	case info.Size() > maxFile:
		return fmt.Errorf("%s: it has %d bytes, and helm reads no file above %d: list it in %s", shown, info.Size(), maxFile, ignoreFile)
	case f.size > maxChart || len(f.files) >= maxFiles:
		return fmt.Errorf("%s: the chart has more than %d bytes or %d files: list what is no part of it in %s", f.name, maxChart, maxFiles, ignoreFile)
	}
	f.files = append(f.files, file{path: name, size: info.Size()})
	return nil
}

// lookup finds a file; nil: it is not there, or ignored.
func (f *folder) lookup(name string) *file {
	i, ok := slices.BinarySearchFunc(f.files, name, func(a file, b string) int { return strings.Compare(a.path, b) })
	if !ok {
		return nil
	}
	return &f.files[i]
}

// read gives a file of the chart; an error tells its name.
func (f *folder) read(name string) ([]byte, error) {
	shown := path.Join(f.name, name)
	info, err := f.root.Stat(filepath.FromSlash(name))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %q: %w", shown, plain(err))
	case !info.Mode().IsRegular() || info.Size() > maxFile:
		return nil, fmt.Errorf("read %q: it is no regular file of at most %d bytes", shown, maxFile)
	}
	r, err := f.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", shown, plain(err))
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", shown, plain(err))
	}
	return data, nil
}

// plain leaves out the path of this machine.
func plain(err error) error {
	var told *fs.PathError
	if errors.As(err, &told) {
		return told.Err
	}
	return err
}

// at is an error with its place.
func at(name string, line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", name, line, fmt.Errorf(format, args...))
}
