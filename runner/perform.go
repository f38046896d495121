package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

// stepTimeout is the cause when a step's own time is over; a step inside it
// tells it from its own by the path.
type stepTimeout struct{ path string }

func (stepTimeout) Error() string { return "the step's time is over" }

// perform runs a step whose condition holds, under its time-out and the
// job's cancellation, and decides its outcome. A begun error is one that was
// found before.
func (x *execution) perform(parent context.Context, r *stepRun, begun error) stepOutcome {
	ctx, release := x.cancellable(parent, r)
	defer release()
	var limit float64
	err := begun
	if err == nil {
		limit = x.stepLimit(r)
	}
	timeout := stepTimeout{r.path()}
	if limit > 0 {
		var end context.CancelFunc
		ctx, end = context.WithDeadlineCause(ctx, x.moment(r.scope, "limit").Add(minutes(limit)), timeout)
		defer end()
	}
	exit, late := 0, false
	if err == nil {
		exit, err = x.dispatch(ctx, r)
	}
	r.out.flush()
	o := stepOutcome{outcome: plan.Success, exit: exit, effects: r.effects}
	cause := context.Cause(ctx)
	stopped := ctx.Err() != nil && (err != nil || exit != 0)
	var nested nestedFailure
	switch {
	case stopped && errors.Is(cause, timeout):
		o.outcome, late = plan.Failure, true
		o.reason = timedOut(r.name, limit)
		r.out.errorLine(o.reason)
	case stopped:
		o.outcome, o.reason = plan.Cancelled, cause.Error()
		r.out.errorLine("The operation was canceled: " + cause.Error())
	case errors.As(err, &nested):
		// The inner step has said why.
		o.outcome, o.reason = nested.outcome, err.Error()
	case err != nil:
		o.outcome, o.reason = plan.Failure, err.Error()
		r.out.errorLine(err.Error())
		if lostPlace(err) {
			x.noteInfra(fmt.Errorf("step %q: %w", r.name, err))
		}
	case exit != 0:
		o.outcome = plan.Failure
		o.reason = fmt.Sprintf("Process completed with exit code %d.", exit)
		// An action says by itself what went wrong (actions/runner: ScriptHandler.cs
		// has these words, NodeScriptActionHandler.cs and ContainerActionHandler.cs none).
		if r.step.Kind == plan.Run {
			r.out.errorLine(o.reason)
		}
		if r.out.ranOut != "" {
			o.reason = r.out.ranOut + "."
		}
	case r.out.err != nil:
		o.outcome, o.reason = plan.Failure, r.out.err.Error()
	}
	o.conclusion = o.outcome
	if begun == nil { // what never began cannot be forgiven (actions/runner: StepsRunner.cs)
		o.conclusion = x.conclude(r, o.outcome)
	}
	if o.conclusion == plan.Failure {
		x.noteFailure(r, err, late)
	}
	return o
}

func timedOut(name string, limit float64) string {
	return fmt.Sprintf("The action '%s' has timed out after %s minutes.", name, expr.Number(limit).Text())
}

// stepLimit is timeout-minutes. One that cannot be evaluated is told, and the
// step runs without (actions/runner: StepsRunner.cs).
func (x *execution) stepLimit(r *stepRun) float64 {
	limit, err := template.Number(r.step.TimeoutMinutes, x.exprs(r), 0)
	if err != nil {
		r.out.errorLine(fmt.Sprintf("evaluate timeout-minutes: %v", err))
		return 0
	}
	return limit
}

// cancellable is a context that ends when the job is cancelled, unless the
// step's condition still holds then (actions/runner: StepsRunner.cs). Release
// waits until the condition is not looked at any more.
func (x *execution) cancellable(parent context.Context, r *stepRun) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	again := *r // the step goes on to change its own
	beside := *r.scope
	beside.detached = true
	check := func(running bool) {
		again.scope = &beside
		if a := r.scope.action; a != nil && running {
			// The cancellation reaches the action's own status, too
			// (actions/runner: CompositeActionHandler.cs).
			status, inner := *a, beside
			status.status, inner.action = plan.Cancelled, &status
			again.scope, again.gh.actionStatus = &inner, string(plan.Cancelled)
		}
		err := guarded(func() error {
			wanted, _, err := x.condition(&again)
			if err == nil && !wanted {
				err = context.Cause(x.soft)
			}
			return err
		})
		if err != nil {
			cancel(context.Cause(x.soft))
		}
	}
	if x.isCancelled() {
		check(false)
		return ctx, func() { cancel(nil) }
	}
	done := make(chan struct{})
	r.decided = func() { <-done }
	stop := context.AfterFunc(x.soft, func() {
		defer close(done)
		if a := r.scope.action; a != nil && a.decided != nil {
			a.decided() // the step around first, or the next one inside begins before that has ended
		}
		check(true)
	})
	return ctx, func() {
		if !stop() {
			<-done
		}
		cancel(nil)
	}
}

// conclude applies continue-on-error.
func (x *execution) conclude(r *stepRun, outcome plan.Conclusion) plan.Conclusion {
	if outcome != plan.Failure || r.step.ContinueOnError == nil {
		return outcome
	}
	ok, err := template.Bool(r.step.ContinueOnError, x.exprs(r), false)
	if err != nil {
		r.out.errorLine(fmt.Sprintf("evaluate continue-on-error: %v", err))
		return outcome
	}
	if ok {
		return plan.Success
	}
	return outcome
}

// noteInfra keeps the first error that is not the workflow's fault.
func (x *execution) noteInfra(err error) {
	var internal *internalError
	if errors.As(err, &internal) {
		x.logger().Error("internal error", "job", x.job.ID(), "err", x.masker.Mask(err.Error()), "stack", string(internal.stack))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.infra == nil {
		x.infra = err
	}
}
