package goimports

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

// analysis is one walk through the imports.
type analysis struct {
	tree  tree.Tree
	index tree.Index
	mods  []module

	packages map[string]string   // folder -> why it is one
	embeds   map[string][]string // folder -> patterns
	whole    map[string]string   // folder that counts with all below it -> why
	files    map[string]string   // further files -> why
	doubt    string
}

// read gives a file, through symlinks; each link is an input of its own.
func (a *analysis) read(ctx context.Context, file string) ([]byte, error) {
	real, err := a.resolve(ctx, file)
	if err != nil {
		return nil, err
	}
	return a.tree.Read(ctx, real)
}

// resolve follows the symlinks in a path and notes them.
func (a *analysis) resolve(ctx context.Context, name string) (string, error) {
	real, links, err := tree.Follow(ctx, a.tree, a.index, name)
	for _, link := range links {
		a.files[link.Path] = "symlink to " + link.Target
	}
	var nowhere *tree.NowhereError
	if errors.As(err, &nowhere) {
		a.doubt = nowhere.Error()
		return name, nil
	}
	return real, err
}

// walk reads packages until no import is new.
func (a *analysis) walk(ctx context.Context, main string) error {
	waiting := []string{main}
	a.packages[main] = "Go main package " + main
	for len(waiting) > 0 {
		dir := waiting[0]
		waiting = waiting[1:]
		imports, err := a.readPackage(ctx, dir)
		if err != nil {
			return err
		}
		for _, imported := range imports {
			dirs := a.find(imported)
			if strings.HasPrefix(imported, "./") || strings.HasPrefix(imported, "../") {
				dirs = []string{path.Join(dir, imported)}
			}
			for _, next := range dirs {
				if _, seen := a.packages[next]; seen {
					continue
				}
				a.packages[next] = "Go import " + imported
				waiting = append(waiting, next)
				real, err := a.resolve(ctx, next)
				if err != nil {
					return err
				}
				if _, seen := a.packages[real]; !seen {
					a.packages[real] = "Go import " + imported
					waiting = append(waiting, real)
				}
			}
		}
	}
	return nil
}

// find gives the folders that an import may be: of the module with the longest
// path, and in doubt of the others too. A folder that is not there yet counts: the
// package may be made while building, or by the next change.
func (a *analysis) find(imported string) []string {
	var dirs []string
	for _, m := range a.mods {
		switch {
		case m.path == "":
			if dir := path.Join(m.dir, imported); a.index.Has(dir) {
				dirs = append(dirs, dir)
			}
		case imported == m.path:
			dirs = append(dirs, m.dir)
		case strings.HasPrefix(imported, m.path+"/"):
			dirs = append(dirs, path.Join(m.dir, strings.TrimPrefix(imported, m.path+"/")))
		}
	}
	return dirs
}

// readPackage gives the imports of all files of a package but its tests.
func (a *analysis) readPackage(ctx context.Context, dir string) ([]string, error) {
	var imports []string
	for _, f := range a.index.In(dir) {
		name := path.Base(f.Path)
		switch {
		case foreign(name):
			a.whole[dir] = "Go package " + dir + " with sources of another language"
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			continue
		}
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		src, err := a.read(ctx, f.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a dangling link, or deleted in the working copy
		}
		if err != nil {
			return nil, err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Path, src, parser.ImportsOnly)
		if err != nil {
			a.doubt = f.Path + " does not parse, so its imports are not known"
		}
		if parsed == nil {
			continue
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue
			}
			if imported == "C" {
				// cgo reads whatever its directives and includes name.
				a.whole[a.moduleOf(dir)] = "cgo in " + dir
			}
			if !slices.Contains(imports, imported) {
				imports = append(imports, imported)
			}
		}
		a.embeds[dir] = append(a.embeds[dir], embedded(src)...)
	}
	return imports, nil
}

// moduleOf is the folder of the innermost module that a folder is in.
func (a *analysis) moduleOf(dir string) string {
	if file := a.above(dir, "go.mod"); file != "" {
		return path.Dir(file)
	}
	return "."
}

// foreign tells sources of other languages that the go tool compiles (cmd/go:
// "go help filetype"); they may include files of any name.
func foreign(name string) bool {
	switch path.Ext(name) {
	case ".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx", ".f", ".F", ".for", ".f90", ".s", ".S", ".sx", ".swig", ".swigcxx", ".syso":
		return true
	}
	return false
}

// embedded gives the patterns of //go:embed directives (package embed).
func embedded(src []byte) []string {
	if !bytes.Contains(src, []byte("//go:embed")) {
		return nil
	}
	var patterns []string
	lines := bufio.NewScanner(bytes.NewReader(src))
	lines.Buffer(nil, len(src)+1)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "//go:embed")
		if !ok {
			continue
		}
		for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
			var pattern string
			if quoted, err := strconv.QuotedPrefix(rest); err == nil {
				pattern, _ = strconv.Unquote(quoted)
				rest = rest[len(quoted):]
			} else {
				pattern, rest, _ = strings.Cut(rest, " ")
			}
			patterns = append(patterns, strings.TrimPrefix(strings.TrimSpace(pattern), "all:"))
		}
	}
	return patterns
}
