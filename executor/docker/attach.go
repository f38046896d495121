package docker

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/docker/docker/api/types/container"
	dockervolume "github.com/docker/docker/api/types/volume"
	"github.com/drydock-ci/drydock/executor"
)

// Attach finds a place again by the labels of its containers.
func (x *Executor) Attach(ctx context.Context, id executor.EnvironmentID) (executor.Environment, error) {
	cid, token, ok := strings.Cut(string(id), "/")
	op := "attach to container " + short(cid)
	if !ok || cid == "" || token == "" {
		return nil, executor.Errorf("attach to an environment", executor.Invalid, "its id is not one of a container")
	}
	c, err := x.connection(ctx)
	if err != nil {
		return nil, err
	}
	r, err := c.api.ContainerInspect(ctx, cid)
	if err != nil {
		return nil, fail(op, err)
	}
	if r.Config == nil || r.Config.Labels[labelPlace] == "" {
		return nil, executor.Errorf(op, executor.NotFound, "it is not one of ours")
	}
	if r.State == nil || !r.State.Running {
		return nil, executor.Errorf(op, executor.NotFound, "it has ended")
	}
	l := r.Config.Labels
	kind := executor.Kind(l[labelKind])
	e := &environment{
		x: x, c: c, container: r.ID, place: l[labelPlace],
		labels:   executor.Labels{Owner: executor.OwnerID(l[labelOwner]), Run: executor.RunID(l[labelRun]), Job: l[labelJob]},
		confined: l[labelConfine] != "",
	}
	if role(l[labelRole]) != roleJob {
		e.note(r.ID)
		if err := e.open(ctx, token, nil); err != nil {
			return nil, err
		}
		if err := e.describe(ctx, nil, r.Config.Env, executor.Paths{}, false); err != nil {
			return nil, err
		}
		return e, nil
	}
	if l[labelNetwork] == e.place {
		e.network = e.place
		e.joined = r.NetworkSettings != nil && r.NetworkSettings.Networks[defaultNetwork] != nil
	}
	for _, m := range r.Mounts {
		if m.Destination == socketsTarget {
			e.sockets = x.socketsOf(m.Source)
		}
	}
	if err := e.open(ctx, token, nil); err != nil {
		return nil, err
	}
	pic, err := inspectImage(ctx, c, executor.Image{Ref: r.Image})
	if err == nil {
		err = e.describe(ctx, pic, r.Config.Env, pathsOf(kind, l[labelTools]), hasMount(r.Mounts, helperTarget))
	}
	if err == nil {
		e.info.Container = &executor.ContainerInfo{ID: r.ID, Network: l[labelNetwork]}
		err = e.collect(ctx, e.info.Container.Network)
	}
	if err != nil {
		e.Disconnect()
		return nil, fail(op, err)
	}
	return e, nil
}

// collect finds the services, the containers beside the job and the named
// volumes of a place again.
func (e *environment) collect(ctx context.Context, network string) error {
	f := labelled(labelPlace, e.place)
	found, err := e.c.api.ContainerList(ctx, container.ListOptions{All: true, Filters: f})
	if err != nil {
		return err
	}
	e.info.Services = map[string]executor.ServiceInfo{}
	for _, s := range found {
		e.note(s.ID)
		if role(s.Labels[labelRole]) != roleService {
			continue
		}
		ports := map[string]string{}
		if err := json.Unmarshal([]byte(s.Labels[labelPorts]), &ports); err != nil {
			return executor.Errorf("read the ports of a service", executor.Failed, "%w", err)
		}
		e.info.Services[s.Labels[labelService]] = executor.ServiceInfo{ID: s.ID, Network: network, Ports: ports}
	}
	vs, err := e.c.api.VolumeList(ctx, dockervolume.ListOptions{Filters: f})
	if err != nil {
		return err
	}
	for _, v := range vs.Volumes {
		e.noteVolumes([]string{v.Name})
	}
	return nil
}

// hasMount tells whether a mount with that target is there.
func hasMount(ms []container.MountPoint, target string) bool {
	for _, m := range ms {
		if m.Destination == target {
			return true
		}
	}
	return false
}
