package docker

import (
	"context"

	"github.com/drydock-ci/drydock/executor"
)

// ImageConfig tells the entrypoint and the command of an image that the engine
// has; it pulls nothing.
func (x *Executor) ImageConfig(ctx context.Context, img executor.Image) (entrypoint, cmd []string, err error) {
	c, err := x.connection(ctx)
	if err != nil {
		return nil, nil, err
	}
	found, err := inspectImage(ctx, c, img)
	if err == nil && found == nil {
		err = executor.Errorf("look for image \""+img.Ref+"\"", executor.NotFound, "the engine does not have it")
	}
	if err != nil {
		return nil, nil, err
	}
	return found.entrypoint, found.cmd, nil
}
