package goimports

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

// Inputs are what a main package is built from.
type Inputs struct {
	a    *analysis
	main string
	dirs []string // of packages, sorted
	// Doubt says why any file may matter, whatever Match tells; empty: none does but
	// those that Match names.
	Doubt string
}

// Analyze reads the main package in a folder and all that it imports out of the
// repository. Only what is read is analysed: other packages cost nothing.
func Analyze(ctx context.Context, t tree.Tree, main string) (*Inputs, error) {
	files, err := t.Files(ctx)
	if err != nil {
		return nil, err
	}
	a := &analysis{
		tree: t, index: files, seen: map[string]bool{}, required: map[string]bool{},
		packages: map[string]string{}, embeds: map[string][]string{}, whole: map[string]string{}, files: map[string]string{},
	}
	real, err := a.resolve(ctx, main)
	if err != nil {
		return nil, err
	}
	// A tool that is started in a symlink may look above that, or above where it leads to.
	for _, at := range slices.Compact([]string{real, main}) {
		if err := a.modules(ctx, at); err != nil {
			return nil, err
		}
	}
	if len(a.seen) == 0 {
		a.doubted("there is no go.mod at or above " + main)
	}
	if err := a.walk(ctx, real); err != nil {
		return nil, err
	}
	return &Inputs{a: a, main: real, dirs: slices.Sorted(maps.Keys(a.packages)), Doubt: a.doubt}, nil
}

// Packages are the folders of the packages, sorted.
func (in *Inputs) Packages() []string { return slices.Clone(in.dirs) }

// Match tells whether a change of the file changes what is built, and by which
// rule.
func (in *Inputs) Match(file string) (rule string, ok bool) {
	if rule, ok := in.a.files[file]; ok {
		return rule, true
	}
	name := path.Base(file)
	switch name {
	case "go.mod", "go.sum", "go.work", "go.work.sum", "modules.txt":
		// One that is new or gone can move the border of a module.
		if dir := strings.TrimSuffix(path.Dir(file), "/vendor"); in.hasPackage(dir) {
			return "Go module in " + dir, true
		}
	case ".ko.yaml":
		return "settings of ko", true
	}
	if in.hasPackage(file) {
		return "folder of " + in.a.packages[in.below(file)] + " became a file or was one", true
	}
	if rule, ok := in.a.whole[file]; ok {
		return rule, true
	}
	// A file of a package, or in a folder below one that embeds it.
	for dir := path.Dir(file); ; dir = path.Dir(dir) {
		if rule, ok := in.a.whole[dir]; ok {
			return rule, true
		}
		if rule, ok := in.a.packages[dir]; ok {
			if dir == path.Dir(file) && compiled(name) {
				return rule, true
			}
			if pattern, ok := in.embeds(dir, file); ok {
				return "//go:embed " + pattern + " in " + dir, true
			}
		}
		if dir == "." {
			break
		}
	}
	if data := path.Join(in.main, "kodata"); file == data || strings.HasPrefix(file, data+"/") {
		return "kodata of " + in.main, true
	}
	return "", false
}

// compiled tells files of a package that the go tool reads.
func compiled(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") || foreign(name) || name == "default.pgo"
}

// embeds tells whether a pattern of the package in dir gives the file, or a folder
// that it is in.
func (in *Inputs) embeds(dir, file string) (string, bool) {
	patterns := in.a.embeds[dir]
	if len(patterns) == 0 {
		return "", false
	}
	rest := file
	if dir != "." {
		rest = strings.TrimPrefix(file, dir+"/")
	}
	parts := strings.Split(rest, "/")
	for _, pattern := range patterns {
		clean := path.Clean(pattern)
		wanted := strings.Split(clean, "/")
		// What is embedded, what lies below it, and what it lies below of.
		n := min(len(wanted), len(parts))
		ok, err := path.Match(strings.Join(wanted[:n], "/"), strings.Join(parts[:n], "/"))
		if ok || err != nil || clean == "." {
			return pattern, true
		}
	}
	return "", false
}

// hasPackage tells whether dir is the folder of a package or one is below it.
func (in *Inputs) hasPackage(dir string) bool { return in.below(dir) != "" }

func (in *Inputs) below(dir string) string {
	if _, ok := in.a.packages[dir]; ok {
		return dir
	}
	if dir == "." && len(in.dirs) > 0 {
		return in.dirs[0]
	}
	i, _ := slices.BinarySearch(in.dirs, dir+"/")
	if i < len(in.dirs) && strings.HasPrefix(in.dirs[i], dir+"/") {
		return in.dirs[i]
	}
	return ""
}
