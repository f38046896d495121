package docker

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/docker/docker/api/types/mount"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// subpathAPI is the first API version that mounts a part of a volume.
const subpathAPI = "1.45"

// Container makes a container on the job's network that sees parts of its
// work folder.
func (e *environment) Container(ctx context.Context, spec executor.ContainerSpec) (executor.Environment, error) {
	op := fmt.Sprintf("create a container beside the job from image %q", spec.Image.Ref)
	log := spec.Log
	if log == nil {
		log = func(string) {}
	}
	for _, s := range spec.Share {
		if !strings.HasPrefix(path.Clean(s.Path)+"/", e.info.Paths.Work+"/") || checkTarget(s.Target) != nil {
			return nil, executor.Errorf(op, executor.Invalid, "%q cannot be shown at %q: it is not below %q", s.Path, s.Target, e.info.Paths.Work)
		}
	}
	set, err := judge(request{what: "the action's container", role: roleJob, env: spec.Env}, Policy{})
	if err != nil {
		return nil, err
	}
	pic, err := e.x.ensure(ctx, e.c, spec.Image, log)
	if err != nil {
		return nil, err
	}
	if err := e.findWork(ctx); err != nil {
		return nil, err
	}
	// What is shared must be there, or the engine refuses to mount it.
	var dirs []wire.Entry
	for _, s := range spec.Share {
		dirs = append(dirs, wire.Entry{Path: s.Path})
	}
	if err := e.Setup(ctx, dirs); err != nil {
		return nil, err
	}
	subpath := e.c.atLeast(subpathAPI) && e.c.product != podman
	out := &environment{x: e.x, c: e.c, labels: e.labels, parent: e, place: newName(spec.Name)}
	labels := labelsOf(e.labels, e.place, roleBeside)
	h := housing{
		name: out.place, image: spec.Image, pic: pic, settings: set, labels: labels,
		network: e.info.Container.Network, mounts: e.shares(spec.Share, subpath),
		confined: e.confined,
	}
	out.note(out.place)
	e.note(out.place) // closing the job closes it
	err = out.move(ctx, &h, pic, spec)
	if err == nil && !subpath {
		err = e.verify(ctx, out, spec.Share)
	}
	if err != nil {
		bg, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
		defer cancel()
		if cerr := out.Close(bg); cerr != nil {
			e.x.log.Warn("remove a half made container", "env", out.place, "error", cerr)
		}
		return nil, err
	}
	return out, nil
}

const roleBeside role = "beside"

// move creates and starts the container and its helper.
func (e *environment) move(ctx context.Context, h *housing, pic *picture, spec executor.ContainerSpec) error {
	if _, err := e.x.house(context.WithoutCancel(ctx), e.c, h); err != nil {
		return err
	}
	e.container = h.id
	if e.parent.joined {
		if err := e.joinDefault(ctx); err != nil {
			return err
		}
	}
	if err := e.launch(ctx, spec.Image.Ref); err != nil {
		return err
	}
	declared := append(append([]string(nil), pic.env...), h.settings.config.Env...)
	if err := e.describe(ctx, pic, declared, executor.Paths{}, h.provided); err != nil {
		return err
	}
	e.info.Container = &executor.ContainerInfo{ID: h.id, Network: h.network}
	return nil
}

// findWork asks the engine for the job's work volume.
func (e *environment) findWork(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.workName != "" {
		return nil
	}
	op := "find the job's work folder"
	r, err := e.c.api.ContainerInspect(ctx, e.container)
	if err != nil {
		return fail(op, err)
	}
	for _, m := range r.Mounts {
		if m.Destination == e.info.Paths.Work && m.Type == mount.TypeVolume {
			e.workName, e.workDir = m.Name, m.Source
			return nil
		}
	}
	return executor.Errorf(op, executor.Failed, "no volume is mounted at %q", e.info.Paths.Work)
}

// shares turns folders of the job into mounts: parts of its volume where the
// engine can do that, else its folder on the engine's machine.
func (e *environment) shares(ss []executor.Share, subpath bool) []mount.Mount {
	var out []mount.Mount
	for _, s := range ss {
		rel := strings.TrimPrefix(strings.TrimPrefix(path.Clean(s.Path), e.info.Paths.Work), "/")
		m := mount.Mount{Type: mount.TypeVolume, Source: e.workName, Target: s.Target}
		switch {
		case subpath:
			m.VolumeOptions = &mount.VolumeOptions{NoCopy: true, Subpath: rel}
		case rel == "":
			m.VolumeOptions = &mount.VolumeOptions{NoCopy: true}
		default:
			m.Type, m.Source = mount.TypeBind, path.Join(e.workDir, rel)
		}
		out = append(out, m)
	}
	return out
}

// verify makes sure that the mounted folders are the job's. Engines that
// cannot mount a part of a volume follow links on their own machine, and a
// process of the job may put one in place of a folder at the last moment, to be
// shown the machine's files. So a mark is set through the job's container and
// must be seen in the new one, in which nothing of the job has run yet.
func (e *environment) verify(ctx context.Context, beside *environment, ss []executor.Share) error {
	if len(ss) == 0 {
		return nil
	}
	op := "share the job's folders with a container beside it"
	mark := ".drydock-" + helper.NewToken()
	set := executor.Command{ID: executor.ProcessID("mark" + mark), Argv: []string{helperTarget}, Dir: "/", User: "0:0"}
	see := set
	for _, s := range ss {
		set.Files = append(set.Files, executor.File{Path: path.Join(s.Path, mark), Mode: 0o600, Data: []byte(mark)})
		see.Collect = append(see.Collect, path.Join(s.Target, mark))
	}
	// The helper without arguments ends at once; its exit code says nothing.
	if _, err := runQuietly(ctx, e, set); err != nil {
		return err
	}
	exit, err := runQuietly(ctx, beside, see)
	if err != nil {
		return err
	}
	for i, p := range see.Collect {
		if string(exit.Files[p]) != mark {
			return executor.Errorf(op, executor.Refused, "%q is not the job's folder: something replaced it by a link", ss[i].Path)
		}
	}
	return nil
}

func runQuietly(ctx context.Context, e *environment, cmd executor.Command) (executor.Exit, error) {
	p, err := e.Place.Start(ctx, cmd, nil)
	if err != nil {
		return executor.Exit{}, err
	}
	return p.Wait(ctx)
}
