package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"github.com/drydock-ci/drydock/executor"
)

// Options steer New.
type Options struct {
	// Root holds the jobs' folders, as Root/<run>/<job>; made if need be.
	Root string
	// HelperCache is where the helper's program is written.
	HelperCache string
	// ToolCache is shared by all jobs; empty: Root/_tool.
	ToolCache string
	// Linger is how long, in seconds, a job's processes live on without
	// this program when the spec does not say; 0 means 30.
	Linger int
	// Log may be nil.
	Log *slog.Logger
}

// Executor makes places on this machine.
type Executor struct{ o Options }

var _ executor.Executor = (*Executor)(nil)

// New checks and completes the options; it touches nothing yet.
func New(o Options) (*Executor, error) {
	if o.Root == "" || o.HelperCache == "" {
		return nil, executor.Errorf("set the host executor up", executor.Invalid, "Root and HelperCache must be given")
	}
	var err error
	if o.Root, err = filepath.Abs(o.Root); err != nil {
		return nil, executor.Errorf("set the host executor up", executor.Invalid, "%w", err)
	}
	if o.ToolCache == "" {
		o.ToolCache = filepath.Join(o.Root, "_tool")
	}
	if o.Linger == 0 {
		o.Linger = 30
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Executor{o: o}, nil
}

// Name is "host".
func (x *Executor) Name() string { return "host" }

// Probe says what this machine is.
func (x *Executor) Probe(context.Context) (executor.Capabilities, error) {
	c := executor.Capabilities{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Version: kernel(),
		Notes: []string{"jobs run as this user, without isolation"},
	}
	if err := supported(); err != nil {
		return c, err
	}
	return c, nil
}

func supported() error {
	if runtime.GOOS == "linux" {
		return nil
	}
	return &executor.Error{
		Op: "run jobs on the host", Kind: executor.Unsupported,
		Err:  fmt.Errorf("it works on linux only so far, this is %s", runtime.GOOS),
		Hint: "use the docker executor",
	}
}

// check refuses what needs containers.
func check(op string, spec executor.Spec) error {
	if spec.Confined {
		return &executor.Error{
			Op: op, Kind: executor.Refused,
			Err: errors.New("on this machine itself nothing confines a job that is trusted less than others"), Hint: "map its label to an image",
		}
	}
	var what string
	switch {
	case spec.Kind == executor.Container:
		what = "`container:`"
	case len(spec.Services) > 0:
		what = "`services:`"
	default:
		return nil
	}
	return &executor.Error{
		Op: op, Kind: executor.Unsupported,
		Err: fmt.Errorf("%s needs a container engine, and this job runs on the host", what), Hint: "let it run in Docker",
	}
}

// Create makes the folder and starts the helper.
func (x *Executor) Create(ctx context.Context, spec executor.Spec) (executor.Environment, error) {
	op := fmt.Sprintf("make a place on the host for job %q", spec.Labels.Job)
	if err := supported(); err != nil {
		return nil, err
	}
	if err := check(op, spec); err != nil {
		return nil, err
	}
	dir, id, err := x.folder(spec)
	if err != nil {
		return nil, executor.Errorf(op, executor.Failed, "%w", err)
	}
	e, err := x.launch(ctx, dir, id, spec)
	if err != nil {
		clean := &environment{x: x, id: id, dir: dir}
		if cerr := clean.Close(context.WithoutCancel(ctx)); cerr != nil {
			err = errors.Join(err, cerr)
		}
		if executor.IsKind(err, executor.Unavailable) {
			return nil, &executor.Error{Op: op, Kind: executor.Unavailable, Err: err}
		}
		return nil, &executor.Error{Op: op, Kind: executor.Failed, Err: err}
	}
	return e, nil
}

// folder makes the job's own folder. A job that ran before in the same run
// and is still there does not stand in the way.
func (x *Executor) folder(spec executor.Spec) (dir string, id executor.EnvironmentID, err error) {
	run := safeName(string(spec.Labels.Run), "run")
	job := safeName(spec.Labels.Job, "job")
	if err := os.MkdirAll(filepath.Join(x.o.Root, run), 0o755); err != nil {
		return "", "", err
	}
	for n := 1; n < 1000; n++ {
		name := job
		if n > 1 {
			name = fmt.Sprintf("%s-%d", job, n)
		}
		dir := filepath.Join(x.o.Root, run, name)
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			return dir, executor.EnvironmentID(path.Join(run, name)), nil
		}
		if errors.Is(err, fs.ErrNotExist) { // another job's Close just removed the run's folder
			err = os.MkdirAll(filepath.Join(x.o.Root, run), 0o755)
			n--
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return "", "", err
		}
	}
	return "", "", fmt.Errorf("folder %q is taken a thousand times", filepath.Join(x.o.Root, run, job))
}

// locate gives the folder of an environment.
func (x *Executor) locate(id executor.EnvironmentID) (string, bool) {
	p := filepath.FromSlash(string(id))
	if !filepath.IsLocal(p) || p != filepath.Clean(p) || filepath.Dir(filepath.Dir(p)) != "." || filepath.Dir(p) == "." {
		return "", false
	}
	return filepath.Join(x.o.Root, p), true
}

// Attach finds a job's folder and its helper.
func (x *Executor) Attach(ctx context.Context, id executor.EnvironmentID) (executor.Environment, error) {
	op := fmt.Sprintf("attach to %q on the host", id)
	if err := supported(); err != nil {
		return nil, err
	}
	dir, ok := x.locate(id)
	if !ok {
		return nil, executor.Errorf(op, executor.NotFound, "no such environment")
	}
	st, err := readState(dir)
	if err != nil || !st.alive() {
		return nil, executor.Errorf(op, executor.NotFound, "its helper does not run any more")
	}
	e := &environment{x: x, id: id, dir: dir}
	if err := e.open(ctx, st); err != nil {
		if ctx.Err() == nil && !st.alive() {
			return nil, executor.Errorf(op, executor.NotFound, "%w", err)
		}
		return nil, &executor.Error{Op: op, Kind: executor.Lost, Err: err}
	}
	return e, nil
}
