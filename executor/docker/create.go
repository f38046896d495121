package docker

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/network"
	"github.com/drydock-ci/drydock/executor"
	"golang.org/x/sync/errgroup"
)

// cleanTimeout bounds the removal of what a failed Create made.
const cleanTimeout = 30 * time.Second

// building is one place on its way.
type building struct {
	x    *Executor
	c    *connection
	spec executor.Spec
	name string
	log  func(string)

	job      *settings
	services []*service

	network  string // name
	own      bool   // the network is this place's alone
	netReady chan struct{}

	env environment
}

// Create makes the place: network, job container and services at the same
// time, each step as soon as what it needs is there.
func (x *Executor) Create(ctx context.Context, spec executor.Spec) (executor.Environment, error) {
	c, err := x.connection(ctx)
	if err != nil {
		return nil, err
	}
	b, err := x.draft(c, spec)
	if err != nil {
		return nil, err
	}
	if err := b.make(ctx); err != nil {
		bg, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
		defer cancel()
		if cerr := b.env.Close(bg); cerr != nil {
			x.log.Warn("remove a half made place", "env", b.name, "error", cerr)
		}
		return nil, err
	}
	return &b.env, nil
}

// draft judges everything that the spec asks for before anything is made.
func (x *Executor) draft(c *connection, spec executor.Spec) (*building, error) {
	b := &building{x: x, c: c, spec: spec, name: newName(spec.Name), netReady: make(chan struct{})}
	var mu sync.Mutex
	b.log = func(line string) {
		if spec.Log != nil {
			mu.Lock() // pulls and services speak at the same time
			defer mu.Unlock()
			spec.Log(line)
		}
	}
	switch spec.Kind {
	case executor.Machine, executor.Container:
	default:
		return nil, executor.Errorf("create a place", executor.Invalid, "kind %q is neither machine nor container", spec.Kind)
	}
	if spec.Image.Ref == "" {
		return nil, executor.Errorf("create a place", executor.Invalid, "it names no image")
	}
	var err error
	policy := x.policyFor(spec.Confined)
	b.job, err = judge(request{
		what: "the job's container", role: roleJob, env: spec.Env,
		ports: spec.Ports, volumes: spec.Volumes, options: spec.Options,
	}, policy)
	if err != nil {
		return nil, hinted(err, spec)
	}
	if len(b.job.ports) > 0 {
		b.job.notes = append(b.job.notes, "ports of the job's container are not published on this machine")
	}
	if b.services, err = draftServices(spec, policy); err != nil {
		return nil, hinted(err, spec)
	}
	b.own = len(b.services) > 0 || spec.Containers || x.opts.Isolate || policy.AllowSocket || c.product == podman
	b.network = b.name
	if !b.own {
		b.network = defaultNetwork
	}
	b.env.x, b.env.c, b.env.place = x, c, b.name
	b.env.labels, b.env.confined = spec.Labels, spec.Confined
	return b, nil
}

// make does the work. What it starts is noted in env before it exists, so that
// Close removes it in any case.
func (b *building) make(ctx context.Context) error {
	for _, n := range b.job.notes {
		b.log(n)
	}
	b.env.note(b.name)
	if b.own {
		b.env.network = b.network
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := b.makeNetwork(ctx); err != nil {
			return err
		}
		close(b.netReady)
		return nil
	})
	g.Go(func() error { return b.makeJob(ctx) })
	for _, s := range b.services {
		g.Go(func() error { return b.makeService(ctx, s) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	b.env.finish(b.services)
	return nil
}

func (b *building) makeNetwork(ctx context.Context) error {
	if !b.own {
		return nil
	}
	op := "create the job's network"
	// A request that is cut off may still be carried out after the clean-up.
	_, err := b.c.api.NetworkCreate(context.WithoutCancel(ctx), b.network, network.CreateOptions{
		Driver: "bridge", Labels: labelsOf(b.spec.Labels, b.name, roleJob),
	})
	if err != nil && strings.Contains(err.Error(), "address pool") {
		return &executor.Error{
			Op: op, Kind: executor.Failed, Err: trim(err),
			Hint: "the engine has no addresses left: remove unused networks with \"docker network prune\"",
		}
	}
	return fail(op, err)
}

// waitNetwork waits until the network is there.
func (b *building) waitNetwork(ctx context.Context) error {
	select {
	case <-b.netReady:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *building) makeJob(ctx context.Context) error {
	img := b.spec.Image
	b.job.choose(&img)
	pic, err := b.x.ensure(ctx, b.c, img, b.log)
	if err != nil {
		return err
	}
	if b.c.product == podman {
		if err := b.waitNetwork(ctx); err != nil { // it looks at create time
			return err
		}
	}
	env := append(append([]string(nil), pic.env...), b.job.config.Env...)
	paths := pathsOf(b.spec.Kind, toolCache(b.spec.Kind, env))
	labels := labelsOf(b.spec.Labels, b.name, roleJob)
	labels[labelKind], labels[labelNetwork], labels[labelTools] = string(b.spec.Kind), b.network, paths.ToolCache
	if b.spec.Confined {
		labels[labelConfine] = "true"
	}
	maps.Copy(labels, b.job.config.Labels)
	if b.spec.Kind == executor.Container {
		b.job.config.Env = append(b.job.config.Env, "HOME="+paths.Home)
	}
	h := housing{
		name: b.name, image: img, pic: pic, settings: b.job, labels: labels, network: b.network,
		linger: b.spec.Linger, work: paths.Work, tools: paths.ToolCache, provide: b.spec.Provide,
		confined: b.spec.Confined,
	}
	if b.spec.Expose {
		h.sockets = b.x.makeSockets(b.c, b.spec.Labels)
		b.env.sockets = h.sockets
	}
	named, err := b.x.house(context.WithoutCancel(ctx), b.c, &h)
	b.env.noteVolumes(named)
	if err != nil {
		return err
	}
	b.env.container = h.id
	if !h.provided {
		if err := dropSockets(h.sockets); err != nil {
			return err
		}
		b.env.sockets = ""
	}
	if err := b.waitNetwork(ctx); err != nil {
		return err
	}
	if b.needsDefault() {
		if err := b.env.joinDefault(ctx); err != nil {
			return err
		}
	}
	if err := b.env.launch(ctx, img.Ref); err != nil {
		return err
	}
	if err := b.env.describe(ctx, pic, append(env, b.job.config.Env...), paths, h.provided); err != nil {
		return err
	}
	b.env.info.Container = &executor.ContainerInfo{ID: h.id, Network: b.network}
	if err := b.env.setup(ctx, folders(b.spec.Kind, paths)); err != nil {
		return err
	}
	if b.spec.Kind != executor.Machine {
		return nil
	}
	return b.env.forward(ctx, b.services, b.log)
}

// choose lets --platform and --pull have their say.
func (s *settings) choose(img *executor.Image) {
	if s.platform != "" {
		img.Platform = s.platform
	}
	if s.hasPull && img.Pull != executor.PullNever {
		img.Pull = s.pull
	}
}

// toolCache is where set-up actions look for tools. The image of a
// GitHub-hosted machine says so itself.
func toolCache(kind executor.Kind, env []string) string {
	if kind == executor.Container {
		return "/__t"
	}
	for _, k := range []string{"RUNNER_TOOL_CACHE", "AGENT_TOOLSDIRECTORY"} {
		if v := lookup(env, k); strings.HasPrefix(v, "/") {
			return v
		}
	}
	return "/opt/hostedtoolcache"
}
