package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/event"
)

// source is a header that no webhook can carry (package webhook keeps others): it
// marks a delivery that was made here, and says by what.
const source = "Drydock-Source"

// taint is one more: the delivery tells of a run that had to do with a stranger, so
// what it starts is trusted no more than that.
const taint = "Drydock-Taint"

// What makes deliveries of its own.
const (
	fromSchedule = "schedule"
	fromRun      = "run"
	fromRepair   = "repair"
	fromServices = "services"
)

// handle works on one claimed delivery. Nil: it was settled together with its runs;
// else the error is its fate (ended), or why it could not be had.
func (i *Intake) handle(ctx context.Context, d store.Delivery) error {
	if len(d.Body) == 0 {
		return &ended{fate: store.Failed, reason: "its bytes were dropped"}
	}
	h, err := readHead(d.Body)
	if err != nil {
		return &ended{fate: store.Failed, reason: err.Error()}
	}
	if h.Repository.ID != 0 && h.Installation.ID != 0 {
		if err := i.remember(ctx, d, h); err != nil {
			return err
		}
	}
	switch d.Event {
	case "installation", "installation_repositories", "installation_target", "repository":
		return i.keep(ctx, d, h)
	case "check_run", "check_suite":
		if h.Action == "rerequested" || h.Action == "requested_action" {
			return i.press(ctx, d, h)
		}
	}
	names := event.Names(d.Event)
	ours := d.Headers[source]
	switch {
	case len(names) == 0:
		return ignored("%s starts no workflow", d.Event)
	case d.Event == "workflow_run" && ours != fromRun:
		return ignored("GitHub Actions tells of its own run; runs of this server tell of themselves")
	case d.Event == "schedule" && ours != fromSchedule:
		return ignored("schedules are kept by this server itself")
	case h.Repository.ID == 0 || h.Repository.Owner.Login == "" || h.Repository.Name == "":
		return ignored("the payload names no repository")
	case h.Installation.ID == 0:
		return ignored("the payload names no installation: the webhook is not the App's")
	case h.Repository.Archived || h.Repository.Disabled:
		return ignored("the repository is archived or disabled")
	case (ours == "" || ours == fromRepair) && i.own(h.Sender) && d.Event != "workflow_dispatch" && d.Event != "repository_dispatch":
		// GitHub docs: actions/concepts/security/github_token: events that the token
		// causes start no runs, but for the two dispatches
		if err := i.noteMove(ctx, d, h); err != nil {
			return err
		}
		return ignored("it was caused with a job's token, which starts no workflows")
	}
	if ours == fromServices {
		return i.planServices(ctx, d, h)
	}
	var runs []queue.Planned
	var why []Why
	var reasons []string
	for _, name := range names {
		got, more, err := i.planEvent(ctx, name, d, h)
		var end *ended
		switch {
		case asEnded(err, &end) && end.fate == store.Ignored:
			reasons = append(reasons, end.reason) // of one of the two events of a pull request
			why = append(why, Why{Event: name, Reasons: []string{end.reason}})
		case repository.KindOf(err) == repository.Gone:
			return errors.Join(err, i.off(ctx, h.Repository.ID, h.Installation.ID, offDeleted))
		case err != nil:
			return err
		}
		runs, why = append(runs, got...), append(why, more...)
	}
	if err := i.noteWhy(ctx, d.ID, why); err != nil {
		return err
	}
	if len(runs) == 0 {
		if len(reasons) == 0 {
			reasons = []string{nothing(names, why)}
		}
		if at := slices.IndexFunc(why, isServices); at >= 0 {
			return done("%s; %s", strings.Join(slices.Compact(reasons), "; "), why[at].Reasons[0])
		}
		return ignored("%s", strings.Join(slices.Compact(reasons), "; "))
	}
	made, err := i.o.Queue.Create(ctx, store.Settlement{Delivery: d.ID, Attempt: d.Attempts, Fate: store.Planned, Reason: counted(runs)}, runs)
	if err != nil {
		return err
	}
	i.requested(ctx, made)
	for n, m := range made {
		for w := range why {
			if n < len(runs) && why[w].Workflow == runs[n].Run.Workflow && why[w].Event == runs[n].Run.Event {
				why[w].Run = m.ID
			}
		}
	}
	if err := i.noteWhy(ctx, d.ID, why); err != nil {
		i.log.WarnContext(ctx, "note which runs came of a delivery", "delivery", string(d.ID), "error", err)
	}
	return nil
}

// own tells whether the sender is the App itself. No account of a person can have
// brackets in its name.
func (i *Intake) own(sender account) bool {
	return i.o.Slug != "" && strings.EqualFold(sender.Login, i.o.Slug+"[bot]")
}

func nothing(names []string, why []Why) string {
	why = slices.DeleteFunc(slices.Clone(why), isServices)
	if len(why) == 0 {
		return "the commit has no workflows"
	}
	return fmt.Sprintf("none of the %d workflows runs for %s", len(why)/len(names), strings.Join(names, " or "))
}

func counted(runs []queue.Planned) string {
	if len(runs) == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs", len(runs))
}

// planEvent plans what one event of `on:` starts.
func (i *Intake) planEvent(ctx context.Context, name string, d store.Delivery, h head) ([]queue.Planned, []Why, error) {
	c, err := newCause(name, d, h)
	if err != nil {
		return nil, nil, &ended{fate: store.Failed, reason: err.Error()}
	}
	if repaired, err := i.repaired(ctx, d, c); err != nil || repaired {
		if err == nil {
			err = ignored("it was taken for lost, and %s is planned already", short(c.facts.After))
		}
		return nil, nil, err
	}
	if c.facts.Event.Inert != "" {
		return nil, nil, ignored("%s: this starts no workflow", c.facts.Event.Inert)
	}
	if name == "workflow_run" {
		if c.level = levelOf(d.ID); c.level > maxLevels {
			return nil, nil, ignored("workflow_run has started %d workflows one after the other: GitHub allows no more", maxLevels)
		}
	}
	if err := i.locate(ctx, c); err != nil {
		return nil, nil, err
	}
	handed, err := i.handServices(ctx, d, c)
	if err != nil {
		return nil, nil, err
	}
	runs, why, err := i.planAll(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	why = append(why, handed...)
	if name == "push" && c.ref == "refs/heads/"+c.facts.DefaultBranch {
		err = i.learn(ctx, c)
	}
	return runs, why, err
}
