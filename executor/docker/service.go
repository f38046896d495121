package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/drydock-ci/drydock/executor"
	syntax "github.com/drydock-ci/drydock/executor/option"
)

// service is one entry of `services:` on its way.
type service struct {
	spec     executor.Service
	settings *settings
	name     string
	id       string

	published bool // see publish
}

// draftServices judges them all and gives every port its number. One without
// an image is left out (actions/runner: an expression may come to nothing).
func draftServices(spec executor.Spec, p Policy) ([]*service, error) {
	var out []*service
	var ports [][]syntax.Port
	for _, s := range spec.Services {
		if s.Image.Ref == "" {
			continue
		}
		what := fmt.Sprintf("service %q", s.ID)
		if !hostName(s.ID) {
			return nil, executor.Errorf("read "+what, executor.Invalid, "its id cannot be a host name")
		}
		set, err := judge(request{
			what: what, role: roleService, env: s.Env, ports: s.Ports, volumes: s.Volumes, options: s.Options,
		}, p)
		if err != nil {
			return nil, err
		}
		out = append(out, &service{spec: s, settings: set})
		ports = append(ports, set.ports)
	}
	if err := assign(ports); err != nil {
		return nil, executor.Errorf("read ports of services", executor.Invalid, "%w", err)
	}
	if spec.Kind == executor.Container {
		// The job reaches services by name, at their own ports.
		for i, s := range out {
			for j := range ports[i] {
				if s.settings.ports[j].Chosen {
					ports[i][j].Mapped = ports[i][j].Container
				}
			}
		}
	}
	return out, nil
}

func (b *building) makeService(ctx context.Context, s *service) error {
	what := fmt.Sprintf("service %q", s.spec.ID)
	for _, n := range s.settings.notes {
		b.log(n)
	}
	img := s.spec.Image
	s.settings.choose(&img)
	pic, err := b.x.ensure(ctx, b.c, img, b.log)
	if err != nil {
		return &executor.Error{Op: "prepare " + what, Kind: kindOf(err), Err: err}
	}
	if b.c.product == podman {
		if err := b.waitNetwork(ctx); err != nil {
			return err
		}
	}
	if err := b.createService(ctx, s, img, pic, b.publishes()); err != nil {
		return fail("create "+what, err)
	}
	if err := b.waitNetwork(ctx); err != nil {
		return err
	}
	b.log(fmt.Sprintf("Starting service %s (%s)", s.spec.ID, img.Ref))
	if err := b.startService(ctx, s, img, pic); err != nil {
		return fail("start "+what, err)
	}
	return b.waitHealthy(ctx, s)
}

func (b *building) createService(ctx context.Context, s *service, img executor.Image, pic *picture, publish bool) error {
	s.name = b.name + "-" + safe(s.spec.ID, 30)
	b.env.note(s.name)
	platform, err := platformOf(img.Platform)
	if err != nil {
		return err
	}
	config, host := s.settings.config, s.settings.host
	config.Image = img.Ref
	config.User = s.settings.user
	if s.settings.entrypoint != nil {
		config.Entrypoint = []string{*s.settings.entrypoint}
	}
	if len(s.spec.Entrypoint) > 0 {
		config.Entrypoint = s.spec.Entrypoint
	}
	config.Cmd = s.spec.Command
	config.Env = append(b.x.surroundings(append(append([]string(nil), pic.env...), config.Env...), false), config.Env...)
	labels := labelsOf(b.spec.Labels, b.name, roleService)
	maps.Copy(labels, config.Labels)
	numbers, err := json.Marshal(portMap(s.settings.ports))
	if err != nil {
		return err
	}
	labels[labelService], labels[labelPorts] = s.spec.ID, string(numbers)
	config.Labels = labels
	// The logs must be readable when it fails, whatever the engine's default.
	host.LogConfig = container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "10m", "max-file": "1"}}
	var named []string
	host.Mounts, named = mounts(s.settings.volumes, b.name, labels)
	b.env.noteVolumes(named)
	var nets *network.NetworkingConfig
	if host.NetworkMode == "" {
		host.NetworkMode = container.NetworkMode(b.network)
		nets = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			b.network: {Aliases: append([]string{s.spec.ID}, s.settings.aliases...)},
		}}
		if publish {
			s.publish(&config, &host)
		}
	}
	r, err := b.c.api.ContainerCreate(context.WithoutCancel(ctx), &config, &host, nets, platform, s.name)
	s.id = r.ID
	return err
}

// waitHealthy polls the engine's view of the service. It does not run the
// check itself: many images answer for a moment while they initialise, and the
// declared interval hides that.
func (b *building) waitHealthy(ctx context.Context, s *service) error {
	start := time.Now()
	for pause := 50 * time.Millisecond; ; pause = min(pause*3/2, time.Second) {
		r, err := b.c.api.ContainerInspect(ctx, s.id)
		if err != nil {
			return fail(fmt.Sprintf("look after service %q", s.spec.ID), err)
		}
		var why string
		switch st := r.State; {
		case st == nil:
			why = "it has no state"
		case st.OOMKilled && !st.Running:
			why = "it was killed for memory"
		case !st.Running:
			why = fmt.Sprintf("it ended with exit code %d", st.ExitCode)
		case st.Health == nil || st.Health.Status == container.NoHealthcheck || st.Health.Status == "":
			return nil
		case st.Health.Status == container.Healthy:
			b.log(fmt.Sprintf("Service %s is healthy after %s", s.spec.ID, time.Since(start).Round(10*time.Millisecond)))
			return nil
		case st.Health.Status == container.Unhealthy:
			why = "its health check fails"
			if n := len(st.Health.Log); n > 0 {
				why += ": " + shorten(strings.TrimSpace(st.Health.Log[n-1].Output))
			}
		}
		if why != "" {
			b.printLogs(ctx, s)
			return &executor.Error{
				Op: fmt.Sprintf("wait for service %q", s.spec.ID), Kind: executor.Unhealthy,
				Err: fmt.Errorf("%s (image %q)", why, s.spec.Image.Ref), Hint: "its last output is in the job's log",
			}
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
	}
}

// printLogs gives the last lines of a service to the job's log.
func (b *building) printLogs(ctx context.Context, s *service) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	r, err := b.c.api.ContainerLogs(ctx, s.id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: "50"})
	if err != nil {
		b.log(fmt.Sprintf("The output of service %s cannot be read: %v", s.spec.ID, trim(err)))
		return
	}
	defer r.Close()
	var out bytes.Buffer
	if s.settings.config.Tty {
		_, _ = out.ReadFrom(r)
	} else {
		_, _ = stdcopy.StdCopy(&out, &out, r)
	}
	b.log(fmt.Sprintf("Last output of service %s:", s.spec.ID))
	for line := range strings.Lines(out.String()) {
		b.log("  " + strings.TrimRight(line, "\r\n"))
	}
}

func portMap(ps []syntax.Port) map[string]string {
	out := map[string]string{}
	for _, p := range ps {
		out[p.Key()] = fmt.Sprint(p.Mapped)
	}
	return out
}

// kindOf gives the kind of the outermost typed error.
func kindOf(err error) executor.ErrorKind {
	for _, k := range []executor.ErrorKind{executor.NotFound, executor.Refused, executor.Invalid, executor.Unavailable} {
		if executor.IsKind(err, k) {
			return k
		}
	}
	return executor.Failed
}
