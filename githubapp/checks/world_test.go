package checks

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// world is a GitHub with one repository, and a store.
type world struct {
	t     *testing.T
	gh    *githubtest.GitHub
	repo  *githubtest.Repository
	app   *auth.App
	store store.Store
	sha   string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	gh := githubtest.New(t)
	w := &world{t: t, gh: gh, repo: gh.Repository("octo/demo", githubtest.Files{"README.md": "hello"})}
	w.sha = w.repo.Head("main")
	var err error
	// The limiter of the App repeats nothing here: the reporter has to.
	if w.app, err = auth.New(auth.Options{AppID: gh.App().ID, PrivateKey: gh.App().PrivateKey, Address: gh.URL(), MaxWait: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if w.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	return w
}

func (w *world) reporter() *Reporter {
	return New(Options{
		Store: w.store, Clients: w.app.Installation,
		URL: func(k store.JobKey) string { return fmt.Sprintf("https://ci.example.com/runs/%d?job=%s", k.Run, k.Job) },
	})
}

// run makes a run with jobs.
func (w *world) run(name string, jobs ...string) *store.Run {
	w.t.Helper()
	return w.runOf(".github/workflows/ci.yml", name, jobs...)
}

func (w *world) runOf(workflow, name string, jobs ...string) *store.Run {
	w.t.Helper()
	n := store.NewRun{Run: store.Run{
		Attempt: 1, Installation: w.gh.Installation("octo").ID, Repository: store.RepositoryID(w.repo.ID), RepositoryName: "octo/demo",
		Workflow: workflow, Name: name, Event: "push", SHA: w.sha, HeadSHA: w.sha, State: store.Queued, Plan: []byte("{}"),
	}}
	for _, j := range jobs {
		n.Jobs = append(n.Jobs, store.Job{JobKey: store.JobKey{Attempt: 1, Job: plan.LegID(j)}, Name: j, State: store.Queued, Message: []byte("{}")})
	}
	made, err := w.store.CreateRuns(w.t.Context(), store.Settlement{}, []store.NewRun{n})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.read(made[0].ID)
}

func (w *world) read(id store.RunID) *store.Run {
	w.t.Helper()
	r, err := w.store.Run(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// change brings the run and all jobs of its attempt into a state.
func (w *world) change(id store.RunID, state store.State, conclusion plan.Conclusion) {
	w.t.Helper()
	r := w.read(id)
	jobs, err := w.store.ListJobs(w.t.Context(), id, r.Attempt)
	if err != nil {
		w.t.Fatal(err)
	}
	now := time.Now()
	began := now.Add(-time.Minute)
	r.State, r.Conclusion, r.Started = state, conclusion, began
	for i := range jobs {
		jobs[i].State, jobs[i].Conclusion, jobs[i].Started = state, conclusion, began
		if state == store.Completed {
			jobs[i].Finished, r.Finished = now, now
		}
	}
	r.Plan = nil
	if _, err := w.store.CommitRun(w.t.Context(), store.Change{Run: *r, Jobs: jobs}); err != nil {
		w.t.Fatal(err)
	}
}

// events stores what a job told.
func (w *world) events(id store.RunID, job string, list ...runner.Event) {
	w.t.Helper()
	s := store.Stream{Run: id, Attempt: 1, Job: plan.LegID(job)}
	last, err := w.store.LastEvent(w.t.Context(), s)
	if err != nil {
		w.t.Fatal(err)
	}
	var data [][]byte
	for _, e := range list {
		data = append(data, runner.AppendEvent(nil, "", e))
	}
	if _, err := w.store.AppendEvents(w.t.Context(), s, last, data); err != nil {
		w.t.Fatal(err)
	}
}

// settle reports until nothing is left to say.
func (w *world) settle(r *Reporter, id store.RunID) {
	w.t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		again, err := r.report(w.t.Context(), id)
		if err == nil && again == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	w.t.Fatalf("run %d is not reported after two minutes", id)
}

// checks are those at GitHub, by name; two of one name are an error.
func (w *world) checks() map[string]githubtest.CheckRun {
	w.t.Helper()
	all := map[string]githubtest.CheckRun{}
	for _, c := range w.gh.CheckRuns(w.repo, "") {
		if _, twice := all[c.Name]; twice {
			w.t.Errorf("two check runs %q", c.Name)
		}
		all[c.Name] = c
	}
	return all
}

func (w *world) begun() int {
	w.t.Helper()
	left, err := w.store.ListValues(context.Background(), recordPrefix)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(left)
}

func annotated(level command.Level, file string, line int, message string) runner.Annotated {
	a := runner.Annotated{Job: "build", Step: 2}
	a.Level, a.File, a.Line, a.Message = level, file, line, message
	return a
}

func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%s lacks %q: %.2000s", what, p, text)
		}
	}
}
