package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
)

// number reads a variable.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// scale is how big a simulation is.
type scale struct {
	runs, repositories, slots, open int
	pause                           time.Duration // between two things that people do, at most
	killed                          [2]time.Duration
	reconcile                       time.Duration
}

func scaleOf(runs int) scale {
	s := scale{
		runs: runs, repositories: 2, slots: 8, open: 40, pause: 900 * time.Millisecond,
		killed: [2]time.Duration{1500 * time.Millisecond, 3 * time.Second}, reconcile: 3 * time.Second,
	}
	if runs > 200 {
		s.repositories, s.slots, s.open, s.pause = 8, 16, 80, 400*time.Millisecond
		s.killed, s.reconcile = [2]time.Duration{2 * time.Second, 12 * time.Second}, 15*time.Second
	}
	return s
}

// world is one simulation.
type world struct {
	*testing.T
	scale
	seed   uint64
	gh     *githubtest.GitHub
	yard   *yard
	server *server
	story  *story
	db     store.Store
}

// TestSimulation is the whole server in bad weather.
func TestSimulation(t *testing.T) {
	seed := uint64(number(t, "DRYDOCK_SIMULATION_SEED", 1))
	w := newWorld(t, seed, scaleOf(number(t, "DRYDOCK_SIMULATION", 60)))
	begun := time.Now()
	w.calm()
	w.storm()
	told := time.Since(begun)
	w.settle()
	// What is due by the clock may begin at any time: judged is what stands still.
	for w.server.stop(); !w.Failed() && w.unsettled(w.list()) != ""; w.server.stop() {
		w.server.start()
		w.settle()
	}
	w.judge(told, time.Since(begun))
}

func newWorld(t *testing.T, seed uint64, size scale) *world {
	w := &world{T: t, seed: seed, scale: size}
	// t.TempDir would not leave what failed to be looked at.
	folder, err := os.MkdirTemp("", "drydock-simulation-") //nolint:usetesting
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			os.RemoveAll(folder)
		}
	})
	t.Logf("seed %d, %d runs, in %s", seed, size.runs, folder)
	w.gh = githubtest.New(t, githubtest.Options{Hourly: 10_000_000})
	if w.yard, err = newYard(folder, seed, 0.01); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(folder, "drydock.db")
	w.server = &server{t: t, gh: w.gh, log: log, settings: settings{
		Folder: folder, Yard: w.yard.address, GitHub: w.gh.URL(), Database: database, App: w.gh.App(), Slots: size.slots, Reconcile: size.reconcile,
	}}
	w.server.start()
	t.Cleanup(func() {
		w.server.kill()
		log.Close()
	})
	if w.db, err = sqlite.Open(t.Context(), database, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	w.story = newStory(w.gh, seed, size.repositories)
	return w
}

// list reads all runs.
func (w *world) list() []store.Run {
	runs, err := w.db.ListRuns(context.WithoutCancel(w.Context()), store.RunFilter{Limit: 1_000_000})
	if err != nil {
		w.Fatal(err)
	}
	return runs
}

func (w *world) jobs(id store.RunID) []store.Job {
	jobs, err := w.db.ListJobs(context.WithoutCancel(w.Context()), id, 0)
	if err != nil {
		w.Fatal(err)
	}
	return jobs
}

// calm lets the server get to know the repositories.
func (w *world) calm() {
	for _, r := range w.story.repositories {
		w.story.pushed(r, "main", r.Commit("main", w.story.files(), "First"), false)
	}
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		values, err := w.db.ListValues(w.Context(), "reconcile/seen/")
		if err != nil {
			w.Fatal(err)
		}
		if len(values) == len(w.story.repositories) {
			return
		}
		if time.Now().After(end) {
			w.Fatalf("the server knows %d of %d repositories", len(values), len(w.story.repositories))
		}
	}
}

// storm is the story, with everything going wrong.
func (w *world) storm() {
	w.story.faults = githubtest.Faults{
		Seed: w.seed, Errors: 0.03, Cut: 0.02, Lost: 0.02, Slow: 0.05, Delay: 200 * time.Millisecond, Secondary: 0.002,
		LoseWebhooks: 0.2, RepeatWebhooks: 0.2, ReorderWebhooks: 0.3, WebhookDelay: 20 * time.Millisecond,
	}
	w.gh.Faults(w.story.faults)
	over := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		rng := rand.New(rand.NewPCG(w.seed, 3))
		var up time.Duration // what the last start took: a busy machine needs longer for all else, too
		for {
			select {
			case <-over:
				return
			case <-time.After(2*up + w.killed[0] + time.Duration(rng.Int64N(int64(w.killed[1]-w.killed[0])))):
			}
			w.server.kill()
			time.Sleep(time.Duration(rng.Int64N(int64(700 * time.Millisecond))))
			begun := time.Now()
			w.server.start()
			up = time.Since(begun)
			w.Logf("killed; up again after %s", up.Round(time.Millisecond))
		}
	})
	rng := rand.New(rand.NewPCG(w.seed, 4))
	for step := 0; w.story.runs < w.runs; step++ {
		runs := w.list()
		w.story.approve(runs)
		open := 0
		for _, r := range runs {
			if r.State != store.Completed && r.State != store.Waiting {
				open++
			}
		}
		if open > w.open {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		did := w.story.next(runs, w.jobs)
		if w.runs <= 200 || step%100 == 0 {
			w.Logf("%d runs expected, %d there, %d open: %s", w.story.runs, len(runs), open, did)
		}
		time.Sleep(time.Duration(rng.Int64N(int64(w.pause))))
	}
	close(over)
	killer.Wait()
	w.gh.Faults(githubtest.Faults{})
	w.yard.heal()
	w.server.stop()
	w.server.start()
}

// settle waits until nothing more is to be done.
func (w *world) settle() {
	var why string
	for end := time.Now().Add(8 * time.Minute); ; time.Sleep(500 * time.Millisecond) {
		runs := w.list()
		w.story.approve(runs)
		if why = w.unsettled(runs); why == "" {
			return
		}
		if time.Now().After(end) {
			w.Errorf("it does not settle: %s", why)
			return
		}
	}
}

func (w *world) unsettled(runs []store.Run) string {
	a := &audit{db: w.db, gh: w.gh}
	if err := a.remains(w.Context()); err != nil {
		return err.Error()
	}
	a.causes(w.story, runs)
	a.problems = slices.DeleteFunc(a.problems, func(p string) bool { return strings.Contains(p, "of what nobody did") }) // no time heals that
	for _, r := range runs {
		if r.State != store.Completed {
			a.problem("run %d is %s", r.ID, r.State)
		}
	}
	if n := len(w.yard.places.Environments()); n > 0 {
		a.problem("%d places are left", n)
	}
	if len(a.problems) == 0 { // the last ends may not have been told to GitHub yet
		jobs := map[store.RunID][]store.Job{}
		for _, r := range runs {
			jobs[r.ID] = w.jobs(r.ID)
		}
		a.checks(w.story.repositories, runs, jobs)
	}
	if len(a.problems) == 0 {
		return ""
	}
	return fmt.Sprintf("%d reasons, the first is: %s", len(a.problems), a.problems[0])
}

// judge looks at everything.
func (w *world) judge(told, took time.Duration) {
	ctx := w.Context()
	runs := w.list()
	jobs := map[store.RunID][]store.Job{}
	a := &audit{db: w.db, gh: w.gh}
	a.ran, a.harmed = w.yard.report()
	known := map[mark]bool{}
	for n := range runs {
		r := &runs[n]
		jobs[r.ID] = w.jobs(r.ID)
		if r.State != store.Completed {
			a.problem("run %d (%s %s) is %s: %s", r.ID, r.RepositoryName, r.Workflow, r.State, r.Reason)
		}
		for _, j := range jobs[r.ID] {
			if err := a.job(ctx, r, j); err != nil {
				w.Fatal(err)
			}
			name := jobName(fmt.Sprintf("%d-%d", j.Run, j.Attempt), string(j.Job))
			known[mark{name, "one"}], known[mark{name, "two"}] = true, true
		}
	}
	for m, n := range a.ran {
		if !known[m] {
			a.problem("%s ran %d times, and no store knows of it", m.job, n)
		}
	}
	a.causes(w.story, runs)
	a.checks(w.story.repositories, runs, jobs)
	if err := a.remains(ctx); err != nil {
		w.Fatal(err)
	}
	for _, e := range w.yard.places.Environments() {
		a.problem("the place of %s is left", jobOf(e.Spec()))
	}
	tokens := w.gh.Tokens()
	w.gh.Advance(61 * time.Minute)
	if n := w.gh.Tokens(); n > 0 {
		a.problem("%d tokens are alive after an hour", n)
	}
	for n, p := range a.problems {
		if n < 40 {
			w.Errorf("seed %d: %s", w.seed, p)
		}
	}
	lost, repeated, redelivered := w.webhooks()
	w.Logf("seed %d: %d runs, %d jobs: %d executed once, %d run again from the beginning, %d reported lost, %d cancelled, %d skipped; %d unexplained",
		w.seed, len(runs), a.jobs, a.executed-a.requeued, a.requeued, a.lost, a.cancelled, a.skipped, len(a.problems))
	w.Logf("%d kills; %d webhooks failed, %d redeliveries, %d known already; %d pushes never told of; %d tokens alive at the end; %s to tell, %s in all",
		w.server.kills, lost, redelivered, repeated, w.story.forgot, tokens, told.Round(time.Second), took.Round(time.Second))
}

// webhooks counts what went wrong with them.
func (w *world) webhooks() (lost, repeated, redelivered int) {
	for _, d := range w.gh.Deliveries() {
		if d.Redelivery {
			redelivered++
		}
		if d.Code/100 != 2 {
			lost++
		}
		if strings.Contains(d.Answer, `"duplicate"`) {
			repeated++
		}
	}
	return lost, repeated, redelivered
}
