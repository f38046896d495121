package fake

import (
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"
	"sync"
)

// files is a file tree in memory.
type files struct {
	mu   sync.Mutex
	list map[string]*node // cleaned absolute path -> node
}

type node struct {
	mode uint32 // permission bits
	dir  bool
	link string // a symbolic link's target
	data []byte
}

func newFiles() *files {
	return &files{list: map[string]*node{"/": {mode: 0o755, dir: true}}}
}

// resolve follows the links of a path, of its last part too.
func (f *files) resolve(p string) string {
	p = path.Clean("/" + p)
	for range 40 {
		changed := false
		for i := 1; i <= len(p); i++ {
			if i < len(p) && p[i] != '/' {
				continue
			}
			n := f.list[p[:i]]
			if n == nil || n.link == "" {
				continue
			}
			target := n.link
			if !path.IsAbs(target) {
				target = path.Join(path.Dir(p[:i]), target)
			}
			p = path.Join(target, p[i:])
			changed = true
			break
		}
		if !changed {
			return p
		}
	}
	return p
}

func (f *files) read(p string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.list[f.resolve(p)]
	if n == nil || n.dir {
		return nil, fmt.Errorf("read %q: %w", p, fs.ErrNotExist)
	}
	return append([]byte{}, n.data...), nil
}

func (f *files) write(p string, data []byte, mode uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p = f.resolve(p)
	f.makeDir(path.Dir(p), 0o755)
	f.list[p] = &node{mode: mode & 0o777, data: append([]byte{}, data...)}
}

func (f *files) append(p string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p = f.resolve(p)
	n := f.list[p]
	if n == nil {
		f.makeDir(path.Dir(p), 0o755)
		n = &node{mode: 0o644}
		f.list[p] = n
	}
	n.data = append(n.data[:len(n.data):len(n.data)], data...)
}

func (f *files) mkdir(p string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.makeDir(f.resolve(p), 0o755)
}

func (f *files) makeDir(p string, mode uint32) {
	if n := f.list[p]; n != nil && n.dir {
		return
	}
	if p != "/" {
		f.makeDir(path.Dir(p), 0o755)
	}
	f.list[p] = &node{mode: mode, dir: true}
}

func (f *files) isDir(p string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.list[f.resolve(p)]
	return n != nil && n.dir
}

func (f *files) stat(p string) *node {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.list[f.resolve(p)]
}

func (f *files) remove(p string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p = path.Join(f.resolve(path.Dir(path.Clean("/"+p))), path.Base(p))
	for name := range f.list {
		if name == p || strings.HasPrefix(name, p+"/") {
			delete(f.list, name)
		}
	}
}

// below lists p and all that is in it, a folder before its content.
func (f *files) below(p string) []string {
	var names []string
	for name := range f.list {
		if name == p || strings.HasPrefix(name, strings.TrimSuffix(p, "/")+"/") {
			names = append(names, name)
		}
	}
	// "/" sorts before all else, as a walk through sorted folders does.
	sort.Slice(names, func(i, k int) bool {
		return strings.ReplaceAll(names[i], "/", "\x00") < strings.ReplaceAll(names[k], "/", "\x00")
	})
	return names
}

// Exists tells whether a path is there.
func (e *Environment) Exists(path string) bool { return e.fs.stat(path) != nil }

// Executable tells whether a file may be run.
func (e *Environment) Executable(path string) bool {
	n := e.fs.stat(path)
	return n != nil && !n.dir && n.mode&0o111 != 0
}
