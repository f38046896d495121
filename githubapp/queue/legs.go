package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

// maxName bounds the texts of an index, in bytes; the store takes a little more.
const maxName = 1000

// releaseLegs looks at the legs that are held: each is queued once it has its
// concurrency groups, then its environment, then a place.
func (t *turn) releaseLegs(ctx context.Context) error {
	for again := true; again; {
		again = false
		for _, leg := range t.state.Running() {
			h := t.p.Held[leg.ID]
			if h == nil {
				continue
			}
			was := *h
			more, ended, err := t.releaseLeg(ctx, leg, h)
			if err != nil {
				return fmt.Errorf("job %q: %w", leg.ID, err)
			}
			if ended {
				if err := t.handle(ctx, more); err != nil {
					return err
				}
				again = true
				break // what runs is another list now
			}
			if t.p.Held[leg.ID] != nil && (was.State != h.State || was.Reason != h.Reason) {
				j, err := t.row(ctx, leg.ID)
				if err != nil {
					return err
				}
				j.State, j.Reason, j.Environment = h.State, h.Reason, h.Environment
				t.put(j)
			}
		}
	}
	return nil
}

// releaseLeg brings a leg as far as it gets. Ended tells that it is over, and
// what was decided by that.
func (t *turn) releaseLeg(ctx context.Context, leg *plan.Leg, h *held) (more []plan.Decision, ended bool, err error) {
	fail := func(c plan.Conclusion, format string, args ...any) ([]plan.Decision, bool, error) {
		more, err := t.end(ctx, leg, c, nil, fmt.Sprintf(format, args...))
		return more, true, err
	}
	ok, displaced, err := t.takeGroups(ctx, leg, h)
	if displaced != "" {
		return fail(plan.Cancelled, "a newer job took its place in concurrency group '%s'", displaced)
	}
	if err != nil || !ok {
		return nil, false, err
	}
	if h.Environment == "" {
		name, err := environmentOf(leg)
		if err == nil && len(name) > maxEnvironment {
			err = fmt.Errorf("the name %.40q... has more than %d bytes", name, maxEnvironment)
		}
		if err != nil {
			return fail(plan.Failure, "environment of job %q: %v", leg.Name, err)
		}
		h.Environment = name
	}
	if h.Environment != "" {
		ok, refused, err := t.mayUse(ctx, h)
		if refused != "" {
			return fail(plan.Failure, "%s", refused)
		}
		if err != nil || !ok {
			return nil, false, err
		}
	}
	job, group, labels, err := t.job(ctx, leg, h)
	if err != nil {
		return fail(plan.Failure, "%v", err)
	}
	if job == nil {
		return nil, false, nil // later
	}
	return nil, false, t.enqueue(ctx, job, h, group, labels)
}

// maxEnvironment is how long the name of an environment may be (GitHub docs:
// managing environments for deployment).
const maxEnvironment = 255

// environmentOf is the name of the environment that the leg asks for.
func environmentOf(leg *plan.Leg) (string, error) {
	n := leg.Job.Environment
	if n == nil || n.IsNull() {
		return "", nil
	}
	if n.Kind == workflow.Mapping {
		n = n.Lookup("name")
	}
	v, err := template.Eval(n, expr.Scope{Contexts: leg.Contexts})
	if err != nil {
		return "", err
	}
	if v.Kind() == expr.KindObject { // an expression may yield the mapping as well
		v, _ = v.Lookup("name")
	}
	return strings.TrimSpace(v.Text()), nil
}

// job makes the message; nil when something cannot be known now.
func (t *turn) job(ctx context.Context, leg *plan.Leg, h *held) (job *runner.Job, group string, labels []string, err error) {
	failed := &local.PlaceError{File: leg.Source.String(), Pos: leg.Job.Pos, Job: leg.Name}
	if leg.Job.RunsOn != nil {
		failed.Pos = leg.Job.RunsOn.Pos
	}
	labels, group, failed.Err = local.RunsOn(leg)
	failed.Labels = labels
	if failed.Err == nil && len(labels) == 0 && group == "" {
		failed.Err = local.UnknownLabel(nil, "")
	}
	if failed.Err == nil && len(group)+len(store.LabelSet(labels)) > maxName-100 {
		failed.Err = fmt.Errorf("its labels have more than %d bytes: use fewer or shorter ones", maxName-100)
	}
	if failed.Err != nil {
		return nil, "", nil, failed
	}
	place, err := t.q.Place(leg, labels, group)
	if err != nil {
		failed.Err = err
		return nil, "", nil, failed
	}
	if place.Labels == nil {
		place.Labels = labels
	}
	job = &runner.Job{
		Leg: *leg, Place: place, Checkout: runner.Checkout{Repository: t.run.RepositoryName}, Debug: t.p.Debug,
	}
	setText(&job.Run, runName(t.run.ID, t.run.Attempt))
	if h.Environment != "" && t.q.Variables != nil {
		vars, err := t.q.Variables(ctx, t.run, h.Environment)
		if err != nil {
			h.State, h.Reason = store.Waiting, fmt.Sprintf("the variables of environment %q cannot be read: %v", h.Environment, err)
			t.lookAt(t.now().Add(t.q.again))
			return nil, "", nil, nil
		}
		job.Leg.Contexts = withVariables(leg.Contexts, vars)
	}
	return job, group, labels, nil
}

// setText sets an id whose type is of packages that the App does not see.
func setText[T ~string](id *T, text string) { *id = T(text) }

func withVariables(contexts map[string]expr.Value, vars map[string]string) map[string]expr.Value {
	if len(vars) == 0 {
		return contexts
	}
	all := map[string]expr.Value{}
	for name, v := range contexts {
		all[name] = v
	}
	for _, p := range sortedPairs(vars) {
		all["vars"] = all["vars"].With(p[0], expr.String(p[1]))
	}
	return all
}

// The priorities of jobs: somebody waits for what was asked for again.
const (
	ordinary = 0
	asked    = 10
)

func (t *turn) enqueue(ctx context.Context, job *runner.Job, h *held, group string, labels []string) error {
	message, err := json.Marshal(job)
	if err != nil {
		return fmt.Errorf("write the message of the job: %w", err)
	}
	j, err := t.row(ctx, job.ID())
	if err != nil {
		return err
	}
	if len(labels) == 0 {
		labels = []string{"group:" + group}
	}
	j.Name, j.Labels, j.Environment = job.Leg.Name, labels, h.Environment
	j.State, j.Reason, j.Queued, j.Message = store.Queued, "", t.now(), message
	t.put(j)
	priority := ordinary
	if t.run.Attempt > 1 {
		priority = asked
	}
	t.change.Enqueue = append(t.change.Enqueue, store.Item{
		Key: store.JobKey{Run: t.run.ID, Attempt: t.run.Attempt, Job: job.ID()}, Labels: labels, Priority: priority,
	})
	delete(t.p.Held, job.ID())
	return nil
}
