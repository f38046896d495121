package docker

import (
	"context"
	"net"

	"github.com/docker/docker/api/types/network"
)

// A builder that a step starts by itself (docker/setup-buildx-action) is a
// container on the engine's default network and asks for caches from there, and
// networks do not reach each other. So a place that may talk to the engine and
// exposes ports is on the default network beside its own, as are the containers
// beside it, and its address there is the one that all of them reach.

// needsDefault tells whether a place has to be there.
func (b *building) needsDefault() bool {
	return b.own && b.spec.Expose && b.x.policyFor(b.spec.Confined).AllowSocket && b.c.product != podman
}

// joinDefault connects a container that has not started yet.
func (e *environment) joinDefault(ctx context.Context) error {
	e.joined = true
	err := e.c.api.NetworkConnect(context.WithoutCancel(ctx), defaultNetwork, e.container, &network.EndpointSettings{})
	return fail("connect a container to the engine's default network", err)
}

// Expose is the helper's, with the address on the default network where there is
// one.
func (e *environment) Expose(ctx context.Context, port int, accept func(net.Conn)) (string, error) {
	addr, err := e.Place.Expose(ctx, port, accept)
	if err != nil || !e.joined {
		return addr, err
	}
	r, err := e.c.api.ContainerInspect(ctx, e.container)
	if err != nil {
		return "", fail("look up the address of container "+short(e.container), err)
	}
	if r.NetworkSettings == nil || r.NetworkSettings.Networks[defaultNetwork] == nil {
		return addr, nil
	}
	ip := r.NetworkSettings.Networks[defaultNetwork].IPAddress
	_, number, err := net.SplitHostPort(addr)
	if err != nil || ip == "" {
		return addr, nil //nolint:nilerr // the helper's own address is the best there is
	}
	return net.JoinHostPort(ip, number), nil
}
