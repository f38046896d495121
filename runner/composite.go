package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

// maxDepth is how deep composite actions may nest; the top level counts as 0
// (actions/runner: Constants.cs).
const maxDepth = 9

// nestedFailure says that an inner step failed, or was cancelled, and has told
// why.
type nestedFailure struct {
	outcome plan.Conclusion
	reason  string
}

func (f nestedFailure) Error() string { return f.reason }

// runComposite runs the steps of a composite action in a scope of their own.
func (x *execution) runComposite(ctx context.Context, r *stepRun, inst *instance) (int, error) {
	a := inst.action
	depth := 1
	if r.scope.action != nil {
		depth = r.scope.action.depth + 1
	}
	if depth > maxDepth {
		return 0, fmt.Errorf("composite action depth exceeded max depth %d", maxDepth)
	}
	inner := &scope{
		env: r.env.clone(), paths: append([]string(nil), r.scope.paths...), steps: newStepStates(),
		artifacts: r.scope.artifacts, detached: r.scope.detached, inputs: inputsContext(a.manifest, inst.with), prefix: r.path() + "/", own: inst.own,
		action: &actionScope{
			step: r.gh.action, dir: a.placeDir, repository: a.resolved.Repository, ref: a.ref.Ref,
			depth: depth, status: plan.Success, decided: r.decided,
		},
	}
	var failed nestedFailure
	for i := range a.manifest.Runs.Steps {
		s := &a.manifest.Runs.Steps[i]
		ir := x.newStepRun(inner, s)
		ir.position = below(r.position, i)
		o, err := x.nested(ctx, ir, r.out.number)
		x.apply(inner, s, o)
		r.effects.merge(o.effects)
		if o.conclusion == plan.Failure || o.conclusion == plan.Cancelled {
			inner.action.status = o.conclusion
			if failed.outcome == "" {
				failed = nestedFailure{o.conclusion, o.reason}
			}
		}
		if errors.As(err, new(conditionError)) {
			break // also steps that ask for always() are left out (actions/runner: CompositeActionHandler.cs)
		}
	}
	x.compositeOutputs(r, inner, a)
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if failed.outcome != "" {
		return 0, failed
	}
	return 0, nil
}

// nested runs a step of a composite action: its output goes to the step of
// the job that uses the action. The error is what kept it from beginning.
func (x *execution) nested(ctx context.Context, r *stepRun, number int) (stepOutcome, error) {
	wanted, reason, err := x.begin(r)
	if err == nil && !wanted {
		return skipped(reason), nil
	}
	r.name = x.stepName(r)
	r.out = x.newOutput(number, r.step.Uses, r.env, &r.effects)
	r.out.scope = r.scope
	x.debugStart(r)
	o := x.perform(ctx, r, err)
	x.debugLine(r.out, "Finished: "+r.name)
	return o, err
}

// compositeOutputs evaluates the action's outputs, also after a failure.
func (x *execution) compositeOutputs(r *stepRun, inner *scope, a *preparedAction) {
	sc := x.exprScope(x.life, inner, inner.env, githubFields{action: r.gh.action, actionPath: a.placeDir, actionStatus: string(inner.action.status)}, false)
	for _, out := range a.manifest.Outputs {
		v, err := template.String(out.Value, expr.Scope{Contexts: sc.Contexts, Functions: sc.Functions})
		if err != nil {
			r.out.problem(fmt.Errorf("evaluate output %q of %s: %w", out.ID, a.ref, err))
			continue
		}
		r.effects.setOutput(out.ID, v)
	}
}
