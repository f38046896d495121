package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper"
)

// longestSocket is what every kernel takes as the path of a unix socket.
const longestSocket = 100

type environment struct {
	*helper.Place
	x    *Executor
	id   executor.EnvironmentID
	dir  string
	info executor.Info
	st   state // as it was at the start; the job could change the file

	ports ports

	closing sync.Mutex
}

// launch makes the folders, starts the helper and connects to it.
func (x *Executor) launch(ctx context.Context, dir string, id executor.EnvironmentID, spec executor.Spec) (*environment, error) {
	e := &environment{x: x, id: id, dir: dir}
	if err := os.Mkdir(filepath.Join(dir, own), 0o700); err != nil {
		return nil, err
	}
	p := e.paths()
	for _, d := range []string{p.Work, p.Temp, p.Actions, p.ToolCache} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	program, err := helper.Program(runtime.GOARCH, x.o.HelperCache)
	if err != nil {
		return nil, err
	}
	st := state{Labels: spec.Labels, Token: helper.NewToken(), Socket: filepath.Join(dir, own, "s")}
	if len(st.Socket) > longestSocket {
		short, err := os.MkdirTemp("", "drydock-")
		if err != nil {
			return nil, err
		}
		st.Socket = filepath.Join(short, "s")
	}
	// Once before the start too: what a crash leaves can be swept.
	if err := st.write(dir); err != nil {
		return nil, err
	}
	linger := spec.Linger
	if linger == 0 {
		linger = x.o.Linger
	}
	pid, err := spawn(program, []string{"serve", "--socket", st.Socket, "--linger", fmt.Sprint(linger)},
		environ(os.Environ(), spec.Env), filepath.Join(dir, own, "helper.log"))
	if err != nil {
		return nil, fmt.Errorf("start the helper: %w", err)
	}
	st.Pid, st.Start = pid, startTime(pid)
	if err := st.write(dir); err != nil {
		_ = terminate(st)
		return nil, err
	}
	return e, e.open(ctx, st)
}

// open connects to the helper that st tells of.
func (e *environment) open(ctx context.Context, st state) error {
	e.st = st
	dial := func(ctx context.Context) (io.ReadWriteCloser, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, "unix", st.Socket)
		if err != nil && !st.alive() {
			text, _ := os.ReadFile(filepath.Join(e.dir, own, "helper.log"))
			if t := strings.TrimSpace(string(text)); t != "" {
				err = errors.New(t)
			}
			return nil, executor.Errorf("reach the helper of "+string(e.id), executor.NotFound, "it has ended: %w", err)
		}
		return c, err
	}
	place, err := helper.Open(ctx, helper.Options{Dial: dial, Token: st.Token, Log: e.x.o.Log})
	if err != nil {
		return err
	}
	e.Place = place
	e.info = place.Describe()
	e.info.Paths = e.paths()
	return nil
}

func (e *environment) paths() executor.Paths {
	work := filepath.Join(e.dir, "work")
	return executor.Paths{
		Work: work, Temp: filepath.Join(work, "_temp"), Actions: filepath.Join(work, "_actions"),
		ToolCache: e.x.o.ToolCache,
	}
}

// environ is what the place gets of this program's environment: all but the
// variables that say something about this program or about a job around it.
func environ(list []string, extra map[string]string) []string {
	var env []string
	for _, kv := range list {
		name, _, _ := strings.Cut(kv, "=")
		if _, ok := extra[name]; ok || foreign(name) {
			continue
		}
		env = append(env, kv)
	}
	for k, v := range extra {
		env = append(env, k+"="+v)
	}
	sort.Strings(env)
	return env
}

func foreign(name string) bool {
	for _, p := range []string{"DRYDOCK_", "GITHUB_", "RUNNER_", "ACTIONS_"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// ID is "<run>/<job>", the folder below the root.
func (e *environment) ID() executor.EnvironmentID { return e.id }

// Info tells what the helper found and the job's folders.
func (e *environment) Info() executor.Info { return e.info }

// Close ends the helper, which ends all processes of the job, and removes the
// folder.
func (e *environment) Close(ctx context.Context) error {
	e.closing.Lock()
	defer e.closing.Unlock()
	e.ports.close()
	op := fmt.Sprintf("remove the place %q on the host", e.id)
	st := e.st
	if st.Pid == 0 {
		st, _ = readState(e.dir) // half made, or found by Sweep
	}
	if st.Socket != "" {
		if e.Place != nil && st.alive() {
			// An answer is not needed: what matters is that it is gone.
			_ = e.Place.Shutdown(ctx)
		}
		if err := terminate(st); err != nil {
			return executor.Errorf(op, executor.Failed, "%w", err)
		}
		if filepath.Dir(st.Socket) != filepath.Join(e.dir, own) && filepath.Base(st.Socket) == "s" {
			_ = os.RemoveAll(filepath.Dir(st.Socket))
		}
	}
	if e.Place != nil {
		e.Place.Disconnect()
	}
	if err := removeAll(e.dir); err != nil {
		return executor.Errorf(op, executor.Failed, "%w", err)
	}
	_ = os.Remove(filepath.Dir(e.dir)) // the run's folder, unless another job is in it
	return nil
}
