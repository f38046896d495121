package affected

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/distribution/reference"

	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/dockerfile"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

// imageUse is a service that is made from another's image.
type imageUse struct {
	service, image string
	base           func() bool // tells whether the image has triggers; nil: only files are copied from it
}

// dockerfileRules are those of a Dockerfile, its .dockerignore and its context.
func (d *decider) dockerfileRules(ctx context.Context, r *rules, s *declaration.Service) error {
	file, root := s.Build.Dockerfile.Text, s.Build.Context.Text
	r.addFile("Dockerfile", file)
	ownIgnore, sharedIgnore := file+".dockerignore", path.Join(root, ".dockerignore")
	r.addFile(".dockerignore", ownIgnore)
	r.addFile(".dockerignore", sharedIgnore)

	in, err := d.analyzed(ctx, r, s)
	if err != nil || in == nil {
		return err
	}
	// BuildKit: the Dockerfile's own ignore file stands in for the context's.
	src, links, err := d.read(ctx, ownIgnore)
	if src == nil && err == nil {
		var more []tree.Link
		src, more, err = d.read(ctx, sharedIgnore)
		links = append(links, more...)
	}
	if err := d.linked(r, ".dockerignore", links, err); err != nil {
		return err
	}
	ignore, err := dockerfile.ParseIgnore(src)
	if err != nil {
		r.doubts = append(r.doubts, fmt.Sprintf("the .dockerignore of %s cannot be read: %v", file, err))
	}

	for _, doubt := range in.Doubts {
		r.doubts = append(r.doubts, file+" "+doubt)
	}
	c := &contextRules{file: file, root: root, ignore: ignore, index: d.index}
	for _, source := range in.Sources {
		narrow, err := d.goOnly(ctx, c, source, in.Sources)
		if err != nil {
			return err
		}
		r.add(func(changed string) string {
			name := c.match(source, changed)
			if name == "" || narrow == nil {
				return name
			}
			if rule, ok := narrow.Match(changed); ok {
				return name + ", " + rule
			}
			return ""
		})
		if err := d.sourceLinks(ctx, r, c, source); err != nil {
			return err
		}
		if source.Doubt == "" && !d.sourceExists(c, source) {
			r.doubts = append(r.doubts, fmt.Sprintf("%s %s is nothing that git knows, so its changes cannot be seen", file, source))
			if source.Outside {
				r.problem = fmt.Sprintf("%s:%d: %s lies outside of the context %q: set the service's \"context\" to a folder that holds it", file, source.Line, source.Text, root)
			}
		}
	}
	d.imageRules(ctx, r, s, in)
	return nil
}

// analyzed reads the service's Dockerfile. Without one that can be read there are
// no inputs, but a doubt and a problem.
func (d *decider) analyzed(ctx context.Context, r *rules, s *declaration.Service) (*dockerfile.Inputs, error) {
	file := s.Build.Dockerfile.Text
	src, links, err := d.read(ctx, file)
	if err := d.linked(r, "Dockerfile", links, err); err != nil {
		return nil, err
	}
	if src == nil {
		if d.index.Has(file) { // else it is said as a missing path
			r.problem = file + " is no file that can be read"
			r.doubts = append(r.doubts, r.problem)
		}
		return nil, nil
	}
	in, err := dockerfile.Analyze(src, options(s))
	if err != nil {
		r.problem = fmt.Sprintf("%s does not parse: %v", file, err)
		r.doubts = append(r.doubts, r.problem)
		return nil, nil
	}
	return in, nil
}

func options(s *declaration.Service) dockerfile.Options {
	o := dockerfile.Options{Target: s.Build.Target.Text, Args: map[string]string{}}
	for _, arg := range s.Build.Args {
		o.Args[arg.Name.Text] = arg.Value.Text
	}
	for _, p := range s.Build.Platforms {
		o.Platforms = append(o.Platforms, p.Text)
	}
	return o
}

// linked makes inputs of the symlinks that a file was read through, and a doubt of a
// file that nobody can read.
func (d *decider) linked(r *rules, what string, links []tree.Link, err error) error {
	for _, link := range links {
		r.addFile(what, link.Path)
		if to := path.Join(path.Dir(link.Path), link.Target); !strings.HasPrefix(to, "..") {
			r.addFile(what+", by the symlink "+link.Path, to)
		}
	}
	var nowhere *tree.NowhereError
	if errors.As(err, &nowhere) || tree.Unreadable(err) {
		r.doubts = append(r.doubts, err.Error())
		return nil
	}
	return err
}

// contextRules match changed files against sources in one context.
type contextRules struct {
	file, root string
	ignore     *dockerfile.Ignore
	index      tree.Index
}

func (c *contextRules) match(source dockerfile.Source, changed string) string {
	inside, ok := c.relative(changed)
	switch {
	case !ok && strings.HasPrefix(c.root, changed+"/"): // a file now, and a folder that the context was in before
	case !ok || !source.Match(inside) || c.ignored(inside):
		return ""
	}
	return fmt.Sprintf("%s %s", c.file, source)
}

// ignored tells whether a change of the file cannot be seen in the context. A submodule
// is one file to git, and may have some that are brought back.
func (c *contextRules) ignored(inside string) bool {
	f, _ := c.index.Lookup(path.Join(c.root, inside))
	return c.ignore.Ignored(inside) && (f.Mode != tree.Submodule || !c.ignore.Exceptions())
}

// relative gives a path as the Dockerfile sees it.
func (c *contextRules) relative(file string) (string, bool) {
	if c.root == "." {
		return file, true
	}
	return strings.CutPrefix(file, c.root+"/")
}

// sourceExists tells whether any file that git knows belongs to the source.
func (d *decider) sourceExists(c *contextRules, source dockerfile.Source) bool {
	if source.Pattern == "." {
		return true
	}
	if d.index.Has(path.Join(c.root, source.Pattern)) {
		return true
	}
	for _, f := range d.index.Below(c.root) {
		inside, _ := c.relative(f.Path)
		if source.Match(inside) {
			return true
		}
	}
	return false
}

// sourceLinks makes inputs of what the symlinks in a source point to.
func (d *decider) sourceLinks(ctx context.Context, r *rules, c *contextRules, source dockerfile.Source) error {
	targets, err := d.targets(ctx, r, c.root, func(link string) bool {
		inside, ok := c.relative(link)
		return !ok || !c.ignore.Ignored(inside) && source.Match(inside)
	})
	if err != nil {
		return err
	}
	for _, t := range targets {
		r.add(func(changed string) string {
			if overlap(t.to, changed) {
				return fmt.Sprintf("%s %s, by the symlink %s", c.file, source, t.link)
			}
			return ""
		})
	}
	return nil
}

// imageRules find the other services whose images this one is made from.
func (d *decider) imageRules(ctx context.Context, r *rules, s *declaration.Service, in *dockerfile.Inputs) {
	for _, image := range in.Images {
		named, err := reference.ParseNormalizedNamed(image.Name)
		if err != nil {
			continue // not a name that another service could have
		}
		for _, other := range d.Services.List {
			if other == s || !other.Image.Given() || declaration.FullImage(other.Image.Text) != named.Name() {
				continue
			}
			r.images = append(r.images, other.Name.Text)
			use := imageUse{service: s.Name.Text, image: other.Name.Text}
			if image.Base {
				use.base = func() bool { return d.hasTriggers(ctx, other) }
			}
			d.images = append(d.images, use)
		}
	}
}

// hasTriggers tells whether a service's image has ONBUILD instructions; in doubt it
// has.
func (d *decider) hasTriggers(ctx context.Context, s *declaration.Service) bool {
	if !s.Build.Dockerfile.Given() {
		return false // ko makes none; a job may, but declares what it reads
	}
	src, _, err := d.read(ctx, s.Build.Dockerfile.Text)
	if err != nil || src == nil {
		return true
	}
	in, err := dockerfile.Analyze(src, options(s))
	return err != nil || in.Triggers
}
