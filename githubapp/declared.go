package githubapp

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/intake"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/services"
	"github.com/drydock-ci/drydock/githubapp/services/ledger"
	"github.com/drydock-ci/drydock/githubapp/services/mirror"
	"github.com/drydock-ci/drydock/githubapp/services/worker"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/trust"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// declared is what the server needs for the services that repositories declare.
type declared struct {
	mirror  *mirror.Mirror
	planner *services.Planner
	ledger  *ledger.Ledger
	worker  *worker.Worker
}

// openDeclared makes those parts; nil: services are not made here.
func (s *Server) openDeclared() (*declared, error) {
	if s.o.Worker == nil {
		return nil, nil
	}
	o := *s.o.Worker
	d := &declared{ledger: ledger.New(s.o.Store)}
	var err error
	d.mirror, err = mirror.New(mirror.Options{
		Folder: filepath.Join(o.Folder, "mirrors"), Endpoints: s.o.App.Endpoints(), Log: s.o.Log, Now: s.o.Now,
		Token: func(ctx context.Context, r mirror.Repository) (string, error) {
			token, err := s.o.App.JobToken(ctx, auth.JobTokenRequest{
				Installation: r.Installation, Repository: int64(r.ID), Permissions: map[string]string{"contents": "read"},
			})
			return token.Value, err
		},
	})
	if err != nil {
		return nil, err
	}
	if o.CacheKey, err = s.o.Keys.Derive("cache mounts of services"); err != nil {
		return nil, err
	}
	d.planner = services.NewPlanner(s.reader, d.mirror)
	o.Folder = filepath.Join(o.Folder, "jobs")
	o.Runs, o.Mirror, o.Ledger, o.Engine, o.Place, o.Log, o.Now = s.o.Store, d.mirror, d.ledger, s.o.Engine, s.o.Place, s.o.Log, s.o.Now
	o.Confined, o.Secrets = s.granter.Confined, s.granter.Secrets
	o.Trusted = func(r *store.Run) bool {
		switch trust.Zone(r.Zone) {
		case trust.Branch, trust.Protected, trust.Schedule:
			return true
		}
		return false
	}
	o.Tip = s.tip
	o.Page, o.Web, o.API = s.page, s.o.App.Endpoints().Web, strings.TrimSuffix(s.o.App.Endpoints().API, "/")
	o.Token = s.dispatchToken
	d.worker, err = worker.New(o)
	return d, err
}

// tip asks GitHub where the branch of a run is.
func (s *Server) tip(ctx context.Context, r *store.Run) (string, error) {
	sha, err := s.reader.Resolve(ctx, refOf(r), r.Ref)
	if repository.KindOf(err) == repository.NoCommit {
		return "", nil
	}
	return sha, err
}

// planner plans services; nil: nobody does.
func (s *Server) planner() intake.Services {
	if s.declared == nil {
		return nil
	}
	return s.declared.planner
}

// pipelines are what the page tells of services.
type pipelines struct {
	*ledger.Ledger
	mirror *mirror.Mirror
}

// pipelines is nil when services are not made here.
func (s *Server) pipelines() api.Services {
	if s.declared == nil {
		return nil
	}
	return pipelines{s.declared.ledger, s.declared.mirror}
}

// maxBetween is how many commits between two builds are told.
const maxBetween = 100

// Between asks the mirror; of a commit that is gone nothing is known.
func (p pipelines) Between(ctx context.Context, r api.Repository, from, to string) ([]api.Commit, error) {
	at, err := p.mirror.Fetch(ctx, mirror.Repository{ID: r.ID, Installation: r.Installation, FullName: r.Name}, from, to)
	if repository.KindOf(err) != "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := at.Log(ctx, from, to, maxBetween)
	if err != nil {
		return nil, err
	}
	all := make([]api.Commit, len(list))
	for i, one := range list {
		all[i] = api.Commit{SHA: one.SHA, Subject: one.Subject}
	}
	return all, nil
}

// labels are those of the jobs that this process takes: services go to every one.
func (s *Server) labels() []string {
	if s.declared == nil || s.o.Labels == nil {
		return s.o.Labels
	}
	return append(slices.Clone(s.o.Labels), services.Executor)
}

// dispatchToken may write to the repository of a run, until it is revoked.
func (s *Server) dispatchToken(ctx context.Context, r *store.Run) (string, func(), error) {
	token, err := s.o.App.JobToken(ctx, auth.JobTokenRequest{
		Installation: r.Installation, Repository: int64(r.Repository), Permissions: map[string]string{"contents": "write"},
	})
	if err != nil {
		return "", nil, err
	}
	return token.Value, func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := s.o.App.Revoke(ending, token.Value); err != nil {
			s.o.Log.Warn("end the token of a notification", "run", r.ID, "err", err)
		}
	}, nil
}

// isDeclared tells whether a leg is a service's. No workflow of a repository has
// that path.
func isDeclared(leg *plan.Leg) bool {
	return leg.Source.Path == services.File && leg.Source.Repository == ""
}

// place is where a leg runs.
func (s *Server) place(leg *plan.Leg, labels []string, group string) (runner.Place, error) {
	if s.declared != nil && isDeclared(leg) {
		return runner.Place{Executor: services.Executor, Labels: labels}, nil
	}
	return s.o.Place(leg, labels, group)
}

// repeats tells whether a job may be begun anew.
func repeats(p runner.Place) bool { return p.Executor == services.Executor }

// others are the jobs that the engine does not run.
func (s *Server) others() map[string]runner.Runs {
	if s.declared == nil {
		return nil
	}
	return map[string]runner.Runs{services.Executor: s.declared.worker}
}
