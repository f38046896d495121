package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// maxBackground is how many background steps run at a time; more wait
// (actions/runner: system.runner.maxbackgroundsteps).
const maxBackground = 10

var errStepCancelled = errors.New("a cancel step asked for it")

// backgroundStep is one that has begun and whose effects nobody has seen.
type backgroundStep struct {
	step    *plan.Step
	done    chan struct{}
	cancel  context.CancelCauseFunc
	ref     StepRef
	outcome stepOutcome // valid when done is closed
}

// startBackground evaluates a step's condition now and runs it beside the
// steps that follow, on a copy of what it may see, from begin on.
func (x *execution) startBackground(s *plan.Step) (begin func()) {
	r := x.newStepRun(x.root.clone(), s)
	wanted, reason, err := x.begin(r)
	ref := x.numbered(StepRef{ID: s.ID, Name: x.stepName(r), Phase: Main})
	b := &backgroundStep{step: s, ref: ref, done: make(chan struct{})}
	begin = func() {}
	if err == nil && !wanted {
		b.outcome = x.skip(ref, reason, false)
		b.cancel = func(error) {}
		close(b.done)
	} else {
		var ctx context.Context
		ctx, b.cancel = context.WithCancelCause(x.life)
		begun := make(chan struct{})
		begin = sync.OnceFunc(func() { close(begun) })
		context.AfterFunc(x.life, begin)
		x.background.Go(func() {
			defer close(b.done)
			<-begun
			if err := guarded(func() error { b.outcome = x.queued(ctx, r, ref, err); return nil }); err != nil {
				x.noteInfra(err)
				b.outcome = stepOutcome{outcome: plan.Failure, conclusion: plan.Failure, reason: err.Error()}
			}
		})
	}
	x.open[s.ID] = b
	x.openOrder = append(x.openOrder, s.ID)
	return begin
}

// queued runs a background step when there is a slot for it; its time-out
// counts from then on.
func (x *execution) queued(ctx context.Context, r *stepRun, ref StepRef, begun error) stepOutcome {
	waiting, release := x.cancellable(ctx, r)
	select {
	case x.slots <- struct{}{}:
		defer func() { <-x.slots }()
	case <-waiting.Done():
	}
	cause := context.Cause(waiting)
	release()
	if cause != nil {
		o := stepOutcome{outcome: plan.Cancelled, conclusion: plan.Cancelled, reason: cause.Error()}
		x.finishStep(StepResult{Step: ref, Outcome: o.outcome, Conclusion: o.conclusion, Reason: o.reason}, false)
		return o
	}
	return x.shown(ctx, r, ref, begun, false)
}

// controlStep is wait, wait-all or cancel.
func (x *execution) controlStep(s *plan.Step) {
	r := x.newStepRun(x.root, s)
	name := x.stepName(r)
	targets := s.Targets
	if s.Kind == plan.WaitAll {
		targets = append([]string(nil), x.openOrder...)
	}
	ref := x.numbered(StepRef{ID: s.ID, Name: name, Phase: Main})
	start := time.Now()
	x.emit(StepStarted{Time: start, Job: x.job.ID(), Step: ref})
	r.out = x.newOutput(ref.Number, "", r.env, &r.effects)
	if s.Kind == plan.Cancel {
		for _, id := range targets {
			if b := x.open[id]; b != nil {
				b.cancel(errStepCancelled)
			}
		}
	}
	outcome, reason := x.await(targets)
	if s.Kind == plan.Cancel {
		if outcome == plan.Failure { // before it could be cancelled: the job's, not this step's
			x.fail()
		}
		outcome, reason = plan.Success, ""
	}
	if outcome == plan.Failure {
		r.out.errorLine(reason)
	}
	o := stepOutcome{outcome: outcome, reason: reason}
	o.conclusion = x.conclude(r, outcome)
	x.finishStep(StepResult{Step: ref, Outcome: o.outcome, Conclusion: o.conclusion, Seconds: time.Since(start).Seconds(), Reason: reason}, true)
	x.apply(x.root, s, o)
}

// await waits for background steps and applies what they changed, in the
// order of their start. The worst of their results is its own.
func (x *execution) await(ids []string) (plan.Conclusion, string) {
	outcome, reason := plan.Success, ""
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	var rest []string
	for _, id := range x.openOrder {
		if !wanted[id] {
			rest = append(rest, id)
			continue
		}
		b := x.open[id]
		<-b.done
		x.apply(x.root, b.step, b.outcome)
		delete(x.open, id)
		switch {
		case b.outcome.conclusion == plan.Failure && outcome != plan.Failure: // the first one says why
			outcome, reason = plan.Failure, fmt.Sprintf("background step '%s' failed: %s", id, b.outcome.reason)
		case b.outcome.conclusion == plan.Cancelled && outcome == plan.Success:
			outcome, reason = plan.Cancelled, fmt.Sprintf("background step '%s' was cancelled", id)
		}
	}
	x.openOrder = rest
	return outcome, reason
}

var implicitWaitName = workflow.Str("Wait for all background steps")

// drainBackground is the implicit wait for whatever is still open.
func (x *execution) drainBackground() {
	if len(x.openOrder) == 0 {
		return
	}
	x.controlStep(&plan.Step{Kind: plan.WaitAll, ID: "__implicit_wait_all", Name: implicitWaitName})
}
