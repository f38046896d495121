package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// queue gives its leases, then end.
type queue struct {
	leases []*Lease
	end    error
}

func (q *queue) Next(ctx context.Context) (*Lease, error) {
	if len(q.leases) > 0 {
		l := q.leases[0]
		q.leases = q.leases[1:]
		return l, nil
	}
	if q.end != nil {
		return nil, q.end
	}
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

func TestWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leg := bench{workflow: job("steps:\n  - run: sleep 1m\n")}.leg(t)
		x := fake.New(fake.Options{Script: actOut})
		w := Worker{Engine: &Engine{Executors: map[string]executor.Executor{"fake": x}}, Slots: 2}
		var mu sync.Mutex
		var ends []plan.Conclusion
		q := &queue{end: io.EOF}
		for i := range 5 {
			q.leases = append(q.leases, &Lease{
				Job: &Job{Leg: leg, Place: Place{Executor: "fake"}}, Sink: SinkFunc(func(Event) {}),
				Finish: func(ctx context.Context, r Result) error {
					mu.Lock()
					defer mu.Unlock()
					ends = append(ends, r.Conclusion)
					if i == 3 {
						return errors.New("cannot hand in")
					}
					return ctx.Err()
				},
			})
		}
		w.Source = q
		start := time.Now()
		err := w.Run(t.Context())
		if err == nil || err.Error() != "cannot hand in" {
			t.Errorf("error %v", err)
		}
		if d := time.Since(start); d != 3*time.Minute || len(ends) != 5 {
			t.Errorf("took %s, ends %v", d, ends)
		}
	})
}

// other is a job that is no list of steps.
type other func(soft, hard context.Context, job *Job, sink Sink) Result

func (f other) Run(soft, hard context.Context, job *Job, sink Sink) Result {
	return f(soft, hard, job, sink)
}

func TestOtherJobs(t *testing.T) {
	ended := make(chan error, 2)
	ended <- errors.New("enough")
	ended <- errors.New("at once")
	var got Result
	w := Worker{
		Others: map[string]Runs{"other": other(func(soft, hard context.Context, job *Job, sink Sink) Result {
			<-hard.Done()
			return Result{Conclusion: plan.Cancelled, Reason: fmt.Sprintf("%s: %v, %v", job.ID(), context.Cause(soft), context.Cause(hard))}
		})},
		Source: &queue{end: io.EOF, leases: []*Lease{{
			Job: &Job{Leg: plan.Leg{ID: "a"}, Place: Place{Executor: "other"}}, Sink: SinkFunc(func(Event) {}), Cancelled: ended,
			Finish: func(_ context.Context, r Result) error { got = r; return nil },
		}}},
	}
	if err := w.Run(t.Context()); err != nil || got.Reason != "a: enough, at once" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWorkerPassesCancellationsOn(t *testing.T) {
	for name, shutdown := range map[string]bool{"of the job": false, "of the worker": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				leg := bench{workflow: job("steps:\n  - run: sleep 1h\n")}.leg(t)
				x := fake.New(fake.Options{Script: actOut})
				cancelled := make(chan error, 1)
				var result Result
				w := Worker{
					Engine: &Engine{Executors: map[string]executor.Executor{"fake": x}},
					Source: &queue{leases: []*Lease{{
						Job: &Job{Leg: leg, Place: Place{Executor: "fake"}}, Sink: SinkFunc(func(Event) {}), Cancelled: cancelled,
						Finish: func(ctx context.Context, r Result) error { result = r; return ctx.Err() },
					}}},
				}
				ctx, stop := context.WithCancelCause(t.Context())
				defer stop(nil)
				go func() {
					time.Sleep(time.Minute)
					if shutdown {
						stop(errors.New("shut down"))
						return
					}
					cancelled <- errors.New("fail-fast")
					time.Sleep(time.Minute)
					stop(errors.New("shut down"))
				}()
				if err := w.Run(ctx); err == nil || err.Error() != "shut down" {
					t.Errorf("error %v", err)
				}
				want := "fail-fast"
				if shutdown {
					want = "shut down"
				}
				if result.Conclusion != plan.Cancelled || result.Reason != want {
					t.Errorf("result %+v", result)
				}
			})
		})
	}
}

func TestSecondCancellation(t *testing.T) {
	for name, want := range map[string]time.Duration{"once": 6 * time.Minute, "twice": 3 * time.Minute, "closed": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				leg := bench{workflow: job("steps:\n  - run: sleep 1h\n    if: always()\n")}.leg(t)
				x := fake.New(fake.Options{Script: actOut})
				cancelled := make(chan error, 2)
				w := Worker{
					Engine: &Engine{Executors: map[string]executor.Executor{"fake": x}},
					Source: &queue{end: io.EOF, leases: []*Lease{{
						Job: &Job{Leg: leg, Place: Place{Executor: "fake"}}, Sink: SinkFunc(func(Event) {}), Cancelled: cancelled,
						Finish: func(context.Context, Result) error { return nil },
					}}},
				}
				go func() {
					if name == "closed" {
						close(cancelled)
						return
					}
					time.Sleep(time.Minute)
					cancelled <- errors.New("first")
					if name == "twice" {
						time.Sleep(2 * time.Minute)
						cancelled <- errors.New("second")
					}
				}()
				start := time.Now()
				if err := w.Run(t.Context()); err != nil {
					t.Error(err)
				}
				if d := time.Since(start); d != want {
					t.Errorf("took %s, want %s", d, want)
				}
			})
		})
	}
}

func TestSinks(t *testing.T) {
	var got []string
	sink := func(name string) Sink {
		return SinkFunc(func(e Event) { got = append(got, name+" "+e.Type()) })
	}
	Sinks(sink("a"), sink("b")).Emit(RunStarted{})
	if strings.Join(got, ",") != "a run-started,b run-started" {
		t.Errorf("%v", got)
	}
}
