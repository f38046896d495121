package docker

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	dockervolume "github.com/docker/docker/api/types/volume"
	"github.com/drydock-ci/drydock/executor"
)

// Sweep removes containers, networks, volumes and sockets of runs that are over. The
// network that all lone jobs share, and images, are no leftovers.
func (x *Executor) Sweep(ctx context.Context, owner executor.OwnerID, keep func(executor.RunID) bool) (executor.Swept, error) {
	var swept executor.Swept
	if owner == "" {
		return swept, executor.Errorf("sweep", executor.Invalid, "no owner is named")
	}
	c, err := x.connection(ctx)
	if err != nil {
		return swept, err
	}
	dead := func(labels map[string]string) bool {
		return keep == nil || !keep(executor.RunID(labels[labelRun]))
	}
	var errs []error
	var mu sync.Mutex
	// each removes the dead ones of a kind, all at once.
	each := func(kind string, ids []string, remove func(string) error) {
		var r removal
		for _, id := range ids {
			r.do(func() error {
				if err := remove(id); err != nil {
					return err
				}
				mu.Lock()
				swept.Removed = append(swept.Removed, kind+" "+short(id))
				mu.Unlock()
				return nil
			})
		}
		errs = append(errs, r.wait())
	}
	f := labelled(labelOwner, string(owner))

	containers, err := c.api.ContainerList(ctx, container.ListOptions{All: true, Filters: f})
	errs = append(errs, fail("list containers", err))
	var ids []string
	for _, s := range containers {
		if dead(s.Labels) {
			ids = append(ids, s.ID)
		}
	}
	each("container", ids, func(id string) error { return removeContainer(ctx, c, id) })

	networks, err := c.api.NetworkList(ctx, network.ListOptions{Filters: f})
	errs = append(errs, fail("list networks", err))
	ids = nil
	for _, n := range networks {
		if dead(n.Labels) {
			ids = append(ids, n.ID)
		}
	}
	each("network", ids, func(id string) error { return removeNetwork(ctx, c, id) })

	volumes, err := c.api.VolumeList(ctx, dockervolume.ListOptions{Filters: f})
	errs = append(errs, fail("list volumes", err))
	ids = nil
	for _, v := range volumes.Volumes {
		if dead(v.Labels) {
			ids = append(ids, v.Name)
		}
	}
	each("volume", ids, func(name string) error { return removeVolume(ctx, c, name) })
	folders, err := x.sweepSockets(owner, func(r executor.RunID) bool { return keep != nil && keep(r) })
	errs = append(errs, err)
	swept.Removed = append(swept.Removed, folders...)
	slices.Sort(swept.Removed)
	return swept, errors.Join(errs...)
}
