package services

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/services/mirror"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Files reads a file of a commit from GitHub.
type Files interface {
	File(ctx context.Context, ref repository.Ref, sha, name string) ([]byte, error)
}

// Planner decides what becomes of the services of a commit.
type Planner struct {
	files  Files
	mirror *mirror.Mirror
}

// NewPlanner makes a Planner.
func NewPlanner(files Files, m *mirror.Mirror) *Planner { return &Planner{files, m} }

// Cause is why services are planned.
type Cause struct {
	// Run are the facts of the run: Installation to Origin, and Zone. Its SHA is the
	// commit that is built.
	Run store.Run
	// Contexts are github, inputs and vars.
	Contexts map[string]expr.Value

	Before      string // of a push: where the ref was
	PullRequest int    // its number; 0: none
	Base        string // of a pull request: the tip of its base
}

// Declares tells whether a commit declares services, or may do so: a file that
// cannot be read has a run that says why.
func (p *Planner) Declares(ctx context.Context, ref repository.Ref, sha string) (bool, error) {
	src, err := p.files.File(ctx, ref, sha, File)
	switch kind := repository.KindOf(err); {
	case kind == repository.NoFile:
		return false, nil
	case kind == repository.TooLarge:
		return true, nil
	case err != nil:
		return false, err
	}
	services, problems := declaration.Parse(File, src)
	return len(services.List) > 0 || problems.HasErrors(), nil
}

// Plan plans a run: of every service, whether it is built and why. Found is false
// when the commit declares none. What is wrong with the declaration is a run that
// cannot be planned; an error is one that may pass, or a repository.Error.
func (p *Planner) Plan(ctx context.Context, c Cause) (planned queue.Planned, found bool, err error) {
	planned.Run = c.Run
	asked, err := readAsked(c.Contexts["inputs"])
	if err != nil {
		return planned, false, err
	}
	made, err := p.decide(ctx, c, asked)
	var invalid workflow.InvalidError
	var unknown *pipeline.UnknownService
	switch {
	case errors.Is(err, pipeline.ErrNoServices):
		return planned, false, nil
	case errors.As(err, &invalid):
		return refuse(planned, invalid.Diagnostics), true, nil
	case errors.As(err, &unknown):
		return refuse(planned, workflow.Diagnostics{{
			File: File, Severity: workflow.Error, Code: "unknown-service", Message: unknown.Error(), Hint: workflow.Suggest(unknown.Name, unknown.Known),
		}}), true, nil
	case repository.KindOf(err) == repository.TooLarge || errors.Is(err, tree.ErrTooLarge) || tree.Unreadable(err):
		return refuse(planned, workflow.Diagnostics{{File: File, Severity: workflow.Error, Code: "repository-size", Message: err.Error()}}), true, nil
	case err != nil:
		return planned, false, fmt.Errorf("plan the services of %q at %.7s: %w", c.Run.RepositoryName, c.Run.SHA, err)
	}
	src, err := generate(jobs(c, made, asked))
	if err != nil {
		return planned, true, err
	}
	w, problems := workflow.Parse(File, src)
	if err := problems.Err(); err != nil {
		return planned, true, fmt.Errorf("write the workflow of services: %w", err)
	}
	planned.Plan, err = plan.Builder{}.Build(ctx, w, plan.Source{Path: File}, c.Run.Event, c.Contexts)
	return planned, true, err
}

// refuse makes a run that ends before it begins.
func refuse(planned queue.Planned, problems workflow.Diagnostics) queue.Planned {
	planned.Problems = problems
	for _, d := range problems {
		if d.Severity == workflow.Error {
			planned.Run.Reason = "the services cannot be built: " + d.Message
			break
		}
	}
	return planned
}

// decide finds out what changed and what that means.
func (p *Planner) decide(ctx context.Context, c Cause, asked asked) (*pipeline.Plan, error) {
	head := c.Run.SHA
	at := mirror.Repository{ID: c.Run.Repository, Installation: c.Run.Installation, FullName: c.Run.RepositoryName}
	r, err := p.mirror.Fetch(ctx, at, With{Head: head, Ref: c.Run.Ref}.Wants()...)
	if err != nil {
		return nil, err
	}
	files := r.Commit(head)
	defer files.Close()
	made, err := pipeline.NewPlan(ctx, r, files, func(ctx context.Context) (tree.Change, error) {
		return p.change(ctx, c, at, r)
	})
	if err != nil || len(asked.services) == 0 {
		return made, err
	}
	return made, made.Ask(asked.services)
}

// change is what the cause changed.
func (p *Planner) change(ctx context.Context, c Cause, at mirror.Repository, r *tree.Repository) (tree.Change, error) {
	head := c.Run.SHA
	switch {
	case c.PullRequest != 0:
		base := c.Base
		// Of a merge commit what counts is what it adds to the base as it is merged
		// with: the tip may have moved since the event was sent.
		if second, err := r.Resolve(ctx, head+"^2"); err == nil && second == c.Run.HeadSHA {
			if base, err = r.Resolve(ctx, head+"^1"); err != nil {
				return tree.Change{}, err
			}
		}
		if gone, err := p.bring(ctx, at, r, base); err != nil || gone {
			return tree.Change{Unknown: "the base of the pull request is not there any more"}, err
		}
		return r.PullRequest(ctx, base, head)
	case c.Run.Event != "push":
		return tree.Change{Unknown: "started by hand"}, nil
	case strings.HasPrefix(c.Run.Ref, "refs/tags/"):
		return tree.Change{Unknown: fmt.Sprintf("tag %s: all services get its version", strings.TrimPrefix(c.Run.Ref, "refs/tags/"))}, nil
	}
	if strings.Trim(c.Before, "0") != "" {
		if _, err := p.bring(ctx, at, r, c.Before); err != nil { // gone: Push says so
			return tree.Change{}, err
		}
	}
	return r.Push(ctx, c.Before, head)
}

// bring fetches a commit that is to be compared with, unless it came with the other.
// What was replaced by force may be gone for good.
func (p *Planner) bring(ctx context.Context, at mirror.Repository, r *tree.Repository, sha string) (gone bool, err error) {
	if _, err := r.Resolve(ctx, sha); err == nil || ctx.Err() != nil {
		return false, ctx.Err()
	}
	_, err = p.mirror.Fetch(ctx, at, sha)
	if kind := repository.KindOf(err); kind == repository.NoCommit || kind == repository.Malformed {
		return true, nil
	}
	return false, err
}

// jobs say of each service what its job is told.
func jobs(c Cause, made *pipeline.Plan, asked asked) []With {
	var all []With
	for _, d := range made.Decisions {
		all = append(all, With{
			Service: d.Name, Decision: d.Decision, Reason: d.Reason, Problem: d.Problem, Needs: d.Needs,
			Base: made.Change.Base, Head: c.Run.SHA, Ref: c.Run.Ref, PullRequest: c.PullRequest, Publish: asked.publish,
		})
	}
	return all
}

// asked is what somebody wants who started the run by hand.
type asked struct {
	services []string
	publish  string
}

func readAsked(inputs expr.Value) (asked, error) {
	var a asked
	if v, ok := inputs.Lookup(inputServices); ok {
		for name := range strings.SplitSeq(v.Text(), ",") {
			if name = strings.TrimSpace(name); name != "" {
				a.services = append(a.services, name)
			}
		}
	}
	if v, ok := inputs.Lookup(inputPublish); ok {
		if v.Kind() != expr.KindBool {
			return a, fmt.Errorf("input %q is %s, not true or false", inputPublish, v.JSON(false))
		}
		a.publish = v.Text()
	}
	return a, nil
}
