package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/postgres"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
	"github.com/drydock-ci/drydock/githubapp/store/storetest"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// clock is the real time, moved ahead by a test.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// seal is a Sealer of a test: it binds to the purpose and hides nothing.
type seal struct{}

func (seal) Seal(purpose string, plain []byte) ([]byte, error) {
	return append([]byte(purpose+"\n"), plain...), nil
}

func (seal) Open(purpose string, sealed []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(sealed, []byte(purpose+"\n"))
	if !ok {
		return nil, errors.New("sealed for something else")
	}
	return rest, nil
}

// bench is a server with its store.
type bench struct {
	*testing.T
	open  func() store.Store // the same database again
	s     store.Store
	clock *clock
	q     *Queue
}

// on runs a test on SQLite.
func on(t *testing.T, options ...func(*Options)) *bench {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	c := &clock{}
	return newBench(t, c, func() store.Store {
		s, err := sqlite.Open(context.WithoutCancel(t.Context()), path, sqlite.Options{Now: c.now})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, options...)
}

// onPostgres runs it on Postgres.
func onPostgres(t *testing.T, cluster *storetest.Cluster, options ...func(*Options)) *bench {
	t.Helper()
	address := cluster.Database(t)
	c := &clock{}
	return newBench(t, c, func() store.Store {
		s, err := postgres.Open(context.WithoutCancel(t.Context()), address, postgres.Options{Now: c.now})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, options...)
}

func newBench(t *testing.T, c *clock, open func() store.Store, options ...func(*Options)) *bench {
	b := &bench{T: t, clock: c, open: open}
	b.s = open()
	t.Cleanup(func() { b.s.Close() })
	b.q = b.server("server", options...)
	return b
}

var testPace = pace{
	lease: 20 * time.Second, extend: 20 * time.Millisecond, poll: 20 * time.Millisecond, tick: 10 * time.Millisecond, sweep: 20,
	flush: 5 * time.Millisecond, retry: time.Millisecond, again: 50 * time.Millisecond, absent: 10 * time.Minute,
}

// server is another server on the same store.
func (b *bench) server(owner string, options ...func(*Options)) *Queue {
	b.Helper()
	o := Options{Store: b.s, Seal: seal{}, Owner: owner, Now: b.clock.now, Place: place}
	for _, f := range options {
		f(&o)
	}
	q, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	q.pace = testPace
	return q
}

func place(_ *plan.Leg, labels []string, _ string) (runner.Place, error) {
	if slices.Contains(labels, "nowhere") {
		return runner.Place{}, errors.New(`no image is known for the label "nowhere"`)
	}
	return runner.Place{Executor: "fake", Image: "img"}, nil
}

// planned is a run of a workflow.
func planned(t testing.TB, text string, change ...func(*store.Run)) Planned {
	t.Helper()
	r := store.Run{
		Installation: 7, Repository: 1, RepositoryName: "octo/app", Workflow: ".github/workflows/ci.yml", Event: "push", Ref: "refs/heads/main",
		SHA: "abc", HeadSHA: "abc", Actor: store.Actor{ID: 5, Login: "mona"}, Zone: "branch",
	}
	for _, f := range change {
		f(&r)
	}
	w, found := workflow.Parse(r.Workflow, []byte("on: push\n"+text))
	if found.HasErrors() {
		t.Fatal(found)
	}
	github := expr.NewObject(false).Set("repository", expr.String(r.RepositoryName)).Set("ref", expr.String(r.Ref)).
		Set("event_name", expr.String(r.Event)).Set("workflow", expr.String("CI")).Value()
	p, err := plan.Build(t.Context(), w, plan.Source{Path: r.Workflow}, r.Event, map[string]expr.Value{"github": github}, called)
	if err != nil {
		t.Fatal(err)
	}
	return Planned{Run: r, Plan: p}
}

// called is the only workflow that jobs can call.
func called(_ context.Context, from plan.Source, _ string) (plan.Source, []byte, error) {
	from.Path = ".github/workflows/called.yml"
	return from, []byte("on: workflow_call\nconcurrency: inner\njobs:\n  one: {runs-on: x, steps: [{run: echo}]}\n  two: {needs: one, runs-on: x, steps: [{run: echo}]}\n"), nil
}

// start makes a run of a workflow.
func (b *bench) start(text string, change ...func(*store.Run)) store.RunID {
	b.Helper()
	return b.create(planned(b, text, change...))
}

func (b *bench) create(p Planned) store.RunID {
	b.Helper()
	made, err := b.q.Create(b.Context(), store.Settlement{}, []Planned{p})
	b.ok(err)
	return made[0].ID
}

func (b *bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) fails(err, want error) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Errorf("error %v, want %v", err, want)
	}
}

func (b *bench) run(id store.RunID) *store.Run {
	b.Helper()
	r, err := b.s.Run(b.Context(), id)
	b.ok(err)
	return r
}

// want compares "state conclusion: reason" of a run, and of its jobs in order.
func (b *bench) want(id store.RunID, run string, jobs ...string) {
	b.Helper()
	r := b.run(id)
	got := []string{describe(r.State, r.Conclusion, r.Reason)}
	list, err := b.s.ListJobs(b.Context(), id, r.Attempt)
	b.ok(err)
	for _, j := range list {
		got = append(got, string(j.Job)+" "+describe(j.State, j.Conclusion, j.Reason))
	}
	if w := append([]string{run}, jobs...); !slices.Equal(got, w) {
		b.Errorf("run %d is\n  %s\nwant\n  %s", id, strings.Join(got, "\n  "), strings.Join(w, "\n  "))
	}
}

func describe(s store.State, c plan.Conclusion, reason string) string {
	text := string(s)
	if c != "" {
		text = string(c)
	}
	if reason != "" {
		text += ": " + reason
	}
	return text
}

// next takes the next job; "" when there must be none.
func (b *bench) next(want string) *runner.Lease {
	b.Helper()
	return b.nextOf(b.q, want)
}

func (b *bench) nextOf(q *Queue, want string) *runner.Lease {
	b.Helper()
	l, err := q.take(b.Context())
	b.ok(err)
	switch {
	case l == nil && want != "":
		b.Fatalf("no job, want %q", want)
	case l != nil && string(l.Job.Run)+" "+string(l.Job.ID()) != want:
		b.Fatalf("job %s %q, want %q", l.Job.Run, l.Job.ID(), want)
	}
	return l
}

// finish ends a job.
func (b *bench) finish(l *runner.Lease, c plan.Conclusion, outputs ...string) {
	b.Helper()
	result := runner.Result{Conclusion: c, Outputs: map[string]string{}}
	for _, o := range outputs {
		name, value, _ := strings.Cut(o, "=")
		result.Outputs[name] = value
	}
	b.ok(l.Finish(b.Context(), result))
}

// does takes a job and ends it at once.
func (b *bench) does(job string, c plan.Conclusion, outputs ...string) {
	b.Helper()
	b.finish(b.next(job), c, outputs...)
}

// told waits for the reason why a job has to stop.
func (b *bench) told(l *runner.Lease, want string) {
	b.Helper()
	select {
	case err := <-l.Cancelled:
		if err.Error() != want {
			b.Errorf("cancelled because %q, want %q", err, want)
		}
	case <-time.After(time.Minute):
		b.Fatalf("nobody says that the job has to stop: %s", want)
	}
}

// until waits for something that happens beside the test.
func (b *bench) until(what string, done func() bool) {
	b.Helper()
	for end := time.Now().Add(2 * time.Minute); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("waited too long for %s", what)
		}
	}
}

// looks starts what looks after runs.
func (b *bench) looks(q *Queue) {
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- q.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Errorf("run: %v", err)
		}
	})
}

// log is what the store has of a job's stream: the text of lines, and the types
// of other events.
func (b *bench) log(id store.RunID, attempt int, job string) []string {
	b.Helper()
	list, err := b.s.EventsSince(b.Context(), store.Stream{Run: id, Attempt: attempt, Job: plan.LegID(job)}, 0, 1<<20)
	b.ok(err)
	var out []string
	for i, chunk := range list {
		if int(chunk.Sequence) != i+1 {
			b.Errorf("event %d has number %d", i+1, chunk.Sequence)
		}
		for line := range bytes.Lines(chunk.Data) {
			e, err := runner.DecodeEvent(line)
			b.ok(err)
			switch e := e.(type) {
			case runner.Line:
				out = append(out, e.Text)
			case runner.Annotated:
				out = append(out, fmt.Sprintf("%s %s:%d:%d %s", e.Level, e.File, e.Line, e.Column, e.Message))
			case runner.StepStarted:
				out = append(out, fmt.Sprintf("step %d", e.Step.Number))
			case runner.StepFinished:
				out = append(out, fmt.Sprintf("step %d %s", e.Step.Number, e.Conclusion))
			case runner.Noticed:
				out = append(out, "notice: "+e.Text)
			default:
				out = append(out, e.Type())
			}
		}
	}
	return out
}

func (b *bench) wantLog(id store.RunID, attempt int, job string, want ...string) {
	b.Helper()
	if got := b.log(id, attempt, job); !slices.Equal(got, want) {
		b.Errorf("log of %q:\n  %s\nwant\n  %s", job, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func resultOf(c plan.Conclusion) runner.Result { return runner.Result{Conclusion: c} }

// story tells where everything stands.
func (b *bench) story(runs []store.RunID) string {
	var text strings.Builder
	for _, id := range runs {
		r := b.run(id)
		fmt.Fprintf(&text, "\nrun %d %s", id, describe(r.State, r.Conclusion, r.Reason))
		jobs, _ := b.s.ListJobs(b.Context(), id, 0)
		for _, j := range jobs {
			fmt.Fprintf(&text, "\n  %s %s", j.Job, describe(j.State, j.Conclusion, j.Reason))
		}
		fmt.Fprintf(&text, "\n  %s", r.Progress)
	}
	items, _ := b.s.ListQueue(b.Context(), 0, manyItems)
	entries, _ := b.s.GroupEntries(b.Context(), 0)
	fmt.Fprintf(&text, "\nqueue %+v\ngroups %+v", items, entries)
	return text.String()
}
