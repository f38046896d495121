package runner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Reopener is an optional power of Services: what a job was given by an
// earlier program is good again.
type Reopener interface {
	Reopen(ctx context.Context, job *Job, token string) (Endpoints, error)
}

var errLost = errors.New("it was running in the background when drydock ended: what it did is lost")

// takeUp goes to the place of a job and back to where its checkpoint was taken.
// It tells whether the steps may go on.
func (x *execution) takeUp(c *Checkpoint) bool {
	x.replaying.Store(true)
	err := x.restore(x.life, c)
	x.replay, x.attach = c.Facts, c.Running
	x.replaying.Store(false)
	if err == nil {
		x.emit(Noticed{Time: time.Now(), Level: command.LevelNotice, Text: fmt.Sprintf("Job %q goes on in its place.", x.job.Leg.Name)})
		x.tellLost()
		x.replaying.Store(len(c.Facts) > 0 || c.Running != nil)
		return true
	}
	x.mu.Lock()
	x.reason = err.Error()
	x.mu.Unlock()
	x.noteInfra(err)
	x.fail()
	return false
}

// over is the result of a job that had ended when its engine did. What is left of
// its place goes; that it is gone already is no loss.
func (x *execution) over(c *Checkpoint) Result {
	for _, v := range c.Live.Masks {
		x.hide(v)
	}
	if err := x.resolveSecrets(x.life); err != nil {
		x.logger().Warn("mask the end of a job that is over", "job", string(x.job.ID()), "err", err)
	}
	if place, ok := x.Executors[c.Place.Executor]; ok {
		if env, err := place.Attach(x.life, c.State.Environment); err == nil {
			x.env = env
		}
	}
	return *c.State.Over
}

func (x *execution) restore(ctx context.Context, c *Checkpoint) error {
	st := c.State
	if c.Version != checkpointVersion || st == nil || c.Job != x.job.ID() {
		return executor.Errorf(fmt.Sprintf("resume job %q", x.job.Leg.Name), executor.Lost, "its checkpoint is of another version or another job: start it again")
	}
	for _, v := range c.Live.Masks { // first of all
		x.hide(v)
	}
	if err := x.resolveSecrets(ctx); err != nil {
		return err
	}
	if err := x.rootScope(); err != nil {
		return err
	}
	if err := x.evaluateDefaults(); err != nil {
		return err
	}
	if err := x.placeSpec(func(string) {}); err != nil {
		return err
	}
	env, err := x.executor.Attach(ctx, st.Environment)
	if err != nil {
		return &executor.Error{
			Op: "resume the job", Kind: executor.Lost, Err: fmt.Errorf("the place of job %q is gone: %s", x.job.Leg.Name, err.Error()), // when nobody followed it: no reason to run it again
			Hint: "start it again: a place lives on for some minutes only when drydock has ended",
		}
	}
	x.env, x.info = env, st.Info
	x.placeContexts()
	x.number = 1
	if err := x.prepareActions(ctx, x.newOutput(1, "", &vars{}, &Effects{})); err != nil {
		return err
	}
	for _, root := range st.Copied {
		x.actions.copied[root] = true
	}
	if err := x.copyActions(ctx, nil); err != nil {
		return err
	}
	if err := x.restoreState(st); err != nil {
		return fmt.Errorf("resume job %q: %w", x.job.Leg.Name, err)
	}
	x.restoreLive(c.Live)
	x.endStray(ctx, c.Live.Stray)
	x.keep.base = st
	return x.reopenServices(ctx, st.Services)
}

func (x *execution) restoreState(st *jobState) error {
	x.number, x.ids, x.idPrefix, x.tracking = st.Number, st.IDs, st.IDPrefix, st.Tracking
	x.jobStatus, x.reason, x.cause, x.results = st.Status, st.Reason, st.Cause, slices.Clone(st.Results)
	x.root.env, x.root.paths, x.root.artifacts = &vars{list: slices.Clone(st.Env)}, slices.Clone(st.Paths), slices.Clone(st.Artifacts)
	x.followToken(st.Token, x.token())
	for _, s := range st.Steps {
		x.root.steps.set(s.ID, stepState{s.Outputs, s.Outcome, s.Conclusion})
	}
	for _, k := range st.Instances {
		inst, err := x.restoreInstance(k, st.Instances)
		if err != nil {
			return err
		}
		x.instances[k.Path] = inst
	}
	for _, k := range st.Posts {
		step := x.stepOf(k.Step)
		posts, err := x.postsOf(k.Instances)
		if err != nil || step == nil {
			return errors.Join(err, fmt.Errorf("the job has no step %q any more", k.Step))
		}
		x.posts = append(x.posts, postGroup{step: step, name: k.Name, posts: posts})
	}
	for _, k := range st.Open {
		if err := x.restoreBackground(k); err != nil {
			return err
		}
	}
	x.checkouts.served = slices.Clone(st.Checkouts)
	x.ending.lines, x.ending.warnings, x.ending.errors = slices.Clone(st.Ending.Lines), slices.Clone(st.Ending.Warnings), slices.Clone(st.Ending.Errors)
	for version, names := range st.Ending.Actions {
		for _, name := range names {
			x.ending.node(name, version)
		}
	}
	return nil
}

func (x *execution) restoreLive(l liveState) {
	x.firstError = l.FirstError
	x.annotated.restore(l.Annotated)
	x.deprecationShown.Store(l.Deprecated)
	if err := x.matchers.add(l.Matchers); err != nil { // they were compiled before
		x.logger().Warn("restore problem matchers", "job", x.job.ID(), "err", err)
	}
}

func (x *execution) stepOf(id string) *plan.Step {
	steps := x.job.Leg.Job.Steps
	for i := range steps {
		if steps[i].ID == id {
			return &steps[i]
		}
	}
	return nil
}

func (x *execution) postsOf(paths []string) ([]post, error) {
	var out []post
	for _, p := range paths {
		inst := x.instances[p]
		if inst == nil {
			return nil, fmt.Errorf("the action of step %q is not known", p)
		}
		out = append(out, post{inst})
	}
	return out, nil
}

// restoreInstance finds the step of an instance again, by its position within
// the composite actions around it.
func (x *execution) restoreInstance(k keptInstance, all []keptInstance) (*instance, error) {
	first, _, _ := strings.Cut(k.Path, "/")
	step, path := x.stepOf(first), first
	for _, i := range k.Position {
		if step == nil {
			break
		}
		a, err := x.actionOf(step, path, all)
		if err != nil {
			return nil, err
		}
		if i >= len(a.manifest.Runs.Steps) {
			step = nil
			break
		}
		step = &a.manifest.Runs.Steps[i]
		path += "/" + step.ID
	}
	if step == nil {
		return nil, fmt.Errorf("the job has no step %q any more", k.Path)
	}
	a, err := x.actionOf(step, k.Path, all)
	if err != nil {
		return nil, err
	}
	inst := &instance{
		path: k.Path, step: step, action: a, position: k.Position, with: k.With, own: k.Own,
		gh: k.GitHub.fields(), state: map[string]string{}, posted: k.Posted,
	}
	for name, v := range k.State {
		inst.state[name] = v
	}
	return inst, nil
}

// actionOf is the action of a step that used it before.
func (x *execution) actionOf(s *plan.Step, path string, all []keptInstance) (*preparedAction, error) {
	ref, err := action.ParseUses(s.Uses)
	if err != nil {
		return nil, err
	}
	ref = x.located(ref)
	if ref.Kind == action.Local {
		for _, k := range all {
			if k.Path == path && k.Manifest != nil {
				return localAction(ref, k.Manifest)
			}
		}
		return nil, fmt.Errorf("the action of step %q is not known", path)
	}
	a, err := x.resolve(x.life, ref)
	if err != nil {
		return nil, err
	}
	return a, x.copyAction(x.life, a)
}

// restoreBackground takes a background step that had ended as it was; the
// effects of one that had not were in the memory of the program that ended.
func (x *execution) restoreBackground(k keptBackground) error {
	step := x.stepOf(k.Step)
	if step == nil {
		return fmt.Errorf("the job has no step %q any more", k.Step)
	}
	b := &backgroundStep{step: step, ref: k.Ref, done: make(chan struct{}), cancel: func(error) {}}
	close(b.done)
	if k.Ended {
		posts, err := x.postsOf(k.Posts)
		if err != nil {
			return err
		}
		b.outcome = stepOutcome{outcome: k.Outcome, conclusion: k.Conclusion, reason: k.Reason, exit: k.Exit, effects: k.Effects}
		b.outcome.effects.Posts = posts
	} else {
		b.outcome = stepOutcome{outcome: plan.Failure, conclusion: plan.Failure, reason: errLost.Error()}
		x.lost = append(x.lost, k.Ref)
	}
	x.open[k.Step] = b
	x.openOrder = append(x.openOrder, k.Step)
	return nil
}

// tellLost shows what could not go on, and sees to it that the next checkpoint
// says so.
func (x *execution) tellLost() {
	if len(x.lost) == 0 {
		return
	}
	for _, ref := range x.lost {
		x.finishStep(StepResult{Step: ref, Outcome: plan.Failure, Conclusion: plan.Failure, Reason: errLost.Error()}, false)
	}
	x.lost = nil
	base := *x.keep.base
	base.Open, base.Results = nil, slices.Clone(x.results)
	for _, id := range x.openOrder {
		base.Open = append(base.Open, x.open[id].kept())
	}
	x.keep.base = &base
}

// portOf is the port of an address.
func portOf(addr string) (int, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}

// endStray ends the processes of background steps, which nobody follows any
// more.
func (x *execution) endStray(ctx context.Context, ids []executor.ProcessID) {
	for _, id := range ids {
		p, err := x.env.AttachProcess(ctx, id, 0, func(int64, []byte) {})
		if err != nil {
			continue // it has ended, or is in a container beside, which goes with the place
		}
		_ = p.Signal(ctx, executor.Kill)
	}
}

// reopenServices makes the job's token and address good again. What it had
// under way when the program ended is lost.
func (x *execution) reopenServices(ctx context.Context, s keptServices) error {
	if s.Addr == "" || x.Services == nil {
		return nil
	}
	again, ok := x.Services.(Reopener)
	if !ok {
		x.emitNotice("The services for caches and artifacts do not know this job any more: steps that use them fail.")
		return nil
	}
	ends, err := again.Reopen(ctx, x.job, s.Token)
	if err != nil {
		return executor.Errorf(fmt.Sprintf("open the services of job %q", x.job.Leg.Name), executor.Failed, "%w", err)
	}
	x.hide(ends.Token)
	x.serving.ends = ends
	port, err := portOf(s.Addr)
	if err == nil {
		x.serving.addr, err = x.env.Expose(ctx, port, x.serve)
	}
	if err != nil {
		x.serving.addr = ""
		x.emitNotice("The services for caches and artifacts cannot be reached from this job any more: " + err.Error())
		return nil //nolint:nilerr // most jobs can do without, as at their start
	}
	if x.serving.addr != s.Addr {
		x.emitNotice("The services for caches and artifacts have another address now: the step that runs has the old one.")
	}
	return nil
}

func (x *execution) emitNotice(text string) {
	x.sink.Emit(Noticed{Time: time.Now(), Level: command.LevelWarning, Text: text})
}
