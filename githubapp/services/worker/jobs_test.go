package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// act makes "lost" a step whose engine goes away, "exit" one that fails and "sleep"
// one that takes an hour.
func act(o fake.Options) *fake.Executor {
	has := func(cmd executor.Command, word string) bool {
		for _, f := range cmd.Files {
			if strings.HasPrefix(string(f.Data), word) {
				return true
			}
		}
		return false
	}
	o.Start = func(cmd executor.Command) error {
		if has(cmd, "lost") {
			return executor.Errorf("run the step", executor.Lost, "EOF")
		}
		return nil
	}
	o.Script = func(ctx context.Context, cmd executor.Command, _ *fake.IO) executor.Exit {
		if has(cmd, "exit") {
			return executor.Exit{Code: 1}
		}
		if has(cmd, "sleep") {
			select {
			case <-time.After(time.Hour):
			case <-ctx.Done():
			}
		}
		return executor.Exit{}
	}
	return fake.New(o)
}

// within is a task whose jobs are those of a workflow, at .github/workflows/test.yml.
func within(t *testing.T, x *fake.Executor, jobs string) *task {
	t.Helper()
	top := t.TempDir()
	file := filepath.Join(top, ".github/workflows/test.yml")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("on: push\njobs:\n"+jobs), 0o644); err != nil {
		t.Fatal(err)
	}
	empty := expr.NewObject(false).Value()
	return &task{
		Worker: &Worker{Options: Options{
			Engine: &runner.Engine{
				Executors: map[string]executor.Executor{"fake": x},
				Secrets:   func(context.Context, *runner.Job) (map[string]string, error) { return nil, nil },
			},
			Place:    func(*plan.Leg, []string, string) (runner.Place, error) { return runner.Place{Executor: "fake"}, nil },
			Confined: func(context.Context, *runner.Job) bool { return false },
		}},
		job:    &runner.Job{Run: "1-1", Leg: plan.Leg{ID: "web", Contexts: map[string]expr.Value{"github": empty, "vars": empty}}},
		inside: "1-1.web.x",
		files:  &export{path: top},
	}
}

func (t *task) test(ctx context.Context) error {
	_, err := t.Run(ctx, pipeline.Request{Service: &declaration.Service{}}, ".github/workflows/test.yml", "", io.Discard)
	return err
}

// TestBlame: what was away is tried again; what the repository is to blame for is not,
// also when both happen.
func TestBlame(t *testing.T) {
	none, err := build.New(build.Options{Address: "unix:///nowhere/s"})
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	context := t.TempDir()
	if err := os.WriteFile(filepath.Join(context, "Dockerfile"), []byte("FROM scratch\nCOPY Dockerfile /\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, noBuilder := none.Build(t.Context(), build.Request{Context: context})
	const good, bad, lost = "  a: {runs-on: x, steps: [{run: echo}]}\n", "  b: {runs-on: x, steps: [{run: exit 1}]}\n", "  c: {runs-on: x, steps: [{run: lost}]}\n"
	away := act(fake.Options{Create: func(executor.Spec) error { return executor.Errorf("make the place", executor.Unavailable, "no engine") }})
	for _, tt := range []struct {
		name  string
		err   error
		cause runner.Cause
	}{
		{"no builder", noBuilder, runner.CauseUnavailable},
		{"the builder ended", &executor.Error{Kind: executor.Lost}, runner.CauseLost},
		{"a wrong password", &executor.Error{Kind: executor.Refused, Reason: "wrong credentials"}, runner.CauseStep},
		{"a bad Dockerfile", &executor.Error{Kind: executor.Invalid, Reason: build.BadDockerfile}, runner.CauseStep},
		{"a failed RUN", &executor.Error{Kind: executor.Failed, Reason: build.StepFailed}, runner.CauseStep},
		{"a program that does not compile", errors.New("exit status 1"), runner.CauseStep},
		{"a failed test", within(t, act(fake.Options{}), good+bad).test(t.Context()), runner.CauseStep},
		{"a test whose engine went away", within(t, act(fake.Options{}), good+lost).test(t.Context()), runner.CauseLost},
		{"a test without an engine", within(t, away, good).test(t.Context()), runner.CauseUnavailable},
		{"both", within(t, act(fake.Options{}), bad+lost).test(t.Context()), runner.CauseStep},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.err == nil {
				t.Fatal("no error")
			}
			cause, infra := blame(fmt.Errorf("stage: %w", tt.err))
			if cause != tt.cause || (infra != nil) != (tt.cause != runner.CauseStep) {
				t.Errorf("%s, %v of %v", cause, infra, tt.err)
			}
		})
	}
}

// TestForced: what a cancelled job lets go on has five minutes, until it is forced.
func TestForced(t *testing.T) {
	for name, want := range map[string]time.Duration{"cancelled": 6 * time.Minute, "forced": 3 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				task := within(t, act(fake.Options{}), "  a: {runs-on: x, timeout-minutes: 600, steps: [{run: sleep 1}, {run: sleep 2, if: always()}]}\n")
				task.Engine.Stop = executor.StopPolicy{Interrupt: time.Nanosecond, Terminate: time.Nanosecond}
				ctx, cancel := context.WithCancelCause(t.Context())
				force := make(chan struct{})
				task.force = force
				began := time.Now()
				go func() {
					time.Sleep(time.Minute)
					cancel(errors.New("enough"))
					if name == "forced" {
						time.Sleep(2 * time.Minute)
						close(force)
					}
				}()
				if err := task.test(ctx); err == nil || err.Error() != "enough" {
					t.Errorf("%v", err)
				}
				if took := time.Since(began).Truncate(time.Second); took != want {
					t.Errorf("it took %s, want %s", took, want)
				}
			})
		})
	}
}

// TestTries: the jobs within a try that ends are no longer alive; those of the next try
// in the same process are.
func TestTries(t *testing.T) {
	w, err := New(Options{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	job := &runner.Job{Run: "no run of a queue", Leg: plan.Leg{ID: "web"}}
	begin := func() *task {
		task, err := w.begin(t.Context(), job, nil)
		if err == nil || task == nil {
			t.Fatal("it begins", err)
		}
		return task
	}
	lost, next := begin(), begin()
	lost.close()
	if w.Alive(string(lost.inside)) || !w.Alive(string(next.inside)) {
		t.Errorf("alive: %q %t, %q %t", lost.inside, w.Alive(string(lost.inside)), next.inside, w.Alive(string(next.inside)))
	}
	next.close()
	if w.Alive(string(next.inside)) || !strings.HasPrefix(string(next.inside), string(job.Run)+".web.") {
		t.Errorf("%q", next.inside)
	}
}
