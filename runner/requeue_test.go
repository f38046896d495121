package runner

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// repeating notes what has to be forgotten.
type repeating struct {
	Services
	jobs []plan.LegID
}

func (r *repeating) Open(context.Context, *Job) (Endpoints, error) { return Endpoints{}, nil }

func (r *repeating) Repeat(_ context.Context, job *Job) error {
	r.jobs = append(r.jobs, job.ID())
	return nil
}

// TestRequeue loses the place of a job in its second step, so often.
func TestRequeue(t *testing.T) {
	deploys := "environment: production\n"
	writes := "permissions: {contents: read, packages: write}\n"
	for name, c := range map[string]struct {
		policy Requeue
		job    string // before its steps
		early  bool   // in the first step
		reason executor.Reason
		losses int
		runs   int
		want   plan.Conclusion
		why    string // in a notice
	}{
		"evicted":                     {reason: executor.Evicted, losses: 1, runs: 2, want: plan.Success},
		"deleted":                     {reason: executor.Deleted, losses: 1, runs: 2, want: plan.Success},
		"node lost":                   {reason: executor.NodeLost, losses: 1, runs: 2, want: plan.Success},
		"does not answer":             {reason: "", losses: 1, runs: 1, want: plan.Failure},
		"out of memory":               {reason: executor.OutOfMemory, losses: 1, runs: 1, want: plan.Failure},
		"twice":                       {reason: executor.Evicted, losses: 2, runs: 2, want: plan.Failure},
		"never":                       {policy: RequeueNever, reason: executor.Evicted, losses: 1, runs: 1, want: plan.Failure, why: "requeue: never is set"},
		"environment":                 {policy: RequeueSafe, job: deploys, reason: executor.Evicted, losses: 1, runs: 1, want: plan.Failure, why: `(environment), and its step "first" had begun`},
		"environment, always":         {policy: RequeueAlways, job: deploys, reason: executor.Evicted, losses: 1, runs: 2, want: plan.Success},
		"may write":                   {job: writes, reason: executor.Evicted, losses: 1, runs: 1, want: plan.Failure, why: "(packages: write)"},
		"may write all":               {job: "permissions: write-all\n", reason: executor.Evicted, losses: 1, runs: 1, want: plan.Failure, why: "write-all"},
		"may read":                    {job: "permissions: read-all\n", reason: executor.Evicted, losses: 1, runs: 2, want: plan.Success},
		"environment, while it began": {job: deploys, early: true, reason: executor.Evicted, losses: 1, runs: 2, want: plan.Success},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				leg := bench{workflow: job(c.job + "steps:\n  - {name: first, run: echo first}\n  - {name: second, run: echo second}\n")}.leg(t)
				gone := &executor.Error{Op: "pod", Kind: executor.Lost, Reason: c.reason, Err: errors.New("it is k3y-of-gold no more")}
				x := &lossy{left: c.losses, early: c.early, why: gone}
				x.Executor = fake.New(fake.Options{Script: func(ctx context.Context, cmd executor.Command, io *fake.IO) executor.Exit {
					if strings.Contains(scriptOf(cmd, io), "second") && x.loses() {
						io.Lose()
						<-ctx.Done()
					}
					return actOut(ctx, cmd, io)
				}})
				services := &repeating{}
				var mu sync.Mutex
				var events []Event
				var result Result
				w := Worker{Requeue: c.policy, Engine: &Engine{
					Executors: map[string]executor.Executor{"fake": x}, Services: services,
					Secrets: func(context.Context, *Job) (map[string]string, error) {
						return map[string]string{"K": "k3y-of-gold"}, nil
					},
				}, Source: &queue{end: io.EOF, leases: []*Lease{{
					Job: &Job{Leg: leg, Place: Place{Executor: "fake"}},
					Sink: SinkFunc(func(e Event) {
						mu.Lock()
						defer mu.Unlock()
						events = append(events, e)
					}),
					Finish: func(_ context.Context, r Result) error { result = r; return nil },
				}}}}
				if err := w.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				var types []string
				for _, e := range events {
					switch e := e.(type) {
					case JobRequeued:
						if e.Cause != causeOfReason[c.reason] || !strings.Contains(e.Reason, "it is *** no more") || e.Name != "build" {
							t.Errorf("%+v", e)
						}
						types = append(types, e.Type())
					case JobStarted, JobFinished:
						types = append(types, e.Type())
					case Noticed:
						if c.why == "" || !strings.Contains(e.Text, c.why) {
							t.Errorf("notice %q", e.Text)
						}
						c.why = ""
					}
				}
				want := []string{"job-started", "job-finished"}
				if c.runs == 2 {
					want = []string{"job-started", "job-requeued", "job-started", "job-finished"}
				}
				if !slices.Equal(types, want) || c.why != "" {
					t.Errorf("events %q, want %q; no notice %q", types, want, c.why)
				}
				if result.Conclusion != c.want || (result.Infra != nil) != (c.want == plan.Failure && c.reason != executor.OutOfMemory) {
					t.Errorf("%+v", result)
				}
				if len(services.jobs) != c.runs-1 {
					t.Errorf("forgotten: %q", services.jobs)
				}
				if left := x.Executor.(*fake.Executor).Environments(); len(left) != 0 {
					t.Errorf("%d places are left", len(left))
				}
			})
		})
	}
}

// lossy loses so many places, in a step or before the first one.
type lossy struct {
	executor.Executor
	mu    sync.Mutex
	left  int
	early bool
	why   error
}

func (l *lossy) loses() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left--
	return l.left >= 0
}

func (l *lossy) Create(ctx context.Context, spec executor.Spec) (executor.Environment, error) {
	if l.early && l.loses() {
		return nil, l.why
	}
	return losing{l.Executor, l.why}.Create(ctx, spec)
}
