package checks

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// What saves requests: the hourly budget is the same for all runs of an
// installation, and how jobs ended counts more than how they waited.
const (
	// shownQueued is how many jobs of a run get a check run before they begin.
	shownQueued = 100
	// With less than a spareShare of the budget left, only ends are told.
	spareShare = 4
	spareWait  = time.Minute
	// oneTurn is how many check runs are told before others have their turn, and the
	// run is looked at anew.
	oneTurn = 50
)

// thrifty puts what ended first, and leaves out entries that can wait. Again is when to look at them, 0 for
// when the run changes.
func (r *Reporter) thrifty(run *store.Run, entries []entry) (kept []entry, again time.Duration) {
	spare := false
	if r.Budget != nil {
		remaining, limit := r.Budget(run.Installation)
		spare = limit > 0 && remaining < limit/spareShare
	}
	order := []string{"completed", "in_progress", "queued"}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return slices.Index(order, a.status) - slices.Index(order, b.status)
	})
	queued := 0
	kept = slices.DeleteFunc(entries, func(e entry) bool {
		switch {
		case e.status == "completed":
			return false
		case spare:
			again = spareWait
			return true
		case e.status == "queued":
			queued++
			return e.check == 0 && queued > shownQueued
		}
		return false
	})
	return kept, again
}

// holdOff remembers that GitHub takes no requests of an installation for a while.
func (r *Reporter) holdOff(ctx context.Context, installation int64, err error) {
	until := limitedUntil(err)
	if until.IsZero() && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		until = r.Now().Add(oneRequest) // the request was held back, or GitHub is that slow
	}
	if until.IsZero() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held[installation] = until
}

// heldFor is for how long GitHub takes no requests of an installation.
func (r *Reporter) heldFor(installation int64) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := r.held[installation].Sub(r.Now())
	if wait <= 0 {
		delete(r.held, installation)
		return 0
	}
	return wait
}
