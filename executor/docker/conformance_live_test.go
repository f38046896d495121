package docker

import (
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/executortest"
)

func TestConformance(t *testing.T) {
	for name, spec := range map[string]executor.Spec{
		"machine":   {Name: "conformance", Kind: executor.Machine, Image: executor.Image{Ref: testImage}, Expose: true},
		"container": {Name: "conformance", Kind: executor.Container, Image: executor.Image{Ref: testImage}},
		"user":      {Name: "conformance", Kind: executor.Machine, Image: executor.Image{Ref: userImage}},
	} {
		t.Run(name, func(t *testing.T) {
			executortest.Run(t, func(t *testing.T) (executor.Executor, executor.Spec) {
				x, _ := live(t, Options{})
				return x, spec
			})
		})
	}
}
