package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"
)

// file is one Go source file of the repository.
type file struct {
	path  string // from the top of the repository
	test  bool
	lines int
	ast   *ast.File
}

// pkg is a folder with Go files, named by its path below Module.
type pkg struct {
	path  string
	files []file
}

type tree struct {
	fset     *token.FileSet
	packages []pkg
	top      []string
}

// load parses every Go file below the top, whatever platform it is for.
// It leaves out what the go command leaves out: testdata, vendor, names that
// begin with a dot or an underscore, and other modules: the samples.
func load(root fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet()}
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		return nil, fmt.Errorf("reading the top of the repository: %w", err)
	}
	for _, e := range entries {
		t.top = append(t.top, e.Name())
	}
	byPath := map[string]*pkg{}
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && (ignored(d.Name()) || otherModule(root, name)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || ignored(d.Name()) {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(t.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if byPath[dir] == nil {
			byPath[dir] = &pkg{path: dir}
		}
		byPath[dir].files = append(byPath[dir].files, file{
			path: name, test: strings.HasSuffix(name, "_test.go"), lines: strings.Count(string(src), "\n"), ast: parsed,
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the repository's Go files: %w", err)
	}
	for _, p := range byPath {
		t.packages = append(t.packages, *p)
	}
	sort.Slice(t.packages, func(i, j int) bool { return t.packages[i].path < t.packages[j].path })
	return t, nil
}

func otherModule(root fs.FS, dir string) bool {
	_, err := fs.Stat(root, dir+"/go.mod")
	return err == nil
}

func ignored(name string) bool {
	return name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// imports are the paths that a file imports.
func (f file) imports() []string {
	var paths []string
	for _, spec := range f.ast.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// main tells programs from packages.
func (p pkg) main() bool { return p.files[0].ast.Name.Name == "main" }

// matches tells whether a package's path fits a pattern of the tables.
func matches(pattern, name string) bool {
	if pattern == "..." {
		return true
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return within(base, name)
	}
	if base, ok := strings.CutSuffix(pattern, "/*"); ok {
		return path.Dir(name) == base
	}
	return pattern == name
}

func matchesAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if matches(p, name) {
			return true
		}
	}
	return false
}

// within tells whether name is base or lies below it.
func within(base, name string) bool { return name == base || strings.HasPrefix(name, base+"/") }
