package affected

import (
	"context"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

// rules are what one service is made from.
type rules struct {
	all     []rule
	doubts  []string // why it is built whenever anything changed
	images  []string // services whose images it is made from
	problem string
	links   int // that were followed
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
		if strings.HasPrefix(watch.Text, "!") {
			continue
		}
		pattern, base := watch.Text, fixed(watch.Text)
		r.add(func(file string) string {
			if (branched(pattern) || globbed(pattern, file) || d.holds(file, base)) && !kept(file) {
				return "watch " + pattern
			}
			return ""
		})
		if base != "." {
			if err := d.links(ctx, r, "watch", base); err != nil {
				return nil, err
			}
		}
	}
	if s.Chart != nil {
		if err := folder("chart", s.Chart.Path); err != nil {
			return nil, err
		}
	}
	if s.Test != nil {
		if err := d.workflowRules(ctx, r, "test workflow", s.Test.Workflow.Text); err != nil {
			return nil, err
		}
	}
	switch b := s.Build; {
	case b.Workflow.Given():
		if err := d.workflowRules(ctx, r, "build workflow", b.Workflow.Text); err != nil {
			return nil, err
		}
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
	in, err := d.program(ctx, main)
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

// overlap tells whether a changed file is the path, lies below it, or is now what
// the path's folder was before.
func overlap(name, file string) bool {
	return name == "." || within(name, file) || within(file, name)
}

// within tells whether file is folder, or lies below it.
func within(folder, file string) bool {
	return strings.HasPrefix(file, folder) && (len(file) == len(folder) || file[len(folder)] == '/')
}

// branched tells patterns with so many alternatives that matching them takes years.
func branched(pattern string) bool { return strings.Count(pattern, "{") > 8 }

// globbed tells whether a watch pattern gives the file or a folder that it is in.
func globbed(pattern, file string) bool {
	pattern = path.Clean(pattern)
	return pattern == "." || doublestar.MatchUnvalidated(pattern, file) || doublestar.MatchUnvalidated(pattern+"/**", file)
}

// fixed is the folder or file that all that a watch pattern gives is, or lies in.
func fixed(pattern string) string {
	pattern = path.Clean(pattern)
	if !strings.ContainsAny(pattern, `*?[{\`) {
		return pattern
	}
	base, _ := doublestar.SplitPattern(pattern)
	return base
}

// holds tells whether a changed file may stand for many that a pattern gives: a
// submodule, or what was a folder before.
func (d *decider) holds(file, base string) bool {
	f, _ := d.index.Lookup(file)
	return strings.HasPrefix(base, file+"/") || f.Mode == tree.Submodule && overlap(base, file)
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
			if !branched(p) && globbed(p, file) {
				return true
			}
		}
		return false
	}
}

// attributes tells files that change how git checks others out.
func attributes(file string) bool { return path.Base(file) == ".gitattributes" }
