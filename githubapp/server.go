package githubapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/api/stored"
	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/checks"
	"github.com/drydock-ci/drydock/githubapp/grant"
	"github.com/drydock-ci/drydock/githubapp/intake"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/reconcile"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/services/worker"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/trust"
	"github.com/drydock-ci/drydock/githubapp/ui"
	"github.com/drydock-ci/drydock/githubapp/vault"
	"github.com/drydock-ci/drydock/githubapp/webhook"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Identity is the App as its owner knows it.
type Identity struct {
	ID             int64
	Slug           string // "": GitHub is asked
	WebhookSecrets [][]byte
	ClientID       string
	ClientSecret   string // "": nobody can sign in with GitHub
}

// Options of New. What no comment says otherwise of is needed.
type Options struct {
	App      *auth.App
	Identity Identity
	Store    store.Store
	Keys     vault.Keys
	Secrets  string // folder with more secrets; "": none
	Policy   trust.Policy

	// Engine runs the jobs; its Secrets, Services and Checkpoints are set here.
	Engine   *runner.Engine
	Services runner.Services
	// Artifacts are those that the services keep; nil: the page shows none.
	Artifacts api.Artifacts
	// Worker makes the services that repositories declare; its parts that this
	// package has are set here. Nil: nobody makes them.
	Worker *worker.Options
	Place  func(leg *plan.Leg, labels []string, group string) (runner.Place, error)
	Name   string       // of this process among those of the store
	Labels []string     // that it takes jobs of; nil: any
	Slots  int          // jobs at once
	Limits store.Limits // of all processes
	// Resumes tells whether this process can go on with a job that another one
	// began, in that place; nil: with its own only.
	Resumes func(p runner.Place, worker string) bool

	URL        string // that people and GitHub reach the server at
	LocalToken string // "": none
	Admins     []string
	// PublicMetrics lets everybody read the metrics.
	PublicMetrics bool

	Log *slog.Logger // nil: silent
	Now func() time.Time
}

// Server is the App.
type Server struct {
	o         Options
	webhook   *webhook.Handler
	intake    *intake.Intake
	queue     *queue.Queue
	reporter  *checks.Reporter
	reconcile *reconcile.Reconciler
	granter   *grant.Granter
	reader    *repository.Reader
	api       *api.Server
	metrics   *api.Metrics
	mux       *http.ServeMux
	completed chan store.RunID
	declared  *declared // nil: services are not made here
}

// defaultPermissions are what GITHUB_TOKEN may do when no file says so: GitHub's
// restricted default.
var defaultPermissions = workflow.Permissions{Scopes: map[string]string{"contents": "read", "packages": "read"}}

// New puts the server together. It asks GitHub for the App's name unless that is
// given, and starts nothing.
func New(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Resumes == nil {
		o.Resumes = func(_ runner.Place, worker string) bool { return worker == o.Name }
	}
	if o.Identity.Slug == "" {
		known, err := o.App.Check(ctx)
		if err != nil {
			return nil, err
		}
		o.Identity.Slug = known.Slug
	}
	s := &Server{o: o, mux: http.NewServeMux(), completed: make(chan store.RunID, 1024)}
	secrets := vault.New(o.Keys, o.Store, o.Secrets)
	s.reader = repository.New(repository.Options{Clients: o.App.Installation, Now: o.Now})
	s.granter = grant.New(grant.Options{
		Runs: o.Store, Tokens: o.App, Vault: secrets, Policy: o.Policy, DefaultPermissions: defaultPermissions, Log: o.Log, Now: o.Now,
	})
	s.reporter = checks.New(checks.Options{
		Store: o.Store, Clients: o.App.Installation, URL: s.page, AppID: o.Identity.ID, Budget: s.budget, Log: o.Log, Now: o.Now,
	})
	var err error
	if s.declared, err = s.openDeclared(); err != nil {
		return nil, err
	}
	s.queue, err = queue.New(queue.Options{
		Store: o.Store, Place: s.place, Repeats: repeats, Variables: s.variables, Protection: s.protection, Changed: s.changed, Seal: secrets,
		Resumes: o.Resumes, Limits: o.Limits, Owner: o.Name, Labels: s.labels(), Log: o.Log, Now: o.Now,
	})
	if err != nil {
		return nil, err
	}
	s.intake = intake.New(intake.Options{
		Store: o.Store, Queue: s.queue, Reader: s.reader, AppID: o.Identity.ID, Slug: o.Identity.Slug, Endpoints: o.App.Endpoints(),
		Policy: o.Policy, Variables: s.granter.Variables, DefaultPermissions: &defaultPermissions, Forget: o.App.Forget,
		Services: s.planner(), Log: o.Log, Now: o.Now,
	})
	s.reconcile = reconcile.New(reconcile.Options{
		Store: o.Store, Reader: s.reader, App: o.App.Client(), Events: webhook.Events(), Wake: s.intake.Wake, Log: o.Log, Now: o.Now,
	})
	o.Engine.Secrets, o.Engine.Token, o.Engine.Checkpoints = s.granter.Secrets, s.granter.Token, s.queue.Checkpoints()
	if o.Services != nil {
		o.Engine.Services = s.granter.Services(o.Services)
	}
	if err := s.serve(); err != nil {
		return nil, err
	}
	if s.webhook, err = webhook.New(webhook.Options{Secrets: o.Identity.WebhookSecrets, Deliveries: o.Store, Stored: s.intake.Wake, Log: o.Log, Now: o.Now}); err != nil {
		return nil, err
	}
	s.mux.Handle("POST /webhook", s.webhook)
	s.mux.Handle("/", s.api)
	return s, nil
}

// serve makes the API and the page.
func (s *Server) serve() error {
	o := s.o
	page, err := ui.Handler()
	if err != nil {
		return err
	}
	key, err := o.Keys.Derive("sessions of the page")
	if err != nil {
		return err
	}
	back := stored.New(stored.Options{Store: o.Store, Repositories: s.repositories, Workflows: s.workflows})
	s.metrics = api.NewMetrics(o.Store, s.budgets)
	options := api.Options{
		Backend: back, Directory: back, Ledger: back, Work: back, Services: s.pipelines(), Artifacts: o.Artifacts,
		Web:     o.App.Endpoints().Web,
		Actions: api.Actions{Cancel: s.queue.Cancel, Rerun: s.queue.Rerun, Approve: s.queue.Approve, Dispatch: s.dispatch},
		URL:     o.URL, Key: key, Rights: rights{s.reader}, LocalToken: o.LocalToken, Admins: o.Admins,
		Page: page, Metrics: s.metrics, PublicMetrics: o.PublicMetrics, Ready: o.Store.Ping, Log: o.Log, Now: o.Now,
	}
	if o.Identity.ClientID != "" && o.Identity.ClientSecret != "" {
		at := o.App.Endpoints()
		options.SignIn = &api.SignIn{ClientID: o.Identity.ClientID, ClientSecret: o.Identity.ClientSecret, Web: at.Web, API: at.API}
	}
	s.api, err = api.New(options)
	return err
}

// ServeHTTP answers GitHub's deliveries, the API and the page.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// page is where people see a job, or with Job "" a run.
func (s *Server) page(k store.JobKey) string {
	if k.Job == "" {
		return fmt.Sprintf("%s/runs/%d", s.o.URL, k.Run)
	}
	return fmt.Sprintf("%s/runs/%d/attempts/%d/jobs?id=%s", s.o.URL, k.Run, k.Attempt, url.QueryEscape(string(k.Job)))
}

// changed is told of each change of a run, and must not block.
func (s *Server) changed(id store.RunID) {
	s.reporter.Changed(id)
	select {
	case s.completed <- id:
	default: // intake finds runs that ended by itself, later
	}
}

// errStopped says that the server takes no more jobs.
var errStopped = errors.New("the server is being stopped")

// Run works until ctx ends. Then no job begins any more; those that run may end
// for as long as drain. What runs longer is no error: it goes on in its place, and
// the next start of the server takes it up. Left is how many those are; if there are
// any, this process has to end now.
func (s *Server) Run(ctx context.Context, drain time.Duration) (left int, err error) {
	// What serves running jobs outlives ctx.
	serving, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	var loops sync.WaitGroup
	defer loops.Wait()
	defer stop(errStopped)
	if s.declared != nil {
		defer s.declared.mirror.Close()
	}
	for name, f := range map[string]func(context.Context) error{
		"queue": s.queue.Run, "checks": s.reporter.Run, "completions": s.completions,
	} {
		loops.Go(func() { s.loop(serving, name, f) })
	}
	for name, f := range map[string]func(context.Context) error{"intake": s.intake.Run, "reconcile": s.reconcile.Run} {
		loops.Go(func() { s.loop(ctx, name, f) })
	}
	source := &trusted{Source: s.metrics.Source(s.queue.Source()), confined: s.granter.Confined, ended: s.ended}
	done := make(chan error, 1)
	worker := runner.Worker{Source: source, Engine: s.o.Engine, Others: s.others(), Slots: s.o.Slots}
	// Nothing cancels it: that would end the steps of jobs that are to go on.
	go func() { done <- worker.Run(context.WithoutCancel(ctx)) }()
	select {
	case err := <-done:
		return 0, err
	case <-ctx.Done():
	}
	s.queue.Drain()
	s.webhook.Close()
	s.api.Close()
	select {
	case err := <-done:
		return 0, err
	case <-time.After(drain):
		return source.running(), nil
	}
}

// loop runs f again if it ends before ctx does.
func (s *Server) loop(ctx context.Context, name string, f func(context.Context) error) {
	for ctx.Err() == nil {
		if err := f(ctx); ctx.Err() == nil {
			s.o.Log.Error("a part of the server ended and begins again", "part", name, "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}

// completions tells those who wait for the end of runs.
func (s *Server) completions(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case id := <-s.completed:
			if err := s.intake.Completed(ctx, id); err != nil && !errors.Is(err, store.ErrNotFound) {
				s.o.Log.Warn("tell of the end of a run", "run", id, "err", err)
			}
		}
	}
}

// ended is called when a job is over in this process.
func (s *Server) ended(ctx context.Context, job *runner.Job) {
	if err := s.granter.Ended(ctx, job); err != nil {
		s.o.Log.Warn("end the token of a job", "run", string(job.Run), "job", string(job.ID()), "err", err)
	}
}

// trusted is a source whose jobs get a place by how far they are trusted. It knows
// how many of them run, and tells when one is over.
type trusted struct {
	runner.Source
	confined func(context.Context, *runner.Job) bool
	ended    func(context.Context, *runner.Job)

	mu sync.Mutex
	n  int
}

func (t *trusted) Next(ctx context.Context) (*runner.Lease, error) {
	lease, err := t.Source.Next(ctx)
	if err != nil {
		return nil, err
	}
	t.count(1)
	finish, job := lease.Finish, lease.Job
	job.Place.Confined = t.confined(ctx, job)
	lease.Finish = func(ctx context.Context, r runner.Result) error {
		defer t.count(-1)
		t.ended(ctx, job)
		return finish(ctx, r)
	}
	return lease, nil
}

func (t *trusted) count(d int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n += d
}

func (t *trusted) running() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}
