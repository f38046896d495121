package affected

import (
	"context"
	"errors"
	"path"
	"slices"

	"github.com/drydock-ci/drydock/githubapp/pipeline/dockerfile"
	"github.com/drydock-ci/drydock/githubapp/pipeline/goimports"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

// goOnly are the inputs of the Go program that is all a stage makes of a folder; nil:
// all of the source matters.
func (d *decider) goOnly(ctx context.Context, c *contextRules, source dockerfile.Source, all []dockerfile.Source) (*goimports.Inputs, error) {
	if source.GoMain == "" {
		return nil, nil
	}
	if _, isFile := d.index.Lookup(path.Join(c.root, source.Pattern)); isFile {
		return nil, nil
	}
	if sees, err := d.seesModules(ctx, c, source.GoMain, all); err != nil || !sees {
		return nil, err
	}
	in, err := d.program(ctx, path.Join(c.root, source.GoMain))
	if err != nil || in.Doubt != "" {
		return nil, err
	}
	return in, nil
}

// program analyses a Go main package once.
func (d *decider) program(ctx context.Context, main string) (*goimports.Inputs, error) {
	if in, ok := d.programs[main]; ok {
		return in, nil
	}
	in, err := goimports.Analyze(ctx, d.Tree, main)
	if err == nil {
		d.programs[main] = in
	}
	return in, err
}

// seesModules tells whether the Go tool finds the same go.mod and go.work in a stage
// as in the repository: at or above the main package, in the context, not ignored, and
// copied.
func (d *decider) seesModules(ctx context.Context, c *contextRules, main string, all []dockerfile.Source) (bool, error) {
	_, links, err := tree.Follow(ctx, d.Tree, d.index, path.Join(c.root, main))
	var nowhere *tree.NowhereError
	if errors.As(err, &nowhere) || err == nil && len(links) > 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	found := false
	for dir := main; ; dir = path.Dir(dir) {
		for _, name := range []string{"go.mod", "go.work"} {
			file := path.Join(dir, name)
			if !d.index.Has(path.Join(c.root, file)) {
				continue
			}
			copied := slices.ContainsFunc(all, func(s dockerfile.Source) bool { return s.GoMain == main && s.Match(file) })
			if !copied || c.ignore.Ignored(file) {
				return false, nil
			}
			found = found || name == "go.mod"
		}
		if dir == "." {
			return found, nil
		}
	}
}
