package goimports

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

// find gives the folders that an import may be: of the module with the longest
// path, and in doubt of the others too. A folder that is not there yet counts: the
// package may be made while building, or by the next change.
func (a *analysis) find(ctx context.Context, imported string) ([]string, error) {
	var dirs []string
	local, known := "", false
	for _, m := range a.mods {
		rest, ok := below(m.path, imported)
		if !ok {
			continue
		}
		dir := path.Join(m.dir, rest)
		real, err := a.resolve(ctx, dir)
		if err != nil {
			return nil, err
		}
		if m.path == "" && !a.index.Has(real) {
			continue // not vendored
		}
		if len(m.path) > len(local) {
			local = m.path
		}
		known = known || slices.ContainsFunc(a.index.In(real), func(f tree.File) bool { return strings.HasSuffix(f.Path, ".go") })
		dirs = append(dirs, dir)
	}
	if local != "" && !known && !a.elsewhere(imported, local) {
		// Of a submodule, or made while building: what it imports is not known.
		a.doubted("git knows no Go file of " + imported)
	}
	return dirs, nil
}

// below gives what an import path has after that of a module; "" is the path of
// vendored modules, which have all.
func below(module, imported string) (rest string, ok bool) {
	if module == "" || imported == module {
		return strings.TrimPrefix(imported, module), true
	}
	return strings.CutPrefix(imported, module+"/")
}

// elsewhere tells whether an import below a local module's path is of another
// module, which is fetched.
func (a *analysis) elsewhere(imported, local string) bool {
	for at := imported; len(at) > len(local); at = path.Dir(at) {
		if a.required[at] {
			return true
		}
	}
	return false
}
