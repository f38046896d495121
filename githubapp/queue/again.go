package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner/history"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Cancel cancels a run; force also what a cancelled run lets go on (`if:
// always()`). Of a run that has not begun, or waits for approval, nothing runs.
func (q *Queue) Cancel(ctx context.Context, id store.RunID, by store.Actor, reason string, force bool) error {
	if reason == "" {
		reason = "cancelled"
		if by.Login != "" {
			reason += " by " + by.Login
		}
	}
	err := q.move(ctx, id, func(ctx context.Context, t *turn) error {
		if t.run.State == store.Completed {
			return ErrCompleted
		}
		return t.cancel(ctx, reason, force)
	})
	if err != nil {
		return fmt.Errorf("cancel run %d: %w", id, err)
	}
	return nil
}

// Rerun begins another attempt of a run that has ended, and tells its number.
// Jobs that do not run again keep their results. Approvals of environments are
// to be given again; a run that was never approved still has to be.
func (q *Queue) Rerun(ctx context.Context, id store.RunID, r RerunRequest) (int, error) {
	attempt := 0
	err := q.move(ctx, id, func(ctx context.Context, t *turn) error {
		if t.run.State != store.Completed {
			return ErrNotCompleted
		}
		if t.p.Unplanned {
			return errors.New("its workflow cannot be planned: a new commit is needed")
		}
		taken, err := t.reuse(ctx, r)
		if err != nil {
			return err
		}
		attempt = t.run.Attempt + 1
		*t.run = store.Run{
			ID: t.run.ID, Number: t.run.Number, Version: t.run.Version, Attempt: attempt, State: store.Queued, Title: t.run.Title,
			Installation: t.run.Installation, Repository: t.run.Repository, RepositoryName: t.run.RepositoryName, Workflow: t.run.Workflow, Name: t.run.Name,
			Event: t.run.Event, Action: t.run.Action, Ref: t.run.Ref, SHA: t.run.SHA, HeadSHA: t.run.HeadSHA, HeadRef: t.run.HeadRef,
			Actor: t.run.Actor, Zone: t.run.Zone, Created: t.run.Created, Plan: t.run.Plan,
		}
		if t.run.Progress, err = encode(progress{Gate: t.p.Gate, Taken: taken, Debug: r.Debug, By: r.By, Since: t.now()}); err != nil {
			return err
		}
		again, err := q.open(t.run)
		if err != nil {
			return err
		}
		t.plan, t.state, t.p = again.plan, again.state, again.p
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("run %d again: %w", id, err)
	}
	return attempt, nil
}

// reuse are the results that the next attempt takes over.
func (t *turn) reuse(ctx context.Context, r RerunRequest) (map[plan.LegID]takenOver, error) {
	var s history.Selection
	switch r.What {
	case All:
		return nil, nil
	case Failed:
		s.Failed = true
	case Job:
		s.Jobs = []string{string(r.Job)}
	default:
		return nil, fmt.Errorf("%q is no choice of jobs: use %q, %q or %q", r.What, All, Failed, Job)
	}
	rows, err := t.q.Store.ListJobs(ctx, t.run.ID, t.run.Attempt)
	if err != nil {
		return nil, err
	}
	outputs := map[plan.LegID]map[string]string{}
	for _, e := range t.p.Log {
		outputs[e.Leg] = e.Outputs
	}
	var jobs []*history.Job
	bad := false
	for _, j := range rows {
		jobs = append(jobs, &history.Job{ID: j.Job, Conclusion: j.Conclusion, Outputs: outputs[j.Job], Started: j.Started, Finished: j.Finished})
		bad = bad || j.Conclusion == plan.Failure || j.Conclusion == plan.Cancelled
	}
	if s.Failed && !bad {
		return nil, fmt.Errorf("no job failed or was cancelled: %w", ErrNothing)
	}
	results, err := history.Reuse(t.plan, jobs, s)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNothing, err)
	}
	taken := map[plan.LegID]takenOver{}
	for id, result := range results {
		reason := takenFrom(t.run.Attempt)
		if before, ok := t.p.Taken[id]; ok {
			reason = before.Reason // it ran in that attempt
		}
		taken[id] = takenOver{Conclusion: result.Conclusion, Outputs: result.Outputs, Reason: reason, Started: result.Started, Finished: result.Finished}
	}
	return taken, nil
}
