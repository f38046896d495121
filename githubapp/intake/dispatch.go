package intake

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/services"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow"
)

// Dispatch asks for a run by hand. Whether the person may is the caller's business.
type Dispatch struct {
	Repository store.RepositoryID
	Workflow   string // path, or its last part; drydock.yaml is the services first
	Ref        string // branch, tag or full ref; "": the default branch
	Inputs     map[string]string
	By         store.Actor
}

// ErrNoDispatch says that there is nothing that could be dispatched so.
var ErrNoDispatch = errors.New("it cannot be dispatched")

// Dispatch starts a workflow by hand and tells its run. Inputs that do not fit, and
// a workflow that cannot be planned, are a workflow.InvalidError; what does not
// exist is an ErrNoDispatch or a repository.Error.
func (i *Intake) Dispatch(ctx context.Context, d Dispatch) (store.RunID, error) {
	refuse := func(format string, args ...any) (store.RunID, error) {
		return 0, fmt.Errorf("dispatch %q: %w: %s", d.Workflow, ErrNoDispatch, fmt.Sprintf(format, args...))
	}
	k, err := i.known(ctx, d.Repository)
	switch {
	case err != nil:
		return 0, err
	case k == nil:
		return refuse("the App is not installed on repository %d", d.Repository)
	case k.Off != "":
		return refuse("%s", k.Off)
	}
	about, err := i.o.Reader.About(ctx, k.Ref())
	if err != nil {
		return 0, err
	}
	if about.Archived || about.Disabled {
		return refuse("%s", offArchived)
	}
	ref, err := i.fullRef(ctx, about, d.Ref)
	if err != nil {
		return 0, err
	}
	path := d.Workflow
	ofServices := path == services.File && i.o.Services != nil
	if !strings.Contains(path, "/") && !ofServices {
		path = repository.WorkflowFolder + "/" + path
	}
	body, err := payload(about, store.Actor{ID: d.By.ID, Login: d.By.Login}, map[string]any{"inputs": d.Inputs, "ref": ref, "workflow": path})
	if err != nil {
		return 0, err
	}
	h, err := readHead(body)
	if err != nil {
		return 0, err
	}
	c, err := newCause("workflow_dispatch", store.Delivery{Body: body}, h)
	if err != nil {
		return 0, err
	}
	c.origin = fmt.Sprintf("%d/workflow_dispatch/%s", c.repo.ID, rand.Text()) // each call is a cause of its own
	if err := i.locate(ctx, c); err != nil {
		return 0, err
	}
	if c.protected, err = i.protected(ctx, c); err != nil {
		return 0, err
	}
	if ofServices {
		id, done, err := i.dispatchServices(ctx, c)
		if err != nil || done {
			return id, err
		}
		d.Workflow = repository.WorkflowFolder + "/" + path // a workflow may be called so
		return i.Dispatch(ctx, d)
	}
	all, err := i.read(ctx, c.repo, c.files)
	if err != nil {
		return 0, err
	}
	for _, p := range all {
		switch {
		case p.path != path:
			continue
		case p.w == nil || p.problems.HasErrors():
			return 0, workflow.InvalidError{Diagnostics: p.problems}
		case p.w.On.Trigger("workflow_dispatch") == nil:
			return refuse("it has no workflow_dispatch at %s", ref)
		}
		planned, err := i.planOne(ctx, c, p)
		if err != nil {
			return 0, err
		}
		if planned.Plan == nil {
			return 0, workflow.InvalidError{Diagnostics: planned.Problems}
		}
		made, err := i.o.Queue.Create(ctx, store.Settlement{}, []queue.Planned{planned})
		if err != nil || len(made) == 0 {
			return 0, errors.Join(err, ctx.Err())
		}
		i.requested(ctx, made)
		return made[0].ID, nil
	}
	return refuse("there is no such workflow at %s", ref)
}

// fullRef completes a name: a branch goes before a tag.
func (i *Intake) fullRef(ctx context.Context, about repository.About, name string) (string, error) {
	switch {
	case name == "":
		return "refs/heads/" + about.DefaultBranch, nil
	case strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/tags/"):
		return name, nil
	}
	_, err := i.o.Reader.Resolve(ctx, about.Ref, "refs/heads/"+name)
	if err == nil {
		return "refs/heads/" + name, nil
	}
	if repository.KindOf(err) != repository.NoCommit {
		return "", err
	}
	if _, err = i.o.Reader.Resolve(ctx, about.Ref, "refs/tags/"+name); err != nil {
		return "", err
	}
	return "refs/tags/" + name, nil
}

// payload makes the payload of an event that GitHub does not send.
func payload(about repository.About, sender store.Actor, fields map[string]any) ([]byte, error) {
	fields["repository"] = about.Raw
	fields["installation"] = map[string]any{"id": about.Ref.Installation}
	if _, ok := fields["sender"]; !ok {
		kind := "User"
		if strings.HasSuffix(sender.Login, "[bot]") {
			kind = "Bot"
		}
		fields["sender"] = map[string]any{"id": sender.ID, "login": sender.Login, "type": kind}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("make the payload: %w", err)
	}
	return body, nil
}
