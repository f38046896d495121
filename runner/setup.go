package runner

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

// externals is where places show the node builds (actions/runner: /__e).
const externals = "/__e"

// setUpStep is "Set up job". It tells whether the steps may run.
func (x *execution) setUpStep() bool {
	if x.reason != "" { // a limit could not be evaluated
		x.emit(Noticed{Time: time.Now(), Level: command.LevelError, Text: x.reason})
		return false
	}
	return x.step(StepRef{Name: "Set up job", Phase: SetUp}, func(o *output) (plan.Conclusion, string) {
		err := x.setUp(x.soft, o)
		if err == nil {
			return plan.Success, ""
		}
		if x.soft.Err() != nil {
			return plan.Cancelled, context.Cause(x.soft).Error()
		}
		o.errorLine(err.Error())
		x.mu.Lock()
		x.reason = err.Error()
		x.mu.Unlock()
		x.noteCause(CauseOf(err))
		if isInfra(err) {
			x.noteInfra(err)
		}
		return plan.Failure, err.Error()
	}) == plan.Success
}

// isInfra tells failures of this side from those of the workflow, while the
// job is set up.
func isInfra(err error) bool {
	return lostPlace(err) || executor.IsKind(err, executor.Failed) ||
		action.IsKind(err, action.KindUnreachable) || action.IsKind(err, action.KindInternal)
}

// lostPlace is what can go wrong on this side while a step runs.
func lostPlace(err error) bool {
	var internal *internalError
	return executor.IsKind(err, executor.Unavailable) || executor.IsKind(err, executor.Lost) || errors.As(err, &internal)
}

func (x *execution) setUp(ctx context.Context, o *output) error {
	if err := x.resolveSecrets(ctx); err != nil {
		return err
	}
	if err := x.rootScope(); err != nil {
		return err
	}
	if err := x.evaluateDefaults(); err != nil {
		return err
	}
	if err := x.placeSpec(func(line string) { o.plain(line) }); err != nil {
		return err
	}
	o.plain("Runner: " + x.runnerName())
	place := x.job.Place.Executor
	if x.spec.Image.Ref != "" {
		place += " (" + x.spec.Image.Ref + ")"
	}
	o.plain("Place: " + place)

	// The place is made while actions are fetched: neither needs the other.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	created := make(chan error, 1)
	go func() {
		created <- guarded(func() error {
			env, err := x.executor.Create(ctx, x.spec)
			if err == nil {
				x.env, x.info = env, env.Info()
			}
			return err
		})
	}()
	prepareErr := guarded(func() error { return x.prepareActions(ctx, o) })
	if prepareErr != nil {
		cancel(prepareErr)
	}
	createErr := <-created
	if prepareErr != nil {
		return prepareErr
	}
	if createErr != nil {
		return createErr
	}
	x.placeContexts()
	served, err := x.openServices(ctx, o)
	if err != nil {
		return err
	}
	if err := x.fillPlace(ctx); err != nil {
		return err
	}
	if token, ok := x.secrets.Lookup("GITHUB_TOKEN"); ok && token.Text() != "" {
		x.logPermissions(o)
	}
	if err := x.copyActions(ctx, o); err != nil {
		return err
	}
	return served()
}

// runDefaults are `defaults.run`, evaluated once (actions/runner: JobExtension.cs).
type runDefaults struct{ shell, dir string }

// evaluateDefaults sees the job's environment as it is before the first step.
func (x *execution) evaluateDefaults() (err error) {
	sc := x.exprScope(x.life, x.root, x.root.env, githubFields{}, false)
	if x.defaults.shell, err = template.String(x.job.Leg.Job.Shell, sc); err != nil {
		return fmt.Errorf("evaluate defaults.run.shell: %w", err)
	}
	if x.defaults.dir, err = template.String(x.job.Leg.Job.WorkingDir, sc); err != nil {
		return fmt.Errorf("evaluate defaults.run.working-directory: %w", err)
	}
	return nil
}

// rootScope evaluates the job's environment.
func (x *execution) rootScope() error {
	env := &vars{}
	for _, name := range sortedKeys(x.job.Env) {
		env.set(name, x.job.Env[name])
	}
	x.root = &scope{env: env, steps: newStepStates()}
	x.github = x.job.Leg.Contexts["github"]
	if x.github.IsNull() {
		x.github = expr.NewObject(false).Value()
	}
	token, _ := x.secrets.Lookup("GITHUB_TOKEN")
	x.github = x.github.With("token", expr.String(token.Text())).With("job", expr.String(x.job.Leg.Job.ID))
	for _, n := range x.job.Leg.Job.Env {
		sc := x.exprScope(x.life, x.root, env, githubFields{}, true)
		pairs, err := template.StringMap(n, sc, true)
		if err != nil {
			return fmt.Errorf("evaluate env: %w", err)
		}
		for _, p := range pairs {
			env.set(p.Name, p.Value)
		}
	}
	return nil
}

func (x *execution) runnerName() string {
	if x.Name != "" {
		return x.Name
	}
	return "drydock"
}

// repositoryName is the last part of owner/name: the workspace's folder.
func (x *execution) repositoryName() string {
	v, _ := x.job.Leg.Contexts["github"].Lookup("repository")
	name := path.Base(v.Text())
	if name == "" || name == "." || name == "/" || name == ".." {
		return "repository"
	}
	return name
}

// placeContexts fills what depends on the place: workspace and runner.
func (x *execution) placeContexts() {
	p := x.info.Paths
	name := x.repositoryName()
	x.workspace = path.Join(p.Work, name, name)
	x.github = x.github.
		With("workspace", expr.String(x.workspace)).
		With("event_path", expr.String(p.Temp+"/_github_workflow/event.json"))
	tools := p.ToolCache
	for _, from := range []func(string) string{
		func(k string) string { return x.job.Env[k] },
		func(k string) string { return x.info.Env[k] },
	} {
		found := false
		for _, k := range []string{"RUNNER_TOOL_CACHE", "RUNNER_TOOLSDIRECTORY", "AGENT_TOOLSDIRECTORY"} {
			if v := from(k); v != "" {
				tools, found = v, true
				break
			}
		}
		if found {
			break
		}
	}
	goos, arch := x.info.OS, x.info.Arch
	if goos == "" {
		goos = runtime.GOOS
	}
	if arch == "" {
		arch = hostArch
	}
	b := expr.NewObject(false).
		Set("os", expr.String(runnerOS(goos))).
		Set("arch", expr.String(runnerArch(arch))).
		Set("name", expr.String(x.runnerName())).
		Set("environment", expr.String("self-hosted")).
		Set("tool_cache", expr.String(tools)).
		Set("temp", expr.String(p.Temp)).
		Set("workspace", expr.String(path.Dir(x.workspace)))
	if x.debug {
		b.Set("debug", expr.String("1"))
	}
	x.runnerContext = b.Value()
}

// fillPlace makes the job's folders and its event file.
func (x *execution) fillPlace(ctx context.Context) error {
	event, _ := x.github.Lookup("event")
	if event.IsNull() {
		event = expr.NewObject(false).Value()
	}
	name := x.repositoryName()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, d := range []string{
		name, name + "/" + name, "_temp/_runner_file_commands", "_temp/_github_workflow", "_temp/_github_home", "_actions",
	} {
		if err := w.WriteHeader(&tar.Header{Name: d + "/", Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
			return err
		}
	}
	data := []byte(event.JSON(true))
	h := &tar.Header{Name: "_temp/_github_workflow/event.json", Mode: 0o644, Size: int64(len(data))}
	if err := errors.Join(w.WriteHeader(h), write(w, data), w.Close()); err != nil {
		return err
	}
	if err := x.env.CopyIn(ctx, x.info.Paths.Work, &buf); err != nil {
		return fmt.Errorf("prepare the work folder: %w", err)
	}
	return nil
}

func write(w interface{ Write([]byte) (int, error) }, data []byte) error {
	_, err := w.Write(data)
	return err
}

// logPermissions prints what GITHUB_TOKEN may do, as far as the file says.
func (x *execution) logPermissions(o *output) {
	p := x.job.Leg.Job.Permissions
	if p == nil {
		return
	}
	o.group("GITHUB_TOKEN Permissions")
	if p.All != "" {
		o.plain(p.All)
	}
	for _, k := range sortedKeys(p.Scopes) {
		o.plain(k + ": " + p.Scopes[k])
	}
	o.endGroup()
}

// relativePath makes a path of the place relative to the repository's root.
func (x *execution) relativePath(p string) string {
	if p == "" || x.workspace == "" {
		return p
	}
	p = strings.TrimPrefix(p, "file://")
	for _, root := range []string{x.workspace, "/github/workspace"} {
		if rest, ok := strings.CutPrefix(p, root+"/"); ok {
			return rest
		}
	}
	return strings.TrimPrefix(p, "./")
}
