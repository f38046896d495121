package goimports

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

// analysis is one walk through the imports.
type analysis struct {
	tree  tree.Tree
	index tree.Index
	mods  []module
	seen  map[string]bool // folders of modules that were read -> it is a main module

	required map[string]bool // modules that others need
	size     int             // bytes that were read

	packages map[string]string   // folder -> why it is one
	embeds   map[string][]string // folder -> patterns
	whole    map[string]string   // folder that counts with all below it -> why
	files    map[string]string   // further files -> why
	doubt    string
}

// Bounds of what is read. One file can be there a million times in a small
// repository.
const (
	maxRead    = 512 << 20 // bytes
	maxImports = 100_000
)

// doubted notes why any file may matter.
func (a *analysis) doubted(why string) {
	if a.doubt == "" {
		a.doubt = why
	}
}

// read gives a file, through symlinks; each link, and what it leads to, is an input
// of its own. Nil is a file that is not there or that nobody can read.
func (a *analysis) read(ctx context.Context, file string) ([]byte, error) {
	real, err := a.resolve(ctx, file)
	if err != nil {
		return nil, err
	}
	if real != file {
		a.files[real] = "by the symlink " + file
	}
	if a.size > maxRead {
		a.doubted(fmt.Sprintf("it has more than %d bytes of Go", maxRead))
		return nil, nil
	}
	src, err := a.tree.Read(ctx, real)
	a.size += len(src)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if real != file {
			a.doubted(file + " is a symlink to nothing that git knows")
		}
		return nil, nil
	case tree.Unreadable(err):
		a.doubted(err.Error())
		return nil, nil
	}
	return src, err
}

// resolve follows the symlinks in a path and notes them.
func (a *analysis) resolve(ctx context.Context, name string) (string, error) {
	real, links, err := tree.Follow(ctx, a.tree, a.index, name)
	for _, link := range links {
		a.files[link.Path] = "symlink to " + link.Target
	}
	var nowhere *tree.NowhereError
	if errors.As(err, &nowhere) {
		a.doubted(nowhere.Error())
		return name, nil
	}
	return real, err
}

// walk reads packages until no import is new.
func (a *analysis) walk(ctx context.Context, main string) error {
	waiting := []string{main}
	a.packages[main] = "Go main package " + main
	found := map[string]bool{} // imports
	for len(waiting) > 0 {
		dir := waiting[0]
		waiting = waiting[1:]
		imports, err := a.readPackage(ctx, dir)
		if err != nil {
			return err
		}
		for _, imported := range imports {
			var dirs []string
			switch {
			case strings.HasPrefix(imported, "./") || strings.HasPrefix(imported, "../"):
				dirs = []string{path.Join(dir, imported)}
			case found[imported]:
				continue
			case len(found) == maxImports:
				a.doubted(fmt.Sprintf("it has more than %d imports", maxImports))
				continue
			default:
				found[imported] = true
				if dirs, err = a.find(ctx, imported); err != nil {
					return err
				}
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

// readPackage gives the imports of all files of a package but its tests.
func (a *analysis) readPackage(ctx context.Context, dir string) ([]string, error) {
	var imports []string
	for _, f := range a.index.In(dir) {
		name := path.Base(f.Path)
		if foreign(name) {
			a.whole[dir] = "Go package " + dir + " with sources of another language"
		} else if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if foreign(name) && path.Ext(name) != ".s" {
			continue // the Go tool compiles it with cgo only
		}
		src, err := a.read(ctx, f.Path)
		if err != nil {
			return nil, err
		}
		if path.Ext(name) == ".s" {
			if includesOutside(src) {
				a.whole["."] = "assembly in " + dir
			}
			continue
		}
		if src == nil {
			continue
		}
		imports = append(imports, a.readSource(f.Path, src)...)
	}
	return imports, nil
}

// readSource gives the imports of a file, and notes what else it is compiled from.
func (a *analysis) readSource(file string, src []byte) []string {
	dir := path.Dir(file)
	parsed, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
	if err != nil {
		a.doubted(file + " does not parse, so its imports are not known")
	}
	if parsed == nil {
		return nil
	}
	var imports []string
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if imported == "C" {
			// cgo reads whatever its directives and includes name, also beside the module.
			a.whole["."] = "cgo in " + dir
		}
		imports = append(imports, imported)
	}
	if a.embeds[dir] = append(a.embeds[dir], embedded(src)...); len(a.embeds[dir]) > maxEmbeds {
		a.whole[dir], a.embeds[dir] = fmt.Sprintf("more than %d //go:embed in %s", maxEmbeds, dir), nil
	}
	return imports
}

// maxEmbeds bounds the patterns of a package: every changed file is looked for in
// each.
const maxEmbeds = 1000

// includesOutside tells whether a file of Go's assembler may include one that lies
// not in its folder or below.
func includesOutside(src []byte) bool {
	for line := range bytes.Lines(src) {
		if bytes.Contains(line, []byte("include")) && (bytes.Contains(line, []byte("..")) || bytes.Contains(line, []byte(`"/`))) {
			return true
		}
	}
	return false
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

// embedded gives the patterns of //go:embed directives (package embed; go/build
// finds them behind code, too).
func embedded(src []byte) []string {
	var patterns []string
	for line := range bytes.Lines(src) {
		if _, arguments, ok := bytes.Cut(line, []byte("//go:embed")); ok {
			patterns = append(patterns, words(string(arguments))...)
		}
	}
	return patterns
}

// words splits the arguments of a directive, which may be in quotes.
func words(line string) []string {
	var all []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		var word string
		if quoted, err := strconv.QuotedPrefix(line); err == nil {
			word, _ = strconv.Unquote(quoted)
			line = line[len(quoted):]
		} else {
			end := strings.IndexFunc(line, unicode.IsSpace)
			if end < 0 {
				end = len(line)
			}
			word, line = line[:end], line[end:]
		}
		all = append(all, strings.TrimPrefix(strings.TrimSpace(word), "all:"))
	}
	return all
}
