package runner

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func TestCauseOf(t *testing.T) {
	kind := func(k executor.ErrorKind, r executor.Reason) error {
		return fmt.Errorf("step: %w", &executor.Error{Op: "do", Kind: k, Err: &executor.Error{Op: "it", Kind: executor.Failed, Reason: r}})
	}
	for _, c := range []struct {
		err  error
		want Cause
	}{
		{nil, ""},
		{errors.New("evaluate env"), CauseWorkflow},
		{panicked("x"), CauseInternal},
		{&action.Error{Kind: action.KindUnreachable}, CauseUnavailable},
		{&action.Error{Kind: action.KindNotFound}, CauseWorkflow},
		{&action.Error{Kind: action.KindInternal}, CauseInternal},
		{kind(executor.Unavailable, ""), CauseUnavailable},
		{kind(executor.Unavailable, executor.QuotaExceeded), CauseQuota},
		{kind(executor.Unavailable, executor.Unschedulable), CauseUnschedulable},
		{kind(executor.NotFound, ""), CauseNotFound},
		{kind(executor.NotFound, executor.ImagePull), CauseImage},
		{kind(executor.Refused, ""), CauseRefused},
		{kind(executor.Invalid, ""), CauseWorkflow},
		{kind(executor.Unsupported, ""), CauseUnsupported},
		{kind(executor.Unhealthy, ""), CauseUnhealthy},
		{kind(executor.Lost, ""), CauseLost},
		{kind(executor.Lost, executor.Evicted), CauseEvicted},
		{kind(executor.Lost, executor.Deleted), CauseDeleted},
		{kind(executor.Lost, executor.NodeLost), CauseNodeLost},
		{kind(executor.Lost, executor.OutOfMemory), CauseOutOfMemory},
		{kind("new", ""), CauseFailed},
	} {
		if got := CauseOf(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

// TestCauses are those that a job itself finds.
func TestCauses(t *testing.T) {
	killed := func(_ context.Context, cmd executor.Command, io *fake.IO) executor.Exit {
		if scriptOf(cmd, io) == "" {
			return executor.Exit{}
		}
		return executor.Exit{Code: 2, OOM: true, Memory: executor.Memory{Limit: 64 << 20, Peak: 65 << 20}}
	}
	gone := &executor.Error{Op: "follow", Kind: executor.Lost, Reason: executor.OutOfMemory, Err: errors.New("killed; its peak was 7 MiB")}
	for name, c := range map[string]struct {
		b      bench
		want   Cause
		reason string
	}{
		"passed":      {b: bench{workflow: job("steps:\n  - run: echo\n")}},
		"step":        {b: bench{workflow: job("steps:\n  - run: exit 1\n")}, want: CauseStep},
		"forgiven":    {b: bench{workflow: job("steps:\n  - run: exit 1\n    continue-on-error: true\n")}},
		"no action":   {b: bench{workflow: job("steps:\n  - uses: no/such@v1\n")}, want: CauseWorkflow, reason: "no such action"},
		"expression":  {b: bench{workflow: job("timeout-minutes: ${{ fromJSON('[]') }}\nsteps:\n  - run: echo\n")}, want: CauseWorkflow},
		"step's time": {b: bench{workflow: job("steps:\n  - run: sleep 1h\n    timeout-minutes: 1\n")}, want: CauseTimeout},
		"job's time":  {b: bench{workflow: job("timeout-minutes: 1\nsteps:\n  - run: sleep 1h\n")}, want: CauseTimeout},
		"cancelled":   {b: bench{workflow: job("steps:\n  - run: sleep 1h\n"), cancelAfter: time.Minute}, want: CauseCancelled},
		"the step is killed for memory": {
			b:    bench{workflow: job("steps:\n  - {name: hog, run: echo}\n"), options: fake.Options{Script: killed}},
			want: CauseOutOfMemory, reason: `step "hog": A process of the step was killed because the job ran out of memory (limit 64 MiB, peak 65 MiB)`,
		},
		"the place is killed for memory": {
			b: bench{workflow: job("steps:\n  - {name: hog, run: lose}\n  - {if: always(), run: echo}\n"), setup: func(e *Engine, _ *Job) {
				e.Executors["fake"] = losing{e.Executors["fake"], gone}
			}},
			want: CauseOutOfMemory, reason: `step "hog": follow: killed; its peak was 7 MiB`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.b.run(t)
			if r.Cause != c.want || r.Infra != nil {
				t.Errorf("cause %q, want %q; infra %v", r.Cause, c.want, r.Infra)
			}
			if c.reason != "" && r.Reason != c.reason && r.Cause != CauseWorkflow {
				t.Errorf("reason %q, want %q", r.Reason, c.reason)
			}
			if (r.Conclusion == plan.Success) != (c.want == "") {
				t.Errorf("conclusion %s", r.Conclusion)
			}
		})
	}
}

// losing is an executor that says why its places are lost.
type losing struct {
	executor.Executor
	why error
}

func (l losing) Create(ctx context.Context, spec executor.Spec) (executor.Environment, error) {
	e, err := l.Executor.Create(ctx, spec)
	if err != nil {
		return nil, err
	}
	return losingPlace{e, l.why}, nil
}

type losingPlace struct {
	executor.Environment
	why error
}

func (l losingPlace) Start(ctx context.Context, cmd executor.Command, out executor.Output) (executor.Process, error) {
	p, err := l.Environment.Start(ctx, cmd, out)
	if err != nil {
		return nil, l.said(err)
	}
	return losingProcess{p, l}, nil
}

func (l losingPlace) said(err error) error {
	if executor.IsKind(err, executor.Lost) {
		return l.why
	}
	return err
}

type losingProcess struct {
	executor.Process
	place losingPlace
}

func (l losingProcess) Wait(ctx context.Context) (executor.Exit, error) {
	exit, err := l.Process.Wait(ctx)
	return exit, l.place.said(err)
}
