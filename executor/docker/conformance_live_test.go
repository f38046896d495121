package docker

import (
	"context"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/executortest"
)

// tidy removes each owner's shared network too: the suite invents many owners.
type tidy struct {
	*Executor
	t *testing.T
}

func (y tidy) Create(ctx context.Context, spec executor.Spec) (executor.Environment, error) {
	y.t.Cleanup(func() {
		if _, err := y.Sweep(context.Background(), spec.Labels.Owner, nil); err != nil {
			y.t.Error(err)
		}
	})
	return y.Executor.Create(ctx, spec)
}

func TestConformance(t *testing.T) {
	for name, spec := range map[string]executor.Spec{
		"machine":   {Name: "conformance", Kind: executor.Machine, Image: executor.Image{Ref: testImage}},
		"container": {Name: "conformance", Kind: executor.Container, Image: executor.Image{Ref: testImage}},
		"user":      {Name: "conformance", Kind: executor.Machine, Image: executor.Image{Ref: userImage}},
	} {
		t.Run(name, func(t *testing.T) {
			executortest.Run(t, func(t *testing.T) (executor.Executor, executor.Spec) {
				x, _ := live(t, Options{})
				return tidy{x, t}, spec
			})
		})
	}
}
