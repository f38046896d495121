package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// session is one `drydock run`: the repository, the event and a plan for each
// workflow that it starts.
type session struct {
	repo  *local.Repo
	root  string // of the project: what holds .github/workflows
	event *occurrence
	files []file // that run
	plans []*plan.Plan
	runs  map[string]*attempt // by the file's path; empty: nothing is going to run
}

// plan reads the workflows, builds the event and plans; it runs nothing.
func (a *app) plan(ctx context.Context, p *parts, event string, o runOptions, g given) (planned *session, err error) {
	repo, err := local.Open(ctx, a.dir)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if o.defaultBranch != "" {
		repo.DefaultBranch = o.defaultBranch
	}
	root := a.top()
	all, err := a.workflowFiles(o.workflows, root)
	if err != nil {
		return nil, err
	}
	if err := invalid(all); err != nil {
		return nil, err
	}
	s := &session{repo: repo, root: root, files: triggered(all, event)}
	if len(s.files) == 0 {
		return nil, noWorkflow(all, event)
	}
	if len(o.jobs) > 0 {
		if s.files, err = chosen(s.files, o.jobs, fmt.Sprintf(" that starts on %q", event)); err != nil {
			return nil, err
		}
	}
	if err := unexpectedInputs(s.files, event, o.inputs); err != nil {
		return nil, err
	}
	if err := a.askInputs(s.files, event, g); err != nil {
		return nil, err
	}
	if s.event, err = a.occur(ctx, repo, root, event, s.files, o, g); err != nil {
		return nil, err
	}
	s.files = a.starting(s.event, s.files, a.asked(o))
	defer func() {
		if err != nil {
			a.giveBack(s)
		}
	}()
	for _, f := range s.files {
		a.identify(s, f, o)
		built, err := a.planFile(ctx, p, s, f, event, o, g, true)
		if a.config.Offline && action.IsKind(err, action.KindMissing) {
			return nil, a.missingOf(ctx, p, s, err)
		}
		if err != nil {
			return nil, err
		}
		s.plans = append(s.plans, built)
	}
	return s, nil
}

// planFile plans one file; complete says that required inputs must be there.
func (a *app) planFile(ctx context.Context, p *parts, s *session, f file, event string, o runOptions, g given, complete bool) (*plan.Plan, error) {
	values := payloadInputs(s.event.Payload)
	for k, v := range g.inputs {
		values[k] = v
	}
	contexts := local.Contexts(s.repo, s.event.Event, s.options(f))
	contexts["vars"] = expr.StringMap(g.vars, false)
	inputs, err := a.inputs(f, event, values, contexts, complete)
	if err != nil {
		return nil, err
	}
	contexts["inputs"] = inputs
	if t := f.workflow.On.Trigger(event); t != nil && event == "workflow_dispatch" {
		contexts["github"] = withEventInputs(contexts["github"], t, values, inputs, g.payload == nil)
	}
	built, err := plan.Build(ctx, f.workflow, plan.Source{Path: f.path}, event, contexts, p.loader(s.root))
	if err != nil {
		return nil, planError(err)
	}
	var wanted []string
	for _, id := range o.jobs {
		if f.workflow.Job(id) != nil {
			wanted = append(wanted, id)
		}
	}
	if built, err = built.Only(wanted); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if built, err = built.Filter(o.matrix); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return built, nil
}

// planError gives a plan's error its exit code.
func planError(err error) error {
	var bad workflow.InvalidError
	if errors.As(err, &bad) {
		return &exitError{exitInvalid, err}
	}
	var missing *action.Error
	if errors.As(err, &missing) {
		return &exitError{exitInfrastructure, err}
	}
	return &exitError{exitInvalid, err}
}

// missingOf lists everything that the files name and that is not there, when
// already a reusable workflow is missing and there can be no plan.
func (a *app) missingOf(ctx context.Context, p *parts, s *session, cause error) error {
	w := &wants{}
	for _, f := range s.files {
		for _, j := range f.workflow.Jobs {
			if j.Uses != nil {
				if ref, err := action.ParseUses(j.Uses.Text); err == nil && ref.Kind == action.Repository {
					w.ref(ref, "", f.path, j.Uses.Pos, 0)
				}
			}
			w.steps(j.Steps, s.root, f.path)
		}
	}
	if err := w.offline(ctx, p); err != nil {
		return err
	}
	return cause
}

// steps notes the actions of steps as the file has them.
func (w *wants) steps(steps []workflow.Step, root, file string) {
	for _, step := range steps {
		switch step := step.(type) {
		case *workflow.Uses:
			ref, err := action.ParseUses(step.Uses.Text)
			if err == nil && !servedCheckout(plan.Step{With: step.With}, ref) {
				w.ref(ref, root, file, step.Uses.Pos, 0)
			}
		case *workflow.Parallel:
			w.steps(step.Steps, root, file)
		}
	}
}

// chosen are the files that have one of the jobs; which says of what files.
func chosen(files []file, jobs []string, which string) ([]file, error) {
	known := jobIDs(files)
	for _, id := range jobs {
		if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, id) }) {
			return nil, usage("--job %q: no workflow%s has this job: the jobs are %s%s", id, which, strings.Join(known, ", "), didYouMean(id, known))
		}
	}
	return withJobs(files, jobs), nil
}

func withJobs(files []file, ids []string) []file {
	var out []file
	for _, f := range files {
		for _, id := range ids {
			if f.workflow.Job(id) != nil {
				out = append(out, f)
				break
			}
		}
	}
	return out
}

func jobIDs(files []file) []string {
	var ids []string
	for _, f := range files {
		for _, j := range f.workflow.Jobs {
			ids = append(ids, j.ID)
		}
	}
	return ids
}

// loader finds reusable workflows: in the working copy, or in the repository
// that the reference names.
func (p *parts) loader(root string) plan.Loader {
	return func(ctx context.Context, from plan.Source, uses string) (plan.Source, []byte, error) {
		ref, err := action.ParseUses(uses)
		if err != nil {
			return plan.Source{}, nil, err
		}
		switch {
		case ref.Kind == action.Repository:
		case from.Repository != "": // ./ in a called file is that file's repository
			ref = action.Ref{Kind: action.Repository, Repository: from.Repository, Path: ref.Path, Ref: from.Ref}
		default:
			name := path.Clean(ref.Path)
			data, err := readInside(root, name)
			return plan.Source{Path: name}, data, err
		}
		data, res, err := p.store.File(ctx, ref)
		return plan.Source{Repository: res.Repository, Ref: res.Ref, SHA: res.SHA, Path: ref.Path}, data, err
	}
}

// readInside reads a file of the repository and nothing outside it.
func readInside(root, name string) ([]byte, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := r.ReadFile(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%q is not in this repository", name)
	}
	return data, err
}
