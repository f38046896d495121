package fake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/drydock-ci/drydock/executor"
)

// Environment is one place.
type Environment struct {
	x    *Executor
	id   executor.EnvironmentID
	spec executor.Spec
	info executor.Info
	fs   *files

	ctx  context.Context // ends with the place
	stop context.CancelCauseFunc
	wg   sync.WaitGroup

	mu    sync.Mutex
	procs map[executor.ProcessID]*process
	ports map[string]func(net.Conn) // exposed, by address
	gone  error
}

var _ executor.Environment = (*Environment)(nil)

func newEnvironment(x *Executor, id executor.EnvironmentID, spec executor.Spec) *Environment {
	e := &Environment{x: x, id: id, spec: spec, info: complete(x.o.Info, spec), fs: newFiles(), procs: map[executor.ProcessID]*process{}}
	e.ctx, e.stop = context.WithCancelCause(context.Background())
	for _, dir := range []string{"/tmp", e.info.Home, e.info.Paths.Work, e.info.Paths.Temp, e.info.Paths.Actions, e.info.Paths.ToolCache} {
		e.fs.mkdir(dir)
	}
	for path, data := range x.o.Files {
		e.fs.write(path, []byte(data), 0o644)
	}
	return e
}

// complete fills what the test did not care about: GitHub's folders.
func complete(i executor.Info, spec executor.Spec) executor.Info {
	set := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	work, home := "/home/runner/work", "/home/runner"
	if spec.Kind == executor.Container {
		work = "/__w"
		set(&i.Paths.Home, "/github/home")
		set(&i.Paths.ToolCache, "/__t")
	}
	set(&i.OS, "linux")
	set(&i.Arch, "amd64")
	set(&i.Libc, "glibc")
	set(&i.User, "runner")
	set(&i.Home, home)
	set(&i.Paths.Work, work)
	set(&i.Paths.Temp, i.Paths.Work+"/_temp")
	set(&i.Paths.Actions, i.Paths.Work+"/_actions")
	set(&i.Paths.ToolCache, "/opt/hostedtoolcache")
	i.Env = maps.Clone(i.Env)
	if i.Env == nil {
		i.Env = map[string]string{}
	}
	if i.Env["PATH"] == "" {
		i.Env["PATH"] = "/usr/bin:/bin"
	}
	for k, v := range spec.Env {
		i.Env[k] = v
	}
	return i
}

func (e *Environment) number() int {
	n, _ := strconv.Atoi(strings.TrimPrefix(string(e.id), "fake-"))
	return n
}

// ID is "fake-1", "fake-2", ...
func (e *Environment) ID() executor.EnvironmentID { return e.id }

// Info describes the place.
func (e *Environment) Info() executor.Info { return e.info }

// Spec is what Create was given.
func (e *Environment) Spec() executor.Spec { return e.spec }

// ReadFile reads a file of the place, for assertions.
func (e *Environment) ReadFile(path string) ([]byte, error) { return e.fs.read(path) }

// WriteFile writes a file of the place, with the folders above it.
func (e *Environment) WriteFile(path string, data []byte, mode uint32) { e.fs.write(path, data, mode) }

// Lose makes the place vanish, as a machine that is switched off: processes
// end, and everything gives errors of kind Lost.
func (e *Environment) Lose() { e.end(executor.Errorf("reach the place", executor.Lost, "it was lost")) }

func (e *Environment) end(cause error) {
	e.mu.Lock()
	if e.gone == nil {
		e.gone = cause
	}
	procs := make([]*process, 0, len(e.procs))
	for _, p := range e.procs {
		procs = append(procs, p)
	}
	e.mu.Unlock()
	for _, p := range procs {
		p.lose(cause)
	}
	e.stop(cause)
	e.x.mu.Lock()
	delete(e.x.envs, e.id)
	e.x.mu.Unlock()
}

func (e *Environment) lost(op string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gone != nil {
		return &executor.Error{Op: op, Kind: executor.Lost, Err: e.gone}
	}
	return nil
}

// Start starts a process.
func (e *Environment) Start(ctx context.Context, cmd executor.Command, out executor.Output) (executor.Process, error) {
	e.x.calls.add(Call{Op: "start", Env: e.id, Command: &cmd, Process: cmd.ID})
	name := ""
	if len(cmd.Argv) > 0 {
		name = cmd.Argv[0]
	}
	op := fmt.Sprintf("start %q", name)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := e.lost(op); err != nil {
		return nil, err
	}
	for _, f := range cmd.Files {
		e.fs.write(f.Path, f.Data, f.Mode)
	}
	if name == "" {
		return nil, executor.Errorf(op, executor.StartFailed, "the command is empty")
	}
	if cmd.Dir != "" && !e.fs.isDir(cmd.Dir) {
		return nil, executor.Errorf(op, executor.StartFailed, "working directory %q does not exist", cmd.Dir)
	}
	if e.x.o.Start != nil {
		if err := e.x.o.Start(cmd); err != nil {
			return nil, typed(op, executor.StartFailed, err)
		}
	}
	p := newProcess(e, cmd)
	e.mu.Lock()
	switch {
	case e.gone != nil:
		e.mu.Unlock()
		return nil, e.lost(op)
	case e.procs[cmd.ID] != nil:
		e.mu.Unlock()
		return nil, executor.Errorf(op, executor.Invalid, "process id %q is in use", cmd.ID)
	}
	e.procs[cmd.ID] = p
	e.wg.Go(p.run)
	e.mu.Unlock()
	return p.follow(0, out), nil
}

// AttachProcess follows a process that was started earlier.
func (e *Environment) AttachProcess(_ context.Context, id executor.ProcessID, offset int64, out executor.Output) (executor.Process, error) {
	e.x.calls.add(Call{Op: "attachprocess", Env: e.id, Process: id})
	op := fmt.Sprintf("attach to process %q", id)
	if err := e.lost(op); err != nil {
		return nil, err
	}
	e.mu.Lock()
	p := e.procs[id]
	e.mu.Unlock()
	if p == nil {
		return nil, executor.Errorf(op, executor.NotFound, "no such process")
	}
	return p.follow(offset, out), nil
}

// CopyIn unpacks a tar stream into the file tree.
func (e *Environment) CopyIn(ctx context.Context, dir string, tar io.Reader) error {
	e.x.calls.add(Call{Op: "copyin", Env: e.id, Path: dir})
	op := fmt.Sprintf("copy into %q", dir)
	if err := e.lost(op); err != nil {
		return err
	}
	if err := e.fs.unpack(ctx, dir, tar); err != nil {
		return typed(op, executor.Failed, err)
	}
	return nil
}

// CopyOut packs a part of the file tree.
func (e *Environment) CopyOut(_ context.Context, path string) (io.ReadCloser, error) {
	e.x.calls.add(Call{Op: "copyout", Env: e.id, Path: path})
	op := fmt.Sprintf("copy %q out", path)
	if err := e.lost(op); err != nil {
		return nil, err
	}
	data, err := e.fs.pack(path)
	if err != nil {
		return nil, executor.Errorf(op, executor.NotFound, "%w", err)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// HashFiles evaluates hashFiles on the file tree.
func (e *Environment) HashFiles(ctx context.Context, q executor.HashQuery) (string, error) {
	e.x.calls.add(Call{Op: "hashfiles", Env: e.id, Hash: &q})
	if err := e.lost("evaluate hashFiles"); err != nil {
		return "", err
	}
	h, err := e.fs.hash(ctx, q, e.info.Home)
	if err != nil {
		return "", executor.Errorf("evaluate hashFiles", executor.Failed, "%w", err)
	}
	return h, nil
}

// Close ends all processes and waits for their functions to return.
func (e *Environment) Close(context.Context) error {
	e.x.calls.add(Call{Op: "close", Env: e.id})
	e.end(executor.Errorf("use the place", executor.Lost, "it was closed"))
	e.wg.Wait()
	return nil
}
