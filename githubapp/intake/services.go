package intake

import (
	"context"
	"errors"
	"fmt"

	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/services"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow"
)

// Services plans the services that repositories declare.
type Services interface {
	// Declares tells whether a commit declares services.
	Declares(ctx context.Context, ref repository.Ref, sha string) (bool, error)
	// Plan plans them; found is false when there are none.
	Plan(ctx context.Context, c services.Cause) (planned queue.Planned, found bool, err error)
}

// servicesSuffix ends the name of the delivery that has the services of another one
// planned.
const servicesSuffix = "/services"

// handServices stores a delivery of its own for the services of a commit, so that
// workflows need not wait until the repository is on this server. Stored twice it is
// one.
func (i *Intake) handServices(ctx context.Context, d store.Delivery, c *cause) ([]Why, error) {
	if i.o.Services == nil || c.name != "push" && c.name != "pull_request" {
		return nil, nil
	}
	w, err := services.Workflow()
	if err != nil {
		return nil, err
	}
	if _, runs := judge(parsed{path: services.File, w: w}, c); !runs { // a label, a merge: not worth a question
		return nil, nil
	}
	declares, err := i.o.Services.Declares(ctx, c.repo, c.sha)
	if err != nil || !declares {
		return nil, err
	}
	id := d.ID + servicesSuffix
	err = i.add(ctx, store.Delivery{ID: id, Event: d.Event, Headers: map[string]string{source: fromServices}, Body: d.Body, Received: i.o.Now()})
	return []Why{{Workflow: services.File, Event: c.name, Reasons: []string{handed(id)}}}, err
}

// isServices tells what is said of services from what is said of workflows.
func isServices(y Why) bool { return y.Workflow == services.File }

func handed(id store.DeliveryID) string {
	return fmt.Sprintf("its services are planned as delivery %q", id)
}

// planServices settles a delivery that handServices stored.
func (i *Intake) planServices(ctx context.Context, d store.Delivery, h head) error {
	if i.o.Services == nil {
		return ignored("this server builds no services")
	}
	c, err := newCause(d.Event, d, h)
	if err != nil {
		return &ended{fate: store.Failed, reason: err.Error()}
	}
	if err := i.locate(ctx, c); err != nil {
		return err
	}
	if c.protected, err = i.protected(ctx, c); err != nil {
		return err
	}
	if c.name == "pull_request" {
		if c.facts.Event.Message, err = i.o.Reader.Message(ctx, c.repo, c.pull.Head.SHA); err != nil {
			return err
		}
	}
	planned, why, err := i.planDeclared(ctx, c)
	if err != nil {
		return err
	}
	if planned == nil {
		return errors.Join(i.noteWhy(ctx, d.ID, []Why{why}), ignored("%s", why.Reasons[0]))
	}
	made, err := i.o.Queue.Create(ctx, store.Settlement{Delivery: d.ID, Attempt: d.Attempts, Fate: store.Planned, Reason: "1 run"}, []queue.Planned{*planned})
	if err != nil {
		return err
	}
	i.requested(ctx, made)
	if len(made) > 0 {
		why.Run = made[0].ID
	}
	if err := i.noteWhy(ctx, d.ID, []Why{why}); err != nil {
		i.log.WarnContext(ctx, "note which runs came of a delivery", "delivery", string(d.ID), "error", err)
	}
	return nil
}

// planDeclared plans the services of a cause whose commit is known; nil when nothing
// is to be done, and why says so.
func (i *Intake) planDeclared(ctx context.Context, c *cause) (*queue.Planned, Why, error) {
	w, err := services.Workflow()
	if err != nil {
		return nil, Why{}, err
	}
	p := parsed{path: services.File, w: w}
	why := Why{Workflow: services.File, Event: c.name}
	reasons, runs := judge(p, c)
	if why.Reasons = reasons; !runs {
		return nil, why, nil
	}
	out := i.newRun(c, services.File, services.WorkflowName)
	contexts, problems, err := i.contexts(ctx, c, p, out.Run)
	if err != nil {
		return nil, why, err
	}
	if problems.HasErrors() {
		return nil, why, workflow.InvalidError{Diagnostics: problems}
	}
	planned, found, err := i.o.Services.Plan(ctx, services.Cause{
		Run: out.Run, Contexts: contexts, Before: c.facts.Before, PullRequest: c.pull.Number, Base: c.pull.Base.SHA,
	})
	if err != nil {
		return nil, why, err
	}
	if !found {
		why.Reasons = []string{"the commit declares no services"}
		return nil, why, nil
	}
	planned.Approval = out.Approval
	return &planned, why, nil
}

// dispatchServices starts the services by hand. Done is false when the commit
// declares none.
func (i *Intake) dispatchServices(ctx context.Context, c *cause) (id store.RunID, done bool, err error) {
	if i.o.Services == nil {
		return 0, false, nil
	}
	declares, err := i.o.Services.Declares(ctx, c.repo, c.sha)
	if err != nil || !declares {
		return 0, false, err
	}
	planned, _, err := i.planDeclared(ctx, c)
	if err != nil || planned == nil {
		return 0, err != nil, err
	}
	if planned.Plan == nil {
		return 0, true, workflow.InvalidError{Diagnostics: planned.Problems}
	}
	made, err := i.o.Queue.Create(ctx, store.Settlement{}, []queue.Planned{*planned})
	if err != nil || len(made) == 0 {
		return 0, true, errors.Join(err, ctx.Err())
	}
	i.requested(ctx, made)
	return made[0].ID, true, nil
}
