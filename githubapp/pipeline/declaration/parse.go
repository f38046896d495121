package declaration

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/pipeline/version"
	"github.com/drydock-ci/drydock/workflow"
)

// name is what a service may be called: it stands in names of check runs, charts
// and clusters (Kubernetes: a DNS label).
var name = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Parse reads the services of a drydock.yaml. What it gives beside errors is what
// could be read; a file without services gives none and no error.
func Parse(file string, src []byte) (*Services, workflow.Diagnostics) {
	all := &Services{File: file}
	root, found := workflow.ParseNode(file, src)
	if root == nil || found.HasErrors() {
		return all, found
	}
	r := &reader{file: file, found: found}
	n := root.Lookup("services")
	switch {
	case n.IsNull():
		return all, r.sorted()
	case n.Kind != workflow.Mapping:
		r.fail(n.Pos, "no-mapping", "\"services\" must be a mapping of names to services", "")
		return all, r.sorted()
	}
	for _, e := range n.Entries {
		if IsSetting(e.Key.Text) {
			continue
		}
		if s := r.service(e); s != nil {
			all.List = append(all.List, s)
		}
	}
	r.check(all)
	return all, r.sorted()
}

// IsSetting tells the keys below "services" that are settings of drydock's own
// services, which are package config's. None of them can name a service.
func IsSetting(key string) bool { return strings.Contains(key, "_") && !name.MatchString(key) }

// service reads one entry.
func (r *reader) service(e workflow.Entry) *Service {
	s := &Service{Name: Scalar{e.Key.Text, e.Key.Kind, e.Key.Pos}}
	if !name.MatchString(s.Name.Text) {
		r.fail(e.Key.Pos, "bad-name", fmt.Sprintf("%q cannot name a service", s.Name.Text), "names have small letters, digits and dashes, at most 63")
		return nil
	}
	what := fmt.Sprintf("service %q", s.Name.Text)
	mapping(r, what, e.Value, serviceKeys, s)
	if e.Value.Kind != workflow.Mapping {
		return s
	}
	if e.Value.Lookup("path").IsNull() {
		r.fail(e.Key.Pos, "missing-key", fmt.Sprintf("Service %q has no \"path\"", s.Name.Text), fmt.Sprintf("give its folder, such as path: services/%s", s.Name.Text))
	}
	r.checkBuild(what, s)
	if e.Value.Lookup("image").IsNull() {
		r.fail(e.Key.Pos, "missing-key", fmt.Sprintf("Service %q has no \"image\"", s.Name.Text), "give the image's name, such as image: registry.example/"+s.Name.Text)
	}
	s.settle()
	return s
}

// settle fills in defaults that depend on the path.
func (s *Service) settle() {
	b := &s.Build
	derived := func(text string) Scalar { return Scalar{text, workflow.String, s.Path.Pos} }
	switch {
	case !s.Path.Given() || b.Workflow.Given():
	case b.Ko.Given():
		if b.Ko.Kind == workflow.Bool {
			b.Ko.Text, b.Ko.Kind = s.Path.Text, workflow.String
		}
	default:
		if !b.Dockerfile.Given() {
			b.Dockerfile = derived(path.Join(s.Path.Text, "Dockerfile"))
		}
		if !b.Context.Given() {
			b.Context = s.Path
		}
	}
}

// checkBuild looks for keys that do not go together.
func (r *reader) checkBuild(what string, s *Service) {
	b := s.Build
	kind := "a Dockerfile"
	var foreign []Scalar // keys of Dockerfiles
	for _, v := range []Scalar{b.Dockerfile, b.Context, b.Target, b.Provenance, b.SBOM} {
		if v.Given() {
			foreign = append(foreign, v)
		}
	}
	for _, p := range append(append([]Pair{}, b.Args...), b.Secrets...) {
		foreign = append(foreign, p.Name)
	}
	foreign = append(foreign, b.SSH...)
	switch {
	case b.Ko.Given() && b.Workflow.Given():
		r.fail(b.Workflow.Pos, "two-builders", fmt.Sprintf("The build of %s has \"ko\" and \"workflow\"", what), "keep one")
		return
	case b.Ko.Given():
		kind = "ko"
	case b.Workflow.Given():
		kind = "a workflow's job"
		foreign = append(foreign, b.Platforms...)
	}
	if kind != "a Dockerfile" {
		for _, v := range foreign {
			r.fail(v.Pos, "two-builders", fmt.Sprintf("%q of %s is for Dockerfiles, but %s builds it", v.Text, what, kind), "leave it out")
		}
	}
	switch {
	case b.Workflow.Given() && !b.Job.Given():
		r.fail(b.Workflow.Pos, "missing-key", fmt.Sprintf("The build of %s has a \"workflow\" without a \"job\"", what), "name the job that builds the image")
	case b.Job.Given() && !b.Workflow.Given():
		r.fail(b.Job.Pos, "missing-key", fmt.Sprintf("The build of %s has a \"job\" without a \"workflow\"", what), "give the workflow's file")
	}
}

func (r *reader) checkTest(what string, pos workflow.Pos, t *Test) {
	switch {
	case t.Workflow.Given() && (t.Run.Given() || t.Image.Given()):
		r.fail(pos, "bad-test", what+" has a workflow and a command", "keep one")
	case t.Job.Given() && !t.Workflow.Given():
		r.fail(t.Job.Pos, "bad-test", what+" has a \"job\" without a \"workflow\"", "give the workflow's file")
	case !t.Workflow.Given() && !t.Run.Given():
		r.fail(pos, "bad-test", what+" says nothing that could run", "give a \"workflow\", or a \"run\" with an \"image\"")
	case t.Run.Given() && !t.Image.Given():
		r.fail(pos, "bad-test", what+" has a \"run\" without an \"image\"", "name the image that the command runs in")
	}
}

// asUnknown gives the variable that a template's error complains about.
func asUnknown(err error) (string, bool) {
	var unknown *version.UnknownVariable
	if errors.As(err, &unknown) {
		return unknown.Name, true
	}
	return "", false
}
