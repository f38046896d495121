package runner

import (
	"context"
	"io"
	"log/slog"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/runner/action/node"
	"github.com/drydock-ci/drydock/runner/mask"
)

// Engine executes jobs. Its fields are set once, before the first Run.
type Engine struct {
	// Executors by the name that Place.Executor uses.
	Executors map[string]executor.Executor
	// Actions resolves `uses` to a folder of this machine.
	Actions Actions
	// Node provides node builds for JavaScript actions; nil: only the place's
	// own node.
	Node NodeBuilds
	// Externals is the folder of node builds that places show at /__e.
	Externals string
	// Workspace is the working copy that a served checkout gives; nil: every
	// checkout is done for real.
	Workspace Workspace
	// Secrets yields the values of the secrets of a job, GITHUB_TOKEN among
	// them.
	Secrets func(context.Context, *Job) (map[string]string, error)
	// Token is asked before each step for a GITHUB_TOKEN that is to follow the last
	// one; "" while that is good. nil: the first one lasts.
	Token func(context.Context, *Job) (string, error)
	// Masker makes the masker of a job, with what it masks beside the job's
	// secrets; nil: with nothing.
	Masker func() *mask.Masker
	// Services are what actions keep caches and artifacts with; nil: none.
	Services Services
	// ServicesForScripts tells run: steps of the services too, which GitHub does
	// not: the token is worth more than a script needs.
	ServicesForScripts bool
	// Checkpoints keeps where jobs stand, so that another program can go on with
	// them; nil: none does.
	Checkpoints Checkpoints
	// Linger is Place.Linger where that says nothing.
	Linger int
	// Owner is put on everything that is created.
	Owner executor.OwnerID
	// Hooks run around every job.
	Hooks Hooks
	// Name is runner.name; empty: "drydock".
	Name string
	// Stop is the grace of processes; zero: executor.DefaultStop.
	Stop executor.StopPolicy
	Log  *slog.Logger
}

// Actions finds actions.
type Actions interface {
	Resolve(context.Context, action.Ref) (action.Resolved, error)
}

// NodeBuilds provides node for a kind of place.
type NodeBuilds interface {
	Ensure(ctx context.Context, version, os, arch, libc string) (node.Build, error)
}

// Workspace is the working copy of the repository under test.
type Workspace interface {
	// Pack writes the files that a checkout would give, as a tar stream.
	Pack(ctx context.Context, submodules bool, w io.Writer) error
	// Commit is the commit that the working copy stands on.
	Commit() string
}

// Run executes job and returns when its place is gone. When ctx ends the job
// is cancelled as on GitHub: the running step is stopped, steps that ask for
// it still run. It panics never: an internal error is a Result with Infra.
func (e *Engine) Run(ctx context.Context, job *Job, sink Sink) Result {
	result, end := e.run(ctx, context.Background(), job, sink, nil)
	sink.Emit(end)
	return result
}

// Resume goes on with a job whose engine ended in the middle of it: in the same
// place, with the process that runs there, from the events on that were kept
// with the checkpoint. Job is the one that was run. A place that is gone is a
// Result with Infra.
func (e *Engine) Resume(ctx context.Context, job *Job, c *Checkpoint, sink Sink) Result {
	result, end := e.run(ctx, context.Background(), job, sink, c)
	sink.Emit(end)
	return result
}

// run is Run with a second context, whose end stops also what a cancelled job
// lets go on, or Resume. The job's last event is the caller's to emit.
func (e *Engine) run(ctx, hard context.Context, job *Job, sink Sink, c *Checkpoint) (Result, JobFinished) {
	if c != nil { // the operator's mapping may be another one by now
		again := *job
		again.Place, job = c.Place, &again
	}
	x := newExecution(e, job, sink)
	x.hard = hard
	return x.run(ctx, c)
}

func (e *Engine) stopPolicy() executor.StopPolicy {
	if e.Stop == (executor.StopPolicy{}) {
		return executor.DefaultStop
	}
	return e.Stop
}

func (e *Engine) logger() *slog.Logger {
	if e.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return e.Log
}
