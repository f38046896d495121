package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"
	"github.com/drydock-ci/drydock/executor"
)

// sharedName is the name of an owner's network for jobs that stay alone.
func sharedName(owner executor.OwnerID) string {
	sum := sha256.Sum256([]byte(owner))
	return fmt.Sprintf("drydock-%s-%s", safe(string(owner), 20), hex.EncodeToString(sum[:4]))
}

// sharedNetwork makes sure that the network for jobs that stay alone is there.
// Its containers cannot reach each other, only the world.
func (x *Executor) sharedNetwork(ctx context.Context, c *connection, owner executor.OwnerID) error {
	x.sharedMu.Lock()
	defer x.sharedMu.Unlock()
	if x.shared[owner] {
		return nil
	}
	op := "create the network for jobs"
	name := sharedName(owner)
	found, err := c.api.NetworkList(ctx, network.ListOptions{Filters: labelled(labelOwner, string(owner), labelShared, "true")})
	if err != nil {
		return fail(op, err)
	}
	for _, n := range found {
		if n.Name == name {
			x.shared[owner] = true
			return nil
		}
	}
	_, err = c.api.NetworkCreate(context.WithoutCancel(ctx), name, network.CreateOptions{
		Driver:  "bridge",
		Labels:  map[string]string{labelOwner: string(owner), labelShared: "true"},
		Options: map[string]string{"com.docker.network.bridge.enable_icc": "false"},
	})
	// Another program of the same owner may have been quicker.
	if err != nil && !cerrdefs.IsConflict(err) && !strings.Contains(err.Error(), "already exists") {
		return fail(op, err)
	}
	x.shared[owner] = true
	return nil
}

func (x *Executor) forgetShared(owner executor.OwnerID) {
	x.sharedMu.Lock()
	defer x.sharedMu.Unlock()
	delete(x.shared, owner)
}
