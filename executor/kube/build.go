package kube

import (
	"context"
	"fmt"

	"github.com/drydock-ci/drydock/executor"
)

var _ executor.Builder = (*Executor)(nil)

// Build makes the image of a Dockerfile action with the builder that the operator
// has configured. Pods build nothing: that takes rights that jobs do not have.
func (x *Executor) Build(ctx context.Context, spec executor.BuildSpec, log func(line string)) (executor.Image, error) {
	if x.opts.Builder == nil {
		return executor.Image{}, &executor.Error{
			Op: fmt.Sprintf("build the image of %q", spec.Repository), Kind: executor.Unsupported,
			Err: fmt.Errorf("the job runs on %q, where nothing builds images", x.Name()),
			Hint: "set kubernetes.builder to the address of a buildkitd and kubernetes.registry to where images go, " +
				"or use an action that names an image (docker://...)",
		}
	}
	return x.opts.Builder.Build(ctx, spec, log)
}
