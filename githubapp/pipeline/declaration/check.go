package declaration

import (
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/drydock-ci/drydock/workflow"
)

// check looks at the services together: who depends on whom, and names of images.
func (r *reader) check(all *Services) {
	images := map[string]*Service{}
	for _, s := range all.List {
		if s.Image.Given() {
			full := FullImage(s.Image.Text)
			if before := images[full]; before != nil {
				r.fail(s.Image.Pos, "same-image", fmt.Sprintf("Services %q and %q have one image, %q (line %d)", before.Name.Text, s.Name.Text, s.Image.Text, before.Image.Pos.Line),
					"each service needs its own")
			} else {
				images[full] = s
			}
		}
		for _, d := range s.DependsOn {
			switch {
			case d.Text == s.Name.Text:
				r.fail(d.Pos, "cycle", fmt.Sprintf("Service %q depends on itself", d.Text), "leave it out")
			case all.Lookup(d.Text) == nil:
				r.fail(d.Pos, "unknown-service", fmt.Sprintf("Service %q depends on %q, which is no service", s.Name.Text, d.Text), workflow.Suggest(d.Text, all.Names()))
			}
		}
	}
	r.cycles(all)
}

// FullImage is the image's name with its registry, as engines know it.
func FullImage(text string) string {
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return text
	}
	return named.Name()
}

// cycles finds services that wait for each other; each cycle is said once.
func (r *reader) cycles(all *Services) {
	const visiting, done = 1, 2
	state := map[string]int{}
	var way []string
	var visit func(s *Service)
	visit = func(s *Service) {
		state[s.Name.Text] = visiting
		way = append(way, s.Name.Text)
		for _, d := range s.DependsOn {
			next := all.Lookup(d.Text)
			switch {
			case next == nil || next == s:
			case state[d.Text] == visiting:
				cycle := append(slices.Clone(way[slices.Index(way, d.Text):]), d.Text)
				r.fail(d.Pos, "cycle", "Services depend on each other: "+strings.Join(cycle, " -> "), "leave one of these out")
			case state[d.Text] == 0:
				visit(next)
			}
		}
		way = way[:len(way)-1]
		state[s.Name.Text] = done
	}
	for _, s := range all.List {
		if state[s.Name.Text] == 0 {
			visit(s)
		}
	}
}

// Problem is what is wrong with one service.
type Problem struct {
	Service string
	workflow.Diagnostic
}

// Missing gives the paths that a service names and that are not there.
func (s *Services) Missing(exists func(path string) bool) []Problem {
	var all []Problem
	for _, one := range s.List {
		look := func(what string, path Scalar) {
			if path.Given() && path.Text != "." && !exists(path.Text) {
				all = append(all, Problem{one.Name.Text, workflow.Diagnostic{
					File: s.File, Pos: path.Pos, Severity: workflow.Error, Code: "missing-path",
					Message: fmt.Sprintf("%s of service %q does not exist: %q", what, one.Name.Text, path.Text),
					Hint:    "paths start at the top of the repository, and what git ignores does not count",
				}})
			}
		}
		look("The path", one.Path)
		look("The Dockerfile", one.Build.Dockerfile)
		look("The context", one.Build.Context)
		look("The Go package", one.Build.Ko)
		look("The workflow", one.Build.Workflow)
		if one.Test != nil {
			look("The test workflow", one.Test.Workflow)
		}
		if one.Chart != nil {
			look("The chart", one.Chart.Path)
		}
	}
	return all
}
