package goimports

import (
	"context"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// module is one module of the repository.
type module struct {
	path string // import path
	dir  string
}

// modules finds those that imports of the main package can come from: its own,
// those of the workspace, and what they replace by a folder (go.dev/ref/mod:
// go.work files, replace directive).
func (a *analysis) modules(ctx context.Context, main string) error {
	own := a.above(main, "go.mod")
	if own == "" {
		a.doubt = "there is no go.mod at or above " + main
		return nil
	}
	if err := a.module(ctx, path.Dir(own)); err != nil {
		return err
	}
	work := a.above(main, "go.work")
	if work == "" {
		return nil
	}
	a.vendored(path.Dir(work))
	src, err := a.read(ctx, work)
	if err != nil {
		return err
	}
	file, err := modfile.ParseWork(work, src, nil)
	if err == nil {
		return a.workspace(ctx, path.Dir(work), file)
	}
	a.doubt = work + " cannot be read"
	return nil
}

// workspace reads the modules that a go.work names.
func (a *analysis) workspace(ctx context.Context, dir string, file *modfile.WorkFile) error {
	for _, use := range file.Use {
		if err := a.local(ctx, dir, use.Path); err != nil {
			return err
		}
	}
	return a.replacements(ctx, dir, file.Replace)
}

// above finds a file in dir or the nearest folder above it.
func (a *analysis) above(dir, name string) string {
	for {
		if file := path.Join(dir, name); a.index.Has(file) {
			return file
		}
		if dir == "." {
			return ""
		}
		dir = path.Dir(dir)
	}
}

// module reads the go.mod of a folder.
func (a *analysis) module(ctx context.Context, dir string) error {
	if slices.ContainsFunc(a.mods, func(m module) bool { return m.dir == dir }) {
		return nil
	}
	file := path.Join(dir, "go.mod")
	a.files[file] = "module in " + dir
	a.files[path.Join(dir, "go.sum")] = "module in " + dir
	a.vendored(dir)
	if !a.index.Has(file) {
		return nil
	}
	src, err := a.read(ctx, file)
	if err != nil {
		return err
	}
	parsed, err := modfile.Parse(file, src, nil)
	if err != nil {
		// What can be read of it is better than nothing.
		a.doubt = file + " cannot be read"
		parsed, err = modfile.ParseLax(file, src, nil)
	}
	if err == nil && parsed.Module != nil {
		a.mods = append(a.mods, module{parsed.Module.Mod.Path, dir})
		return a.replacements(ctx, dir, parsed.Replace)
	}
	a.doubt = file + " cannot be read"
	return nil
}

// replacements follows those that are folders. The path of what is replaced is
// what imports say, whatever the folder's go.mod calls itself.
func (a *analysis) replacements(ctx context.Context, dir string, all []*modfile.Replace) error {
	for _, r := range all {
		if !modfile.IsDirectoryPath(r.New.Path) {
			continue
		}
		if err := a.local(ctx, dir, r.New.Path); err != nil {
			return err
		}
		if to, ok := inside(dir, r.New.Path); ok {
			a.mods = append(a.mods, module{r.Old.Path, to})
		}
	}
	return nil
}

// local adds a module by its folder.
func (a *analysis) local(ctx context.Context, from, to string) error {
	dir, ok := inside(from, to)
	if !ok {
		a.doubt = to + " lies outside of the repository"
		return nil
	}
	return a.module(ctx, dir)
}

func inside(from, to string) (string, bool) {
	dir := path.Join(from, to)
	return dir, !path.IsAbs(to) && dir != ".." && !strings.HasPrefix(dir, "../")
}

// vendored makes a folder's vendor a place of imports. That there is none yet
// must be seen to change too.
func (a *analysis) vendored(dir string) {
	vendor := path.Join(dir, "vendor")
	a.files[path.Join(vendor, "modules.txt")] = "vendored modules of " + dir
	if a.index.Has(vendor) {
		a.mods = append(a.mods, module{"", vendor})
	}
}
