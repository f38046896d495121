package checks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/intake"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/services"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// entry is one check run as it should be.
type entry struct {
	key   store.JobKey // Job "": the run's own
	check int64        // as the store knows it
	state string       // what is to be said: another word, another request
	view
}

// view is what GitHub is told besides the output.
type view struct {
	name       string
	status     string // queued, in_progress, completed
	conclusion string
	title      string
	text       string // in front of the summary
	started    time.Time
	finished   time.Time
	buttons    []button
	output     bool // of the events of the stream
}

// report brings the check runs of a run up to date. Again is when something is to
// be said later, 0 for not by itself.
func (r *Reporter) report(ctx context.Context, id store.RunID) (again time.Duration, err error) {
	run, err := r.Store.Run(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return 0, r.forget(ctx, id)
	}
	if err != nil {
		return 0, err
	}
	jobs, err := r.Store.ListJobs(ctx, id, 0)
	if err != nil {
		return 0, err
	}
	entries, again := r.entries(run, jobs)
	entries, later := r.thrifty(run, entries)
	if later > 0 && (again == 0 || later < again) {
		again = later
	}
	known, raw, err := r.readRecord(ctx, id)
	if err != nil {
		return 0, err
	}
	ended := run.State == store.Completed && again == 0
	if raw == nil && ended && !missing(entries) {
		return 0, nil // all was said
	}
	if wait := max(known.NotBefore.Sub(r.Now()), r.heldFor(run.Installation)); wait > 0 {
		return wait, nil
	}
	if !known.anyDue(entries, run.Attempt) && (!ended || !known.closes(run.Finished, r.Now())) {
		if again == 0 && !ended {
			r.noteTold(id, run.Version)
		}
		return again, nil
	}
	s, err := r.claim(ctx, id)
	if errors.Is(err, errClaimed) {
		return claimFor / 3, nil
	}
	if err != nil {
		return 0, err
	}
	err = r.tell(ctx, s, run, entries)
	if errors.Is(err, errClaimed) { // we were too slow, and another goes on
		return claimFor / 3, nil
	}
	if errors.Is(err, errTurn) {
		again, ended, err = time.Millisecond, false, nil
	}
	r.holdOff(ctx, run.Installation, err)
	done := err == nil && ended && s.closes(run.Finished, r.Now())
	switch {
	case isGone(err):
		// It may come back: a suspended installation, a permission that is still to
		// be granted, a key that was wrong.
		wait := min(deepScan, time.Minute<<min(s.Gone, 8))
		s.Gone, s.NotBefore = s.Gone+1, r.Now().Add(wait).UTC()
		done = run.State == store.Completed && run.Finished.Before(r.Now().Add(-recent))
		r.Log.Warn("a run cannot be reported", "run", id, "again", wait, "given up", done, "err", err)
		if again, err = wait, nil; done {
			again = 0
		}
	case err == nil:
		s.Gone, s.NotBefore = 0, time.Time{}
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if leave := s.leave(closing, done); err == nil && !errors.Is(leave, errClaimed) {
		err = leave
	}
	if err == nil && again == 0 && run.State != store.Completed {
		r.noteTold(id, run.Version)
	}
	return again, err
}

// forget drops the record of a run that is no longer kept.
func (r *Reporter) forget(ctx context.Context, id store.RunID) error {
	old, err := r.Store.Value(ctx, recordName(id))
	if err != nil || old == nil {
		return err
	}
	return r.Store.SwapValue(ctx, recordName(id), old, nil)
}

// isGone tells errors that another try does not heal soon.
func isGone(err error) bool {
	return errors.Is(err, errNoCommit) || errors.Is(err, auth.ErrNoAccess) || statusOf(err) == 404 || statusOf(err) == 410 || statusOf(err) == 403 && limitedUntil(err).IsZero()
}

// missing tells whether a check run was never made.
func missing(entries []entry) bool {
	for _, e := range entries {
		if e.check == 0 {
			return true
		}
	}
	return false
}

// entries are the check runs that a run should have by now.
func (r *Reporter) entries(run *store.Run, jobs []store.Job) (all []entry, again time.Duration) {
	if e, ok := r.whole(run, jobs); ok {
		all = append(all, e)
	}
	for _, j := range jobs {
		// What an attempt took over was said when it ran.
		if j.Attempt > 1 && strings.HasPrefix(j.Reason, "taken from attempt ") {
			continue
		}
		e, wait := r.job(run, j)
		all = append(all, e)
		if wait > 0 && (again == 0 || wait < again) {
			again = wait
		}
	}
	return all, again
}

// whole is the check run of the run itself: while it waits for an approval or a
// review, when it cannot be planned, and once made until it ends. It stays completed
// for good, since GitHub documents no way back.
func (r *Reporter) whole(run *store.Run, jobs []store.Job) (entry, bool) {
	e := entry{key: store.JobKey{Run: run.ID, Attempt: run.Attempt}, check: run.CheckRun}
	e.name, e.started, e.finished = run.Name, run.Started, run.Finished
	if run.Event != "" {
		e.name += " (" + run.Event + ")"
	}
	reviews := waitForReview(run, jobs)
	switch {
	case len(reviews) > 0:
		e.status, e.conclusion, e.title, e.text = "completed", "action_required", "Waiting for a review", strings.Join(reviews, "\n")
	case run.State == store.Waiting && len(jobs) == 0:
		e.status, e.conclusion, e.title = "completed", "action_required", "Waiting for approval"
		e.text = escape(run.Reason)
		e.buttons = []button{{"Approve", "Run the workflow of this commit", intake.ButtonApprove}, {"Cancel", "Do not run it", intake.ButtonCancel}}
	case run.State == store.Completed && run.Conclusion == plan.Failure && len(jobs) == 0:
		e.status, e.conclusion, e.title, e.text, e.output = "completed", "failure", "The workflow cannot run", escape(run.Reason), true
	case run.CheckRun == 0:
		return e, false
	case run.State == store.Completed && len(jobs) == 0:
		e.status, e.conclusion, e.title, e.text = "completed", conclusionOf(run.Conclusion), "The run ended", escape(run.Reason)
	default:
		e.status, e.conclusion, e.title = "completed", "neutral", "The run goes on"
		if len(jobs) == 0 {
			e.text = escape(run.Reason)
		}
		if run.State == store.Completed {
			e.title = "The run ended"
		}
	}
	e.state = stateOf(e.view)
	return e, true
}

// waitForReview says of each job that waits for a reviewer which it is and for whom.
func waitForReview(run *store.Run, jobs []store.Job) (all []string) {
	for _, j := range jobs {
		if j.Attempt == run.Attempt && j.State == store.Waiting && strings.HasPrefix(j.Reason, queue.ReviewReason) {
			all = append(all, fmt.Sprintf("- %s %s", escape(clip(j.Name, 200)), escape(j.Reason)))
		}
	}
	return all
}

// job is the check run of a job.
func (r *Reporter) job(run *store.Run, j store.Job) (e entry, wait time.Duration) {
	e.key, e.check = j.JobKey, j.CheckRun
	e.name = run.Name + " / " + j.Name
	if run.Event != "" {
		e.name += " (" + run.Event + ")"
	}
	e.started, e.finished = j.Started, j.Finished
	switch j.State {
	case store.Completed:
		e.status, e.conclusion = "completed", conclusionOf(j.Conclusion)
		e.title, e.text, e.output = endTitle(j), escape(j.Reason), true
		if run.Workflow == services.File && j.Conclusion == plan.Skipped {
			// A service that the change has nothing to do with: neither made nor left out.
			e.conclusion = "neutral"
			if reason := strings.Join(strings.Fields(j.Reason), " "); reason != "" {
				e.title = reason
			}
		}
		e.buttons = []button{{"Run again", "Run this job and what depends on it", intake.ButtonRerun}}
		if j.Conclusion == plan.Failure || j.Conclusion == plan.Cancelled {
			e.buttons = append(e.buttons, button{"Run failed again", "All failed jobs of the run", intake.ButtonRerunFailed})
		}
	case store.InProgress:
		e.status, e.title = "in_progress", "In progress"
		e.buttons = []button{{"Cancel", "Cancel the whole run", intake.ButtonCancel}}
		if age := r.Now().Sub(j.Started); age < brief && !j.Started.IsZero() { // it may be over in a moment
			e.status, e.title, wait = "queued", "Queued", brief-age
		}
	case store.Waiting, store.PendingRun:
		e.status, e.title, e.text = "queued", "Waiting", escape(j.Reason)
		if j.Reason != "" {
			e.title = j.Reason
		}
		e.buttons = []button{{"Cancel", "Cancel the whole run", intake.ButtonCancel}}
	default:
		e.status, e.title = "queued", "Queued"
		e.buttons = []button{{"Cancel", "Cancel the whole run", intake.ButtonCancel}}
	}
	e.state = stateOf(e.view)
	return e, wait
}

// stateOf is one word for all that a reader sees of a state.
func stateOf(c view) string {
	state := c.status
	if c.conclusion != "" {
		state += "/" + c.conclusion
	}
	if (c.status == "queued" || c.conclusion == "action_required") && c.text != "" {
		state += "/" + c.text
	}
	return state
}

// conclusionOf is GitHub's word.
func conclusionOf(c plan.Conclusion) string {
	switch c {
	case plan.Success, plan.Cancelled, plan.Skipped:
		return string(c)
	}
	return "failure"
}

func endTitle(j store.Job) string {
	word := map[plan.Conclusion]string{plan.Success: "Passed", plan.Failure: "Failed", plan.Cancelled: "Cancelled", plan.Skipped: "Skipped"}[j.Conclusion]
	if word == "" {
		word = "Ended"
	}
	if j.Started.IsZero() || j.Finished.IsZero() || j.Conclusion == plan.Skipped {
		return word
	}
	return fmt.Sprintf("%s in %s", word, duration(j.Finished.Sub(j.Started)))
}

func duration(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
