package runner

import (
	"context"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/action/node"
)

// slow takes its time to make a place.
type slow struct {
	executor.Executor
	takes time.Duration
}

func (s slow) Create(ctx context.Context, spec executor.Spec) (executor.Environment, error) {
	select {
	case <-time.After(s.takes):
		return s.Executor.Create(ctx, spec)
	case <-ctx.Done():
		return nil, executor.Errorf("create", executor.Failed, "%w", context.Cause(ctx))
	}
}

// panicking is a dependency with a bug.
type panicking struct{}

func (panicking) Ensure(context.Context, string, string, string, string) (node.Build, error) {
	panic("no node")
}
