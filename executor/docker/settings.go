package docker

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/drydock-ci/drydock/executor"
	syntax "github.com/drydock-ci/drydock/executor/option"
)

// role tells for which container options are read: some make sense for one
// only.
type role string

const (
	roleJob     role = "job"
	roleService role = "service"
)

// settings is what env, ports, volumes and options of one container come to.
// What the back end owns (image, labels, mounts, network) is set later, over it.
type settings struct {
	config     container.Config
	host       container.HostConfig
	user       string // whom commands run as, empty: the image's
	aliases    []string
	entrypoint *string
	platform   string
	pull       executor.PullPolicy
	hasPull    bool
	volumes    []volume
	ports      []syntax.Port
	notes      []string // what was left out, for the log
}

// request is the part of a job container or a service that needs judging.
type request struct {
	what    string // `service "redis"`, for errors
	role    role
	env     map[string]string
	ports   []string
	volumes []string
	options string
}

// judge reads a request and holds it against the policy.
func judge(r request, p Policy) (*settings, error) {
	s := &settings{}
	op := "read options of " + r.what
	ws, err := syntax.Words(r.options)
	if err != nil {
		return nil, executor.Errorf(op, executor.Invalid, "%q: %w", shorten(r.options), err)
	}
	fs, err := optionSyntax.Flags(ws)
	if err != nil {
		return nil, judged(op, err)
	}
	for _, f := range fs {
		o := optionTable[f.Name]
		if o.apply == nil {
			s.notes = append(s.notes, fmt.Sprintf("option --%s of %s has no effect here", f.Name, r.what))
			continue
		}
		if err := o.apply(s, f.Value, r.role, p); err != nil {
			return nil, judged(op, fmt.Errorf("option --%s: %w", f.Name, err))
		}
	}
	// container.env wins over --env, as in `docker create options -e ...`.
	for _, k := range sortedKeys(r.env) {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.ContainsRune(r.env[k], 0) {
			return nil, executor.Errorf("read env of "+r.what, executor.Invalid, "%q cannot be a variable", k)
		}
		s.config.Env = append(s.config.Env, k+"="+r.env[k])
	}
	for _, v := range r.volumes {
		if strings.TrimSpace(v) == "" {
			continue
		}
		vol, err := parseVolume(v)
		if err == nil {
			err = p.volume(vol)
		}
		if err != nil {
			return nil, judged("read volumes of "+r.what, err)
		}
		s.volumes = append(s.volumes, vol)
	}
	for _, text := range r.ports {
		if strings.TrimSpace(text) == "" {
			continue
		}
		ps, err := syntax.ParsePort(text)
		if err != nil {
			return nil, judged("read ports of "+r.what, err)
		}
		s.ports = append(s.ports, ps...)
	}
	seen := map[string]bool{}
	for _, v := range s.volumes {
		if seen[v.target] {
			return nil, executor.Errorf("read volumes of "+r.what, executor.Invalid, "two volumes have the target %q", v.target)
		}
		seen[v.target] = true
	}
	return s, nil
}

// judged gives an error its kind: Refused for the policy's decisions, Invalid
// for what cannot be read.
func judged(op string, err error) error {
	e := &executor.Error{Op: op, Kind: executor.Invalid, Err: err}
	var r refusal
	var u *syntax.Unknown
	switch {
	case errors.As(err, &r):
		e.Kind, e.Hint = executor.Refused, r.hint
	case errors.As(err, &u): // docker may know it, the allow-list does not
		e.Kind, e.Hint = executor.Refused, "remove it"
	}
	return e
}

// refusal marks an error as the policy's decision.
type refusal struct {
	error
	hint string
}

func (r refusal) Unwrap() error { return r.error }

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

// shorten keeps errors readable; options hold no secrets by contract, but may
// be long.
func shorten(s string) string {
	if len(s) <= 120 {
		return s
	}
	return strings.ToValidUTF8(s[:117], "") + "..."
}
