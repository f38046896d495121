package docker

import (
	"context"
	"fmt"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"
	"github.com/drydock-ci/drydock/executor"
)

// What a step tells the engine to do happens on the engine's machine: `docker
// push localhost:5000/app` goes to port 5000 there, where on a GitHub-hosted
// machine the ports of services are. So where a job may talk to the engine, the
// ports that the workflow chose are published, on the loopback alone.

// publishes tells whether this place's services do that.
func (b *building) publishes() bool {
	return strings.HasPrefix(b.c.host, "unix://") && b.x.policyFor(b.spec.Confined).AllowSocket
}

// publish adds the ports of a service to its definition.
func (s *service) publish(config *container.Config, host *container.HostConfig) {
	exposed, bindings := nat.PortSet{}, nat.PortMap{}
	for _, p := range s.settings.ports {
		if p.Chosen {
			continue // our own number says nothing of the machine's ports
		}
		port := nat.Port(fmt.Sprintf("%d/%s", p.Container, p.Protocol))
		exposed[port] = struct{}{}
		bindings[port] = append(bindings[port], nat.PortBinding{HostIP: "127.0.0.1", HostPort: fmt.Sprint(p.Mapped)})
	}
	if len(bindings) > 0 {
		config.ExposedPorts, host.PortBindings = exposed, bindings
		s.published = true
	}
}

// startService starts it without its ports on the machine where one is taken:
// another job may have the same, and its own steps reach it all the same.
func (b *building) startService(ctx context.Context, s *service, img executor.Image, pic *picture) error {
	ctx = context.WithoutCancel(ctx) // a request that is cut off may still be carried out
	err := b.c.api.ContainerStart(ctx, s.id, container.StartOptions{})
	if err == nil || !s.published || !portTaken(err) {
		return err
	}
	b.log(fmt.Sprintf("Warning: a port of service %s is taken on this machine: steps reach the service at localhost, the engine finds somebody else there: %v",
		s.spec.ID, trim(err)))
	if err := removeContainer(ctx, b.c, s.id); err != nil {
		return err
	}
	if err := b.createService(ctx, s, img, pic, false); err != nil {
		return err
	}
	return b.c.api.ContainerStart(ctx, s.id, container.StartOptions{})
}

// portTaken knows the words of Docker's two ways to find out, and of Podman.
func portTaken(err error) bool {
	text := err.Error()
	return strings.Contains(text, "port is already allocated") || strings.Contains(text, "address already in use")
}
