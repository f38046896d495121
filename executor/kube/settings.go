package kube

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/option"
)

// role tells for which container options are read: some make sense for one
// only.
type role string

const (
	roleJob     role = "job"
	roleService role = "service"
	roleBeside  role = "beside"
)

// settings is what env, ports, volumes and options of one container come to.
type settings struct {
	env        []variable
	user       string
	dir        string
	entrypoint *string
	limits     corev1.ResourceList
	requests   corev1.ResourceList
	shm        *resource.Quantity
	volumes    []volume
	readOnly   bool
	capDrop    []corev1.Capability
	capAdd     []corev1.Capability
	health     health
	aliases    []string // more names of a service
	hosts      []corev1.HostAlias
	hostname   string
	platform   string
	pull       executor.PullPolicy
	hasPull    bool
	ports      []option.Port
	notes      []string // what was left out, for the log
}

type variable struct{ name, value string }

// health is a check as `docker create` takes it.
type health struct {
	cmd                                           string
	interval, timeout, startPeriod, startInterval time.Duration
	retries                                       int
	off                                           bool
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

var optionSyntax = option.Table{
	Short: map[string]string{
		"c": "cpu-shares", "m": "memory", "e": "env", "l": "label", "h": "hostname", "u": "user", "w": "workdir",
		"v": "volume", "p": "publish", "P": "publish-all", "t": "tty", "i": "interactive", "a": "attach", "d": "detach",
	},
	Known: func(name string) (isSwitch, known bool) {
		o, known := optionTable[name]
		return o.isSwitch, known
	},
}

// judge reads a request.
func judge(r request) (*settings, error) {
	s := &settings{limits: corev1.ResourceList{}, requests: corev1.ResourceList{}}
	op := "read options of " + r.what
	ws, err := option.Words(r.options)
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
		if err := o.apply(s, f.Value, r.role); err != nil {
			return nil, judged(op, fmt.Errorf("option --%s: %w", f.Name, err))
		}
	}
	// container.env wins over --env, as in `docker create options -e ...`.
	for _, k := range slices.Sorted(maps.Keys(r.env)) {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.ContainsRune(r.env[k], 0) {
			return nil, executor.Errorf("read env of "+r.what, executor.Invalid, "%q cannot be a variable", k)
		}
		s.setEnv(k, r.env[k])
	}
	for _, v := range r.volumes {
		if strings.TrimSpace(v) == "" {
			continue
		}
		vol, err := parseVolume(v)
		if err != nil {
			return nil, judged("read volumes of "+r.what, err)
		}
		s.volumes = append(s.volumes, vol)
	}
	for _, text := range r.ports {
		if strings.TrimSpace(text) == "" {
			continue
		}
		ps, err := option.ParsePort(text)
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

func (s *settings) setEnv(name, value string) {
	for i := range s.env {
		if s.env[i].name == name {
			s.env[i].value = value
			return
		}
	}
	s.env = append(s.env, variable{name, value})
}

// refusal marks an error as a thing that a pod cannot or must not have.
type refusal struct {
	error
	hint string
}

func (r refusal) Unwrap() error { return r.error }

// judged gives an error its kind: Refused for what is not to be had here,
// Invalid for what cannot be read.
func judged(op string, err error) error {
	e := &executor.Error{Op: op, Kind: executor.Invalid, Err: err}
	var r refusal
	var u *option.Unknown
	switch {
	case errors.As(err, &r):
		e.Kind, e.Hint = executor.Refused, r.hint
	case errors.As(err, &u):
		e.Kind, e.Hint = executor.Refused, "remove it"
	}
	return e
}

// quantities reads amounts as Kubernetes writes them.
func quantities(m map[string]string) (corev1.ResourceList, error) {
	out := corev1.ResourceList{}
	for k, v := range m {
		q, err := resource.ParseQuantity(v)
		if err != nil || q.Sign() < 0 {
			return nil, fmt.Errorf("%s %q is not a quantity such as 2, 500m or 4Gi", k, v)
		}
		out[corev1.ResourceName(k)] = q
	}
	return out, nil
}

// shorten keeps errors readable.
func shorten(s string) string {
	if len(s) <= 120 {
		return s
	}
	return strings.ToValidUTF8(s[:117], "") + "..."
}
