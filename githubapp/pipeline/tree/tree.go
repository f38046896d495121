package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// Mode is what kind of file it is.
type Mode uint8

// The kinds of files that git knows.
const (
	Regular Mode = iota
	Executable
	Symlink
	Submodule
)

// File is one file of a tree.
type File struct {
	Path string // from the top of the repository, with slashes
	Mode Mode
}

// Tree is the files of a repository in one state.
type Tree interface {
	// Files are all files, sorted by path; folders have no entry. The caller must
	// not change the slice.
	Files(ctx context.Context) ([]File, error)
	// Read gives a file's content, and of a symlink where it points to. The error
	// of a file that is not there is fs.ErrNotExist; see Unreadable for others that
	// are the repository's.
	Read(ctx context.Context, path string) ([]byte, error)
}

// maxFile bounds what Read gives: nothing that is analysed is that large.
const maxFile = 16 << 20 // bytes

// What a repository may have in place of a file that is looked for.
var (
	ErrFileTooLarge = fmt.Errorf("it is larger than %d bytes", maxFile)
	ErrNoFile       = errors.New("it is no regular file")
)

// Unreadable tells errors of Read that say something about the file: trying again
// gives the same.
func Unreadable(err error) bool {
	return errors.Is(err, ErrFileTooLarge) || errors.Is(err, ErrNoFile)
}

// Index finds files in a sorted list.
type Index []File

// Lookup finds a file.
func (x Index) Lookup(path string) (File, bool) {
	i, ok := slices.BinarySearchFunc(x, path, func(f File, p string) int { return strings.Compare(f.Path, p) })
	if !ok {
		return File{}, false
	}
	return x[i], true
}

// Below are the files below a folder, at any depth; below "." are all.
func (x Index) Below(folder string) Index {
	if folder == "." || folder == "" {
		return x
	}
	prefix := folder + "/"
	from, _ := slices.BinarySearchFunc(x, prefix, func(f File, p string) int { return strings.Compare(f.Path, p) })
	// '0' is what follows '/': the first path that does not have the prefix.
	n, _ := slices.BinarySearchFunc(x[from:], folder+"0", func(f File, p string) int { return strings.Compare(f.Path, p) })
	return x[from : from+n]
}

// In are the files that lie in a folder itself.
func (x Index) In(folder string) []File {
	below := x.Below(folder)
	skip := 0
	if folder != "." && folder != "" {
		skip = len(folder) + 1
	}
	var in []File
	for i := 0; i < len(below); {
		rest := below[i].Path[skip:]
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			in = append(in, below[i])
			i++
			continue
		}
		// Jump over the whole folder.
		i += max(1, len(below[i:].Below(below[i].Path[:skip+slash])))
	}
	return in
}

// Has tells whether there is such a file or folder.
func (x Index) Has(path string) bool {
	if _, ok := x.Lookup(path); ok {
		return true
	}
	return len(x.Below(path)) > 0
}

// Memory is a tree of paths to contents, for tests. A content that begins with
// "-> " is a symlink.
type Memory map[string]string

const link = "-> "

// Files lists the map.
func (m Memory) Files(context.Context) ([]File, error) {
	files := []File{}
	for _, path := range slices.Sorted(maps.Keys(m)) {
		mode := Regular
		if strings.HasPrefix(m[path], link) {
			mode = Symlink
		}
		files = append(files, File{path, mode})
	}
	return files, nil
}

// Read looks into the map.
func (m Memory) Read(_ context.Context, path string) ([]byte, error) {
	content, ok := m[path]
	if !ok {
		return nil, fmt.Errorf("read %q: %w", path, fs.ErrNotExist)
	}
	return []byte(strings.TrimPrefix(content, link)), nil
}
