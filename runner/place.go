package runner

import (
	"fmt"
	"sort"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

// placeSpec says what place the job needs: the operator's part from
// Job.Place, the workflow's from container and services.
func (x *execution) placeSpec(log func(string)) error {
	place := x.job.Place
	ex, ok := x.Executors[place.Executor]
	if !ok {
		return executor.Errorf(fmt.Sprintf("place job %q", x.job.Leg.Name), executor.Unavailable, "no executor %q is configured", place.Executor)
	}
	x.executor = ex
	x.spec = executor.Spec{
		Name:     x.repositoryName() + "-" + x.job.Leg.Job.ID,
		Labels:   executor.Labels{Owner: x.Owner, Run: x.job.Run, Job: string(x.job.ID())},
		Kind:     executor.Machine,
		Image:    executor.Image{Ref: place.Image, Pull: place.Pull},
		Class:    place.Class,
		Options:  place.Options,
		Linger:   place.Linger,
		Confined: place.Confined,
		Log:      log,
	}
	if x.spec.Linger == 0 {
		x.spec.Linger = x.Linger
	}
	x.spec.Expose = x.wantsServices()
	if x.Externals != "" {
		x.spec.Provide = []executor.Provided{{Source: x.Externals, Target: externals}}
	}
	for _, s := range x.job.Leg.Job.Steps {
		if s.Kind == plan.Uses {
			x.spec.Containers = true
		}
	}
	sc := x.exprScope(x.life, x.root, x.root.env, githubFields{}, true)
	if err := x.containerSpec(sc); err != nil {
		return err
	}
	return x.serviceSpecs(sc)
}

func (x *execution) containerSpec(sc expr.Scope) error {
	n := x.job.Leg.Job.Container
	if n == nil {
		return nil
	}
	v, err := template.Eval(n, sc)
	if err != nil {
		return fmt.Errorf("evaluate container: %w", err)
	}
	if v.Kind() != expr.KindObject {
		v = expr.NewObject(false).Set("image", expr.String(v.Text())).Value()
	}
	c, err := x.serviceOf("container", v)
	if err != nil {
		return fmt.Errorf("container of job %q: %w", x.job.Leg.Name, err)
	}
	if c.Image.Ref == "" { // an empty image means no container
		return nil
	}
	if x.job.Place.Executor == "host" {
		return executor.Errorf(fmt.Sprintf("place job %q", x.job.Leg.Name), executor.Unsupported,
			"it has a container (%q), but its runs-on is mapped to the host: map the label to an image, for example -P %s=ubuntu:24.04", c.Image.Ref, first(x.job.Place.Labels, "ubuntu-latest"))
	}
	c.Image.Pull = x.job.Place.Pull
	x.spec.Kind, x.spec.Image, x.spec.Env, x.spec.Ports, x.spec.Volumes = executor.Container, c.Image, c.Env, c.Ports, c.Volumes
	// The operator's options go last, so that the workflow's cannot undo what
	// they limit: a back end takes the last of two.
	x.spec.Options = joinOptions(c.Options, x.job.Place.Options)
	return nil
}

// joinOptions puts the operator's options behind the workflow's. One that means
// nothing for a job stands between: a last option of the workflow that lacks its
// value, or a backslash at its end, would take the operator's first one for it.
func joinOptions(workflow, operator string) string {
	switch {
	case workflow == "":
		return operator
	case operator == "":
		return workflow
	}
	return workflow + " --init " + operator
}

func (x *execution) serviceSpecs(sc expr.Scope) error {
	n := x.job.Leg.Job.Services
	if n == nil {
		return nil
	}
	all, err := template.Eval(n, sc)
	if err != nil {
		return fmt.Errorf("evaluate services: %w", err)
	}
	for _, id := range all.Keys() {
		v, _ := all.Lookup(id)
		if v.Kind() != expr.KindObject {
			v = expr.NewObject(false).Set("image", expr.String(v.Text())).Value()
		}
		s, err := x.serviceOf(id, v)
		if err != nil {
			return fmt.Errorf("service %q of job %q: %w", id, x.job.Leg.Name, err)
		}
		if s.Image.Ref == "" {
			continue
		}
		s.Image.Pull = x.job.Place.Pull
		x.spec.Services = append(x.spec.Services, s)
	}
	if len(x.spec.Services) > 0 && x.job.Place.Executor == "host" {
		return executor.Errorf(fmt.Sprintf("place job %q", x.job.Leg.Name), executor.Unsupported,
			"it has services, but its runs-on is mapped to the host: map the label to an image, for example -P %s=ubuntu:24.04", first(x.job.Place.Labels, "ubuntu-latest"))
	}
	return nil
}

// serviceOf reads container: or one entry of services:, evaluated.
func (x *execution) serviceOf(id string, v expr.Value) (executor.Service, error) {
	s := executor.Service{ID: id}
	text := func(key string) string {
		f, _ := v.Lookup(key)
		return f.Text()
	}
	s.Image.Ref, s.Options = text("image"), text("options")
	if env, ok := v.Lookup("env"); ok && env.Kind() == expr.KindObject {
		s.Env = map[string]string{}
		for _, k := range env.Keys() {
			f, _ := env.Lookup(k)
			s.Env[k] = f.Text()
		}
	}
	for key, list := range map[string]*[]string{"ports": &s.Ports, "volumes": &s.Volumes} {
		f, _ := v.Lookup(key)
		for _, item := range f.Items() {
			*list = append(*list, item.Text())
		}
	}
	var err error
	for key, list := range map[string]*[]string{"command": &s.Command, "entrypoint": &s.Entrypoint} {
		if *list, err = splitWords(text(key)); err != nil {
			return s, fmt.Errorf("%s: %w", key, err)
		}
	}
	if c, ok := v.Lookup("credentials"); ok && c.Kind() == expr.KindObject {
		user, _ := c.Lookup("username")
		password, _ := c.Lookup("password")
		x.hide(password.Text())
		if user.Text() == "" || password.Text() == "" {
			return s, fmt.Errorf("credentials: username and password must both have a value")
		}
		s.Image.Credentials = &executor.Credentials{Username: user.Text(), Password: password.Text()}
	}
	return s, nil
}

// splitWords splits a command line as a shell would, without expanding
// anything.
func splitWords(s string) ([]string, error) {
	var words []string
	var word []rune
	in, started := rune(0), false
	escaped := false
	for _, r := range s {
		switch {
		case escaped:
			word, escaped = append(word, r), false
		case r == '\\' && in != '\'':
			escaped, started = true, true
		case in != 0:
			if r == in {
				in = 0
			} else {
				word = append(word, r)
			}
		case r == '\'' || r == '"':
			in, started = r, true
		case r == ' ' || r == '\t' || r == '\n' || r == '\r':
			if started {
				words, word, started = append(words, string(word)), nil, false
			}
		default:
			word, started = append(word, r), true
		}
	}
	if in != 0 {
		return nil, fmt.Errorf("unclosed %c in %q", in, s)
	}
	if started {
		words = append(words, string(word))
	}
	return words, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func first(list []string, fallback string) string {
	if len(list) == 0 {
		return fallback
	}
	return list[0]
}
