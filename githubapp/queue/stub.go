package queue

import (
	"context"
	"errors"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
)

type lease struct{}

var errNotYet = errors.New("not built yet")

// Create makes runs and settles the delivery that they came of, in one
// transaction, and begins them.
func (q *Queue) Create(ctx context.Context, s store.Settlement, runs []Planned) ([]store.Made, error) {
	return nil, errNotYet
}

// Advance does what is next for a run. It may be called at any time.
func (q *Queue) Advance(ctx context.Context, id store.RunID) error { return errNotYet }

// Run looks after what nobody moves on, until ctx ends.
func (q *Queue) Run(ctx context.Context) error { return errNotYet }

// Source gives this process's workers their jobs.
func (q *Queue) Source() runner.Source { return nil }

// Checkpoints keeps the checkpoints of the Source's jobs.
func (q *Queue) Checkpoints() runner.Checkpoints { return nil }

// Cancel cancels a run; force also what a cancelled run lets go on.
func (q *Queue) Cancel(ctx context.Context, id store.RunID, by store.Actor, reason string, force bool) error {
	return errNotYet
}

// Rerun begins another attempt of a completed run and tells its number.
func (q *Queue) Rerun(ctx context.Context, id store.RunID, r RerunRequest) (attempt int, err error) {
	return 0, errNotYet
}

// Approve records a verdict on a run that waits for it and moves the run on.
func (q *Queue) Approve(ctx context.Context, a store.Approval) error { return errNotYet }
