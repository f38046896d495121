package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// planOf builds the plan of a workflow; ./called.yml is the second text.
func planOf(t *testing.T, src string, called ...string) *plan.Plan {
	t.Helper()
	w, found := workflow.Parse("ci.yml", []byte(src))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	load := func(context.Context, plan.Source, string) (plan.Source, []byte, error) {
		return plan.Source{Path: "called.yml"}, []byte(called[0]), nil
	}
	github := expr.NewObject(false).Set("workflow", expr.String("CI")).Set("ref", expr.String("refs/heads/main")).
		Set("event_name", expr.String("push")).Value()
	p, err := plan.Build(t.Context(), w, plan.Source{Path: "ci.yml"}, "push", map[string]expr.Value{"github": github}, load)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// events collects what a source tells.
type events struct {
	mu  sync.Mutex
	all []string
}

func (e *events) Emit(event runner.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch event := event.(type) {
	case runner.JobFinished:
		e.all = append(e.all, fmt.Sprintf("%s %s: %s", event.Job, event.Conclusion, event.Reason))
	case runner.RunFinished:
		e.all = append(e.all, fmt.Sprintf("%s %s %s", event.Type(), event.Workflow, event.Conclusion))
	case runner.RunStarted:
		e.all = append(e.all, fmt.Sprintf("%s %s %s", event.Type(), event.Workflow, event.File))
	}
}

func (e *events) expect(t *testing.T, want ...string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Equal(e.all, want) {
		t.Errorf("events\n%s\nwant\n%s", strings.Join(e.all, "\n"), strings.Join(want, "\n"))
	}
}

// known places what begins with ubuntu.
func known(_ *plan.Leg, labels []string, group string) (runner.Place, error) {
	if len(labels) == 1 && strings.HasPrefix(labels[0], "ubuntu") {
		return runner.Place{Executor: "docker", Image: labels[0]}, nil
	}
	return runner.Place{}, UnknownLabel(labels, group)
}

func newSource(t *testing.T, src string, called ...string) (*Source, *events) {
	t.Helper()
	sink := &events{}
	return NewSource(Options{Plan: planOf(t, src, called...), Job: runner.Job{Run: "r1", Env: map[string]string{"A": "b"}}, Place: known, Sink: sink}), sink
}

func next(t *testing.T, s runner.Source, want plan.LegID) *runner.Lease {
	t.Helper()
	lease, err := s.Next(t.Context())
	if err != nil {
		t.Fatalf("waiting for %s: %v", want, err)
	}
	if lease.Job.ID() != want {
		t.Fatalf("got %s, want %s", lease.Job.ID(), want)
	}
	return lease
}

func finish(t *testing.T, lease *runner.Lease, c plan.Conclusion, outputs map[string]string) {
	t.Helper()
	if err := lease.Finish(t.Context(), runner.Result{Conclusion: c, Outputs: outputs}); err != nil {
		t.Error(err)
	}
}

func ended(t *testing.T, s runner.Source) {
	t.Helper()
	if lease, err := s.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("got %v %v, want the end", lease, err)
	}
}

const chain = `
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    outputs: {list: x}
    steps: [run: a]
  b:
    needs: a
    runs-on: ${{ needs.a.outputs.list }}
    steps: [run: b]
  off:
    if: github.ref == 'refs/heads/dev'
    runs-on: macos-latest
    steps: [run: x]
  last:
    needs: [b, off]
    if: always()
    runs-on: [ubuntu-22.04]
    steps: [run: last]
`

func TestSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, sink := newSource(t, chain)
		a := next(t, s, "a")
		if a.Job.Run != "r1" || a.Job.Env["A"] != "b" || a.Job.Place.Image != "ubuntu-latest" || !slices.Equal(a.Job.Place.Labels, []string{"ubuntu-latest"}) {
			t.Errorf("job %+v", a.Job)
		}
		// b has to wait for a.
		got := make(chan plan.LegID)
		go func() {
			lease, err := s.Next(t.Context())
			if err != nil {
				t.Error(err)
			}
			got <- lease.Job.ID()
			finish(t, lease, plan.Success, nil)
		}()
		synctest.Wait()
		select {
		case id := <-got:
			t.Fatalf("%s did not wait", id)
		default:
		}
		finish(t, a, plan.Success, map[string]string{"list": "ubuntu-24.04"})
		if id := <-got; id != "b" {
			t.Fatalf("got %s", id)
		}
		finish(t, next(t, s, "last"), plan.Failure, nil)
		ended(t, s)
		ended(t, s)
		sink.expect(t, "run-started CI ci.yml",
			"off skipped: if: github.ref == 'refs/heads/dev' is false ('refs/heads/main' == 'refs/heads/dev')",
			"run-finished CI failure")
		c, results := s.Result()
		if c != plan.Failure || len(results) != 4 {
			t.Errorf("%s %+v", c, results)
		}
		if err := a.Finish(t.Context(), runner.Result{}); err == nil {
			t.Error("a second Finish was taken")
		}
	})
}

func TestSourceUnplaceable(t *testing.T) {
	s, sink := newSource(t, chain)
	finish(t, next(t, s, "a"), plan.Success, map[string]string{"list": "windows-2022"})
	finish(t, next(t, s, "last"), plan.Success, nil)
	ended(t, s)
	c, results := s.Result()
	reason := results[1].Reason
	if c != plan.Failure || !strings.HasPrefix(reason, `ci.yml:10:14: runs-on of job "b": label "windows-2022" asks for Windows`) {
		t.Errorf("%s %q", c, reason)
	}
	sink.mu.Lock()
	defer sink.mu.Unlock()
	if !slices.Contains(sink.all, "b failure: "+reason) {
		t.Errorf("events %q", sink.all)
	}
}

const matrix = `
on: push
jobs:
  test:
    strategy:
      matrix: {n: [1, 2, 3]}
    runs-on: ubuntu-latest
    steps: [run: test]
  after:
    needs: test
    if: failure()
    runs-on: ubuntu-latest
    steps: [run: after]
`

func TestSourceFailFast(t *testing.T) {
	s, sink := newSource(t, matrix)
	first, second := next(t, s, "test/0"), next(t, s, "test/1")
	finish(t, first, plan.Failure, nil) // test/2 is ready, but no worker has it
	reason := <-second.Cancelled
	if reason == nil || reason.Error() != "fail-fast: 'test (1)' failed" {
		t.Errorf("reason %v", reason)
	}
	finish(t, second, plan.Cancelled, nil)
	finish(t, next(t, s, "after"), plan.Success, nil)
	ended(t, s)
	sink.expect(t, "run-started CI ci.yml", "test/2 cancelled: fail-fast: 'test (1)' failed", "run-finished CI failure")
}

func TestSourceCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, sink := newSource(t, chain)
		a := next(t, s, "a")
		reason := errors.New("interrupted")
		waiting := make(chan *runner.Lease)
		go func() {
			lease, err := s.Next(t.Context())
			if err != nil {
				t.Error(err)
			}
			waiting <- lease
		}()
		synctest.Wait()
		s.Cancel(reason)
		if got := <-a.Cancelled; !errors.Is(got, reason) {
			t.Errorf("reason %v", got)
		}
		finish(t, a, plan.Cancelled, nil)
		last := <-waiting // if: always()
		s.Cancel(reason)
		if got := <-last.Cancelled; !errors.Is(got, reason) {
			t.Errorf("reason %v", got)
		}
		finish(t, last, plan.Cancelled, nil)
		ended(t, s)
		s.Cancel(reason)
		if c, _ := s.Result(); c != plan.Cancelled {
			t.Errorf("conclusion %s", c)
		}
		if len(sink.all) == 0 || sink.all[len(sink.all)-1] != "run-finished CI cancelled" {
			t.Errorf("events %q", sink.all)
		}
	})
}

func TestSourceCancelledBeforeItStarts(t *testing.T) {
	s, sink := newSource(t, matrix)
	s.Cancel(errors.New("interrupted"))
	ended(t, s)
	sink.expect(t, "run-started CI ci.yml", "test cancelled: cancelled: interrupted", "after cancelled: if: failure() is false", "run-finished CI cancelled")
}

// TestSourceCancelWhilePlacing cancels while the place is being looked for.
func TestSourceCancelWhilePlacing(t *testing.T) {
	s, sink := newSource(t, "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [run: a]\n")
	s.Place = func(leg *plan.Leg, labels []string, group string) (runner.Place, error) {
		s.Cancel(errors.New("interrupted"))
		return known(leg, labels, group)
	}
	ended(t, s)
	sink.expect(t, "run-started CI ci.yml", "a cancelled: interrupted", "run-finished CI cancelled")
}

func TestSourceContext(t *testing.T) {
	s, _ := newSource(t, chain)
	next(t, s, "a")
	reason := errors.New("shutdown")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	if _, err := s.Next(ctx); !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
}

func TestMerge(t *testing.T) {
	one, _ := newSource(t, matrix)
	two, _ := newSource(t, chain)
	m := Merge(one, two)
	a := next(t, m, "test/0")
	b := next(t, m, "a") // they take turns
	c := next(t, m, "test/1")
	d := next(t, m, "test/2")
	for _, lease := range []*runner.Lease{a, c, d} {
		finish(t, lease, plan.Success, nil)
	}
	finish(t, b, plan.Success, map[string]string{"list": "ubuntu-24.04"})
	finish(t, next(t, m, "b"), plan.Success, nil)
	finish(t, next(t, m, "last"), plan.Success, nil)
	ended(t, m)
	for _, s := range []*Source{one, two} {
		if c, _ := s.Result(); c != plan.Success {
			t.Errorf("conclusion %s", c)
		}
	}
	ended(t, Merge())
}

// TestManyWorkers is for the race detector: everything at once.
func TestManyWorkers(t *testing.T) {
	var legs []string
	for i := range 60 {
		legs = append(legs, fmt.Sprint(i))
	}
	text := strings.Replace(matrix, "[1, 2, 3]", "["+strings.Join(legs, ", ")+"]", 1)
	one, _ := newSource(t, text)
	two, _ := newSource(t, text)
	m := Merge(one, two)
	var workers sync.WaitGroup
	var mu sync.Mutex
	ran := 0
	for range 8 {
		workers.Go(func() {
			for {
				lease, err := m.Next(t.Context())
				if errors.Is(err, io.EOF) {
					return
				}
				mu.Lock()
				ran++
				if ran == 40 {
					go two.Cancel(errors.New("enough"))
				}
				mu.Unlock()
				if err := lease.Finish(t.Context(), runner.Result{Conclusion: plan.Success}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
	if c, _ := one.Result(); c != plan.Success {
		t.Errorf("first: %s", c)
	}
	if c, _ := two.Result(); c == "" {
		t.Error("second has not ended")
	}
}
