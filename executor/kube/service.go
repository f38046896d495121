package kube

import (
	"fmt"
	"math"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drydock-ci/drydock/executor"
)

// service is one entry of `services:` on its way.
type service struct {
	spec      executor.Service
	settings  *settings
	container string
}

func (s *service) what() string { return fmt.Sprintf("service %q", s.spec.ID) }

// draftServices judges them all. One without an image is left out
// (actions/runner: an expression may come to nothing).
func draftServices(spec executor.Spec) ([]*service, error) {
	var out []*service
	taken := map[string]bool{}
	for _, s := range spec.Services {
		if s.Image.Ref == "" {
			continue
		}
		sv := &service{spec: s}
		if !hostName(s.ID) {
			return nil, executor.Errorf("read "+sv.what(), executor.Invalid, "its id cannot be a host name")
		}
		var err error
		sv.settings, err = judge(request{
			what: sv.what(), role: roleService, env: s.Env, ports: s.Ports, volumes: s.Volumes, options: s.Options,
		})
		if err != nil {
			return nil, err
		}
		sv.container = servicePrefix + safe(s.ID, 30)
		for n := 2; taken[sv.container]; n++ {
			sv.container = fmt.Sprintf("%s%s-%d", servicePrefix, safe(s.ID, 30), n)
		}
		taken[sv.container] = true
		out = append(out, sv)
	}
	return out, nil
}

// serviceContainer is a sidecar: it starts before the job's container, does not
// wait for other services, and ends with the job.
func (d *draft) serviceContainer(s *service) (corev1.Container, error) {
	always := corev1.ContainerRestartPolicyAlways
	c := corev1.Container{
		Name: s.container, Image: s.spec.Image.Ref, ImagePullPolicy: pullPolicy(s.spec.Image.Pull),
		RestartPolicy: &always, WorkingDir: s.settings.dir, Env: d.secret.hide(s.settings.env),
		Command: s.spec.Entrypoint, Args: s.spec.Command,
		Resources: corev1.ResourceRequirements{Limits: s.settings.limits, Requests: s.settings.requests},
		// Not a startup probe: the next container would wait for it.
		ReadinessProbe: s.settings.health.probe(),
	}
	if s.settings.entrypoint != nil && len(c.Command) == 0 {
		c.Command = []string{*s.settings.entrypoint}
	}
	// Kubernetes replaces $(NAME) in both, docker does not.
	c.Command, c.Args = literal(c.Command), literal(c.Args)
	d.secret.login(s.spec.Image)
	var err error
	c.SecurityContext, err = d.security(s.what(), s.settings, roleService)
	d.finish(&c, s.settings)
	return c, err
}

func literal(args []string) []string {
	var out []string
	for _, a := range args {
		out = append(out, strings.ReplaceAll(a, "$(", "$$("))
	}
	return out
}

// probe makes a check of the kubelet from one of docker's, with the same times:
// the first after an interval, since many images answer for a moment while they
// initialise, and as many failures as retries after the start period
// (moby: daemon/health.go).
func (h health) probe() *corev1.Probe {
	if h.cmd == "" || h.off {
		return nil
	}
	or := func(d, otherwise time.Duration) time.Duration {
		if d <= 0 {
			return otherwise
		}
		return d
	}
	interval, retries := or(h.interval, 30*time.Second), h.retries
	if retries <= 0 {
		retries = 3
	}
	period := interval
	if h.startPeriod > 0 {
		period = min(period, or(h.startInterval, 5*time.Second))
	}
	failures := int(math.Ceil(float64(h.startPeriod)/float64(period))) + int(math.Ceil(float64(interval)*float64(retries)/float64(period)))
	return &corev1.Probe{
		ProbeHandler:        corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/sh", "-c", h.cmd}}},
		InitialDelaySeconds: seconds(period), PeriodSeconds: seconds(period),
		TimeoutSeconds: seconds(or(h.timeout, 30*time.Second)), FailureThreshold: int32(min(failures, 1<<20)),
	}
}

// timeOf is how long a service may take until its check passes: all tries, and
// as much again at most for tries that are slow to fail.
func timeOf(p *corev1.Probe) time.Duration {
	const year = 365 * 24 * 3600 // the job does not wait that long anyway
	tries := min(int64(p.PeriodSeconds)*int64(p.FailureThreshold), year)
	return time.Duration(int64(p.InitialDelaySeconds)+tries+min(int64(p.TimeoutSeconds), tries)) * time.Second
}

// seconds rounds up: the kubelet knows no less than one.
func seconds(d time.Duration) int32 {
	return int32(min(max(1, math.Ceil(d.Seconds())), 1<<20))
}

// forward makes a service's port answer at another number of localhost.
type forward struct {
	service   string
	from, to  int
	reachable bool
}

// assign gives every port of the services its number in the job. The
// containers of a pod share one network: a service answers at its own port
// everywhere in it, and no two can have the same.
func assign(kind executor.Kind, services []*service) ([]forward, error) {
	const op = "read ports of services"
	id := func(n int, protocol string) string { return fmt.Sprintf("%d/%s", n, protocol) }
	owner := map[string]*service{}
	for _, s := range services {
		for _, p := range s.settings.ports {
			k := id(p.Container, p.Protocol)
			if o := owner[k]; o != nil && o != s {
				return nil, &executor.Error{
					Op: op, Kind: executor.Refused,
					Err:  fmt.Errorf("services %q and %q both listen on port %s, and the containers of a pod share one network", o.spec.ID, s.spec.ID, k),
					Hint: "tell one of them to listen on another port",
				}
			}
			owner[k] = s
		}
	}
	var out []forward
	mapped := map[string]string{} // port of the job -> service/port
	for _, s := range services {
		for i := range s.settings.ports {
			p := &s.settings.ports[i]
			if p.Mapped == 0 {
				p.Mapped, p.Chosen = p.Container, true
			}
			k, self := id(p.Mapped, p.Protocol), fmt.Sprintf("%s:%d", s.spec.ID, p.Container)
			if other := mapped[k]; other != "" && other != self {
				return nil, executor.Errorf(op, executor.Invalid, "port %d is mapped twice in this job", p.Mapped)
			}
			mapped[k] = self
			if p.Mapped == p.Container || kind == executor.Container {
				continue
			}
			if o := owner[k]; o != nil {
				return nil, &executor.Error{
					Op: op, Kind: executor.Refused,
					Err:  fmt.Errorf("port %d of the job is for service %q, but service %q listens there itself, and the containers of a pod share one network", p.Mapped, s.spec.ID, o.spec.ID),
					Hint: "map it to another port",
				}
			}
			out = append(out, forward{service: s.spec.ID, from: p.Mapped, to: p.Container, reachable: p.Protocol == "tcp"})
		}
	}
	return out, nil
}

// record is what Attach must know of a service.
type record struct {
	Container string            `json:"container"`
	Ports     map[string]string `json:"ports"` // the job.services context
}

// records are the services by their ids.
func records(services []*service) map[string]record {
	out := map[string]record{}
	for _, s := range services {
		ports := map[string]string{}
		for _, p := range s.settings.ports {
			ports[p.Key()] = fmt.Sprint(p.Mapped)
		}
		out[s.spec.ID] = record{s.container, ports}
	}
	return out
}
