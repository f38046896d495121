package runner

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

// stepRun is one step that is about to run or running. It reads its scope
// and changes nothing in it.
type stepRun struct {
	step  *plan.Step
	scope *scope
	env   *vars // the scope's with the step's own on top
	own   []Var // the step's own env
	gh    githubFields
	name  string
	out   *output
	id    string // of its process and its command files, once it has them
	// tested tells how the condition was evaluated.
	tested []string
	// position is where the step stands in the composite actions around it.
	position []int
	// decided waits, in a job that is cancelled, until it is known whether the
	// step is; nil in one that was cancelled before it began.
	decided func()
	// effects collects what the step wants to change.
	effects Effects
}

// path names the step within the job: "outer/inner".
func (r *stepRun) path() string { return r.scope.prefix + r.step.ID }

// stepOutcome is how a step ended, with what it wants to change.
type stepOutcome struct {
	outcome, conclusion plan.Conclusion
	reason              string
	exit                int
	effects             Effects
}

func skipped(reason string) stepOutcome {
	return stepOutcome{outcome: plan.Skipped, conclusion: plan.Skipped, reason: reason}
}

// mainSteps runs the steps of the file in order.
func (x *execution) mainSteps() {
	steps := x.job.Leg.Job.Steps
	for i := range steps {
		if x.past(stageMain, i) {
			continue
		}
		s := &steps[i]
		switch {
		case s.Kind == plan.Wait || s.Kind == plan.WaitAll || s.Kind == plan.Cancel:
			x.controlStep(s)
		case s.Kind == plan.Parallel:
			// Its steps follow, in the background; a wait ends the group.
		case s.Background:
			x.renewToken()
			begin := x.startBackground(s)
			x.boundary(stageMain, i+1)
			x.saveNow() // or it would be started twice
			begin()
			continue
		default:
			x.renewToken()
			r := x.newStepRun(x.root, s)
			x.apply(x.root, s, x.foreground(r))
		}
		x.boundary(stageMain, i+1)
	}
	if !x.past(stageDrain, 0) {
		x.boundary(stageDrain, 0)
	}
}

func (x *execution) newStepRun(sc *scope, s *plan.Step) *stepRun {
	r := &stepRun{step: s, scope: sc, env: sc.env.clone()}
	r.gh = githubFields{action: s.ID}
	if a := sc.action; a != nil {
		// The steps inside carry the name of the one outside
		// (actions/runner: CompositeActionHandler.cs sets only action_path).
		r.gh.action = a.step
		r.gh.actionPath, r.gh.actionRepository, r.gh.actionRef = a.dir, a.repository, a.ref
		r.gh.actionStatus = string(a.status)
	}
	r.name = s.ID
	return r
}

// exprs is what the step's expressions see.
func (x *execution) exprs(r *stepRun) expr.Scope {
	return x.exprScope(x.life, r.scope, r.env, r.gh, true)
}

// foreground runs a step of the job's own list: it has a number, events and
// a place in the results.
func (x *execution) foreground(r *stepRun) stepOutcome {
	wanted, reason, err := x.begin(r)
	ref := x.numbered(StepRef{ID: r.step.ID, Name: x.stepName(r), Phase: Main})
	if err == nil && !wanted {
		return x.skip(ref, reason, true)
	}
	return x.shown(x.life, r, ref, err, true)
}

// skip records a step whose condition is false.
func (x *execution) skip(ref StepRef, reason string, foreground bool) stepOutcome {
	o := skipped(reason)
	x.finishStep(StepResult{Step: ref, Outcome: o.outcome, Conclusion: o.conclusion, Reason: reason}, foreground)
	return o
}

// shown runs a step between its two events.
func (x *execution) shown(ctx context.Context, r *stepRun, ref StepRef, begun error, foreground bool) stepOutcome {
	r.name = ref.Name
	start := x.moment(r.scope, "step")
	x.emit(StepStarted{Time: start, Job: x.job.ID(), Step: ref})
	r.out = x.newOutput(ref.Number, r.step.Uses, r.env, &r.effects)
	r.out.scope = r.scope
	x.debugStart(r)
	o := x.perform(ctx, r, begun)
	x.debugLine(r.out, "Finishing: "+r.name)
	x.finishStep(StepResult{
		Step: ref, Outcome: o.outcome, Conclusion: o.conclusion,
		Seconds: time.Since(start).Seconds(), Reason: o.reason, ExitCode: o.exit,
	}, foreground)
	return o
}

// debugStart shows, in debug mode, why a step runs (actions/runner:
// StepsRunner.cs, ConditionTraceWriter.cs).
func (x *execution) debugStart(r *stepRun) {
	x.debugLine(r.out, "Evaluating condition for step: '"+r.name+"'")
	for _, line := range r.tested {
		x.debugLine(r.out, line)
	}
	x.debugLine(r.out, "Starting: "+r.name)
}

func (x *execution) debugLine(out *output, text string) {
	if x.debug {
		out.emit(command.LevelDebug, text)
	}
}

// begin merges the step's environment and evaluates its condition.
func (x *execution) begin(r *stepRun) (wanted bool, reason string, err error) {
	pairs, err := template.StringMap(r.step.Env, x.exprs(r), true)
	if err != nil {
		return false, "", fmt.Errorf("evaluate env: %w", err)
	}
	for _, p := range pairs {
		r.own = append(r.own, Var{p.Name, p.Value})
	}
	r.env.setAll(r.own)
	return x.condition(r)
}

// conditionError is an `if` that cannot be evaluated.
type conditionError struct{ error }

func (e conditionError) Unwrap() error { return e.error }

// condition evaluates `if`.
func (x *execution) condition(r *stepRun) (bool, string, error) {
	src := ""
	if r.step.If != nil {
		src = r.step.If.Text
	}
	e, err := expr.ParseCondition(src, nil)
	if err != nil {
		return false, "", conditionError{fmt.Errorf("if: %w", err)}
	}
	r.tested = []string{"Evaluating: " + e.String()}
	sc := x.exprScope(x.life, r.scope, r.env, r.gh, false)
	var t expansion
	if x.debug {
		sc.Trace = t.see
	}
	v, err := e.Eval(sc)
	if err != nil {
		return false, "", conditionError{fmt.Errorf("evaluate if %q: %w", src, err)}
	}
	r.tested = append(append(r.tested, t.lines()...), "Result: "+display(v))
	if v.Truthy() {
		return true, "", nil
	}
	if src == "" {
		return false, "the job is " + string(x.status()), nil
	}
	return false, "if: " + src + " is " + display(v), nil
}

func display(v expr.Value) string {
	if v.Kind() == expr.KindString {
		return "'" + v.Text() + "'"
	}
	if v.IsNull() {
		return "null"
	}
	return v.Text()
}

// dispatch runs the step by its kind. The exit code is that of its process;
// the error says why there is none.
func (x *execution) dispatch(ctx context.Context, r *stepRun) (int, error) {
	if r.step.Kind == plan.Run {
		return x.runScript(ctx, r)
	}
	return x.runUses(ctx, r)
}

// apply makes a step's effects visible to the steps that follow in sc.
func (x *execution) apply(sc *scope, s *plan.Step, o stepOutcome) {
	sc.env.setAll(o.effects.Env)
	sc.paths = prepend(sc.paths, o.effects.Paths)
	sc.declare(o.effects.Artifacts)
	if s.ID != "" && !strings.HasPrefix(s.ID, "__") {
		sc.steps.set(s.ID, stepState{o.effects.Outputs, o.outcome, o.conclusion})
	}
	if inst := x.instance(sc.prefix + s.ID); inst != nil {
		for k, v := range o.effects.State {
			inst.state[k] = v
		}
	}
	if sc.action == nil && len(o.effects.Posts) > 0 {
		x.pushPosts(s, o.effects.Posts)
	}
}

// stepName is what people see: name, else what the step does.
func (x *execution) stepName(r *stepRun) string {
	if n := r.step.Name; n != nil {
		if s, err := template.String(n, x.exprs(r)); err == nil && s != "" {
			return s
		}
	}
	return defaultStepName(r.step, func(n *workflow.Node) string {
		s, err := template.String(n, x.exprs(r))
		if err != nil {
			return n.Text
		}
		return s
	})
}

func defaultStepName(s *plan.Step, text func(*workflow.Node) string) string {
	switch s.Kind {
	case plan.Run:
		if s.Script == nil {
			return "Run"
		}
		line, _, _ := strings.Cut(strings.TrimSpace(text(s.Script)), "\n")
		return "Run " + strings.TrimSpace(line)
	case plan.Uses:
		return "Run " + s.Uses
	case plan.Wait:
		return "Wait"
	case plan.WaitAll:
		return "Wait for all"
	case plan.Cancel:
		return "Cancel"
	}
	return "Parallel group"
}
