package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// Limits of a plan (GitHub's documentation; the number of jobs is ours: it
// stops called workflows from multiplying).
const (
	maxNesting     = 10
	maxCalledFiles = 50
	maxPlanJobs    = 4096
)

// Builder makes plans. The zero Builder refuses reusable workflows and knows
// no default permissions.
type Builder struct {
	Load Loader
	// DefaultPermissions are what a token may do when no file says so. Nil:
	// unknown, and a called workflow may ask for anything unless a caller's
	// `permissions:` limits it.
	DefaultPermissions *workflow.Permissions
	// MaxSize bounds the files of a run together, as GitHub counts them; 0 is
	// 10 MiB. A file counts as often as it is called.
	MaxSize int
}

// Build is Builder{Load: load}.Build.
func Build(ctx context.Context, w *workflow.Workflow, src Source, event string, contexts map[string]expr.Value, load Loader) (*Plan, error) {
	return Builder{Load: load}.Build(ctx, w, src, event, contexts)
}

// Build makes the plan of one run of w, which must have parsed without errors.
// The contexts are github, inputs and vars. What is wrong in the files comes
// back as workflow.InvalidError; what the Loader reports, as an error that
// wraps it.
func (b Builder) Build(ctx context.Context, w *workflow.Workflow, src Source, event string, contexts map[string]expr.Value) (*Plan, error) {
	c := builder{Builder: b, files: map[string]*workflow.Workflow{}, loads: map[reference]loaded{}}
	c.bytes = w.Size
	root := place{src: src, file: w.File, chain: []string{src.key()}}
	graph, err := c.graph(ctx, w, root)
	if err != nil {
		return nil, err
	}
	p := &Plan{Graph: graph, Event: event, Contexts: contexts}
	c.evaluateRun(w, p)
	if err := c.found.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// builder is one call of Build.
type builder struct {
	Builder
	found workflow.Diagnostics
	files map[string]*workflow.Workflow // called files by Source.key
	loads map[reference]loaded
	jobs  int
	bytes int // of the files so far
}

// place is where in the tree of calls a file is converted.
type place struct {
	src     Source
	file    string                // for messages
	allowed *workflow.Permissions // by the callers; nil: unknown
	chain   []string              // keys of the files from the root to this one
}

func (b *builder) report(file string, pos workflow.Pos, code, format string, args ...any) {
	b.found = append(b.found, workflow.Diagnostic{
		File: file, Pos: pos, Severity: workflow.Error, Code: code, Message: fmt.Sprintf(format, args...),
	})
}

// graph converts one file; the error is one of a Loader.
func (b *builder) graph(ctx context.Context, w *workflow.Workflow, at place) (*Graph, error) {
	g := &Graph{
		Source: at.src, Name: at.src.Path, Env: w.Env, Permissions: w.Permissions, Concurrency: w.Concurrency,
	}
	if w.Name != nil && w.Name.Text != "" {
		g.Name = w.Name.Text
	}
	if t := w.On.Trigger("workflow_call"); t != nil {
		g.Inputs, g.Secrets, g.Outputs = t.Inputs, t.Secrets, t.Outputs
	}
	b.checkNeeds(w, at)
	for _, wj := range w.Jobs {
		if b.jobs++; b.jobs > maxPlanJobs {
			if b.jobs == maxPlanJobs+1 {
				b.report(at.file, wj.Pos, "too-many-jobs", "the workflow and those that it calls have more than %d jobs", maxPlanJobs)
			}
			break
		}
		j := b.job(w, wj, at)
		if wj.Uses != nil {
			call, err := b.call(ctx, wj, j, at)
			if err != nil {
				return nil, err
			}
			j.Call = call
		}
		g.Jobs = append(g.Jobs, j)
	}
	return g, nil
}

func (b *builder) job(w *workflow.Workflow, wj *workflow.Job, at place) *Job {
	j := &Job{
		ID: wj.ID, Pos: wj.Pos, Name: wj.Name, If: wj.If, RunsOn: wj.RunsOn, Strategy: wj.Strategy,
		Container: wj.Container, Services: wj.Services, Outputs: wj.Outputs,
		Steps: FlatSteps(wj.Steps), Concurrency: wj.Concurrency, Environment: wj.Environment,
		Snapshot: wj.Snapshot, TimeoutMinutes: wj.TimeoutMinutes, CancelTimeout: wj.CancelTimeout,
		ContinueOnError: wj.ContinueOnError, CacheMode: wj.CacheMode,
		Permissions: firstPermissions(wj.Permissions, w.Permissions, at.allowed, b.DefaultPermissions),
	}
	seen := map[string]bool{}
	for _, need := range wj.Needs {
		// Ids ignore case in the file; from here on they are as the job writes its own.
		if needed := w.Job(need.ID); needed != nil && !seen[needed.ID] {
			seen[needed.ID] = true
			j.Needs = append(j.Needs, needed.ID)
		}
	}
	for _, env := range []*workflow.Node{w.Env, wj.Env} {
		if env != nil {
			j.Env = append(j.Env, env)
		}
	}
	for _, d := range []*workflow.Defaults{w.Defaults, wj.Defaults} {
		if d != nil && d.Shell != nil {
			j.Shell = d.Shell
		}
		if d != nil && d.WorkingDirectory != nil {
			j.WorkingDir = d.WorkingDirectory
		}
	}
	// A matrix without expressions is checked now, not when the job's turn comes.
	if s := wj.Strategy; s != nil && s.Matrix != nil && !s.Matrix.Expressions() {
		if _, err := evaluateStrategy(wj.Strategy, expr.Scope{}); err != nil {
			b.report(at.file, positionOf(err, s.Matrix.Pos), "matrix", "job '%s': %s", wj.ID, err)
		}
	}
	return j
}

// checkNeeds finds needs that name no job, and circles, which would leave a
// run waiting for ever.
func (b *builder) checkNeeds(w *workflow.Workflow, at place) {
	jobs := map[string]*workflow.Job{}
	for _, j := range w.Jobs {
		jobs[strings.ToLower(j.ID)] = j
	}
	for _, j := range w.Jobs {
		for _, need := range j.Needs {
			if jobs[strings.ToLower(need.ID)] == nil {
				b.report(at.file, need.Pos, "unknown-need", "job '%s' needs '%s', which is no job of this workflow", j.ID, need.ID)
			}
		}
	}
	ended := map[*workflow.Job]bool{nil: true} // an unknown need was reported
	for changed := true; changed; {
		changed = false
		for _, j := range w.Jobs {
			waits := slices.ContainsFunc(j.Needs, func(n workflow.Need) bool { return !ended[jobs[strings.ToLower(n.ID)]] })
			if !ended[j] && !waits {
				ended[j], changed = true, true
			}
		}
	}
	for _, j := range w.Jobs {
		if !ended[j] {
			b.report(at.file, j.Pos, "needs-cycle", "job '%s' waits for itself through its needs", j.ID)
			return
		}
	}
}

// evaluateRun evaluates what counts for the whole run.
func (b *builder) evaluateRun(w *workflow.Workflow, p *Plan) {
	scope := expr.Scope{Contexts: p.Contexts}
	if w.RunName != nil {
		name, err := evaluateString(w.RunName, scope, "run-name")
		if err != nil {
			b.report(w.File, positionOf(err, w.RunName.Pos), "run-name", "%s", err)
		}
		p.RunName = name
	}
	if w.Concurrency != nil {
		group, err := evaluateConcurrency(w.Concurrency, scope)
		if err != nil {
			b.report(w.File, positionOf(err, w.Concurrency.Pos), "concurrency", "%s", err)
		}
		p.Concurrency = group
	}
}
