package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// bench runs one job of a workflow in a fake place and fake time.
type bench struct {
	workflow string
	called   map[string]string            // reusable workflows by the text of uses
	actions  map[string]map[string]string // owner/repo@ref -> file -> content
	files    map[string]string            // in the workspace from the start
	github   map[string]string            // more of the github context
	secrets  map[string]string
	options  fake.Options
	setup    func(*Engine, *Job)
	// cancelAfter cancels the job with the cause "stop it".
	cancelAfter time.Duration
}

// ran is what a bench yields.
type ran struct {
	Result
	t      *testing.T
	events []Event
	fake   *fake.Executor
	took   time.Duration
}

const benchWorkspace = "/home/runner/work/demo/demo"

func (b bench) run(t *testing.T) *ran {
	t.Helper()
	var r *ran
	synctest.Test(t, func(t *testing.T) { r = b.within(t) })
	if r == nil {
		t.FailNow()
	}
	r.t = t
	return r
}

// within is run inside a bubble.
func (b bench) within(t *testing.T) *ran {
	t.Helper()
	o := b.options
	if o.Script == nil {
		o.Script = actOut
	}
	o.Files = map[string]string{}
	for name, text := range b.options.Files {
		o.Files[name] = text
	}
	for name, text := range b.files {
		o.Files[benchWorkspace+"/"+name] = text
	}
	x := fake.New(o)
	r := &ran{t: t, fake: x}
	engine := &Engine{
		Executors: map[string]executor.Executor{"fake": x},
		Actions:   b.actionsIn(t),
		Secrets:   func(context.Context, *Job) (map[string]string, error) { return b.secrets, nil },
	}
	job := &Job{Run: "1", Leg: b.leg(t), Place: Place{Executor: "fake", Image: "img", Labels: []string{"ubuntu-latest"}}}
	if b.setup != nil {
		b.setup(engine, job)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	if b.cancelAfter > 0 {
		defer time.AfterFunc(b.cancelAfter, func() { cancel(errors.New("stop it")) }).Stop()
	}
	var mu sync.Mutex
	start := time.Now()
	r.Result = engine.Run(ctx, job, SinkFunc(func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		r.events = append(r.events, e)
	}))
	r.took = time.Since(start)
	r.check()
	return r
}

// check is what holds of every job.
func (r *ran) check() {
	r.t.Helper()
	finished := 0
	for _, e := range r.events {
		if f, ok := e.(JobFinished); ok {
			finished++
			if f.Conclusion != r.Conclusion || f.Reason != r.Reason || f.Infra != (r.Infra != nil) || len(f.Steps) != len(r.Steps) {
				r.t.Errorf("JobFinished %+v is not the result %+v", f, r.Result)
			}
		}
	}
	if _, last := r.events[len(r.events)-1].(JobFinished); finished != 1 || !last {
		r.t.Errorf("%d JobFinished, the last event is %T", finished, r.events[len(r.events)-1])
	}
	if left := r.fake.Environments(); len(left) != 0 {
		r.t.Errorf("%d places are left", len(left))
	}
}

// leg plans the workflow and takes the first leg that starts.
func (b bench) leg(t testing.TB) plan.Leg {
	t.Helper()
	w, diags := workflow.Parse(".github/workflows/ci.yml", []byte(b.workflow))
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	gh := map[string]string{
		"repository": "octo/demo", "ref": "refs/heads/main", "ref_name": "main", "sha": "c0ffee", "workflow": "CI",
		"event_name": "push", "actor": "octo", "run_id": "7",
	}
	for k, v := range b.github {
		gh[k] = v
	}
	contexts := map[string]expr.Value{
		"github": expr.StringMap(gh, false).With("event", expr.NewObject(false).Set("n", expr.Number(1)).Value()),
		"vars":   expr.StringMap(map[string]string{"V": "var"}, false),
	}
	load := func(_ context.Context, from plan.Source, uses string) (plan.Source, []byte, error) {
		return plan.Source{Path: uses}, []byte(b.called[uses]), nil
	}
	p, err := plan.Build(t.Context(), w, plan.Source{Path: ".github/workflows/ci.yml"}, "push", contexts, load)
	if err != nil {
		t.Fatal(err)
	}
	decisions := plan.NewState(p).Start()
	for _, d := range decisions {
		if d.Action == plan.Start {
			return *d.Leg
		}
	}
	t.Fatalf("no job starts: %+v", decisions)
	return plan.Leg{}
}

// folders is an Actions that knows folders.
type folders map[string]string

func (f folders) Resolve(_ context.Context, ref action.Ref) (action.Resolved, error) {
	dir, ok := f[ref.Repository+"@"+ref.Ref]
	if !ok {
		return action.Resolved{}, &action.Error{Op: "resolve", Ref: ref, Kind: action.KindNotFound, Err: errors.New("no such action")}
	}
	return action.Resolved{Repository: ref.Repository, Ref: ref.Ref, SHA: "5ha", Dir: dir}, nil
}

func (b bench) actionsIn(t *testing.T) folders {
	t.Helper()
	f := folders{}
	for name, files := range b.actions {
		f[name] = t.TempDir()
		for file, text := range files {
			file = filepath.Join(f[name], file)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}

// job makes a workflow of one job from the text of its keys.
func job(body string) string {
	var b strings.Builder
	b.WriteString("on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n")
	for line := range strings.Lines(strings.TrimLeft(body, "\n")) {
		b.WriteString("    " + line)
	}
	return b.String()
}
