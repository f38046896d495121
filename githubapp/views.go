package githubapp

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/intake"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/services"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/trust"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// refOf is how to read the repository of a run.
func refOf(r *store.Run) repository.Ref {
	owner, name, _ := strings.Cut(r.RepositoryName, "/")
	return repository.Ref{Installation: r.Installation, ID: r.Repository, Owner: owner, Name: name}
}

func refTo(r api.Repository) repository.Ref {
	owner, name, _ := strings.Cut(r.Name, "/")
	return repository.Ref{Installation: r.Installation, ID: r.ID, Owner: owner, Name: name}
}

// variables are those of a run's environment.
func (s *Server) variables(ctx context.Context, r *store.Run, environment string) (map[string]string, error) {
	status, err := queue.StatusOf(r)
	if err != nil {
		return nil, err
	}
	owner := int64(0)
	if status.Plan != nil {
		owner = number(status.Plan.Contexts["github"], "repository_owner_id")
	}
	return s.granter.Variables(ctx, owner, int64(r.Repository), environment)
}

func number(v expr.Value, name string) int64 {
	field, _ := v.Lookup(name)
	n, _ := strconv.ParseInt(field.Text(), 10, 64)
	return n
}

// protection is what GitHub says of an environment.
func (s *Server) protection(ctx context.Context, r *store.Run, environment string) (queue.Protection, error) {
	ref := refOf(r)
	e, err := s.reader.Environment(ctx, ref, environment)
	if err != nil {
		return queue.Protection{}, err
	}
	if caps := s.o.Policy.Of(trust.Zone(r.Zone)); !caps.Environments {
		return queue.Protection{Refused: fmt.Sprintf("a run of zone %q may not use environments", r.Zone)}, nil
	}
	p := queue.Protection{Wait: e.Wait, PreventSelfReview: e.PreventSelfReview}
	teams := map[int64]string{}
	for _, w := range e.Reviewers {
		if w.Team {
			teams[w.ID] = w.Name
			p.Reviewers = append(p.Reviewers, queue.Reviewer{Team: w.ID})
		} else {
			p.Reviewers = append(p.Reviewers, queue.Reviewer{User: w.ID})
		}
	}
	p.Member = func(ctx context.Context, team int64, by store.Actor) (bool, error) {
		return s.reader.Member(ctx, ref, teams[team], by)
	}
	if e.ProtectedOnly {
		branch, ok := strings.CutPrefix(r.Ref, "refs/heads/")
		protected := false
		if ok {
			if protected, err = s.reader.Protected(ctx, ref, branch); err != nil {
				return queue.Protection{}, err
			}
		}
		if !protected {
			p.Refused = fmt.Sprintf("only protected branches may use environment %q, and %q is none", environment, r.Ref)
		}
	}
	if e.Patterns != nil {
		p.Allowed = func(ref string) bool { return allowed(e.Patterns, ref) }
	}
	return p, nil
}

// allowed tells whether a pattern allows a ref. GitHub docs:
// actions/deployment/targeting-different-environments: the patterns are Ruby's
// File.fnmatch, where * matches no slash.
func allowed(patterns []repository.RefPattern, ref string) bool {
	branch, isBranch := strings.CutPrefix(ref, "refs/heads/")
	tag, isTag := strings.CutPrefix(ref, "refs/tags/")
	for _, p := range patterns {
		name, kind := branch, isBranch
		if p.Tag {
			name, kind = tag, isTag
		}
		if ok, err := path.Match(p.Pattern, name); kind && err == nil && ok {
			return true
		}
	}
	return false
}

// repositories are those that the App is installed on.
func (s *Server) repositories(ctx context.Context) ([]api.Repository, error) {
	known, err := intake.Repositories(ctx, s.o.Store)
	if err != nil {
		return nil, err
	}
	var all []api.Repository
	for _, k := range known {
		if k.Off == "" {
			all = append(all, api.Repository{ID: k.ID, Installation: k.Installation, Name: k.Owner + "/" + k.Name})
		}
	}
	return all, nil
}

// workflows are those at a branch or tag.
func (s *Server) workflows(ctx context.Context, r api.Repository, name string) ([]api.Workflow, error) {
	ref := refTo(r)
	if name == "" {
		var err error
		if name, err = s.reader.DefaultBranch(ctx, ref); err != nil {
			return nil, err
		}
	}
	sha, err := s.reader.Resolve(ctx, ref, name)
	if err != nil {
		return nil, err
	}
	files, err := s.reader.Workflows(ctx, ref, sha)
	if err != nil {
		return nil, err
	}
	var all []api.Workflow
	for _, f := range files {
		all = append(all, api.WorkflowOf(f.Path, f.Data))
	}
	if s.declared == nil {
		return all, nil
	}
	declares, err := s.declared.planner.Declares(ctx, ref, sha)
	if declares && err == nil {
		all = append(all, api.WorkflowOf(services.File, services.Dispatched()))
	}
	return all, err
}

func (s *Server) dispatch(ctx context.Context, d api.Dispatch) (store.RunID, error) {
	return s.intake.Dispatch(ctx, intake.Dispatch{Repository: d.Repository.ID, Workflow: d.Workflow, Ref: d.Ref, Inputs: d.Inputs, By: d.By})
}

// budgets are what is left of GitHub's limits, 0: the App's own.
func (s *Server) budgets() map[int64][]auth.Budget {
	all := map[int64][]auth.Budget{0: s.o.App.Budgets(0)}
	known, err := intake.Repositories(context.Background(), s.o.Store)
	if err != nil {
		return all
	}
	for _, k := range known {
		if b := s.o.App.Budgets(k.Installation); b != nil {
			all[k.Installation] = b
		}
	}
	return all
}

// budget is what is left of an installation's requests in this hour.
func (s *Server) budget(installation int64) (remaining, limit int) {
	for _, b := range s.o.App.Budgets(installation) {
		if b.Resource == "core" && b.Reset.After(s.o.Now()) {
			return b.Remaining, b.Limit
		}
	}
	return 0, 0
}

// rights asks GitHub what people may do.
type rights struct{ reader *repository.Reader }

func (r rights) Permission(ctx context.Context, repo api.Repository, u api.User) (api.Permission, error) {
	level, account, err := r.reader.Permission(ctx, refTo(repo), u.Login)
	var refused *repository.Error
	switch {
	case errors.As(err, &refused):
		return api.None, nil // nobody may do anything with what is gone
	case err != nil:
		return api.None, err
	case account.ID != u.ID:
		return api.None, nil
	}
	switch level {
	case "read", "triage":
		return api.Read, nil
	case "write", "maintain":
		return api.Write, nil
	case "admin":
		return api.Admin, nil
	}
	return api.None, nil
}

// Alive tells whether jobs of a run may still be running, by the name that their
// places are labelled with ("<run>-<attempt>"): whoever removes what is left behind
// keeps these. When nobody can tell, they may.
func (s *Server) Alive(ctx context.Context, run string) bool {
	if s.declared != nil && s.declared.worker.Alive(run) {
		return true
	}
	id, _, err := queue.ParseRun(run)
	if err != nil {
		return false
	}
	r, err := s.o.Store.Run(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false
	case err != nil:
		return true
	}
	return r.State != store.Completed
}
