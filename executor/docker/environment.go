package docker

import (
	"archive/tar"
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// environment is one place. Processes and files are the helper's business, so
// what is left is which containers, volumes and network belong to it.
type environment struct {
	*helper.Place
	x      *Executor
	c      *connection
	labels executor.Labels
	place  string // the name that its parts share
	// confined, as its spec was: containers beside it are, too.
	confined bool
	token    string

	container string // id
	info      executor.Info
	joined    bool         // on the engine's default network beside its own
	sockets   string       // folder of this machine that the place sees, empty: none
	home      string       // HOME where the engine's default is wrong
	parent    *environment // of a container beside the job

	mu         sync.Mutex
	containers []string // names or ids of everything to remove
	volumes    []string
	network    string // own network, empty: the engine's
	workName   string // the work volume, once known
	workDir    string // where the engine keeps it
	closed     bool
}

var (
	_ executor.Environment = (*environment)(nil)
	_ executor.Containers  = (*environment)(nil)
)

// ID is the container and the token that its helper obeys: who has it can run
// commands in the place.
func (e *environment) ID() executor.EnvironmentID {
	return executor.EnvironmentID(e.container + "/" + e.token)
}

// Info says what the place is like.
func (e *environment) Info() executor.Info { return e.info }

// describe fills Info from the helper and the image. declared are the variables
// of the container's definition.
func (e *environment) describe(ctx context.Context, pic *picture, declared []string, paths executor.Paths, provided bool) error {
	e.info = e.Describe()
	e.info.Paths, e.info.Provided = paths, provided
	if pic != nil {
		e.info.Entrypoint, e.info.Cmd = pic.entrypoint, pic.cmd
	}
	if uid, _ := e.IDs(); uid == 0 || lookup(declared, "HOME") != "" {
		return nil
	}
	// The helper runs as root and was given root's home by the engine.
	home, err := e.homeOf(ctx, e.info.User)
	if err != nil {
		return err
	}
	e.home, e.info.Home, e.info.Env["HOME"] = home, home, home
	return nil
}

// homeOf reads the user's folder from the place's own list of users.
func (e *environment) homeOf(ctx context.Context, user string) (string, error) {
	r, err := e.CopyOut(ctx, "/etc/passwd")
	if executor.IsKind(err, executor.NotFound) {
		return "/", nil // as the engine does
	}
	if err != nil {
		return "", err
	}
	defer r.Close()
	t := tar.NewReader(r)
	if _, err := t.Next(); executor.IsKind(err, executor.NotFound) {
		return "/", nil
	} else if err != nil {
		return "", err
	}
	lines := bufio.NewScanner(io.LimitReader(t, 1<<20))
	for lines.Scan() {
		if f := strings.Split(lines.Text(), ":"); len(f) >= 7 && f[0] == user && f[5] != "" {
			return f[5], nil
		}
	}
	return "/", lines.Err()
}

// Start starts a process through the helper.
func (e *environment) Start(ctx context.Context, cmd executor.Command, out executor.Output) (executor.Process, error) {
	if _, has := cmd.Env["HOME"]; e.home != "" && cmd.User == "" && !has {
		env := map[string]string{"HOME": e.home}
		maps.Copy(env, cmd.Env)
		cmd.Env = env
	}
	return e.Place.Start(ctx, cmd, out)
}

// setup makes the folders of the place, for its user.
func (e *environment) setup(ctx context.Context, entries []wire.Entry) error {
	uid, gid := e.IDs()
	for i := range entries {
		entries[i].Owner = fmt.Sprintf("%d:%d", uid, gid)
	}
	return e.Setup(ctx, entries)
}

// finish adds what is known once the services run.
func (e *environment) finish(services []*service) {
	e.info.Services = map[string]executor.ServiceInfo{}
	for _, s := range services {
		e.info.Services[s.spec.ID] = executor.ServiceInfo{
			ID: s.id, Network: e.info.Container.Network, Ports: portMap(s.settings.ports),
		}
	}
}

// forward makes services answer at localhost inside the job's container, as
// on a GitHub-hosted machine. On the real machine they are only for its engine
// (publish).
func (e *environment) forward(ctx context.Context, services []*service, log func(string)) error {
	for _, s := range services {
		for _, p := range s.settings.ports {
			if p.Protocol != "tcp" {
				log(fmt.Sprintf("Port %d/%s of service %s is reachable as %s:%d only, not at localhost",
					p.Container, p.Protocol, s.spec.ID, s.spec.ID, p.Container))
				continue
			}
			for _, listen := range []string{"127.0.0.1", "[::1]"} {
				_, err := e.Forward(ctx, wire.Forwarding{
					Listen: fmt.Sprintf("%s:%d", listen, p.Mapped),
					Dial:   fmt.Sprintf("%s:%d", s.spec.ID, p.Container),
				})
				// Many containers have no IPv6, not even the loopback.
				if err != nil && listen == "127.0.0.1" {
					return err
				}
			}
		}
	}
	return nil
}

// note remembers a container to remove; it may not exist yet.
func (e *environment) note(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Contains(e.containers, name) {
		e.containers = append(e.containers, name)
	}
}

func (e *environment) noteVolumes(names []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, n := range names {
		if !slices.Contains(e.volumes, n) {
			e.volumes = append(e.volumes, n)
		}
	}
}

func (e *environment) forget(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.containers = slices.DeleteFunc(e.containers, func(n string) bool { return n == name })
}

// Close removes the containers, which ends every process in them, then what
// they used.
func (e *environment) Close(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	if e.Place != nil {
		e.Disconnect()
	}
	if err := remove(ctx, e.c, e.containers, e.network, e.volumes); err != nil {
		return err
	}
	if err := dropSockets(e.sockets); err != nil {
		return err
	}
	e.closed = true
	if e.parent != nil {
		e.parent.forget(e.place)
	}
	return nil
}
