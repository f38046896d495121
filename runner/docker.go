package runner

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/workflow/template"
)

// containerRun is what a docker action starts.
type containerRun struct {
	image      executor.Image
	entrypoint []string // nil: the image's
	args       []string // nil: the image's, unless entrypoint is set
	env        []Var
}

// runImage is a `uses: docker://image` step.
func (x *execution) runImage(ctx context.Context, r *stepRun, ref action.Ref, given []template.Pair) (int, error) {
	x.actionHeader(r, given)
	c := containerRun{image: executor.Image{Ref: ref.Image, Pull: x.job.Place.Pull}}
	for _, p := range given {
		c.env = append(c.env, Var{inputName(p.Name), p.Value})
		if err := c.override(strings.ToLower(p.Name), p.Value); err != nil {
			return 0, err
		}
	}
	return x.runContainer(ctx, r, c)
}

// override applies with.entrypoint and with.args.
func (c *containerRun) override(name, value string) (err error) {
	switch name {
	case "entrypoint":
		if value != "" {
			c.entrypoint = []string{value}
		}
	case "args":
		c.args, err = splitWords(value)
	}
	return err
}

// runDocker runs one entry point of a docker action.
func (x *execution) runDocker(ctx context.Context, r *stepRun, inst *instance, entry entryPoint) (int, error) {
	a, runs := inst.action, inst.action.manifest.Runs
	image, err := x.actionImage(ctx, r.out, a)
	if err != nil {
		return 0, err
	}
	inputs := inputsContext(a.manifest, inst.with)
	c := containerRun{image: image, env: slices.Clone(inst.with)}
	for _, k := range sortedKeys(inst.state) {
		c.env = append(c.env, Var{"STATE_" + k, inst.state[k]})
	}
	for _, n := range runs.Args {
		s, err := evalNode(n, inputs)
		if err != nil {
			return 0, fmt.Errorf("evaluate args of %s: %w", a.ref, err)
		}
		c.args = append(c.args, s)
	}
	given := vars{list: inst.with}
	if v, ok := given.lookup("INPUT_ARGS"); ok && len(runs.Args) == 0 {
		if c.args, err = splitWords(v); err != nil {
			return 0, fmt.Errorf("args of %s: %w", a.ref, err)
		}
	}
	point := map[entryPoint]string{mainEntry: runs.Entrypoint, preEntryPoint: runs.PreEntrypoint, postEntryPoint: runs.PostEntrypoint}[entry]
	if v, ok := given.lookup("INPUT_ENTRYPOINT"); ok && point == "" && entry == mainEntry {
		point = v
	}
	if point != "" {
		c.entrypoint = []string{point}
	}
	env, err := x.dockerEnv(r, inst)
	if err != nil {
		return 0, err
	}
	c.env = append(env, c.env...)
	return x.runContainer(ctx, r, c)
}

// dockerEnv is runs.env: only names that the step has not set.
func (x *execution) dockerEnv(r *stepRun, inst *instance) ([]Var, error) {
	inputs := inputsContext(inst.action.manifest, inst.with)
	n := inst.action.manifest.Runs.Env
	if n == nil {
		return nil, nil
	}
	var env []Var
	for _, e := range n.Entries {
		if _, ok := r.env.lookup(e.Key.Text); ok {
			continue
		}
		v, err := evalNode(e.Value, inputs)
		if err != nil {
			return nil, fmt.Errorf("evaluate env of %s: %w", inst.action.ref, err)
		}
		env = append(env, Var{e.Key.Text, v})
	}
	return env, nil
}

// actionImage is the image of a docker action: named, or built from its
// Dockerfile under a tag that its content decides.
func (x *execution) actionImage(ctx context.Context, out *output, a *preparedAction) (executor.Image, error) {
	if ref, ok := a.manifest.Runs.DockerImage(); ok {
		return executor.Image{Ref: ref, Pull: x.job.Place.Pull}, nil
	}
	a.building.Lock()
	defer a.building.Unlock()
	if a.image.Ref != "" {
		return a.image, nil
	}
	builder, ok := x.executor.(executor.Builder)
	if !ok {
		if _, can := x.env.(executor.Containers); can {
			return executor.Image{}, &executor.Error{
				Op: "build " + a.ref.String(), Kind: executor.Unsupported,
				Err:  fmt.Errorf("the job runs on %q, where nothing builds images", x.job.Place.Executor),
				Hint: "use an action that names an image (docker://...), or map the label to a place with an engine that builds",
			}
		}
		return executor.Image{}, noContainers(a.ref.String(), x.job.Place)
	}
	dir, done, err := x.hostFolder(ctx, a)
	if err != nil {
		return executor.Image{}, err
	}
	defer done()
	repository := a.resolved.Repository
	if repository == "" {
		v, _ := x.github.Lookup("repository")
		repository = v.Text() + "/" + a.ref.Path
	}
	out.group("Build " + a.ref.String())
	defer out.endGroup()
	a.image, err = builder.Build(ctx, executor.BuildSpec{
		Repository: repository, Context: dir, Dockerfile: a.manifest.Runs.Image, Labels: x.spec.Labels,
	}, func(line string) { out.plain(line) })
	return a.image, err
}

func noContainers(what string, p Place) error {
	return executor.Errorf("run "+what, executor.Unsupported,
		"it needs a container, but the job runs on %q: map its label to an image, for example -P %s=ubuntu:24.04", p.Executor, first(p.Labels, "ubuntu-latest"))
}

// shares are the folders that a docker action sees (actions/runner:
// ContainerActionHandler.cs).
func (x *execution) shares() []executor.Share {
	temp := x.info.Paths.Temp
	return []executor.Share{
		{Path: x.workspace, Target: "/github/workspace"},
		{Path: temp + "/_github_home", Target: "/github/home"},
		{Path: temp + "/_github_workflow", Target: "/github/workflow"},
		{Path: temp + "/_runner_file_commands", Target: "/github/file_commands"},
		{Path: temp, Target: "/github/runner_temp"},
	}
}

// translate turns a path of the job's place into one of a docker action's
// container; the longest share wins.
func translate(shares []executor.Share, p string) string {
	best := executor.Share{}
	for _, s := range shares {
		if (p == s.Path || strings.HasPrefix(p, s.Path+"/")) && len(s.Path) > len(best.Path) {
			best = s
		}
	}
	if best.Path == "" {
		return p
	}
	return best.Target + strings.TrimPrefix(p, best.Path)
}

// fromContainer turns a path that a docker action printed into one of the
// job's place.
func (x *execution) fromContainer(p string) string {
	for _, s := range x.shares() {
		if rest, ok := strings.CutPrefix(p, s.Target+"/"); ok {
			return s.Path + "/" + rest
		}
	}
	return p
}

// runContainer starts a container beside the job and runs the step's process
// in it.
func (x *execution) runContainer(ctx context.Context, r *stepRun, c containerRun) (code int, err error) {
	places, ok := x.env.(executor.Containers)
	if !ok {
		return 0, noContainers(c.image.Ref, x.job.Place)
	}
	x.identify(r)
	if exit, err, ok := x.goOnBeside(ctx, r); ok {
		return dockerExit(exit, err)
	}
	shares := x.shares()
	env, err := places.Container(ctx, executor.ContainerSpec{
		Name: r.step.ID, Image: c.image, Share: shares, Dir: "/github/workspace",
		Log: func(line string) { r.out.plain(line) },
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, env.Close(context.WithoutCancel(ctx))) }()

	info, dir := env.Info(), "/github/workspace"
	if info.Linked { // programs that do not follow a link, such as find, shall find something
		shares, dir = nil, x.workspace
	}
	argv := append([]string(nil), c.entrypoint...)
	if c.entrypoint == nil {
		argv = append(argv, info.Entrypoint...)
	}
	switch {
	case c.args != nil:
		argv = append(argv, c.args...)
	case c.entrypoint == nil:
		argv = append(argv, info.Cmd...)
	}
	if len(argv) == 0 {
		return 0, fmt.Errorf("run image %q: it has neither an entrypoint nor a command: give with.entrypoint or with.args", c.image.Ref)
	}
	files, list := r.gh.files, x.listFile(r)
	cmd := executor.Command{ID: executor.ProcessID(r.id), Argv: argv, Dir: dir, Env: map[string]string{}}
	inside := make(map[string]string, len(files))
	for k, v := range x.processEnv(r, c.env) {
		cmd.Env[k] = translate(shares, v)
	}
	x.serviceEnv(r, cmd.Env, info.Env, byContainer)
	if cmd.Env[trackingName] == x.tracking {
		delete(cmd.Env, trackingName)
	}
	cmd.Env["HOME"] = "/github/home"
	list.Path = translate(shares, list.Path)
	cmd.Files = append(cmd.Files, list)
	for _, k := range fileKinds {
		inside[k] = translate(shares, files[k])
		cmd.Files = append(cmd.Files, executor.File{Path: inside[k], Mode: 0o666})
		cmd.Collect = append(cmd.Collect, inside[k])
	}
	exit, err := x.follow(ctx, r, env, cmd, inside)
	if words, _ := splitWords(argv[0]); err != nil && len(words) > 1 && executor.IsKind(err, executor.StartFailed) {
		// GitHub takes the whole text for the name of a program, act for a command line.
		r.out.warn(fmt.Sprintf("on GitHub this step fails: there is no program %q. Write the arguments of the entrypoint as args", argv[0]))
		cmd.ID, cmd.Argv = executor.ProcessID(x.nextID(r.scope)), append(words, argv[1:]...)
		exit, err = x.follow(ctx, r, env, cmd, inside)
	}
	if err != nil && executor.IsKind(err, executor.StartFailed) {
		return 0, fmt.Errorf("%s: %w", path.Base(argv[0]), err)
	}
	return dockerExit(exit, err)
}

func dockerExit(exit executor.Exit, err error) (int, error) {
	if err == nil && exit.Code != 0 {
		return exit.Code, fmt.Errorf("Docker run failed with exit code %d", exit.Code) //nolint:staticcheck // GitHub's text
	}
	return exit.Code, err
}
