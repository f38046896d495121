package docker

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// housing is a container whose first process is the helper: the job's, or one
// beside it.
type housing struct {
	name     string
	image    executor.Image
	pic      *picture
	settings *settings
	labels   map[string]string
	network  string
	linger   int
	work     string // where the work volume goes, empty: none
	tools    string // the tool cache, empty: none
	provide  []executor.Provided
	mounts   []mount.Mount // more of them
	sockets  string        // folder of this machine, empty: none
	confined bool          // see executor.Spec

	id       string
	provided bool
}

// house creates the container, and puts the helper there in case it could not
// be mounted. It returns the names of the volumes that go with it.
func (x *Executor) house(ctx context.Context, c *connection, h *housing) (named []string, err error) {
	op := fmt.Sprintf("create a container from image %q", h.image.Ref)
	platform, err := platformOf(h.image.Platform)
	if err != nil {
		return nil, err
	}
	arch := h.pic.arch
	if arch == "" {
		arch = c.arch
	}
	program, err := helper.Program(arch, x.opts.HelperCache)
	if err != nil {
		return nil, err
	}
	bundle, err := x.bundle()
	if err != nil {
		return nil, err
	}
	config, host := h.settings.config, h.settings.host
	config.Image = h.image.Ref
	config.User, config.WorkingDir = "0:0", "/"
	config.Entrypoint = []string{helperTarget}
	config.Cmd = []string{"serve", "--stdio", "--socket", socketPath, "--linger", strconv.Itoa(x.linger(h.linger))}
	// The first stream: its end is the helper's end of input, so that a client
	// that died is noticed at once.
	config.OpenStdin, config.StdinOnce = true, true
	config.AttachStdin, config.AttachStdout, config.AttachStderr = true, true, true
	if user := cmp.Or(h.settings.user, h.pic.user); user != "" {
		config.Cmd = append(config.Cmd, "--user", user)
	}
	config.Labels = h.labels
	// The image's own check would only cost time: the helper is what runs.
	config.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
	config.Env = append(x.surroundings(append(append([]string(nil), h.pic.env...), config.Env...), true), config.Env...)
	no := false
	host.Init = &no // the helper reaps
	host.AutoRemove = true
	host.LogConfig = container.LogConfig{Type: "none"}
	host.NetworkMode = container.NetworkMode(h.network)
	if c.product != podman && c.atLeast("1.41") {
		host.ExtraHosts = append(host.ExtraHosts, "host.docker.internal:host-gateway")
	}
	vs, named := mounts(h.settings.volumes, h.name, h.labels)
	host.Mounts = append(append(host.Mounts, vs...), h.mounts...)
	x.ownMounts(&host, h, c)
	if slices.ContainsFunc(host.Mounts, func(m mount.Mount) bool { return m.Target == enginePath }) {
		config.Cmd = append(config.Cmd, "--group-of", enginePath)
	}

	binds := []mount.Mount{{Type: mount.TypeBind, Source: program, Target: helperTarget, ReadOnly: true}}
	if bundle != "" {
		binds = append(binds, mount.Mount{Type: mount.TypeBind, Source: bundle, Target: caTarget, ReadOnly: true})
	}
	for _, p := range h.provide {
		binds = append(binds, mount.Mount{Type: mount.TypeBind, Source: p.Source, Target: p.Target, ReadOnly: true})
	}
	if h.sockets != "" {
		binds = append(binds, mount.Mount{Type: mount.TypeBind, Source: h.sockets, Target: socketsTarget, ReadOnly: true})
	}
	nets := &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
		h.network: {Aliases: h.settings.aliases},
	}}
	if c.binds() {
		with := host
		with.Mounts = append(append([]mount.Mount(nil), host.Mounts...), binds...)
		r, err := c.api.ContainerCreate(ctx, &config, &with, nets, platform, h.name)
		if err == nil {
			h.id, h.provided = r.ID, true
			return named, nil
		}
		if !unseen(err, binds) {
			return named, fail(op, err)
		}
		x.log.Info("the engine does not see this machine's files: copying the helper", "error", err)
		c.noBinds.Store(true)
	}
	r, err := c.api.ContainerCreate(ctx, &config, &host, nets, platform, h.name)
	if err != nil {
		return named, fail(op, err)
	}
	h.id = r.ID
	pack, err := luggage(program, bundle)
	if err != nil {
		return named, executor.Errorf(op, executor.Failed, "%w", err)
	}
	err = c.api.CopyToContainer(ctx, h.id, "/", pack, container.CopyToContainerOptions{})
	return named, fail("copy the helper into a container", err)
}

// ownMounts adds the volumes that every housing needs. Volumes without a name
// go away with their container.
func (x *Executor) ownMounts(host *container.HostConfig, h *housing, c *connection) {
	taken := map[string]bool{}
	for _, m := range host.Mounts {
		taken[m.Target] = true
	}
	volume := func(target string) mount.Mount {
		return mount.Mount{Type: mount.TypeVolume, Target: target, VolumeOptions: &mount.VolumeOptions{NoCopy: true, Labels: h.labels}}
	}
	if h.work != "" {
		host.Mounts = append(host.Mounts, volume(h.work))
	}
	switch {
	case h.tools == "" || taken[h.tools]:
	case x.opts.ToolCacheVolume != "" && !h.confined:
		host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeVolume, Source: x.opts.ToolCacheVolume, Target: h.tools})
	case host.ReadonlyRootfs:
		host.Mounts = append(host.Mounts, volume(h.tools))
	}
	if host.ReadonlyRootfs {
		host.Tmpfs = maps.Clone(host.Tmpfs)
		if host.Tmpfs == nil {
			host.Tmpfs = map[string]string{}
		}
		host.Tmpfs[socketDir] = "mode=0700"
		if h.work == containerWork && !taken["/github"] {
			host.Tmpfs["/github"] = "mode=0755"
		}
	}
	if path, ok := strings.CutPrefix(c.host, "unix://"); ok && x.policyFor(h.confined).AllowSocket && !taken[enginePath] {
		host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeBind, Source: path, Target: enginePath})
	}
}

// unseen tells whether the engine refused one of our own mounts because it has
// no such path: it runs elsewhere, or inside another container.
func unseen(err error, binds []mount.Mount) bool {
	text := err.Error()
	if !strings.Contains(text, "does not exist") && !strings.Contains(text, "no such file") {
		return false
	}
	for _, b := range binds {
		if strings.Contains(text, b.Source) {
			return true
		}
	}
	return false
}

// binds tells whether mounting this machine's files can work.
func (c *connection) binds() bool { return c.local && !c.selinux && !c.noBinds.Load() }

func (x *Executor) linger(asked int) int {
	if asked > 0 {
		return asked
	}
	return x.opts.Linger
}

// bundle writes the operator's certificates where they can be mounted from.
func (x *Executor) bundle() (string, error) {
	if len(x.opts.CACert) == 0 {
		return "", nil
	}
	sum := sha256.Sum256(x.opts.CACert)
	dir := filepath.Join(x.opts.HelperCache, "ca", hex.EncodeToString(sum[:16]))
	file := filepath.Join(dir, filepath.Base(caTarget))
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	err := os.MkdirAll(dir, 0o755)
	var f *os.File
	if err == nil {
		f, err = os.CreateTemp(dir, ".new-*")
	}
	if err != nil {
		return "", executor.Errorf("keep the certificates for jobs", executor.Failed, "%w", err)
	}
	_, err = f.Write(x.opts.CACert)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", executor.Errorf("keep the certificates for jobs", executor.Failed, "%w", err)
	}
	return file, nil
}

// luggage packs what cannot be mounted.
func luggage(program, bundle string) (io.Reader, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	add := func(target, source string, mode int64) error {
		data, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		target = strings.TrimPrefix(target, "/")
		dir := filepath.ToSlash(filepath.Dir(target)) + "/"
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}); err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: target, Mode: mode, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}
	if err := add(helperTarget, program, 0o755); err != nil {
		return nil, err
	}
	if bundle != "" {
		if err := add(caTarget, bundle, 0o644); err != nil {
			return nil, err
		}
	}
	return &buf, w.Close()
}

// folders are what the helper makes before the first command.
func folders(kind executor.Kind, p executor.Paths) []wire.Entry {
	out := []wire.Entry{{Path: p.Work}, {Path: p.Temp}, {Path: p.Actions}, {Path: p.ToolCache}}
	if kind == executor.Container {
		home, flow := p.Temp+"/_github_home", p.Temp+"/_github_workflow"
		out = append(out, wire.Entry{Path: home}, wire.Entry{Path: flow},
			wire.Entry{Path: "/github/home", Target: home}, wire.Entry{Path: "/github/workflow", Target: flow})
	}
	return out
}
