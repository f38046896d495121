package reconcile_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/intake"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/reconcile"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
	"github.com/drydock-ci/drydock/githubapp/webhook"
)

// maker makes runs in the store and begins none.
type maker struct {
	intake.Queue
	store store.Store
}

func (m maker) Create(ctx context.Context, s store.Settlement, runs []queue.Planned) ([]store.Made, error) {
	var list []store.NewRun
	for _, p := range runs {
		r := p.Run
		r.Attempt, r.State = 1, store.Queued
		data, err := json.Marshal(p.Plan)
		if err != nil {
			return nil, err
		}
		r.Plan = data
		list = append(list, store.NewRun{Run: r})
	}
	return m.store.CreateRuns(ctx, s, list)
}

type clock struct {
	mu sync.Mutex
	by time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.by)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += d
}

type world struct {
	*clock
	t          *testing.T
	github     *githubtest.GitHub
	store      store.Store
	reconciler *reconcile.Reconciler
}

func newWorld(t *testing.T, budget int) *world {
	t.Helper()
	w := &world{clock: &clock{}, t: t}
	w.github = githubtest.New(t)
	var err error
	if w.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	app := w.github.App()
	client, err := auth.New(auth.Options{AppID: app.ID, PrivateKey: app.PrivateKey, Address: w.github.URL(), MaxWait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	reader := repository.New(repository.Options{Clients: client.Installation, Now: w.now})
	in := intake.New(intake.Options{Store: w.store, Queue: maker{store: w.store}, Reader: reader, AppID: app.ID, Slug: app.Slug, Endpoints: client.Endpoints(), Claim: 10 * time.Minute, Now: w.now})
	handler, err := webhook.New(webhook.Options{Secrets: [][]byte{[]byte(app.WebhookSecret)}, Deliveries: w.store, Stored: in.Wake, BodyTimeout: time.Minute, StoreTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() { server.Close(); handler.Close() })
	w.github.SetWebhook(server.URL)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = in.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	w.reconciler = reconcile.New(reconcile.Options{
		Store: w.store, Reader: reader, App: client.Client(), Events: webhook.Events(), Wake: in.Wake, Budget: budget, Now: w.now,
	})
	return w
}

// runs waits until nothing is pending and gives "event sha" of each run.
func (w *world) runs() []string {
	w.t.Helper()
	w.github.Settle()
	for end := time.Now().Add(4 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		pending, err := w.store.ListDeliveries(w.t.Context(), store.DeliveryFilter{Fate: store.Pending})
		if err != nil {
			w.t.Fatal(err)
		}
		if len(pending) == 0 {
			break
		}
		if time.Now().After(end) {
			w.t.Fatalf("%d deliveries are pending, the first is %+v", len(pending), pending[0])
		}
	}
	list, err := w.store.ListRuns(w.t.Context(), store.RunFilter{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, r := range slices.Backward(list) {
		out = append(out, r.Event+" "+r.HeadSHA)
	}
	return out
}

func (w *world) pass() reconcile.Found {
	w.t.Helper()
	found, err := w.reconciler.Pass(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

func (w *world) expect(want ...string) {
	w.t.Helper()
	if got := w.runs(); !slices.Equal(got, want) {
		w.t.Errorf("runs:\n got %q\nwant %q", got, want)
	}
}

const ci = "on: [push, pull_request, pull_request_target]\njobs:\n  a: {runs-on: ubuntu-latest, steps: [{run: echo}]}\n"

// TestLost: webhooks that were tried in vain come again.
func TestLost(t *testing.T) {
	w := newWorld(t, 0)
	r := w.github.Repository("octo/demo", githubtest.Files{".github/workflows/ci.yml": ci})
	w.github.Faults(githubtest.Faults{Seed: 3, LoseWebhooks: 1})
	var want []string
	for n := range 3 {
		want = append(want, "push "+r.Commit("main", githubtest.Files{"a": string(rune('a' + n))}, "x"))
	}
	w.expect()
	w.github.Faults(githubtest.Faults{})
	if found := w.pass(); found.Redelivered != 0 {
		t.Errorf("%+v: these may still be on their way", found)
	}
	w.advance(2 * time.Minute)
	found := w.pass()
	if found.Redelivered < 3 {
		t.Errorf("%+v", found)
	}
	got := w.runs()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	w.advance(2 * time.Minute)
	if again := w.pass(); again.Redelivered != 0 || again.Repaired != 0 {
		t.Errorf("%+v", again)
	}
}

// TestForgotten: pushes and pull requests that GitHub sent nothing about are
// found, once, and run once even when the webhook comes after all.
func TestForgotten(t *testing.T) {
	w := newWorld(t, 0)
	r := w.github.Repository("octo/demo", githubtest.Files{".github/workflows/ci.yml": ci, "a": "0"})
	known := r.Commit("main", githubtest.Files{"a": "1"}, "x")
	w.expect("push " + known)
	w.pass() // the first look: what is there is no loss
	w.github.Faults(githubtest.Faults{ForgetWebhooks: 1})
	main := r.Commit("main", githubtest.Files{"a": "2"}, "x")
	topic := r.Commit("topic", githubtest.Files{"b": "1"}, "y")
	r.PullRequest(githubtest.Pull{Head: "topic"})
	w.github.Faults(githubtest.Faults{})
	w.pass()
	w.expect("push " + known)
	w.advance(5 * time.Minute)
	if found := w.pass(); found.Repaired != 0 {
		t.Errorf("%+v: a webhook may be that late", found)
	}
	w.advance(10 * time.Minute)
	if found := w.pass(); found.Repaired != 3 {
		t.Errorf("%+v", found)
	}
	got := w.runs()
	slices.Sort(got)
	want := []string{"pull_request " + topic, "pull_request_target " + topic, "push " + known, "push " + main, "push " + topic}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// The webhooks after all, one with another story of what was before.
	r.Emit("push", "", map[string]any{"ref": "refs/heads/main", "before": known, "after": main, "head_commit": map[string]any{"id": main}}, "")
	r.Emit("push", "", map[string]any{"ref": "refs/heads/topic", "before": known, "after": topic, "head_commit": map[string]any{"id": topic}}, "")
	if got := len(w.runs()); got != 5 {
		t.Errorf("%d runs: %q", got, w.runs())
	}
	w.advance(time.Hour)
	if found := w.pass(); found != (reconcile.Found{}) {
		t.Errorf("%+v", found)
	}
	// The branch goes back to a commit that was repaired: a push of its own.
	r.ForcePush("topic", main)
	w.runs()
	r.ForcePush("topic", topic)
	pushes := 0
	for _, run := range w.runs() {
		if run == "push "+topic {
			pushes++
		}
	}
	if pushes != 2 {
		t.Errorf("%d pushes of %s, want 2", pushes, topic)
	}
}

// TestForgottenPaths: a new branch that no webhook told of runs only what its
// commits touch.
func TestForgottenPaths(t *testing.T) {
	w := newWorld(t, 0)
	r := w.github.Repository("octo/demo", githubtest.Files{
		".github/workflows/a.yml": "on: {push: {paths: ['a/**']}}\njobs: {a: {runs-on: x, steps: [{run: a}]}}\n",
		".github/workflows/b.yml": "on: {push: {paths: ['b/**']}}\njobs: {b: {runs-on: x, steps: [{run: b}]}}\n",
	})
	known := r.Commit("main", githubtest.Files{"a/1": "1"}, "x")
	w.expect("push " + known)
	w.pass()
	w.github.Faults(githubtest.Faults{ForgetWebhooks: 1})
	topic := r.Commit("topic", githubtest.Files{"b/1": "1"}, "y")
	w.github.Faults(githubtest.Faults{})
	w.pass()
	w.advance(15 * time.Minute)
	w.pass()
	w.expect("push "+known, "push "+topic)
}

// TestBudget: a pass stops at its budget, and the next one goes on from there.
func TestBudget(t *testing.T) {
	w := newWorld(t, 5)
	for _, name := range []string{"octo/a", "octo/b", "octo/c", "octo/d"} {
		r := w.github.Repository(name, githubtest.Files{".github/workflows/ci.yml": ci})
		r.Commit("main", githubtest.Files{"a": "1"}, "x")
	}
	w.runs()
	looked := func() int {
		values, err := w.store.ListValues(t.Context(), "reconcile/seen/")
		if err != nil {
			t.Fatal(err)
		}
		return len(values)
	}
	w.pass()
	if got := looked(); got != 2 {
		t.Errorf("looked at %d repositories", got)
	}
	w.pass()
	if got := looked(); got != 4 {
		t.Errorf("looked at %d repositories", got)
	}
}

// TestAway: while GitHub is away nothing is decided.
func TestAway(t *testing.T) {
	w := newWorld(t, 0)
	r := w.github.Repository("octo/demo", githubtest.Files{".github/workflows/ci.yml": ci})
	r.Commit("main", githubtest.Files{"a": "1"}, "x")
	w.runs()
	w.pass()
	w.github.Faults(githubtest.Faults{Errors: 1})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := w.reconciler.Pass(ctx); err == nil {
		t.Error("no error")
	}
	w.github.Faults(githubtest.Faults{})
	if found := w.pass(); found != (reconcile.Found{}) {
		t.Errorf("%+v", found)
	}
}
