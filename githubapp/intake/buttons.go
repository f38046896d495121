package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// The identifiers of the buttons that our check runs may have (requested_action).
const (
	ButtonRerun       = "rerun"        // the job again
	ButtonRerunFailed = "rerun-failed" // of the run all that failed
	ButtonCancel      = "cancel"
	ButtonApprove     = "approve" // the run of a fork
)

// checkPart is a check run or a check suite.
type checkPart struct {
	ID      int64
	HeadSHA string `json:"head_sha"`
	App     struct{ ID int64 }
}

// press handles a button at GitHub: "re-run" of a check run or of all checks, or
// one of our own. It counts only for what this App made, and from a person who may
// write to the repository.
func (i *Intake) press(ctx context.Context, d store.Delivery, h head) error {
	var p struct {
		CheckRun   *checkPart                  `json:"check_run"`
		CheckSuite *checkPart                  `json:"check_suite"`
		Requested  struct{ Identifier string } `json:"requested_action"`
	}
	if err := json.Unmarshal(d.Body, &p); err != nil {
		return ignored("the payload is not one of %s: %v", d.Event, err)
	}
	part := p.CheckRun
	if d.Event == "check_suite" {
		part = p.CheckSuite
	}
	switch {
	case part == nil || part.HeadSHA == "":
		return ignored("the payload names no check")
	case part.App.ID == 0 || part.App.ID != i.o.AppID:
		return ignored("the check is another App's")
	case h.Repository.ID == 0 || h.Installation.ID == 0:
		return ignored("the payload names no repository of an installation")
	}
	level, person, err := i.o.Reader.Permission(ctx, h.ref(), h.Sender.Login)
	if err != nil {
		return err
	}
	if h.Sender.ID == 0 || person.ID != h.Sender.ID || level != "write" && level != "admin" {
		return ignored("%q may not write to %s", h.Sender.Login, h.ref().FullName())
	}
	by := h.Sender.actor()
	runs, err := i.o.Store.ListRuns(ctx, store.RunFilter{Repository: h.Repository.ID, HeadSHA: part.HeadSHA, Limit: 500})
	if err != nil {
		return err
	}
	if d.Event == "check_suite" {
		return i.rerunAll(ctx, runs, by)
	}
	run, job, err := i.checked(ctx, runs, part.ID)
	if err != nil {
		return err
	}
	if run == nil {
		return ignored("check run %d belongs to no run that is kept", part.ID)
	}
	button := p.Requested.Identifier
	if h.Action == "rerequested" {
		button = ButtonRerun
	}
	switch button {
	case ButtonRerun, ButtonRerunFailed:
		r := queue.RerunRequest{What: queue.All, By: by}
		switch {
		case button == ButtonRerunFailed:
			r.What = queue.Failed
		case job != "":
			r.What, r.Job = queue.Job, job
		}
		attempt, err := i.o.Queue.Rerun(ctx, run.ID, r)
		return pressed(err, "run %d begins attempt %d", run.ID, attempt)
	case ButtonCancel:
		err := i.o.Queue.Cancel(ctx, run.ID, by, "cancelled by "+by.Login+" at GitHub", false)
		return pressed(err, "run %d is cancelled", run.ID)
	case ButtonApprove:
		err := i.o.Queue.Approve(ctx, store.Approval{Run: run.ID, SHA: part.HeadSHA, By: by, Verdict: store.Approved})
		return pressed(err, "run %d is approved", run.ID)
	}
	return ignored("there is no button %q", button)
}

// checked finds the run, and the job if it is a job's, that a check run shows.
func (i *Intake) checked(ctx context.Context, runs []store.Run, check int64) (*store.Run, plan.LegID, error) {
	for n := range runs {
		if runs[n].CheckRun == check {
			return &runs[n], "", nil
		}
	}
	for n := range runs {
		jobs, err := i.o.Store.ListJobs(ctx, runs[n].ID, 0)
		if err != nil {
			return nil, "", err
		}
		for _, j := range jobs {
			if j.CheckRun == check {
				return &runs[n], j.Job, nil
			}
		}
	}
	return nil, "", nil
}

// rerunAll begins another attempt of every run of a commit that has ended.
func (i *Intake) rerunAll(ctx context.Context, runs []store.Run, by store.Actor) error {
	n := 0
	for _, r := range runs {
		if r.State != store.Completed {
			continue
		}
		_, err := i.o.Queue.Rerun(ctx, r.ID, queue.RerunRequest{What: queue.All, By: by})
		switch {
		case err == nil:
			n++
		case !refusal(err):
			return err
		}
	}
	return done("%d runs begin again", n)
}

// pressed is the fate of a button. A second delivery of one press finds the work
// done, which is no failure.
func pressed(err error, format string, args ...any) error {
	switch {
	case err == nil:
		return done(format, args...)
	case refusal(err):
		return ignored("%v", err)
	}
	return fmt.Errorf("press a button: %w", err)
}

func refusal(err error) bool {
	for _, known := range []error{
		queue.ErrNotCompleted, queue.ErrCompleted, queue.ErrNothing, queue.ErrNotWaiting, queue.ErrNotReviewer,
		store.ErrNotFound, store.ErrWrongCommit,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
