package affected

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/goimports"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

// rules are what one service is made from.
type rules struct {
	all     []rule
	doubts  []string // why it is built whenever anything changed
	images  []string // services whose images it is made from
	problem string
}

// rule tells whether a changed file counts, and how the rule is called then.
type rule func(file string) string

// match gives the first rule by which a changed file counts, or "".
func (r *rules) match(file string) string {
	for _, one := range r.all {
		if name := one(file); name != "" {
			return name
		}
	}
	return ""
}

func (r *rules) add(one rule) { r.all = append(r.all, one) }

// rules works out those of a service.
func (d *decider) rules(ctx context.Context, s *declaration.Service) (*rules, error) {
	r := &rules{}
	kept := exclusions(s.Watch)
	folder := func(what string, at declaration.Scalar) error {
		if !at.Given() {
			return nil
		}
		r.add(func(file string) string {
			if overlap(at.Text, file) && !kept(file) {
				return what + " " + at.Text
			}
			return ""
		})
		return d.links(ctx, r, what, at.Text)
	}
	if err := folder("path", s.Path); err != nil {
		return nil, err
	}
	for _, watch := range s.Watch {
		if pattern := watch.Text; !strings.HasPrefix(pattern, "!") {
			r.add(func(file string) string {
				if globbed(pattern, file) && !kept(file) {
					return "watch " + pattern
				}
				return ""
			})
		}
	}
	if s.Chart != nil {
		if err := folder("chart", s.Chart.Path); err != nil {
			return nil, err
		}
	}
	if s.Test != nil {
		r.addFile("test workflow", s.Test.Workflow.Text)
	}
	switch b := s.Build; {
	case b.Workflow.Given():
		r.addFile("build workflow", b.Workflow.Text)
		if len(s.Watch) == 0 {
			r.add(func(string) string { return "a workflow's job may read any file: \"watch\" says which" })
		}
	case b.Ko.Given():
		if err := d.goRules(ctx, r, b.Ko.Text); err != nil {
			return nil, err
		}
	case b.Dockerfile.Given():
		if err := d.dockerfileRules(ctx, r, s); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *rules) addFile(what, name string) {
	if name == "" {
		return
	}
	r.add(func(file string) string {
		if overlap(name, file) {
			return what
		}
		return ""
	})
}

// goRules are those of ko.
func (d *decider) goRules(ctx context.Context, r *rules, main string) error {
	in, err := goimports.Analyze(ctx, d.Tree, main)
	if err != nil {
		return err
	}
	r.add(func(file string) string {
		name, _ := in.Match(file)
		return name
	})
	if in.Doubt != "" {
		r.doubts = append(r.doubts, in.Doubt)
	}
	// What ko puts beside the program may be symlinks to anywhere.
	return d.links(ctx, r, "kodata of", path.Join(main, "kodata"))
}

// links makes inputs of what the symlinks at, above and below a folder point to.
func (d *decider) links(ctx context.Context, r *rules, what, folder string) error {
	targets, err := d.targets(ctx, folder, func(string) bool { return true })
	if err != nil {
		return err
	}
	for _, t := range targets {
		r.add(func(file string) string {
			if overlap(t.to, file) {
				return fmt.Sprintf("%s %s, by the symlink %s", what, folder, t.link)
			}
			return ""
		})
	}
	return nil
}

// target is where a symlink leads to.
type target struct{ link, to string }

// targets follows the symlinks that overlap a folder and that wanted lets pass, and
// those in what they point to. Builders take the folder for the root of everything,
// git and ko do not: both readings count.
func (d *decider) targets(ctx context.Context, folder string, wanted func(link string) bool) ([]target, error) {
	var all []target
	seen := map[string]bool{}
	waiting := []string{folder}
	for first := true; len(waiting) > 0; first = false {
		at := waiting[0]
		waiting = waiting[1:]
		candidates := []tree.File(d.index.Below(at))
		for up := at; up != "."; up = path.Dir(up) {
			if f, ok := d.index.Lookup(up); ok {
				candidates = append(candidates[:len(candidates):len(candidates)], f)
			}
		}
		for _, f := range candidates {
			if f.Mode != tree.Symlink || seen[f.Path] || first && !wanted(f.Path) {
				continue
			}
			seen[f.Path] = true
			text, err := d.Tree.Read(ctx, f.Path)
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted in the working copy
			}
			if err != nil {
				return nil, err
			}
			for _, to := range leadsTo(folder, f.Path, string(text)) {
				all = append(all, target{f.Path, to})
				waiting = append(waiting, to)
			}
		}
	}
	return all, nil
}

// leadsTo gives the paths in the repository that a symlink may mean: as git has it,
// and with root as the root of everything.
func leadsTo(root, link, text string) []string {
	var all []string
	if to := path.Join(path.Dir(link), text); !path.IsAbs(text) && to != ".." && !strings.HasPrefix(to, "../") {
		all = append(all, to)
	}
	inside := strings.TrimPrefix(path.Dir(link), root)
	if path.IsAbs(text) {
		inside = ""
	}
	if to := path.Join(root, path.Join("/", inside, text)); len(all) == 0 || all[0] != to {
		all = append(all, to)
	}
	return all
}

// overlap tells whether a changed file is the path, lies below it, or is now what
// the path's folder was before.
func overlap(name, file string) bool {
	return name == "." || name == file || strings.HasPrefix(file, name+"/") || strings.HasPrefix(name, file+"/")
}

// globbed tells whether a watch pattern gives the file or a folder that it is in.
func globbed(pattern, file string) bool {
	pattern = path.Clean(pattern)
	return pattern == "." || doublestar.MatchUnvalidated(pattern, file) || doublestar.MatchUnvalidated(pattern+"/**", file)
}

// exclusions are the patterns with "!": files that do not count for path, chart
// and watch. They never keep out what a Dockerfile copies.
func exclusions(watch []declaration.Scalar) func(file string) bool {
	var patterns []string
	for _, w := range watch {
		if pattern, ok := strings.CutPrefix(w.Text, "!"); ok {
			patterns = append(patterns, pattern)
		}
	}
	return func(file string) bool {
		for _, p := range patterns {
			if globbed(p, file) {
				return true
			}
		}
		return false
	}
}

// attributes tells files that change how git checks others out.
func attributes(file string) bool { return path.Base(file) == ".gitattributes" }
