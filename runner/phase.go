package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

// check is a pre-if or post-if and what it sees.
type check struct {
	src    string
	run    *stepRun
	inputs expr.Value
	err    error // of the inputs
}

// preCheck is the pre-if of an action.
func (x *execution) preCheck(r *stepRun, m *action.Action) check {
	c := check{src: m.Runs.PreIf, run: r}
	if strings.Contains(c.src, "${{") {
		given, err := template.StringMap(r.step.With, x.exprs(r), false)
		var with []Var
		if err == nil {
			with, err = x.inputs(r, m, given)
		}
		if err != nil {
			c.err = fmt.Errorf("evaluate inputs: %w", err)
		}
		c.inputs = inputsContext(m, with)
	}
	return c
}

// postCheck is the post-if of an action.
func postCheck(r *stepRun, inst *instance) check {
	m := inst.action.manifest
	return check{src: m.Runs.PostIf, run: r, inputs: inputsContext(m, inst.with)}
}

// rawCondition evaluates pre-if and post-if: as they stand, always() when
// there is none (actions/runner: ActionManifestManager.cs). Between ${{ and
// }}, which GitHub does not take there, `inputs` are the action's own, as with
// act; without, they are the workflow's, as on GitHub.
func (x *execution) rawCondition(c check) (bool, error) { return x.conditionIn(x.root, c) }

func (x *execution) conditionIn(sc *scope, c check) (bool, error) {
	if c.err != nil || c.src == "" {
		return c.err == nil, c.err
	}
	e, err := expr.ParseRawCondition(c.src, nil)
	if err != nil {
		return false, fmt.Errorf("condition %q: %w", c.src, err)
	}
	seen := x.exprScope(x.life, sc, c.run.env, c.run.gh, false)
	if strings.Contains(c.src, "${{") {
		seen.Contexts["inputs"] = c.inputs
	}
	v, err := e.Eval(seen)
	if err != nil {
		return false, fmt.Errorf("evaluate condition %q: %w", c.src, err)
	}
	return v.Truthy(), nil
}

// anyHolds tells whether a step with these conditions runs; one that cannot be
// evaluated is reported there.
func (x *execution) anyHolds(checks []check) bool {
	return slices.ContainsFunc(checks, func(c check) bool {
		ok, err := x.rawCondition(c)
		return ok || err != nil
	})
}

// phaseStep shows a pre or post step of s, or a hook, which has neither step
// nor conditions. The step's time-out and continue-on-error hold for these
// steps, too (actions/runner: ActionRunner.cs), and one whose condition does
// not hold in a cancelled job is stopped.
func (x *execution) phaseStep(name string, phase Phase, s *plan.Step, checks []check, f func(context.Context, *output) (plan.Conclusion, string)) {
	ref := x.numbered(StepRef{Name: name, Phase: phase})
	start := x.moment(x.root, "step")
	x.emit(StepStarted{Time: start, Job: x.job.ID(), Step: ref})
	var effects Effects
	out := x.newOutput(ref.Number, "", x.root.env, &effects)
	ctx, release := x.phaseContext(checks)
	defer release()

	r, limit := (*stepRun)(nil), 0.0
	if s != nil {
		r = x.newStepRun(x.root, s)
		x.ownEnv(r)
		r.out, r.name = out, name
		limit = x.stepLimit(r)
	}
	timeout := stepTimeout{name}
	if limit > 0 {
		var end context.CancelFunc
		ctx, end = context.WithDeadlineCause(ctx, start.Add(minutes(limit)), timeout)
		defer end()
	}
	if phase == Post && s != nil {
		out.plain("Post job cleanup.")
	}
	outcome, reason := f(ctx, out)
	switch cause := context.Cause(ctx); {
	case outcome != plan.Failure || cause == nil:
	case errors.Is(cause, timeout):
		reason = timedOut(name, limit)
		out.errorLine(reason)
	default:
		outcome, reason = plan.Cancelled, cause.Error()
		out.errorLine("The operation was canceled: " + reason)
	}
	conclusion := outcome
	if s != nil {
		conclusion = x.conclude(r, outcome)
	}
	x.finishStep(StepResult{Step: ref, Outcome: outcome, Conclusion: conclusion, Seconds: time.Since(start).Seconds(), Reason: reason}, true)
}

// phaseContext ends with the life of the job, or when it is cancelled and none
// of the conditions holds any more.
func (x *execution) phaseContext(checks []check) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(x.life)
	if len(checks) == 0 || x.isCancelled() {
		return ctx, func() { cancel(nil) }
	}
	before := x.root.clone() // what the conditions see: the steps change the job's own
	done := make(chan struct{})
	stop := context.AfterFunc(x.soft, func() {
		defer close(done)
		err := guarded(func() error {
			for _, c := range checks {
				if ok, err := x.conditionIn(before, c); ok && err == nil {
					return nil
				}
			}
			return context.Cause(x.soft)
		})
		if err != nil {
			cancel(context.Cause(x.soft))
		}
	})
	return ctx, func() {
		if !stop() {
			<-done
		}
		cancel(nil)
	}
}

// inOrder are the posts as they run: within composite actions in the reverse
// order of their steps, whichever came first by a pre (actions/runner:
// ActionManager.cs, _cachedEmbeddedPostSteps).
func (g postGroup) inOrder() []post {
	posts := slices.Clone(g.posts)
	slices.SortStableFunc(posts, func(a, b post) int { return slices.Compare(b.inst.position, a.inst.position) })
	return posts
}

// below is the position of the i-th step of the composite action at position.
func below(position []int, i int) []int { return append(slices.Clone(position), i) }
