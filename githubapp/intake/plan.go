package intake

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func asEnded(err error, end **ended) bool { return errors.As(err, end) }

// parsed is one workflow file.
type parsed struct {
	path     string
	w        *workflow.Workflow // nil: there is nothing to start from
	problems workflow.Diagnostics
}

// read parses the workflow files of a commit.
func (i *Intake) read(ctx context.Context, ref repository.Ref, sha string) ([]parsed, error) {
	files, err := i.o.Reader.Workflows(ctx, ref, sha)
	if err != nil {
		return nil, err
	}
	var all []parsed
	for _, f := range files {
		p := parsed{path: f.Path}
		if f.Data == nil && f.Size > 0 {
			p.problems = workflow.Diagnostics{{
				File: f.Path, Severity: workflow.Error, Code: "file-size",
				Message: fmt.Sprintf("the file has %d bytes, more than %d", f.Size, repository.MaxFile-1), Hint: "move scripts into files of their own",
			}}
		} else {
			p.w, p.problems = workflow.Parse(f.Path, f.Data)
			if p.w != nil {
				p.problems = append(p.problems, event.Check(p.w)...)
			}
		}
		all = append(all, p)
	}
	return all, nil
}

// planAll holds all workflows against the event and plans those that run.
func (i *Intake) planAll(ctx context.Context, c *cause) ([]queue.Planned, []Why, error) {
	// Whether the branch is protected is asked meanwhile: each answer of GitHub
	// takes its time, and a push waits for all of them.
	var all []parsed
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		all, err = i.read(both, c.repo, c.files)
		return err
	})
	group.Go(func() (err error) {
		c.protected, err = i.protected(both, c)
		return err
	})
	err := group.Wait()
	if err != nil {
		return nil, nil, err
	}
	c.all = all
	e := c.facts.Event
	if c.name == "pull_request" {
		if e.Message, err = i.o.Reader.Message(ctx, c.repo, c.pull.Head.SHA); err != nil {
			return nil, nil, err
		}
	}
	if filtered(all, c.name) {
		if e.Files, e.FilesKnown, err = i.changed(ctx, c); err != nil {
			return nil, nil, err
		}
	}
	c.facts.Event = e
	var runs []queue.Planned
	var why []Why
	for _, p := range all {
		if c.only != "" && p.path != c.only {
			continue
		}
		reasons, runs1 := judge(p, c)
		why = append(why, Why{Workflow: p.path, Event: c.name, Reasons: reasons})
		if !runs1 {
			continue
		}
		planned, err := i.planOne(ctx, c, p)
		if err != nil {
			return nil, nil, err
		}
		runs = append(runs, planned)
	}
	return runs, why, nil
}

// filtered tells whether somebody wants to know the changed files.
func filtered(all []parsed, name string) bool {
	for _, p := range all {
		if p.w != nil {
			if t := p.w.On.Trigger(name); t != nil && (t.Paths != nil || t.PathsIgnore != nil) {
				return true
			}
		}
	}
	return false
}

// judge tells whether a workflow runs, and why.
func judge(p parsed, c *cause) (reasons []string, runs bool) {
	if p.w == nil || len(p.w.On.Triggers) == 0 && p.problems.HasErrors() {
		// Nobody can know what it listens to. Its author learns of it with the push.
		if c.name == "push" {
			return []string{"the file cannot be read"}, true
		}
		return []string{"the file cannot be read, so that nobody knows whether it listens to " + c.name}, false
	}
	v := event.Match(p.w, c.facts.Event)
	for _, r := range v.Reasons {
		if v.Runs || !r.Holds {
			reasons = append(reasons, r.Text)
		}
	}
	return reasons, v.Runs
}

// newRun is a run of a cause, with its zone of trust.
func (i *Intake) newRun(c *cause, path, name string) queue.Planned {
	out := queue.Planned{Run: store.Run{
		Installation: c.repo.Installation, Repository: c.repo.ID, RepositoryName: c.repo.FullName(),
		Workflow: path, Name: name, Title: title(c, name),
		Event: c.name, Action: c.Action, Ref: c.ref, SHA: c.sha, HeadSHA: c.headSHA, HeadRef: c.facts.HeadRef,
		Actor: c.Sender.actor(), Delivery: c.delivery, Origin: c.origin + "/" + path,
	}}
	i.trusted(c, &out)
	return out
}

// planOne plans a workflow that runs. What is wrong with its files becomes a run
// that failed, with the problems; an error is one that may pass.
func (i *Intake) planOne(ctx context.Context, c *cause, p parsed) (queue.Planned, error) {
	name := p.path
	if p.w != nil && p.w.Name.ScalarText() != "" {
		name = p.w.Name.ScalarText()
	}
	out := i.newRun(c, p.path, name)
	fail := func(problems workflow.Diagnostics) (queue.Planned, error) {
		out.Problems = problems
		for _, d := range problems {
			if d.Severity == workflow.Error {
				out.Run.Reason = "the workflow cannot be run: " + d.Message
				break
			}
		}
		return out, nil
	}
	if p.w == nil || p.problems.HasErrors() {
		return fail(p.problems)
	}
	contexts, problems, err := i.contexts(ctx, c, p, out.Run)
	if err != nil {
		return out, err
	}
	if problems.HasErrors() {
		return fail(problems)
	}
	b := plan.Builder{Load: i.loader(c), DefaultPermissions: i.o.DefaultPermissions}
	built, err := b.Build(ctx, p.w, plan.Source{Path: p.path}, c.name, contexts)
	var invalid workflow.InvalidError
	switch {
	case errors.As(err, &invalid):
		return fail(append(problems, invalid.Diagnostics...))
	case err != nil && repository.KindOf(err) != "" && ctx.Err() == nil:
		return fail(append(problems, workflow.Diagnostic{File: p.path, Severity: workflow.Error, Code: "called-workflow", Message: err.Error()}))
	case err != nil:
		return out, fmt.Errorf("plan %s: %w", p.path, err)
	}
	out.Plan = built
	if built.RunName != "" {
		out.Run.Title = built.RunName
	}
	return out, nil
}

// title is what GitHub shows for a run without run-name.
func title(c *cause, name string) string {
	var text string
	switch c.name {
	case "push", "merge_group":
		text = fieldText(c.payload, "head_commit", "message")
		if c.name == "merge_group" {
			text = fieldText(c.payload, "merge_group", "head_commit", "message")
		}
	case "pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment":
		text = c.pull.Title
	case "issues", "issue_comment":
		text = fieldText(c.payload, "issue", "title")
	case "discussion", "discussion_comment":
		text = fieldText(c.payload, "discussion", "title")
	case "release":
		if text = fieldText(c.payload, "release", "name"); text == "" {
			text = fieldText(c.payload, "release", "tag_name")
		}
	case "repository_dispatch":
		text = c.Action
	}
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	if text = strings.TrimSpace(text); text == "" {
		return name
	}
	return text
}

// inputs makes the inputs context of a dispatch; nil for other events.
func inputs(c *cause, p parsed) (typed []event.InputValue, problems workflow.Diagnostics) {
	if c.name != "workflow_dispatch" {
		return nil, nil
	}
	return event.Inputs(p.path, p.w.On.Trigger(c.name), c.facts.Inputs)
}

func inputValue(v event.InputValue) expr.Value {
	switch v.Kind {
	case event.BooleanInput:
		return expr.Bool(v.Bool)
	case event.NumberInput:
		return expr.Number(v.Number)
	default:
		return expr.String(v.Text)
	}
}
