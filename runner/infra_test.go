package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func TestPlaceThatCannotBeMade(t *testing.T) {
	for kind, infra := range map[executor.ErrorKind]bool{
		executor.Unavailable: true, executor.Lost: true, executor.Failed: true,
		executor.NotFound: false, executor.Refused: false, executor.Invalid: false, executor.Unhealthy: false, executor.Unsupported: false,
	} {
		t.Run(string(kind), func(t *testing.T) {
			r := bench{
				secrets:  map[string]string{"KEY": "k3y-of-gold"},
				workflow: job("steps:\n  - run: echo\n    if: always()\n"),
				options: fake.Options{Create: func(executor.Spec) error {
					return executor.Errorf("make the place", kind, "k3y-of-gold is wrong")
				}},
			}.run(t)
			r.wantConclusion(plan.Failure)
			r.wantSteps("1 Set up job: failure\n")
			if (r.Infra != nil) != infra || infra && !executor.IsKind(r.Infra, kind) {
				t.Errorf("infra %v", r.Infra)
			}
			if r.Reason != "make the place: *** is wrong" || strings.Contains(r.all(), "k3y-of-gold") {
				t.Errorf("reason %q, events\n%s", r.Reason, r.all())
			}
		})
	}
}

func TestNoSuchExecutor(t *testing.T) {
	r := bench{workflow: job("steps:\n  - run: echo\n"), setup: func(_ *Engine, j *Job) { j.Place.Executor = "moon" }}.run(t)
	if !executor.IsKind(r.Infra, executor.Unavailable) || !strings.Contains(r.Reason, `no executor "moon"`) {
		t.Errorf("infra %v, reason %q", r.Infra, r.Reason)
	}
}

func TestMissingActions(t *testing.T) {
	r := bench{
		actions:  map[string]map[string]string{"c/c@v1": composite("", "- uses: x/inner@v1\n")},
		workflow: job("steps:\n  - uses: x/a@v1\n  - uses: c/c@v1\n  - uses: x/b@v1\n    if: false\n"),
	}.run(t)
	r.wantConclusion(plan.Failure)
	r.wantSteps("1 Set up job: failure\n")
	for _, name := range []string{"x/a@v1", "x/inner@v1", "x/b@v1"} {
		if !strings.Contains(r.Reason, name) {
			t.Errorf("%s is not named in %q", name, r.Reason)
		}
	}
	if r.Infra != nil {
		t.Errorf("infra %v", r.Infra)
	}
}

// failing is an Actions that cannot answer.
type failing struct{ err error }

func (f failing) Resolve(context.Context, action.Ref) (action.Resolved, error) {
	if f.err == nil {
		panic("no store")
	}
	return action.Resolved{}, f.err
}

// stubborn is an executor that makes its place although nobody wants it.
type stubborn struct{ executor.Executor }

func (s stubborn) Create(ctx context.Context, spec executor.Spec) (executor.Environment, error) {
	time.Sleep(time.Second)
	return s.Executor.Create(context.WithoutCancel(ctx), spec)
}

func TestPlaceIsClosedWhenActionsFail(t *testing.T) {
	for name, err := range map[string]error{
		"missing":     errors.New("missing"),
		"unreachable": &action.Error{Op: "fetch", Kind: action.KindUnreachable, Err: errors.New("no route")},
		"panic":       nil,
	} {
		t.Run(name, func(t *testing.T) {
			r := bench{workflow: job("steps:\n  - uses: a/a@v1\n"), setup: func(e *Engine, _ *Job) {
				e.Actions = failing{err}
				e.Executors["fake"] = stubborn{e.Executors["fake"]}
			}}.run(t)
			r.wantConclusion(plan.Failure)
			if n := len(r.fake.Calls("close")); n != 1 {
				t.Errorf("%d closes", n)
			}
			if infra := name != "missing"; infra != (r.Infra != nil) {
				t.Errorf("infra %v", r.Infra)
			}
		})
	}
}

func TestPlaceLost(t *testing.T) {
	r := bench{
		actions:  map[string]map[string]string{"a/a@v1": jsAction(withPost)},
		workflow: job("steps:\n  - uses: a/a@v1\n  - run: lose\n    continue-on-error: true\n  - run: echo\n"),
	}.run(t)
	r.wantConclusion(plan.Failure)
	if !executor.IsKind(r.Infra, executor.Lost) || r.Reason == "" {
		t.Errorf("infra %v, reason %q", r.Infra, r.Reason)
	}
}

func TestMissingActionStopsTheMakingOfThePlace(t *testing.T) {
	r := bench{workflow: job("steps:\n  - uses: a/a@v1\n"), setup: func(e *Engine, _ *Job) {
		e.Executors["fake"] = slow{e.Executors["fake"], time.Hour}
	}}.run(t)
	r.wantConclusion(plan.Failure)
	r.wantTook(0)
	if r.Infra != nil || !strings.Contains(r.Reason, "no such action") {
		t.Errorf("infra %v, reason %q", r.Infra, r.Reason)
	}
}

// broken is an executor whose places panic.
type broken struct {
	executor.Executor
	where string
}

func (b broken) Create(ctx context.Context, spec executor.Spec) (executor.Environment, error) {
	if b.where == "create" {
		panic("k3y-of-gold")
	}
	e, err := b.Executor.Create(ctx, spec)
	return brokenPlace{e, b.where}, err
}

type brokenPlace struct {
	executor.Environment
	where string
}

func (b brokenPlace) Start(ctx context.Context, cmd executor.Command, out executor.Output) (executor.Process, error) {
	if b.where == "start" {
		panic("k3y-of-gold")
	}
	return b.Environment.Start(ctx, cmd, out)
}

func (b brokenPlace) HashFiles(ctx context.Context, q executor.HashQuery) (string, error) {
	if b.where == "hash" {
		panic("k3y-of-gold")
	}
	return b.Environment.HashFiles(ctx, q)
}

func (b brokenPlace) Close(ctx context.Context) error {
	err := b.Environment.Close(ctx)
	switch b.where {
	case "close":
		panic("k3y-of-gold")
	case "close error":
		return errors.New("k3y-of-gold")
	}
	return err
}

func TestPanics(t *testing.T) {
	for _, where := range []string{"create", "start", "hash", "close", "close error", "workspace"} {
		t.Run(where, func(t *testing.T) {
			r := bench{
				secrets:  map[string]string{"KEY": "k3y-of-gold"},
				workflow: job("steps:\n  - {background: true, run: sleep 1h, if: always()}\n  - {run: sleep 2h, if: \"hashFiles('x') == ''\"}\n"),
				setup: func(e *Engine, j *Job) {
					e.Executors["fake"] = broken{e.Executors["fake"], where}
					if where == "workspace" {
						j.Leg.Job.Steps = bench{workflow: job("steps:\n  - uses: actions/checkout@v4\n")}.leg(t).Job.Steps
						e.Workspace, j.Checkout.Served = badWorkspace{}, true
					}
				},
			}.run(t)
			if strings.Contains(r.all(), "k3y-of-gold") {
				t.Errorf("a secret is seen:\n%s", r.all())
			}
			switch where {
			case "close error":
				r.wantConclusion(plan.Success)
				return
			}
			r.wantConclusion(plan.Failure)
			if r.Infra == nil || !strings.Contains(r.Infra.Error(), "internal error") || strings.Contains(r.Reason, "\n") {
				t.Errorf("infra %v, reason %q", r.Infra, r.Reason)
			}
		})
	}
}

type badWorkspace struct{}

func (badWorkspace) Pack(context.Context, bool, io.Writer) error { panic("k3y-of-gold") }
func (badWorkspace) Commit() string                              { return "c0ffee" }

func TestOtherArguments(t *testing.T) {
	t.Run("place on the host", func(t *testing.T) {
		for _, body := range []string{"container: alpine\n", "services: {db: {image: postgres}}\n"} {
			r := bench{workflow: job(body + "steps:\n  - run: echo\n"), setup: func(e *Engine, j *Job) {
				e.Executors["host"], j.Place.Executor = e.Executors["fake"], "host"
			}}.run(t)
			r.wantConclusion(plan.Failure)
			if !strings.Contains(r.Reason, "-P ubuntu-latest=ubuntu:24.04") || r.Infra != nil {
				t.Errorf("reason %q", r.Reason)
			}
		}
	})
	t.Run("secrets cannot be resolved", func(t *testing.T) {
		r := bench{workflow: job("steps:\n  - run: echo\n"), setup: func(e *Engine, _ *Job) {
			e.Secrets = func(context.Context, *Job) (map[string]string, error) { return nil, fmt.Errorf("locked") }
		}}.run(t)
		r.wantConclusion(plan.Failure)
		if !strings.Contains(r.Reason, "locked") || len(r.fake.Calls()) != 0 {
			t.Errorf("reason %q", r.Reason)
		}
	})
}
