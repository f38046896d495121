package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/storetest"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// TestCrashes runs random graphs on servers that die at random calls of the
// store. Whatever dies: every run ends, every job ran exactly once, or not at all
// for a reason, or is reported lost with its reason, and nothing is left behind.
// DRYDOCK_TEST_SEED repeats one try, DRYDOCK_TEST_TRIES makes more of them.
func TestCrashes(t *testing.T) {
	first, tries := uint64(1), uint64(16)
	if testing.Short() {
		tries = 6
	}
	if text := os.Getenv("DRYDOCK_TEST_TRIES"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		tries = n
	}
	if text := os.Getenv("DRYDOCK_TEST_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first, tries = n, 1
	}
	for seed := first; seed < first+tries; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			worldOf(on(t), seed).play()
		})
	}
}

// TestCrashesPostgres is the same, a little, on a database with many writers.
func TestCrashesPostgres(t *testing.T) {
	cluster := storetest.Postgres(t)
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { worldOf(onPostgres(t, cluster), seed).play() })
	}
}

func worldOf(b *bench, seed uint64) *world {
	return &world{bench: b, rng: rand.New(rand.NewPCG(seed, 7)), ran: map[store.JobKey]int{}, ended: map[store.JobKey]plan.Conclusion{}}
}

// world is what stays when servers die.
type world struct {
	*bench
	rng *rand.Rand

	mu    sync.Mutex
	ran   map[store.JobKey]int             // how often the job's step did its work
	ended map[store.JobKey]plan.Conclusion // what its worker came to
	lives int
}

func (w *world) play() {
	var runs []store.RunID
	for range 2 + w.rng.IntN(4) {
		p := planned(w, w.graph(), func(r *store.Run) { r.Repository = store.RepositoryID(1 + w.rng.IntN(2)) })
		n, err := w.q.newRun(p) // a server that dies before anything of it begins
		w.ok(err)
		made, err := w.s.CreateRuns(w.Context(), store.Settlement{}, []store.NewRun{n})
		w.ok(err)
		runs = append(runs, made[0].ID)
	}
	victim := runs[w.rng.IntN(len(runs))]
	for cancels, again := w.rng.IntN(3), w.rng.IntN(2) == 0; again || !w.over(); cancels-- {
		if again && w.over() {
			again = false
			if _, err := w.q.Rerun(w.Context(), victim, RerunRequest{What: []What{All, Failed}[w.rng.IntN(2)], By: hub}); err != nil && !errors.Is(err, ErrNothing) {
				w.Fatal(err)
			}
		}
		if w.lives++; w.lives > 300 {
			w.Fatalf("it comes to no end: %s", w.story(runs))
		}
		odds := 20 + w.rng.IntN(150)
		if w.lives > 60 {
			odds = 0 // it has to end some time
		}
		w.life(odds, victim, cancels == 1)
		w.clock.add(time.Duration(w.rng.IntN(2)) * 30 * time.Second)
	}
	w.judge(runs)
}

func (w *world) over() bool {
	open, err := w.s.ListRuns(w.Context(), store.RunFilter{States: []store.State{store.Waiting, store.PendingRun, store.Queued, store.InProgress}})
	w.ok(err)
	return len(open) == 0
}

// life is one server, from its start to its death.
func (w *world) life(odds int, victim store.RunID, cancel bool) {
	m := newMortal(w.s, rand.New(rand.NewPCG(w.rng.Uint64(), 1)), odds)
	name := fmt.Sprint("server ", w.rng.IntN(2))
	q := w.server(name, func(o *Options) { o.Store = m })
	q.lease = time.Second
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		if err := q.Run(ctx); err != nil {
			w.Errorf("run: %v", err)
		}
	})
	source := q.Source()
	for i := range 2 {
		rng := rand.New(rand.NewPCG(w.rng.Uint64(), uint64(i)))
		all.Go(func() {
			for {
				l, err := source.Next(ctx)
				if err != nil {
					return
				}
				w.work(m, l, rng)
			}
		})
	}
	if cancel {
		all.Go(func() { _ = q.Cancel(ctx, victim, mona, "", w.lives%2 == 0) })
	}
	for end := time.Now().Add(20 * time.Second); !m.isDead() && !w.over(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			m.kill()
		}
	}
	m.kill()
	stop()
	over := make(chan struct{})
	go func() {
		all.Wait()
		close(over)
	}()
	for {
		bury(m, q)
		select {
		case <-over:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// work executes a job as long as its server lives: one step, which does its work
// after it has been told of.
func (w *world) work(m *mortal, l *runner.Lease, rng *rand.Rand) {
	key, err := KeyOf(l.Job)
	w.ok(err)
	l.Sink.Emit(runner.JobStarted{Job: key.Job})
	result := runner.Result{Conclusion: plan.Success, Outputs: map[string]string{"o": string(key.Job)}}
	if rng.IntN(8) == 0 { // no place
		result.Conclusion, result.Infra = plan.Failure, errInfra
		_ = l.Finish(context.Background(), result)
		return
	}
	l.Sink.Emit(runner.StepStarted{Job: key.Job, Step: runner.StepRef{Number: 2, Phase: runner.Main}})
	select {
	case <-m.dead:
		return
	case <-l.Cancelled:
		if m.isDead() {
			return
		}
		result.Conclusion = plan.Cancelled
		w.mu.Lock()
		w.ended[key] = plan.Cancelled
		w.mu.Unlock()
		_ = l.Finish(context.Background(), result)
		return
	default:
	}
	w.mu.Lock()
	w.ran[key]++
	w.mu.Unlock()
	for i := range rng.IntN(5) {
		l.Sink.Emit(runner.Line{Job: key.Job, Step: 2, Text: fmt.Sprint("line ", i)})
		time.Sleep(time.Duration(rng.IntN(4)) * time.Millisecond)
	}
	select {
	case <-l.Cancelled:
		result.Conclusion = plan.Cancelled
	default:
		if rng.IntN(5) == 0 {
			result.Conclusion = plan.Failure
		}
	}
	l.Sink.Emit(runner.JobFinished{Job: key.Job, Conclusion: result.Conclusion, Outputs: result.Outputs})
	w.mu.Lock()
	w.ended[key] = result.Conclusion
	w.mu.Unlock()
	if !m.isDead() {
		_ = l.Finish(context.Background(), result)
	}
}

// graph is a random workflow.
func (w *world) graph() string {
	var b strings.Builder
	if w.rng.IntN(3) == 0 {
		fmt.Fprintf(&b, "concurrency: {group: G%d, cancel-in-progress: %v}\n", w.rng.IntN(2), w.rng.IntN(3) == 0)
	}
	b.WriteString("jobs:\n")
	for i := range 2 + w.rng.IntN(6) {
		fmt.Fprintf(&b, "  j%d:\n    runs-on: x\n    outputs: {o: x}\n    steps: [{run: echo}]\n", i)
		var needs []string
		for k := range i {
			if w.rng.IntN(3) == 0 {
				needs = append(needs, fmt.Sprint("j", k))
			}
		}
		if len(needs) > 0 {
			fmt.Fprintf(&b, "    needs: [%s]\n", strings.Join(needs, ", "))
		}
		switch w.rng.IntN(6) {
		case 0:
			b.WriteString("    if: always()\n")
		case 1:
			b.WriteString("    strategy: {max-parallel: 2, matrix: {n: [1, 2, 3]}}\n")
		case 2:
			fmt.Fprintf(&b, "    concurrency: g%d\n", w.rng.IntN(3))
		}
	}
	return b.String()
}

// judge looks at what came of it all.
func (w *world) judge(runs []store.RunID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	count := map[string]int{}
	for _, id := range runs {
		r := w.run(id)
		if s, err := StatusOf(r); err != nil || !s.State.Finished() || s.State.Conclusion() != r.Conclusion {
			w.Errorf("run %d: %+v, %v", id, s, err)
		}
		jobs, err := w.s.ListJobs(w.Context(), id, 0)
		w.ok(err)
		for _, j := range jobs {
			ran, came := w.ran[j.JobKey], w.ended[j.JobKey]
			lost := strings.HasPrefix(j.Reason, "lost: ")
			if count[string(j.Conclusion)]++; lost {
				count["lost"]++
			}
			cut := j.Conclusion == plan.Cancelled && j.Reason != "" // its server died, and nobody goes on with it
			switch {
			case j.State != store.Completed:
				w.Errorf("run %d: %s is %s", id, j.Job, j.State)
			case ran > 1:
				w.Errorf("run %d: %s ran %d times", id, j.Job, ran)
			case lost || cut:
			case strings.HasPrefix(j.Reason, "taken from attempt "):
				if ran != 0 {
					w.Errorf("run %d: %s ran although its result was taken", id, j.Job)
				}
			case j.Conclusion == plan.Skipped || j.Conclusion == plan.Cancelled:
				if ran != 0 && came != j.Conclusion {
					w.Errorf("run %d: %s is %s (%s), and ran with %q", id, j.Job, j.Conclusion, j.Reason, came)
				}
			case j.Reason == "no engine answers (tried 4 times)":
				if ran != 0 {
					w.Errorf("run %d: %s ran after all", id, j.Job)
				}
			case ran != 1 || came != j.Conclusion:
				w.Errorf("run %d: %s is %s (%q), ran %d times and came to %q", id, j.Job, j.Conclusion, j.Reason, ran, came)
			}
			w.log(id, j.Attempt, string(j.Job))
		}
	}
	w.Logf("%d servers; jobs: %v", w.lives, count)
	items, err := w.s.ListQueue(w.Context(), 0, manyItems)
	if err != nil || len(items) != 0 {
		w.Errorf("in the queue are left %+v, %v", items, err)
	}
	w.q.sweepGroups(w.Context())
	entries, err := w.s.GroupEntries(w.Context(), 0)
	if err != nil || len(entries) != 0 {
		w.Errorf("in groups are left %+v, %v", entries, err)
	}
	if w.Failed() {
		w.Log(w.story(runs))
	}
}
