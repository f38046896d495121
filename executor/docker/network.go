package docker

import (
	"context"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"
)

// sharedName is the network of jobs that stay alone. Its containers cannot
// reach each other, so one serves everybody on the engine; it is kept, as an
// image is, and any prune may take it.
const sharedName = "drydock-shared"

// sharedNetwork makes sure that the network for jobs that stay alone is there.
func (x *Executor) sharedNetwork(ctx context.Context, c *connection) error {
	x.sharedMu.Lock()
	defer x.sharedMu.Unlock()
	if x.shared == c {
		return nil
	}
	op := "create the network for jobs"
	found, err := c.api.NetworkList(ctx, network.ListOptions{Filters: labelled(labelShared, "true")})
	if err != nil {
		return fail(op, err)
	}
	for _, n := range found {
		if n.Name == sharedName {
			x.shared = c
			return nil
		}
	}
	_, err = c.api.NetworkCreate(context.WithoutCancel(ctx), sharedName, network.CreateOptions{
		Driver:  "bridge",
		Labels:  map[string]string{labelShared: "true"},
		Options: map[string]string{"com.docker.network.bridge.enable_icc": "false"},
	})
	// Another program may have been quicker.
	if err != nil && !cerrdefs.IsConflict(err) && !strings.Contains(err.Error(), "already exists") {
		return fail(op, err)
	}
	x.shared = c
	return nil
}

// forgetShared is for a network that turned out to be gone.
func (x *Executor) forgetShared() {
	x.sharedMu.Lock()
	defer x.sharedMu.Unlock()
	x.shared = nil
}
