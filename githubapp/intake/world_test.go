package intake_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/intake"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
	"github.com/drydock-ci/drydock/githubapp/webhook"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// recorder is a queue that makes runs in the store and begins none.
type recorder struct {
	store store.Store

	mu      sync.Mutex
	planned map[store.RunID]queue.Planned
	pressed []string
	refuse  error // of the next Create
}

func (q *recorder) Create(ctx context.Context, s store.Settlement, runs []queue.Planned) ([]store.Made, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.refuse; err != nil {
		q.refuse = nil
		return nil, err
	}
	var list []store.NewRun
	for _, p := range runs {
		r := p.Run
		r.Attempt, r.State = 1, store.Queued
		if p.Plan == nil {
			r.State, r.Conclusion, r.Finished = store.Completed, "failure", time.Now()
		} else {
			data, err := json.Marshal(p.Plan)
			if err != nil {
				return nil, err
			}
			r.Plan = data
		}
		list = append(list, store.NewRun{Run: r})
	}
	made, err := q.store.CreateRuns(ctx, s, list)
	for n, m := range made {
		if m.New {
			q.planned[m.ID] = runs[n]
		}
	}
	return made, err
}

func (q *recorder) note(format string, args ...any) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pressed = append(q.pressed, fmt.Sprintf(format, args...))
}

func (q *recorder) noted() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.pressed)
}

func (q *recorder) Cancel(_ context.Context, id store.RunID, by store.Actor, _ string, _ bool) error {
	q.note("cancel %d by %s", id, by.Login)
	return nil
}

func (q *recorder) Rerun(_ context.Context, id store.RunID, r queue.RerunRequest) (int, error) {
	q.note("rerun %d %s %s by %s", id, r.What, r.Job, r.By.Login)
	return 2, nil
}

func (q *recorder) Approve(_ context.Context, a store.Approval) error {
	q.note("approve %d by %s", a.Run, a.By.Login)
	return nil
}

// world is a GitHub, a store and an intake that runs.
type world struct {
	t      *testing.T
	github *githubtest.GitHub
	app    *auth.App
	store  store.Store
	queue  *recorder
	reader *repository.Reader
	intake *intake.Intake
	now    func() time.Time
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

func newWorld(t *testing.T, change ...func(*intake.Options)) *world {
	t.Helper()
	w := &world{t: t, github: githubtest.New(t), now: time.Now}
	var err error
	if w.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	app := w.github.App()
	if w.app, err = auth.New(auth.Options{AppID: app.ID, PrivateKey: app.PrivateKey, Address: w.github.URL(), MaxWait: 5 * time.Second}); err != nil {
		t.Fatal(err)
	}
	w.queue = &recorder{store: w.store, planned: map[store.RunID]queue.Planned{}}
	w.reader = repository.New(repository.Options{Clients: w.app.Installation})
	o := intake.Options{
		Store: w.store, Queue: w.queue, Reader: w.reader, AppID: app.ID, Slug: app.Slug, Endpoints: w.app.Endpoints(), Forget: w.app.Forget,
		Claim: 10 * time.Minute, // a large delivery takes long on a machine that is busy
	}
	for _, f := range change {
		f(&o)
	}
	w.intake = intake.New(o)
	handler, err := webhook.New(webhook.Options{Secrets: [][]byte{[]byte(app.WebhookSecret)}, Deliveries: w.store, Stored: w.intake.Wake, BodyTimeout: time.Minute, StoreTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() { server.Close(); handler.Close() })
	w.github.SetWebhook(server.URL)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = w.intake.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return w
}

// settle waits until no delivery is pending and gives all of them, the oldest first.
func (w *world) settle() []store.Delivery {
	w.t.Helper()
	w.github.Settle()
	for deadline := time.Now().Add(4 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		all, err := w.store.ListDeliveries(w.t.Context(), store.DeliveryFilter{Limit: 10_000})
		if err != nil {
			w.t.Fatal(err)
		}
		waiting := slices.IndexFunc(all, func(d store.Delivery) bool { return d.Fate == store.Pending })
		if waiting < 0 {
			slices.Reverse(all)
			return all
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("delivery %q is pending: %+v", all[waiting].Event, all[waiting])
		}
	}
}

// last settles and gives the newest delivery of an event.
func (w *world) last(event string) store.Delivery {
	w.t.Helper()
	for _, d := range slices.Backward(w.settle()) {
		if d.Event == event {
			return d
		}
	}
	w.t.Fatalf("no delivery of %q", event)
	return store.Delivery{}
}

// runs are those of the store, the oldest first, as "event path".
func (w *world) runs() []string {
	w.t.Helper()
	w.settle()
	var out []string
	for _, r := range slices.Backward(w.listRuns()) {
		out = append(out, r.Event+" "+filepath.Base(r.Workflow))
	}
	return out
}

func (w *world) listRuns() []store.Run {
	w.t.Helper()
	list, err := w.store.ListRuns(w.t.Context(), store.RunFilter{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// planned are the runs that were made. A delivery is settled a moment before its
// runs are in the map.
func (w *world) planned() map[store.RunID]queue.Planned {
	w.queue.mu.Lock()
	defer w.queue.mu.Unlock()
	return maps.Clone(w.queue.planned)
}

// refuse lets the next Create fail.
func (w *world) refuse(err error) {
	w.queue.mu.Lock()
	defer w.queue.mu.Unlock()
	w.queue.refuse = err
}

// newest is the run that was made last.
func (w *world) newest() queue.Planned {
	w.t.Helper()
	w.settle()
	all := w.planned()
	if len(all) == 0 {
		w.t.Fatal("no run")
	}
	return all[slices.Max(slices.Collect(maps.Keys(all)))]
}

func (w *world) expectRuns(want ...string) {
	w.t.Helper()
	if got := w.runs(); !slices.Equal(got, want) {
		w.t.Errorf("runs:\n got %q\nwant %q", got, want)
	}
}

// why is the text of what a delivery meant to a workflow.
func (w *world) why(d store.Delivery, path string) string {
	w.t.Helper()
	list, err := intake.WhyOf(w.t.Context(), w.store, d.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, y := range list {
		if strings.HasSuffix(y.Workflow, path) {
			return fmt.Sprintf("%t: %s", y.Run != 0, strings.Join(y.Reasons, "; "))
		}
	}
	return ""
}

// at is a field of the github context of a planned run as text.
func at(t *testing.T, p queue.Planned, keys ...string) string {
	t.Helper()
	if p.Plan == nil {
		t.Fatalf("not planned: %v", p.Problems)
	}
	v := p.Plan.Contexts["github"]
	for _, key := range keys {
		next, ok := v.Lookup(key)
		if !ok {
			t.Errorf("no github.%s", strings.Join(keys, "."))
			return ""
		}
		v = next
	}
	if v.Kind() == expr.KindString {
		return v.Text()
	}
	return v.JSON(false)
}

func on(text string) string {
	return "name: CI\non: " + text + "\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo hi\n"
}

const folder = ".github/workflows/"
