package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/archive"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

// instance is one use of an action in the job; pre, main and post share it.
type instance struct {
	path   string
	step   *plan.Step
	action *preparedAction
	// position is where the step stands in the composite actions around it.
	position []int
	with     []Var // evaluated inputs, as INPUT_*
	own      []Var // the env of the step and of those around it
	gh       githubFields
	state    map[string]string
	posted   bool // its post is registered
}

func (x *execution) instance(path string) *instance {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.instances[path]
}

// runUses is a `uses:` step.
func (x *execution) runUses(ctx context.Context, r *stepRun) (int, error) {
	ref, err := action.ParseUses(r.step.Uses)
	if err != nil {
		return 0, err
	}
	r.ofAction(x.located(ref))
	x.identify(r)
	given, err := template.StringMap(r.step.With, x.exprs(r), false)
	if err != nil {
		return 0, fmt.Errorf("evaluate with: %w", err)
	}
	if served, err := x.serveCheckout(ctx, r, ref, given); served || err != nil {
		return 0, err
	}
	if ref.Kind == action.Image {
		return x.runImage(ctx, r, ref, given)
	}
	a, err := x.load(ctx, r.scope, ref)
	if err != nil {
		return 0, err
	}
	x.warnInputs(r, a, given)
	inst, err := x.enter(r, a, given)
	if err != nil {
		return 0, err
	}
	x.actionHeader(r, given)
	switch a.manifest.Runs.Using {
	case action.Composite:
		return x.runComposite(ctx, r, inst)
	case action.Docker:
		return x.runDocker(ctx, r, inst, mainEntry)
	default:
		return x.runNode(ctx, r, inst, a.manifest.Runs.Main)
	}
}

// ofAction says whose action runs, once the step's env and condition, which
// still see the one around it, are evaluated (actions/runner: ActionRunner.cs).
func (r *stepRun) ofAction(ref action.Ref) {
	r.gh.actionRepository, r.gh.actionRef = "", ""
	if ref.Kind == action.Repository {
		r.gh.actionRepository, r.gh.actionRef = ref.Repository, ref.Ref
	}
}

// enter registers the use of an action, or finds the one that pre made, and
// notes its post.
func (x *execution) enter(r *stepRun, a *preparedAction, given []template.Pair) (*instance, error) {
	with, err := x.inputs(r, a.manifest, given)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	inst := x.instances[r.path()]
	if inst == nil {
		inst = &instance{path: r.path(), step: r.step, position: r.position, state: map[string]string{}}
		x.instances[inst.path] = inst
	}
	inst.action, inst.with, inst.own, inst.gh = a, with, slices.Concat(r.scope.own, r.own), r.gh
	if !inst.posted && hasPost(a.manifest) {
		inst.posted = true
		r.effects.Posts = append(r.effects.Posts, post{inst})
	}
	return inst, nil
}

// actionHeader prints what GitHub prints above an action's output.
func (x *execution) actionHeader(r *stepRun, given []template.Pair) {
	r.out.group("Run " + r.step.Uses)
	if len(given) > 0 {
		r.out.plain("with:")
		for _, p := range given {
			r.out.plain("  " + p.Name + ": " + p.Value)
		}
	}
	x.printEnv(r)
	r.out.endGroup()
}

// inputs are the action's inputs with defaults, as INPUT_* variables.
func (x *execution) inputs(r *stepRun, m *action.Action, given []template.Pair) ([]Var, error) {
	values := &vars{}
	// An action's own text must not reach for the job's secrets
	// (actions/runner: action_yaml.json, input-default-context).
	sc := x.exprScope(x.life, r.scope, r.env, r.gh, false)
	for _, name := range []string{"secrets", "env", "steps", "needs", "vars", "inputs"} {
		delete(sc.Contexts, name)
	}
	isGiven := func(id string) bool {
		return slices.ContainsFunc(given, func(p template.Pair) bool { return strings.EqualFold(p.Name, id) })
	}
	for _, in := range m.Inputs {
		if isGiven(in.ID) { // a default that nobody needs is not evaluated
			values.set(inputName(in.ID), "")
			continue
		}
		v, err := template.String(in.Default, sc)
		if err != nil {
			return nil, fmt.Errorf("evaluate the default of input %q: %w", in.ID, err)
		}
		values.set(inputName(in.ID), v)
	}
	for _, p := range given {
		values.set(inputName(p.Name), p.Value)
	}
	return values.list, nil
}

// warnInputs tells of inputs that the action does not know or no longer wants,
// and of a pre that will not run.
func (x *execution) warnInputs(r *stepRun, a *preparedAction, given []template.Pair) {
	m := a.manifest
	if a.ref.Kind == action.Local && hasPre(m) {
		r.out.warn(fmt.Sprintf("`pre` execution is not supported for local action from '%s'", r.step.Uses))
	}
	for _, c := range []struct{ key, text string }{{"pre-if", m.Runs.PreIf}, {"post-if", m.Runs.PostIf}} {
		if strings.Contains(c.text, "${{") {
			r.out.warn(fmt.Sprintf("GitHub refuses the action '%s': its %s must be written without ${{ }}", r.step.Uses, c.key))
		}
	}
	var unexpected []string
	for _, p := range given {
		id := strings.ToLower(p.Name)
		container := m.Runs.Using == action.Docker && (id == "entrypoint" || id == "args")
		if m.Input(id) == nil && !container {
			unexpected = append(unexpected, "'"+p.Name+"'")
		}
		for _, in := range m.Inputs {
			if strings.EqualFold(in.ID, p.Name) && in.Deprecation != "" {
				r.out.warn(fmt.Sprintf("Input '%s' has been deprecated with message: %s", in.ID, in.Deprecation))
			}
		}
	}
	if len(unexpected) > 0 {
		var valid []string
		if m.Runs.Using == action.Docker {
			valid = append(valid, "'entryPoint'", "'args'")
		}
		for _, in := range m.Inputs {
			valid = append(valid, "'"+in.ID+"'")
		}
		r.out.warn(fmt.Sprintf("Unexpected input(s) %s, valid inputs are [%s]", strings.Join(unexpected, ", "), strings.Join(valid, ", ")))
	}
}

// inputName is the variable of an input: upper case, blanks become "_".
func inputName(id string) string {
	return "INPUT_" + strings.ToUpper(strings.ReplaceAll(id, " ", "_"))
}

// inputsContext is the inputs context of a composite or docker action.
func inputsContext(m *action.Action, with []Var) expr.Value {
	b := expr.NewObject(false)
	v := vars{list: with}
	declared := map[string]bool{}
	for _, in := range m.Inputs {
		s, _ := v.lookup(inputName(in.ID))
		b.Set(in.ID, expr.String(s))
		declared[inputName(in.ID)] = true
	}
	for _, extra := range with { // given without being declared: they count all the same
		if !declared[extra.Name] {
			b.Set(strings.ToLower(strings.TrimPrefix(extra.Name, "INPUT_")), expr.String(extra.Value))
		}
	}
	return b.Value()
}

func (o *output) warn(text string) {
	o.annotate(command.Annotation{Level: command.LevelWarning, Message: text})
	o.emit(command.LevelWarning, text)
}

// load finds the action of a ref: prepared, local or of the workflow's own
// repository.
func (x *execution) load(ctx context.Context, sc *scope, ref action.Ref) (*preparedAction, error) {
	if ref = x.located(ref); ref.Kind == action.Local {
		file, err := factOf(x, sc, "manifest", ref.String(), func() (*manifestFile, error) { return x.manifest(ctx, ref) })
		if err != nil {
			return nil, err
		}
		return localAction(ref, file)
	}
	a, err := x.resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	return a, x.copyOnce(ctx, sc, a)
}

// manifest reads that of an action of the workspace, as it is now.
func (x *execution) manifest(ctx context.Context, ref action.Ref) (*manifestFile, error) {
	dir := path.Join(x.workspace, ref.Path)
	if dir != x.workspace && !strings.HasPrefix(dir, x.workspace+"/") {
		return nil, fmt.Errorf("uses %q: the path leaves the workspace", ref.Path)
	}
	for _, name := range action.FileNames {
		data, err := x.readFile(ctx, path.Join(dir, name))
		if executor.IsKind(err, executor.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &manifestFile{Uses: ref.String(), Dir: dir, Name: name, Data: data}, nil
	}
	return nil, fmt.Errorf("can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '%s': did you forget to run actions/checkout before running your local action?", dir)
}

// localAction reads a manifest, in a folder of its own.
func localAction(ref action.Ref, file *manifestFile) (*preparedAction, error) {
	tmp, err := os.MkdirTemp("", "drydock-action-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	if err := os.WriteFile(path.Join(tmp, path.Base(file.Name)), file.Data, 0o600); err != nil {
		return nil, err
	}
	m, err := action.Load(os.DirFS(tmp), ".")
	if err != nil {
		return nil, fmt.Errorf("load action %q: %w", "./"+ref.Path, err)
	}
	return &preparedAction{ref: ref, manifest: m, placeDir: file.Dir, file: file}, nil
}

// What a local action may bring onto this machine (the same as action.Options).
const (
	maxActionBytes = 4 << 30
	maxActionFiles = 500_000
)

// hostFolder is the action's folder on this machine, for a build: a local
// action is copied out of the place. The caller removes it with done.
func (x *execution) hostFolder(ctx context.Context, a *preparedAction) (dir string, done func(), err error) {
	if a.hostDir != "" {
		return a.hostDir, func() {}, nil
	}
	tmp, err := os.MkdirTemp("", "drydock-action-")
	if err != nil {
		return "", nil, err
	}
	done = func() { _ = os.RemoveAll(tmp) }
	t, err := x.env.CopyOut(ctx, a.placeDir)
	if err == nil {
		// A sparse file costs the place nothing and would fill this machine's disk.
		limits := archive.Options{Links: archive.SkipLinks, MaxBytes: maxActionBytes, MaxEntries: maxActionFiles}
		err = errors.Join(archive.Unpack(ctx, tmp, t, limits), t.Close())
	}
	if err != nil {
		done()
		return "", nil, fmt.Errorf("copy action %s out of the place: %w", a.placeDir, err)
	}
	return path.Join(tmp, path.Base(a.placeDir)), done, nil
}

// evalNode evaluates a node of a manifest against inputs only.
func evalNode(n *workflow.Node, inputs expr.Value) (string, error) {
	return template.String(n, expr.Scope{Contexts: map[string]expr.Value{"inputs": inputs}})
}
