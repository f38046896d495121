package runner

import (
	"context"
	"fmt"

	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

// preSteps runs the pre of every remote action, in the order of the steps.
func (x *execution) preSteps() {
	steps := x.job.Leg.Job.Steps
	for i := range steps {
		s := &steps[i]
		if s.Kind != plan.Uses || x.past(stagePre, i) {
			continue
		}
		entries := x.preEntries(x.root, s, nil)
		if len(entries) == 0 {
			continue
		}
		r := x.newStepRun(x.root, s)
		x.ownEnv(r)
		name := "Pre " + x.stepName(r)
		var checks []check
		for _, e := range entries {
			checks = append(checks, x.preCheck(x.preRun(e, nil), e.action.manifest))
		}
		if !x.anyHolds(checks) {
			x.skip(x.numbered(StepRef{Name: name, Phase: Pre}), "pre-if does not hold", true)
			x.boundary(stagePre, i+1)
			continue
		}
		x.phaseStep(name, Pre, s, checks, func(ctx context.Context, out *output) (plan.Conclusion, string) {
			return x.runPres(ctx, s, entries, out)
		})
		x.boundary(stagePre, i+1)
	}
}

// preEntry is an action with a pre, at its place in the nesting.
type preEntry struct {
	step     *plan.Step
	scope    *scope
	action   *preparedAction
	position []int
}

// preEntries finds the actions with a pre below a step, in order.
func (x *execution) preEntries(sc *scope, s *plan.Step, position []int) []preEntry {
	ref, err := action.ParseUses(s.Uses)
	depth := len(position)
	if err != nil || depth > maxDepth {
		return nil
	}
	ref = x.located(ref)
	a := x.actions.byUses[ref.String()]
	if a == nil || x.surelyServed(s, ref) {
		return nil
	}
	if a.manifest.Runs.Using == action.Composite {
		r := x.newStepRun(sc, s)
		x.ownEnv(r)
		var with []Var // what cannot be evaluated is left out; the main phase reports it
		if given, err := template.StringMap(s.With, x.exprs(r), false); err == nil {
			with, _ = x.inputs(r, a.manifest, given)
		}
		inner := &scope{env: r.env, paths: sc.paths, steps: newStepStates(), prefix: sc.prefix + s.ID + "/", own: r.own,
			inputs: inputsContext(a.manifest, with),
			action: &actionScope{step: r.gh.action, dir: a.placeDir, repository: a.resolved.Repository, ref: a.ref.Ref, depth: depth + 1, status: plan.Success}}
		var list []preEntry
		for i := range a.manifest.Runs.Steps {
			if n := &a.manifest.Runs.Steps[i]; n.Kind == plan.Uses {
				list = append(list, x.preEntries(inner, n, below(position, i))...)
			}
		}
		return list
	}
	if !hasPre(a.manifest) {
		return nil
	}
	return []preEntry{{s, sc, a, position}}
}

func (x *execution) runPres(ctx context.Context, s *plan.Step, entries []preEntry, out *output) (plan.Conclusion, string) {
	var effects Effects
	result, reason := plan.Success, ""
	for _, e := range entries {
		r := x.preRun(e, out)
		wanted, err := x.rawCondition(x.preCheck(r, e.action.manifest))
		if err == nil && !wanted {
			continue
		}
		var code int
		if err == nil {
			code, err = x.enterAndRun(ctx, r, e.action, preEntryPoint)
		}
		if text := x.hookFailure(ctx, out, code, err); text != "" {
			result, reason = plan.Failure, text
		}
		if inst := x.instance(r.path()); inst != nil {
			for k, v := range r.effects.State {
				inst.state[k] = v
			}
		}
		effects.merge(r.effects)
	}
	x.root.env.setAll(effects.Env)
	x.root.paths = prepend(x.root.paths, effects.Paths)
	x.root.declare(effects.Artifacts)
	x.pushPosts(s, effects.Posts)
	return result, reason
}

func (x *execution) preRun(e preEntry, out *output) *stepRun {
	r := x.newStepRun(e.scope, e.step)
	x.ownEnv(r)
	r.ofAction(e.action.ref)
	r.position = e.position
	if r.out = out; out != nil {
		out.effects, out.scope = &r.effects, x.root
	}
	return r
}

func (x *execution) enterAndRun(ctx context.Context, r *stepRun, a *preparedAction, entry entryPoint) (int, error) {
	given, err := template.StringMap(r.step.With, x.exprs(r), false)
	if err != nil {
		return 0, fmt.Errorf("evaluate with: %w", err)
	}
	inst, err := x.enter(r, a, given)
	if err != nil {
		return 0, err
	}
	return x.runEntry(ctx, r, inst, entry)
}

// entryPoint is which program of an action runs.
type entryPoint int

const (
	mainEntry entryPoint = iota
	preEntryPoint
	postEntryPoint
)

// runEntry runs one program of a JavaScript or docker action.
func (x *execution) runEntry(ctx context.Context, r *stepRun, inst *instance, entry entryPoint) (int, error) {
	if inst.action.manifest.Runs.Using == action.Docker {
		return x.runDocker(ctx, r, inst, entry)
	}
	runs := inst.action.manifest.Runs
	return x.runNode(ctx, r, inst, map[entryPoint]string{mainEntry: runs.Main, preEntryPoint: runs.Pre, postEntryPoint: runs.Post}[entry])
}

// pushPosts puts the posts of one step of the list on the stack; posts that
// pre and main both brought stay one group.
func (x *execution) pushPosts(s *plan.Step, posts []post) {
	if len(posts) == 0 {
		return
	}
	for i := range x.posts {
		if x.posts[i].step == s {
			x.posts[i].posts = append(x.posts[i].posts, posts...)
			return
		}
	}
	r := x.newStepRun(x.root, s)
	x.ownEnv(r)
	x.posts = append(x.posts, postGroup{step: s, name: "Post " + x.stepName(r), posts: posts})
}

// postSteps drains the stack once: last registered first.
func (x *execution) postSteps() {
	for i := len(x.posts) - 1; i >= 0; i-- {
		done := len(x.posts) - i
		if x.past(stagePost, done-1) {
			continue
		}
		g := x.posts[i]
		var checks []check
		for _, p := range g.posts {
			checks = append(checks, postCheck(x.postRun(p, nil), p.inst))
		}
		if !x.anyHolds(checks) {
			x.skip(x.numbered(StepRef{Name: g.name, Phase: Post}), "post-if does not hold", true)
			x.boundary(stagePost, done)
			continue
		}
		x.phaseStep(g.name, Post, g.step, checks, func(ctx context.Context, out *output) (plan.Conclusion, string) {
			return x.runPosts(ctx, g, out)
		})
		x.boundary(stagePost, done)
	}
}

func (x *execution) postRun(p post, out *output) *stepRun {
	inst := p.inst
	r := x.newStepRun(x.root, inst.step)
	r.env.setAll(inst.own)
	r.gh = inst.gh
	r.gh.files, r.gh.actionStatus = nil, ""
	r.out = out
	return r
}

func (x *execution) runPosts(ctx context.Context, g postGroup, out *output) (plan.Conclusion, string) {
	result, reason := plan.Success, ""
	for _, p := range g.inOrder() {
		r := x.postRun(p, out)
		out.effects, out.scope = &r.effects, x.root
		wanted, err := x.rawCondition(postCheck(r, p.inst))
		if err == nil && !wanted {
			continue
		}
		code := 0
		if err == nil {
			code, err = x.runEntry(ctx, r, p.inst, postEntryPoint)
		}
		if text := x.hookFailure(ctx, out, code, err); text != "" {
			result, reason = plan.Failure, text
		}
		x.root.env.setAll(r.effects.Env)
		x.root.paths = prepend(x.root.paths, r.effects.Paths)
		x.root.declare(r.effects.Artifacts)
	}
	return result, reason
}

// hookFailure says why a pre or post failed, or nothing; what a command has
// reported already is not printed again.
func (x *execution) hookFailure(ctx context.Context, out *output, code int, err error) (reason string) {
	out.flush()
	failed := out.err
	out.err = nil
	switch {
	case ctx.Err() != nil && (err != nil || code != 0):
		return context.Cause(ctx).Error() // told at the step's end
	case err != nil:
		if lostPlace(err) {
			x.noteInfra(err)
		}
		reason = err.Error()
	case code != 0:
		reason = fmt.Sprintf("Process completed with exit code %d.", code)
	case failed != nil:
		return failed.Error()
	default:
		return ""
	}
	out.errorLine(reason)
	return reason
}

// ownEnv evaluates the step's env; an error leaves it out, the main phase
// reports it.
func (x *execution) ownEnv(r *stepRun) {
	pairs, err := template.StringMap(r.step.Env, x.exprs(r), true)
	if err != nil {
		return
	}
	for _, p := range pairs {
		r.own = append(r.own, Var{p.Name, p.Value})
	}
	r.env.setAll(r.own)
}
