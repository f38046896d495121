package docker

import (
	"context"
	"fmt"

	"github.com/docker/docker/client"

	"github.com/drydock-ci/drydock/executor"
)

// Client is the client of the engine that jobs run in, for what builds images
// there. It is the executor's own: the caller must not close it.
func (x *Executor) Client(ctx context.Context) (*client.Client, error) {
	c, err := x.connection(ctx)
	if err != nil {
		return nil, err
	}
	api, ok := c.api.(*client.Client)
	if !ok {
		return nil, &executor.Error{Op: "reach the engine's builder", Kind: executor.Unsupported, Err: fmt.Errorf("the connection to %s cannot be shared", c.host)}
	}
	return api, nil
}
