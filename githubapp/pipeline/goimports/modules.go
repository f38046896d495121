package goimports

import (
	"context"
	"fmt"
	"path"
	"strings"

	"golang.org/x/mod/modfile"
)

// module is one module of the repository.
type module struct {
	path string // import path
	dir  string
}

// maxModules bounds how many are read: every import is looked for in each.
const maxModules = 2000

// modules finds those that imports of the main package can come from: its own,
// those of the workspace, and what they replace by a folder (go.dev/ref/mod:
// go.work files, replace directive).
func (a *analysis) modules(ctx context.Context, main string) error {
	own, err := a.above(ctx, main, "go.mod")
	if err != nil || own == "" {
		return err
	}
	if err := a.module(ctx, path.Dir(own), true); err != nil {
		return err
	}
	if err := a.vendored(ctx, path.Dir(own)); err != nil {
		return err
	}
	work, err := a.above(ctx, main, "go.work")
	if err != nil || work == "" {
		return err
	}
	if err := a.vendored(ctx, path.Dir(work)); err != nil {
		return err
	}
	src, err := a.read(ctx, work)
	if err != nil {
		return err
	}
	file, err := modfile.ParseWork(work, src, nil)
	if err == nil && src != nil {
		return a.workspace(ctx, path.Dir(work), file)
	}
	a.doubted(work + " cannot be read")
	return nil
}

// workspace reads the modules that a go.work names.
func (a *analysis) workspace(ctx context.Context, dir string, file *modfile.WorkFile) error {
	for _, use := range file.Use {
		if _, err := a.local(ctx, dir, use.Path, true); err != nil {
			return err
		}
	}
	return a.replacements(ctx, dir, file.Replace)
}

// above finds a file in dir or the nearest folder above it.
func (a *analysis) above(ctx context.Context, dir, name string) (string, error) {
	for {
		file := path.Join(dir, name)
		real, err := a.resolve(ctx, file)
		if err != nil {
			return "", err
		}
		if _, ok := a.index.Lookup(real); ok {
			return file, nil
		}
		if dir == "." {
			return "", nil
		}
		dir = path.Dir(dir)
	}
}

// module reads the go.mod of a folder. Only a main module's replacements count.
func (a *analysis) module(ctx context.Context, dir string, main bool) error {
	if wasMain, seen := a.seen[dir]; seen && (wasMain || !main) {
		return nil
	}
	if len(a.seen) == maxModules {
		a.doubted(fmt.Sprintf("there are more than %d modules", maxModules))
		return nil
	}
	a.seen[dir] = main
	file := path.Join(dir, "go.mod")
	a.files[file] = "module in " + dir
	a.files[path.Join(dir, "go.sum")] = "module in " + dir
	src, err := a.read(ctx, file)
	if err != nil {
		return err
	}
	if src == nil {
		// A submodule, or made while building: what it imports is not known.
		a.doubted("git knows no go.mod in " + dir)
		return nil
	}
	parsed := a.parse(file, src)
	if parsed == nil || parsed.Module == nil {
		a.doubted(file + " cannot be read")
		return nil
	}
	a.mods = append(a.mods, module{parsed.Module.Mod.Path, dir})
	for _, r := range parsed.Require {
		a.required[r.Mod.Path] = true
	}
	if !main {
		return nil
	}
	return a.replacements(ctx, dir, parsed.Replace)
}

// parse gives what can be read of a go.mod: it is better than nothing.
func (a *analysis) parse(file string, src []byte) *modfile.File {
	parsed, err := modfile.Parse(file, src, nil)
	if err == nil {
		return parsed
	}
	a.doubted(file + " cannot be read")
	if parsed, err = modfile.ParseLax(file, src, nil); err != nil {
		return nil
	}
	return parsed
}

// replacements follows those that are folders. The path of what is replaced is
// what imports say, whatever the folder's go.mod calls itself.
func (a *analysis) replacements(ctx context.Context, dir string, all []*modfile.Replace) error {
	for _, r := range all {
		if !modfile.IsDirectoryPath(r.New.Path) {
			continue
		}
		to, err := a.local(ctx, dir, r.New.Path, false)
		if err != nil {
			return err
		}
		if to != "" {
			a.mods = append(a.mods, module{r.Old.Path, to})
		}
	}
	return nil
}

// local adds a module by its folder, which it gives when that is in the repository.
func (a *analysis) local(ctx context.Context, from, to string, main bool) (string, error) {
	dir := path.Join(from, to)
	if path.IsAbs(to) || dir == ".." || strings.HasPrefix(dir, "../") {
		a.doubted(to + " lies outside of the repository")
		return "", nil
	}
	return dir, a.module(ctx, dir, main)
}

// vendored makes a folder's vendor a place of imports. That there is none yet
// must be seen to change too.
func (a *analysis) vendored(ctx context.Context, dir string) error {
	vendor := path.Join(dir, "vendor")
	a.files[path.Join(vendor, "modules.txt")] = "vendored modules of " + dir
	real, err := a.resolve(ctx, vendor)
	if err == nil && a.index.Has(real) {
		a.mods = append(a.mods, module{"", real})
	}
	return err
}
