package fake

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"

	"github.com/drydock-ci/drydock/executor"
)

// Script acts a process out. It ends when it returns, and should return when
// ctx ends: the process was killed, or signalled without a trap, or its place
// was closed. What it returns after that does not count.
type Script func(ctx context.Context, cmd executor.Command, io *IO) executor.Exit

// Options steer New. All may be left out.
type Options struct {
	// Script is every process; nil: a process that ends with 0 at once.
	Script Script
	// Start is asked before a process starts; its error has kind StartFailed
	// unless it is an executor.Error.
	Start func(cmd executor.Command) error
	// Create is asked before a place is made.
	Create func(spec executor.Spec) error
	// Expose is asked before a port is exposed.
	Expose func() error
	// Capabilities answers Probe; zero: linux/amd64 without containers.
	Capabilities executor.Capabilities
	// Info describes the places; what is zero gets the values of a machine
	// whose user is "runner".
	Info executor.Info
	// Files are in every new place: absolute path -> content.
	Files map[string]string
}

// Executor is the back end. Its places live as long as it does.
type Executor struct {
	o     Options
	calls recorder

	mu    sync.Mutex
	count int
	envs  map[executor.EnvironmentID]*Environment
}

var _ executor.Executor = (*Executor)(nil)

// New makes a back end without places.
func New(o Options) *Executor {
	if o.Script == nil {
		o.Script = func(context.Context, executor.Command, *IO) executor.Exit { return executor.Exit{} }
	}
	if o.Capabilities.OS == "" {
		o.Capabilities.OS, o.Capabilities.Arch, o.Capabilities.Version = "linux", "amd64", "1"
	}
	return &Executor{o: o, envs: map[executor.EnvironmentID]*Environment{}}
}

// Name is "fake".
func (x *Executor) Name() string { return "fake" }

// Probe gives Options.Capabilities.
func (x *Executor) Probe(context.Context) (executor.Capabilities, error) {
	x.calls.add(Call{Op: "probe"})
	return x.o.Capabilities, nil
}

// Create makes a place.
func (x *Executor) Create(ctx context.Context, spec executor.Spec) (executor.Environment, error) {
	x.calls.add(Call{Op: "create", Spec: &spec})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if x.o.Create != nil {
		if err := x.o.Create(spec); err != nil {
			return nil, typed("create the place", executor.Failed, err)
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.count++
	e := newEnvironment(x, executor.EnvironmentID(fmt.Sprintf("fake-%d", x.count)), spec)
	x.envs[e.id] = e
	return e, nil
}

// Attach finds a place.
func (x *Executor) Attach(_ context.Context, id executor.EnvironmentID) (executor.Environment, error) {
	x.calls.add(Call{Op: "attach", Env: id})
	if e := x.Environment(id); e != nil {
		return e, nil
	}
	return nil, executor.Errorf(fmt.Sprintf("attach to %q", id), executor.NotFound, "no such environment")
}

// Environment gives a place that is not closed, or nil.
func (x *Executor) Environment(id executor.EnvironmentID) *Environment {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.envs[id]
}

// Environments gives the places that are not closed, the oldest first.
func (x *Executor) Environments() []*Environment {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all []*Environment
	for _, e := range x.envs {
		all = append(all, e)
	}
	sort.Slice(all, func(i, k int) bool { return all[i].number() < all[k].number() })
	return all
}

// Sweep closes owner's places whose run is over.
func (x *Executor) Sweep(ctx context.Context, owner executor.OwnerID, keep func(executor.RunID) bool) (executor.Swept, error) {
	x.calls.add(Call{Op: "sweep"})
	var swept executor.Swept
	var errs []error
	for _, e := range x.Environments() {
		if e.spec.Labels.Owner != owner || keep(e.spec.Labels.Run) {
			continue
		}
		if err := e.Close(ctx); err != nil {
			errs = append(errs, err)
			continue
		}
		swept.Removed = append(swept.Removed, "environment "+string(e.id))
	}
	return swept, errors.Join(errs...)
}

// typed makes err an executor.Error if it is none.
func typed(op string, kind executor.ErrorKind, err error) error {
	var e *executor.Error
	if errors.As(err, &e) {
		return err
	}
	return executor.Errorf(op, kind, "%w", err)
}
