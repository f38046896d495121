package runner

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/runner/mask"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

// Reasons for which a job ends early.
var (
	errJobTimeout  = errors.New("the job has exceeded the maximum execution time")
	errCancelGrace = errors.New("the grace of the cancelled job is over")
)

// Limits of a job in minutes (GitHub's defaults).
const (
	defaultTimeout       = 360
	defaultCancelTimeout = 5
)

// execution is one run of one job.
type execution struct {
	*Engine
	job    *Job
	sink   Sink
	masker *mask.Masker

	executor  executor.Executor
	spec      executor.Spec
	env       executor.Environment
	info      executor.Info
	workspace string // path of the workspace in the place

	github        expr.Value // the github context without the fields of a step
	runnerContext expr.Value
	secrets       expr.Value
	values        map[string]string // of Engine.Secrets
	renewed       atomic.Pointer[renewed]

	serving   serving
	root      *scope
	defaults  runDefaults
	actions   *prepared
	matchers  matcherSet
	instances map[string]*instance
	posts     []postGroup // a stack
	ending    ending
	checkouts checkouts
	open      map[string]*backgroundStep
	openOrder []string
	slots     chan struct{} // of background steps

	debug            bool           // step debug output is on
	background       sync.WaitGroup // steps that run in the background
	deprecationShown atomic.Bool
	annotated        annotationCount
	life             context.Context // ends when even cancelled jobs must end
	soft             context.Context // ends when the job is cancelled
	hard             context.Context // ends when the job is cancelled a second time

	keep    keeping
	started time.Time

	// Of a job that goes on, see takeUp.
	from      *jobState // where; nil: it begins
	replay    []fact    // what the step that is gone through again has got before
	attach    *processing
	settled   bool // no process is found any more that was started before
	lost      []StepRef
	replaying atomic.Bool // what happens has been shown before

	mu         sync.Mutex
	jobStatus  plan.Conclusion
	number     int
	ids        int
	idsBeside  int
	idPrefix   string
	besides    string // idPrefix of what runs beside the job's own loop
	tracking   string // RUNNER_TRACKING_ID
	results    []StepResult
	firstError *command.Annotation
	infra      error
	reason     string
	cause      Cause
}

func newExecution(e *Engine, job *Job, sink Sink) *execution {
	x := &execution{
		Engine: e, job: job, masker: mask.New(), jobStatus: plan.Success, debug: job.Debug,
		instances: map[string]*instance{}, open: map[string]*backgroundStep{}, slots: make(chan struct{}, maxBackground),
	}
	if e.Masker != nil {
		x.masker = e.Masker()
	}
	x.sink = maskedSink{sink, x.masker}
	var random [8]byte
	_, _ = rand.Read(random[:])
	x.idPrefix, x.tracking = hex.EncodeToString(random[:]), trackingID()
	x.besides = x.idPrefix + "b"
	return x
}

func (x *execution) emit(e Event) {
	if !x.replaying.Load() {
		x.sink.Emit(e)
	}
}

// run is the life of a job: set up, pre, main, post, completion.
func (x *execution) run(ctx context.Context, c *Checkpoint) (result Result, end JobFinished) {
	started := time.Now()
	if c != nil {
		x.from, started = c.State, c.Started
	}
	x.started = started
	gh := x.job.Leg.Contexts["github"]
	workflowName, _ := gh.Lookup("workflow")
	defer func() {
		if r := recover(); r != nil {
			x.noteInfra(panicked(r))
			x.fail()
			result = x.result(nil)
		}
		x.replaying.Store(false)
		result = x.masked(result)
		result.Started, result.Finished = started, time.Now()
		end = maskedSink{masker: x.masker}.masked(JobFinished{
			Time: result.Finished, Workflow: workflowName.Text(), Job: x.job.ID(), Name: x.job.Leg.Name,
			Conclusion: result.Conclusion, Reason: result.Reason, Cause: result.Cause, Seconds: result.Finished.Sub(started).Seconds(),
			Steps: result.Steps, Outputs: result.Outputs, FirstError: result.FirstError, Infra: result.Infra != nil,
		}).(JobFinished)
	}()
	x.emit(JobStarted{
		Time: started, Workflow: workflowName.Text(), Job: x.job.ID(), Name: x.job.Leg.Name,
		Executor: x.job.Place.Executor, Image: x.job.Place.Image,
	})

	defer x.background.Wait() // after a panic steps may still run: their place is gone
	stop := x.limit(ctx, c)
	defer stop()
	defer x.close()
	defer x.closeServices()

	if c != nil && c.State != nil && c.State.Over != nil && c.Version == checkpointVersion && c.Job == x.job.ID() {
		return x.over(c), end
	}
	var outputs map[string]string
	err := guarded(func() error {
		if c == nil && x.setUpStep() {
			x.boundary(stageStarted, 0)
			x.saveNow()
		} else if c == nil || !x.takeUp(c) {
			return nil
		}
		x.once(stageStarted, func() { x.jobHook(hookStarted, Pre, x.Hooks.JobStarted) })
		x.once(stageImages, x.imageSteps)
		x.preSteps()
		x.mainSteps()
		x.once(stageDrain, x.drainBackground)
		x.postSteps()
		x.once(stageCompleted, func() { x.jobHook(hookCompleted, Post, x.Hooks.JobCompleted) })
		outputs = x.complete()
		x.saveOver(outputs)
		return nil
	})
	if err != nil { // noted before the place goes, whose end is no cause
		x.noteInfra(err)
	}
	return x.result(outputs), end
}

// result is how the job stands.
func (x *execution) result(outputs map[string]string) Result {
	x.mu.Lock()
	defer x.mu.Unlock()
	steps := slices.Clone(x.results)
	slices.SortStableFunc(steps, func(a, b StepResult) int { return a.Step.Number - b.Step.Number })
	result := Result{
		Conclusion: x.jobStatus, Outputs: outputs, Steps: steps,
		FirstError: x.firstError, Infra: x.infra, Reason: x.reason,
	}
	switch {
	case x.infra != nil:
		result.Conclusion, result.Cause = plan.Failure, CauseOf(x.infra)
		if result.Reason == "" {
			result.Reason = x.infra.Error()
		}
		if result.Cause == CauseOutOfMemory {
			result.Infra = nil // another try would end the same way
		}
	case x.isCancelled():
		result.Conclusion, result.Cause = plan.Cancelled, stopCause(x.soft)
		result.Reason = context.Cause(x.soft).Error()
	case result.Conclusion == plan.Failure:
		if result.Cause = x.cause; result.Cause == "" {
			result.Cause = CauseStep
		}
	}
	return result
}

// limit puts the job's time-out and its grace after a cancellation on ctx.
func (x *execution) limit(ctx context.Context, c *Checkpoint) (end func()) {
	scope := expr.Scope{Contexts: x.job.Leg.Contexts, Functions: nil}
	number := func(what string, v float64, err error, fallback float64) float64 {
		if err != nil {
			x.planError(fmt.Errorf("%s: %w", what, err))
			return fallback
		}
		if v > 0 { // not NaN either
			return v
		}
		return fallback
	}
	t, err := template.Number(x.job.Leg.Job.TimeoutMinutes, scope, defaultTimeout)
	timeout := number("timeout-minutes", t, err, defaultTimeout)
	g, err := template.Number(x.job.Leg.Job.CancelTimeout, scope, defaultCancelTimeout)
	grace := number("cancel-timeout-minutes", g, err, defaultCancelTimeout)

	if c != nil && c.Live.Cancelled != "" { // and stays so
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		if c.Live.Cancelled == errJobTimeout.Error() {
			cancel(errJobTimeout)
		} else {
			cancel(errors.New(c.Live.Cancelled))
		}
	}
	soft, endSoft := context.WithDeadlineCause(ctx, x.started.Add(minutes(timeout)), errJobTimeout)
	life, endLife := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(soft, func() {
		select {
		case <-time.After(minutes(grace)):
			endLife(errCancelGrace)
		case <-x.hard.Done():
			endLife(context.Cause(x.hard))
		case <-life.Done():
		}
	})
	x.soft, x.life = soft, life
	return func() {
		stop()
		endSoft()
		endLife(nil)
	}
}

// minutes is a duration that a workflow gives; what is longer than a year is
// a year, so that nothing overflows.
func minutes(n float64) time.Duration {
	return time.Duration(min(n, 365*24*60) * float64(time.Minute))
}

// isCancelled tells whether the job has been cancelled or its time is over.
func (x *execution) isCancelled() bool { return x.soft != nil && x.soft.Err() != nil }

// planError fails the job before it starts.
func (x *execution) planError(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.jobStatus = plan.Failure
	x.reason, x.cause = err.Error(), CauseWorkflow
}

// close removes the place, whatever happened.
func (x *execution) close() {
	if x.env == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.life), time.Minute)
	defer cancel()
	if err := x.env.Close(ctx); err != nil {
		x.logger().Warn("close environment", "env", x.env.ID(), "err", x.masker.MaskShown(err.Error()))
		x.emit(Noticed{Time: time.Now(), Level: command.LevelWarning, Text: fmt.Sprintf("clean up after job %q: %v: run \"drydock doctor --fix\"", x.job.Leg.Name, err)})
	}
}

// noteError keeps the first error for the report.
func (x *execution) noteError(a command.Annotation) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.firstError == nil && !x.replaying.Load() {
		x.firstError = &a
	}
}

// step runs f as a step of the display and records how it ended.
func (x *execution) step(ref StepRef, f func(*output) (plan.Conclusion, string)) plan.Conclusion {
	ref = x.numbered(ref)
	start := time.Now()
	x.emit(StepStarted{Time: start, Job: x.job.ID(), Step: ref})
	var effects Effects
	out := x.newOutput(ref.Number, "", &vars{}, &effects)
	c, reason := f(out)
	x.finishStep(StepResult{Step: ref, Outcome: c, Conclusion: c, Seconds: time.Since(start).Seconds(), Reason: reason}, true)
	return c
}

func (x *execution) numbered(ref StepRef) StepRef {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.number++
	ref.Number = x.number
	return ref
}

// finishStep records a result. The failure of a foreground step is the job's;
// that of one in the background counts at its wait.
func (x *execution) finishStep(r StepResult, foreground bool) {
	x.mu.Lock()
	x.results = append(x.results, r)
	if foreground && r.Conclusion == plan.Failure {
		x.jobStatus = plan.Failure
	}
	x.mu.Unlock()
	x.emit(StepFinished{Time: time.Now(), Job: x.job.ID(), StepResult: r})
}

// inWorkspace makes a path of the place absolute.
func (x *execution) inWorkspace(p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(x.workspace, p)
}
