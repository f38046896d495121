package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/api/stored"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/services/ledger"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const localToken = "the-token-of-this-machine"

// people are the accounts of the tests' GitHub, and what they may do with
// octo/app; nobody but the owner may see octo/hidden.
var people = map[string]struct {
	id  int64
	can api.Permission
}{
	"stranger": {11, api.None}, "reader": {12, api.Read}, "writer": {13, api.Write}, "operator": {14, api.None}, "owner": {15, api.Admin},
}

type world struct {
	t      *testing.T
	store  store.Store
	api    *api.Server
	http   *httptest.Server
	github *httptest.Server

	mu    sync.Mutex
	calls []string
	codes map[string]string // code -> challenge
}

func (w *world) called(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, fmt.Sprintf(format, args...))
}

func (w *world) taken() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := strings.Join(w.calls, "; ")
	w.calls = nil
	return all
}

// Permission implements api.Rights.
func (w *world) Permission(_ context.Context, r api.Repository, u api.User) (api.Permission, error) {
	p, ok := people[u.Login]
	if !ok || p.id != u.ID {
		return api.None, nil
	}
	if r.ID == 10 && u.Login != "owner" {
		return api.None, nil
	}
	return p.can, nil
}

// ListArtifacts implements api.Artifacts, and OpenArtifact too.
func (w *world) ListArtifacts(context.Context, store.RunID) ([]api.Artifact, error) {
	return []api.Artifact{{Name: "dist", Bytes: 3}}, nil
}

func (w *world) OpenArtifact(_ context.Context, _ store.RunID, name string) (io.ReadCloser, int64, error) {
	if name == "missing" {
		return nil, 0, store.ErrNotFound
	}
	return io.NopCloser(strings.NewReader("zip")), 3, nil
}

// Services implements api.Services, and Builds and Between too.
func (w *world) Services(ctx context.Context, id store.RepositoryID) ([]ledger.Service, error) {
	return ledger.New(w.store).Services(ctx, id)
}

func (w *world) Builds(ctx context.Context, id store.RepositoryID, service string) ([]ledger.Build, error) {
	return ledger.New(w.store).Builds(ctx, id, service)
}

func (w *world) Between(_ context.Context, r api.Repository, from, to string) ([]api.Commit, error) {
	return []api.Commit{{SHA: to, Subject: "in " + r.Name + " since " + from}}, nil
}

// startGitHub is what sign-in needs of GitHub: the code is the login.
func (w *world) startGitHub() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login/oauth/authorize", func(rw http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		login := r.Header.Get("X-Test-Login")
		w.mu.Lock()
		w.codes[login] = q.Get("code_challenge")
		w.mu.Unlock()
		http.Redirect(rw, r, q.Get("redirect_uri")+"?"+url.Values{"code": {login}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("POST /login/oauth/access_token", func(rw http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		code := r.FormValue("code")
		w.mu.Lock()
		defer w.mu.Unlock()
		if r.FormValue("client_secret") != "secret" || w.codes[code] != base64.RawURLEncoding.EncodeToString(sum[:]) {
			fmt.Fprint(rw, `{"error":"bad_verification_code"}`)
			return
		}
		delete(w.codes, code)
		fmt.Fprintf(rw, `{"access_token":"ghu_of-%s"}`, code)
	})
	mux.HandleFunc("GET /user", func(rw http.ResponseWriter, r *http.Request) {
		_, login, _ := strings.Cut(r.Header.Get("Authorization"), "_of-")
		p, ok := people[login]
		if !ok {
			http.Error(rw, `{}`, http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(rw, `{"id":%d,"login":%q}`, p.id, login)
	})
	mux.HandleFunc("POST /applications/{client}/token", func(rw http.ResponseWriter, r *http.Request) {
		var asked map[string]string
		id, secret, _ := r.BasicAuth()
		err := json.NewDecoder(r.Body).Decode(&asked)
		login, ours := strings.CutPrefix(asked["access_token"], "ghu_of-")
		p, ok := people[login]
		if err != nil || !ours || !ok || id != r.PathValue("client") || secret != "secret" {
			http.Error(rw, `{}`, http.StatusNotFound)
			return
		}
		fmt.Fprintf(rw, `{"user":{"id":%d,"login":%q}}`, p.id, login)
	})
	w.github = httptest.NewServer(mux)
	w.t.Cleanup(w.github.Close)
}

func start(t *testing.T, change ...func(*api.Options)) *world {
	t.Helper()
	w := &world{t: t, codes: map[string]string{}}
	w.startGitHub()
	var err error
	if w.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "drydock.db"), sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	backend := stored.New(stored.Options{Store: w.store, Workflows: func(context.Context, api.Repository, string) ([]api.Workflow, error) {
		return []api.Workflow{api.WorkflowOf(".github/workflows/ci.yml", []byte(dispatchable))}, nil
	}})
	w.http = httptest.NewUnstartedServer(nil)
	o := api.Options{
		Backend: backend, Directory: backend, Ledger: backend, Work: backend, Artifacts: w, Services: w, Rights: w,
		URL: "http://" + w.http.Listener.Addr().String(), LocalToken: localToken, Admins: []string{"14"},
		SignIn:  &api.SignIn{ClientID: "Iv1.client", ClientSecret: "secret", Web: w.github.URL + "/", API: w.github.URL + "/"},
		Metrics: api.NewMetrics(w.store, nil),
		Actions: api.Actions{
			Cancel: func(_ context.Context, id store.RunID, by store.Actor, reason string, force bool) error {
				w.called("cancel %d by %s/%d %q %t", id, by.Login, by.ID, reason, force)
				return nil
			},
			Rerun: func(_ context.Context, id store.RunID, r queue.RerunRequest) (int, error) {
				w.called("rerun %d %s %s by %s", id, r.What, r.Job, r.By.Login)
				return 2, nil
			},
			Approve: func(_ context.Context, a store.Approval) error {
				w.called("%s %d %q %s by %s", a.Verdict, a.Run, a.Environment, a.SHA, a.By.Login)
				if a.SHA != "head" {
					return fmt.Errorf("approve: %w", store.ErrWrongCommit)
				}
				if a.Environment != "" && a.By.Login != "reader" {
					return fmt.Errorf("approve: %w", queue.ErrNotReviewer)
				}
				return nil
			},
			Dispatch: func(_ context.Context, d api.Dispatch) (store.RunID, error) {
				w.called("dispatch %s of %s at %q by %s %v", d.Workflow, d.Repository.Name, d.Ref, d.By.Login, d.Inputs)
				return 7, nil
			},
		},
	}
	for _, f := range change {
		f(&o)
	}
	if w.api, err = api.New(o); err != nil {
		t.Fatal(err)
	}
	w.http.Config.Handler = w.api
	w.http.Start()
	t.Cleanup(w.http.Close)
	w.seed()
	return w
}

const dispatchable = `name: CI
on:
  push:
  workflow_dispatch:
    inputs:
      where: {type: choice, options: [test, "a <b>"], default: test, required: true}
      dry: {type: boolean, default: true}
jobs:
  build: {runs-on: ubuntu-latest, steps: [{run: make}]}
`

// seed makes run 1 of octo/app, completed, and run 2 of octo/hidden, running.
func (w *world) seed() {
	ctx := w.t.Context()
	for i, repository := range []store.RepositoryID{9, 9, 10} {
		b := ledger.Build{
			Service: "web", Run: store.RunID(i + 1), Attempt: 1, Repository: repository, Commit: fmt.Sprintf("c%d", i+1), Ref: "refs/heads/main", Published: i != 1,
			Digest: fmt.Sprintf("sha256:%d", i+1), Version: "1.0.0", Tags: []string{"main"}, Time: time.Unix(int64(i+1), 0),
		}
		if err := ledger.New(w.store).Add(ctx, b); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := w.store.AddDeliveries(ctx, []store.Delivery{{ID: "d-1", Event: "push", Body: []byte(`{"ref":"x"}`)}}); err != nil {
		w.t.Fatal(err)
	}
	facts := store.Run{
		Installation: 1, Repository: 9, RepositoryName: "octo/app", Workflow: ".github/workflows/ci.yml", Name: "CI", Title: "Fix <it>",
		Event: "push", Ref: "refs/heads/main", SHA: "head", HeadSHA: "head", Actor: store.Actor{ID: 13, Login: "writer"}, State: store.Queued,
		Plan: []byte(`{"graph":{"name":"CI","jobs":[{"id":"build"},{"id":"test","needs":["build"]},{"id":"deploy","needs":["test"],"call":{"graph":{"jobs":[{"id":"a"},{"id":"b","needs":["a"]}]}}},{"id":"done","needs":["deploy"]}]}}`),
	}
	hidden := facts
	hidden.Repository, hidden.RepositoryName, hidden.Title = 10, "octo/hidden", "Secret plans"
	job := store.Job{JobKey: store.JobKey{Job: "build"}, Name: "build", Labels: []string{"linux"}, State: store.Queued}
	if _, err := w.store.CreateRuns(ctx, store.Settlement{}, []store.NewRun{{Run: facts, Jobs: []store.Job{job}}, {Run: hidden, Jobs: []store.Job{job}}}); err != nil {
		w.t.Fatal(err)
	}
	w.finish(1)
	if err := w.store.SwapValue(ctx, "why/d-1", nil, []byte(`[{"workflow":"ci.yml","event":"push","run":1,"reasons":["branches: main"]}]`)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) finish(id store.RunID) {
	now := time.Now()
	step := runner.StepRef{Number: 2, Name: "Run make", Phase: runner.Main}
	w.emit(store.JobKey{Run: id, Attempt: 1, Job: "build"},
		runner.JobStarted{Time: now, Job: "build", Name: "build", Executor: "docker", Image: "debian"},
		runner.StepStarted{Time: now, Job: "build", Step: step},
		runner.Line{Time: now, Job: "build", Step: 2, Text: "hello"},
		runner.Annotated{Time: now, Job: "build", Step: 2, Annotation: command.Annotation{Level: "error", Message: "bad <b>thing</b>", File: "a.go", Line: 3}},
		runner.Summarised{Time: now, Job: "build", Step: 2, Markdown: "# Result\n<script>alert(1)</script><b>ok</b>"},
		runner.StepFinished{Time: now, Job: "build", StepResult: runner.StepResult{Step: step, Conclusion: plan.Failure, Seconds: 1.5, ExitCode: 2}},
		runner.JobFinished{Time: now, Job: "build", Name: "build", Conclusion: plan.Failure},
	)
	w.commit(id, store.Completed, plan.Failure)
}

func (w *world) commit(id store.RunID, state store.State, c plan.Conclusion) {
	w.t.Helper()
	r, err := w.store.Run(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	r.State, r.Conclusion = state, c
	job := store.Job{JobKey: store.JobKey{Run: id, Attempt: 1, Job: "build"}, Name: "build", Labels: []string{"linux"}, State: state, Conclusion: c}
	if _, err := w.store.CommitRun(w.t.Context(), store.Change{Run: *r, Jobs: []store.Job{job}}); err != nil {
		w.t.Fatal(err)
	}
}

// emit stores events as one chunk.
func (w *world) emit(key store.JobKey, events ...runner.Event) {
	w.t.Helper()
	var data []byte
	for _, e := range events {
		data = runner.AppendEvent(data, fmt.Sprintf("%d-%d", key.Run, key.Attempt), e)
	}
	last, err := w.store.LastEvent(w.t.Context(), key)
	if err == nil {
		_, err = w.store.AppendEvents(w.t.Context(), key, last, [][]byte{data})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// browser is a client with cookies; it has signed in as login, unless "".
func (w *world) browser(login string) (client *http.Client, csrf string) {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	client = &http.Client{Jar: jar, Transport: asLogin{login}, Timeout: 3 * time.Minute}
	if login == "" {
		return client, ""
	}
	res, err := client.Get(w.http.URL + "/auth/login?back=/api/v1/me")
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var me api.Me
	if err := json.NewDecoder(res.Body).Decode(&me); err != nil || me.Login != login || me.CSRF == "" {
		w.t.Fatalf("signed in as %+v, error %v", me, err)
	}
	return client, me.CSRF
}

// asLogin tells the tests' GitHub who sits at the browser.
type asLogin struct{ login string }

func (a asLogin) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Test-Login", a.login)
	return http.DefaultTransport.RoundTrip(r)
}

func (w *world) do(client *http.Client, method, path, body string, headers ...string) (status int, answer string, h http.Header) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.http.URL+path, bytes.NewBufferString(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	data, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(data), res.Header
}
