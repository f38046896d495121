package grant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/trust"
	"github.com/drydock-ci/drydock/githubapp/vault"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// Tokens makes and kills tokens of jobs; auth.App does.
type Tokens interface {
	JobToken(ctx context.Context, r auth.JobTokenRequest) (auth.JobToken, error)
	Revoke(ctx context.Context, token string) error
}

// Options of New. All but Log and Now are needed.
type Options struct {
	Runs   store.Runs
	Tokens Tokens
	Vault  *vault.Vault
	Policy trust.Policy
	// DefaultPermissions are what a token may do when no file says so.
	DefaultPermissions workflow.Permissions
	Log                *slog.Logger
	Now                func() time.Time
}

// Granter gives jobs what they may have.
type Granter struct {
	Options

	mu     sync.Mutex
	tokens map[store.JobKey][]alive
}

// alive is a token that was not revoked yet.
type alive struct {
	value string
	made  time.Time
}

// renewAfter is when a job's next step gets a new token: GitHub's die after an
// hour, so each step has at least 50 minutes.
const renewAfter = 10 * time.Minute

// New makes a Granter.
func New(o Options) *Granter {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Granter{Options: o, tokens: map[store.JobKey][]alive{}}
}

// facts are what the store knows of a job.
type facts struct {
	key  store.JobKey
	run  *store.Run
	job  *store.Job
	caps trust.Capabilities
}

func (g *Granter) facts(ctx context.Context, job *runner.Job) (facts, error) {
	f := facts{}
	var err error
	if f.key, err = queue.KeyOf(job); err != nil {
		return f, err
	}
	if f.run, err = g.Runs.Run(ctx, f.key.Run); err != nil {
		return f, fmt.Errorf("read run %d: %w", f.key.Run, err)
	}
	if f.job, err = g.Runs.Job(ctx, f.key); err != nil {
		return f, fmt.Errorf("read job %q of run %d: %w", f.key.Job, f.key.Run, err)
	}
	f.caps = g.Policy.Of(trust.Zone(f.run.Zone))
	return f, nil
}

// Confined tells whether a job gets nothing of what the operator opens to others
// (runner.Place.Confined). When nobody can tell, it is.
func (g *Granter) Confined(ctx context.Context, job *runner.Job) bool {
	f, err := g.facts(ctx, job)
	if err != nil {
		g.Log.WarnContext(ctx, "look up how far a job is trusted", "run", string(job.Run), "job", string(job.ID()), "err", err)
		return true
	}
	return !f.caps.Open
}

// Secrets are those of a job, GITHUB_TOKEN among them (runner.Engine.Secrets). A
// job that asks for what its zone does not have gets an error, before any step.
func (g *Granter) Secrets(ctx context.Context, job *runner.Job) (map[string]string, error) {
	f, err := g.facts(ctx, job)
	if err != nil {
		return nil, err
	}
	if job.Place.Executor == "host" && !f.caps.Host {
		return nil, fmt.Errorf("run job %q on the server's machine: a run of zone %q may not: map its label to an image", job.Leg.Name, f.run.Zone)
	}
	if label := f.caps.Bars(slices.Concat(job.Place.Labels, job.Place.Offers)); label != "" {
		return nil, fmt.Errorf("run job %q on a runner with label %q: a run of zone %q may not", job.Leg.Name, label, f.run.Zone)
	}
	if f.job.Environment != "" && !f.caps.Environments {
		return nil, fmt.Errorf("use environment %q in job %q: a run of zone %q may not", f.job.Environment, job.Leg.Name, f.run.Zone)
	}
	secrets := map[string]string{}
	if f.caps.Secrets {
		if secrets, err = g.Vault.Values(ctx, store.Secret, f.owner(job)); err != nil {
			return nil, err
		}
	}
	if secrets["GITHUB_TOKEN"], err = g.make(ctx, f, job); err != nil {
		return nil, err
	}
	return secrets, nil
}

// Token is the job's next GITHUB_TOKEN, "" while the last one is young
// (runner.Engine.Token). The last one lives on for what runs with it.
func (g *Granter) Token(ctx context.Context, job *runner.Job) (string, error) {
	key, err := queue.KeyOf(job)
	if err != nil {
		return "", err
	}
	g.mu.Lock()
	list := g.tokens[key]
	young := len(list) == 0 || g.Now().Sub(list[len(list)-1].made) < renewAfter
	g.mu.Unlock()
	if young {
		return "", nil
	}
	f, err := g.facts(ctx, job)
	if err != nil {
		return "", err
	}
	return g.make(ctx, f, job)
}

// make makes a token of a job, to be revoked when the job ends.
func (g *Granter) make(ctx context.Context, f facts, job *runner.Job) (string, error) {
	permissions := job.Leg.Job.Permissions
	if permissions == nil {
		permissions = &g.DefaultPermissions
	}
	token, err := g.Tokens.JobToken(ctx, auth.JobTokenRequest{
		Installation: f.run.Installation, Repository: int64(f.run.Repository), Permissions: f.caps.Reduce(auth.Scopes(*permissions)),
	})
	if err != nil {
		return "", err
	}
	if len(token.Missing) > 0 {
		g.Log.WarnContext(ctx, "the installation has not granted what a job asks for", "run", f.key.Run, "job", string(f.key.Job), "missing", strings.Join(token.Missing, ", "))
	}
	g.mu.Lock()
	g.tokens[f.key] = append(g.tokens[f.key], alive{token.Value, g.Now()})
	g.mu.Unlock()
	return token.Value, nil
}

// owner is whose secrets are for the job.
func (f facts) owner(job *runner.Job) vault.Owner {
	organization, name, _ := strings.Cut(f.run.RepositoryName, "/")
	id, _ := strconv.ParseInt(text(job.Leg.Contexts["github"], "repository_owner_id"), 10, 64)
	return vault.Owner{
		Organization: id, Repository: int64(f.run.Repository),
		OrganizationName: organization, RepositoryName: name, Environment: f.job.Environment,
	}
}

func text(v expr.Value, name string) string {
	field, _ := v.Lookup(name)
	return field.Text()
}

// Ended kills the tokens of a job that is over here. One that cannot be killed
// dies by itself after an hour.
func (g *Granter) Ended(ctx context.Context, job *runner.Job) error {
	key, err := queue.KeyOf(job)
	if err != nil {
		return err
	}
	g.mu.Lock()
	tokens := g.tokens[key]
	delete(g.tokens, key)
	g.mu.Unlock()
	var errs []error
	for _, t := range tokens {
		errs = append(errs, g.Tokens.Revoke(ctx, t.value))
	}
	return errors.Join(errs...)
}

// Variables are those of the vars context: of an organisation, a repository and, if
// it is not "", an environment. Unlike secrets they are for everybody who runs.
func (g *Granter) Variables(ctx context.Context, organization, repository int64, environment string) (map[string]string, error) {
	return g.Vault.Values(ctx, store.Variable, vault.Owner{Organization: organization, Repository: repository, Environment: environment})
}
