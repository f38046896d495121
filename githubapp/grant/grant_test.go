package grant_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/grant"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
	"github.com/drydock-ci/drydock/githubapp/trust"
	"github.com/drydock-ci/drydock/githubapp/vault"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const organization = 77 // of the secrets; the run's context names it

// world is a GitHub, a store and what grants.
type world struct {
	*grant.Granter
	gh    *githubtest.GitHub
	repo  *githubtest.Repository
	store store.Store
	vault *vault.Vault
}

func newWorld(t *testing.T) *world {
	t.Helper()
	gh := githubtest.New(t)
	repo := gh.Repository("octo/demo", githubtest.Files{"README.md": "hello"})
	app, err := auth.New(auth.Options{AppID: gh.App().ID, PrivateKey: gh.App().PrivateKey, Address: gh.URL()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	keys, err := vault.ParseKeys(vault.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	v := vault.New(keys, s, "")
	for scope, name := range map[store.Scope]string{
		{Level: store.Organization, ID: organization}:                               "ORG",
		{Level: store.Repository, ID: repo.ID}:                                      "REPO",
		{Level: store.Environment, ID: repo.ID, Environment: "production"}:          "ENV",
		{Level: store.Repository, ID: repo.ID + 1}:                                  "OTHER",
		{Level: store.Environment, ID: repo.ID, Environment: "another environment"}: "OTHER_ENV",
	} {
		if err := v.Set(t.Context(), store.Secret, scope, name, "value of "+name, store.Actor{ID: 1}); err != nil {
			t.Fatal(err)
		}
	}
	return &world{
		Granter: grant.New(grant.Options{
			Runs: s, Tokens: app, Vault: v, Policy: trust.Default(),
			DefaultPermissions: workflow.Permissions{Scopes: map[string]string{"contents": "read"}},
		}),
		gh: gh, repo: repo, store: s, vault: v,
	}
}

// job makes a run with one job.
func (w *world) job(t *testing.T, zone trust.Zone, environment string, p *workflow.Permissions) *runner.Job {
	t.Helper()
	made, err := w.store.CreateRuns(t.Context(), store.Settlement{}, []store.NewRun{{
		Run: store.Run{
			Attempt: 1, Installation: w.gh.Installation("octo").ID, Repository: store.RepositoryID(w.repo.ID), RepositoryName: "octo/demo",
			Workflow: "ci.yml", Name: "CI", Event: "push", Zone: string(zone), State: store.InProgress, Plan: []byte("{}"),
		},
		Jobs: []store.Job{{JobKey: store.JobKey{Attempt: 1, Job: "build"}, Name: "build", Environment: environment, State: store.Queued, Message: []byte("{}")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	gh := expr.NewObject(false)
	gh.Set("repository_owner_id", expr.String(fmt.Sprint(organization)))
	return &runner.Job{
		Run: executor.RunID(fmt.Sprintf("%d-1", made[0].ID)), Place: runner.Place{Executor: "docker"},
		Leg: plan.Leg{ID: "build", Name: "build", Job: &plan.Job{ID: "build", Permissions: p}, Contexts: map[string]expr.Value{"github": gh.Value()}},
	}
}

// ask uses a token as a job would, and gives the status of the answer.
func (w *world) ask(t *testing.T, token, method, path, body string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.gh.URL()+"/api/v3/repos/octo/demo"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func TestSecrets(t *testing.T) {
	w := newWorld(t)
	all := &workflow.Permissions{All: "write-all"}
	for _, c := range []struct {
		zone        trust.Zone
		environment string
		names       string // of secrets beside GITHUB_TOKEN
		write       bool   // the token may write
		err         string
	}{
		{zone: trust.Fork, write: false},
		{zone: trust.Fork, environment: "production", err: "environment"},
		{zone: trust.ForkTarget, names: "ORG REPO", write: true},
		{zone: trust.PullRequest, names: "ORG REPO", write: true},
		{zone: trust.Branch, names: "ORG REPO", write: true},
		{zone: trust.Branch, environment: "Production", names: "ENV ORG REPO", write: true},
		{zone: trust.Protected, names: "ORG REPO", write: true},
		{zone: trust.Schedule, names: "ORG REPO", write: true},
		{zone: "unheard of"},
	} {
		t.Run(string(c.zone)+c.environment, func(t *testing.T) {
			job := w.job(t, c.zone, c.environment, all)
			got, err := w.Secrets(t.Context(), job)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v, %v", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, n := range []string{"ENV", "ORG", "OTHER", "OTHER_ENV", "REPO"} {
				if v, ok := got[n]; ok {
					names = append(names, n)
					if v != "value of "+n {
						t.Errorf("%s is %q", n, v)
					}
				}
			}
			token := got["GITHUB_TOKEN"]
			if strings.Join(names, " ") != c.names || token == "" || len(got) != len(names)+1 {
				t.Errorf("secrets %v, want %q and a token", names, c.names)
			}
			if got := w.ask(t, token, http.MethodGet, "", ""); got != http.StatusOK {
				t.Errorf("reading gives %d", got)
			}
			want := http.StatusForbidden
			if c.write {
				want = http.StatusCreated
			}
			check := fmt.Sprintf(`{"name":"x","head_sha":%q}`, w.repo.Head("main"))
			if got := w.ask(t, token, http.MethodPost, "/check-runs", check); got != want {
				t.Errorf("writing gives %d, want %d", got, want)
			}
			if err := w.Ended(t.Context(), job); err != nil {
				t.Error(err)
			}
			if got := w.ask(t, token, http.MethodGet, "", ""); got != http.StatusUnauthorized {
				t.Errorf("after the job the token gives %d", got)
			}
		})
	}
}

// TestRenewal: a job that runs for long gets another token, with the same rights,
// and at its end all of them are dead.
func TestRenewal(t *testing.T) {
	w := newWorld(t)
	ahead := time.Duration(0)
	w.Now = func() time.Time { return time.Now().Add(ahead) }
	job := w.job(t, trust.Fork, "", &workflow.Permissions{All: "write-all"})
	if token, err := w.Token(t.Context(), job); token != "" || err != nil {
		t.Errorf("before the job has one: %q, %v", token, err)
	}
	first, err := w.Secrets(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	if token, err := w.Token(t.Context(), job); token != "" || err != nil {
		t.Errorf("at once: %q, %v", token, err)
	}
	ahead = 15 * time.Minute
	second, err := w.Token(t.Context(), job)
	if err != nil || second == "" || second == first["GITHUB_TOKEN"] {
		t.Fatalf("later: %q, %v", second, err)
	}
	check := fmt.Sprintf(`{"name":"x","head_sha":%q}`, w.repo.Head("main"))
	if got := w.ask(t, second, http.MethodPost, "/check-runs", check); got != http.StatusForbidden {
		t.Errorf("a fork's second token writes: %d", got)
	}
	if token, err := w.Token(t.Context(), job); token != "" || err != nil {
		t.Errorf("again at once: %q, %v", token, err)
	}
	for _, token := range []string{first["GITHUB_TOKEN"], second} {
		if got := w.ask(t, token, http.MethodGet, "", ""); got != http.StatusOK {
			t.Errorf("while the job runs a token gives %d", got)
		}
	}
	if err := w.Ended(t.Context(), job); err != nil {
		t.Error(err)
	}
	for _, token := range []string{first["GITHUB_TOKEN"], second} {
		if got := w.ask(t, token, http.MethodGet, "", ""); got != http.StatusUnauthorized {
			t.Errorf("after the job a token gives %d", got)
		}
	}
}

// TestHost: only zones that may run on the server's machine.
func TestHost(t *testing.T) {
	w := newWorld(t)
	for zone, want := range map[trust.Zone]bool{trust.Fork: false, trust.ForkTarget: false, trust.Branch: true, "unheard of": false} {
		job := w.job(t, zone, "", nil)
		job.Place.Executor = "host"
		if _, err := w.Secrets(t.Context(), job); (err == nil) != want {
			t.Errorf("%s on the host: %v", zone, err)
		}
	}
}

// TestBarred: a job may not choose a runner that its zone is kept from.
func TestBarred(t *testing.T) {
	w := newWorld(t)
	var err error
	if w.Policy, err = trust.Default().Without([]string{"fork:runs-on=deploy"}); err != nil {
		t.Fatal(err)
	}
	for zone, want := range map[trust.Zone]bool{trust.Fork: false, trust.Branch: true} {
		for _, place := range []runner.Place{
			{Executor: "docker", Labels: []string{"self-hosted", "Deploy"}},
			{Executor: "docker", Labels: []string{"self-hosted"}, Offers: []string{"self-hosted", "deploy"}}, // it asked for less
		} {
			job := w.job(t, zone, "", nil)
			job.Place = place
			if got, err := w.Secrets(t.Context(), job); (err == nil) != want || err != nil && got != nil {
				t.Errorf("%s: %v, %v", zone, got, err)
			}
		}
	}
}

// TestConfined: what the operator opens to jobs is not for every zone, and not for
// a job that the store does not know.
func TestConfined(t *testing.T) {
	w := newWorld(t)
	for zone, want := range map[trust.Zone]bool{
		trust.Fork: true, trust.ForkTarget: true, trust.PullRequest: false, trust.Branch: false, trust.Protected: false, trust.Schedule: false, "unheard of": true,
	} {
		if got := w.Confined(t.Context(), w.job(t, zone, "", nil)); got != want {
			t.Errorf("%s: confined %v, want %v", zone, got, want)
		}
	}
	unknown := w.job(t, trust.Protected, "", nil)
	unknown.Run = "4711-1"
	if !w.Confined(t.Context(), unknown) {
		t.Error("a job of a run that is not there is trusted")
	}
}

// noted keeps the jobs that services see.
type noted struct{ jobs []*runner.Job }

func (n *noted) Open(_ context.Context, job *runner.Job) (runner.Endpoints, error) {
	n.jobs = append(n.jobs, job)
	return runner.Endpoints{}, nil
}
func (n *noted) Serve(conn net.Conn) { conn.Close() }

func TestServices(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		zone    trust.Zone
		mode    string
		want    string // cache-mode that the services see
		idToken bool
	}{
		{trust.Fork, "", "read", false}, {trust.Fork, "write-only", "none", false}, {trust.Fork, "none", "none", false},
		{trust.ForkTarget, "", "read", false}, {trust.PullRequest, "", "", true}, {trust.Protected, "read", "read", true}, {"unheard of", "", "read", false},
	} {
		for _, p := range []*workflow.Permissions{{All: "write-all"}, {Scopes: map[string]string{"id-token": "write", "contents": "read"}}} {
			job := w.job(t, c.zone, "", p)
			if c.mode != "" {
				job.Leg.Job.CacheMode = workflow.Str(c.mode)
			}
			var n noted
			services := w.Services(&n)
			if _, err := services.Open(t.Context(), job); err != nil {
				t.Fatal(err)
			}
			if _, err := services.(runner.Reopener).Reopen(t.Context(), job, "old"); err != nil {
				t.Fatal(err)
			}
			if len(n.jobs) != 2 {
				t.Fatalf("%d calls", len(n.jobs))
			}
			for _, seen := range n.jobs {
				mode := ""
				if seen.Leg.Job.CacheMode != nil {
					mode = seen.Leg.Job.CacheMode.Text
				}
				scopes := auth.Scopes(*seen.Leg.Job.Permissions)
				if mode != c.want || (scopes["id-token"] == "write") != c.idToken || scopes["contents"] == "" {
					t.Errorf("%s, cache-mode %q: services see %q and %v", c.zone, c.mode, mode, scopes)
				}
			}
			if auth.Scopes(*job.Leg.Job.Permissions)["id-token"] != "write" {
				t.Error("the job itself was changed")
			}
		}
	}
}
