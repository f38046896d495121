package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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
func (b bench) leg(t *testing.T) plan.Leg {
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

// actOut understands scripts of one word and its text a line: echo TEXT,
// to FILEVAR TEXT (a line into a command file), write PATH TEXT, sleep TIME,
// deaf (to INT and TERM), trap CODE (exit so at a signal), lose, exit CODE.
// $NAME is a variable.
func actOut(ctx context.Context, cmd executor.Command, io *fake.IO) executor.Exit {
	var signals <-chan executor.Signal
	trap, deaf := 0, false
	for line := range strings.Lines(scriptOf(cmd, io)) {
		word, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		rest = os.Expand(rest, func(name string) string { return io.Env()[name] })
		switch word {
		case "echo":
			io.Printf("%s\n", rest)
		case "to":
			file, text, _ := strings.Cut(rest, " ")
			io.AppendFile(io.Env()[file], text+"\n")
		case "write":
			file, text, _ := strings.Cut(rest, " ")
			io.WriteFile(file, []byte(text))
		case "deaf":
			deaf, signals = true, io.Signals()
		case "trap":
			trap, _ = strconv.Atoi(rest)
			signals = io.Signals()
		case "sleep":
			d, err := time.ParseDuration(rest)
			if err != nil {
				panic(err)
			}
			timer := time.NewTimer(d)
			defer timer.Stop()
			for waiting := true; waiting; {
				select {
				case <-timer.C:
					waiting = false
				case <-ctx.Done():
					return executor.Exit{}
				case <-signals:
					if !deaf {
						return executor.Exit{Code: trap}
					}
				}
			}
		case "lose":
			io.Lose()
			<-ctx.Done()
		case "exit":
			code, _ := strconv.Atoi(rest)
			return executor.Exit{Code: code}
		}
	}
	return executor.Exit{}
}

// scriptOf is the text of a run step's file or of an action's program.
func scriptOf(cmd executor.Command, io *fake.IO) string {
	for _, f := range cmd.Files {
		if strings.Contains(strings.Join(cmd.Argv, " "), f.Path) {
			return string(f.Data)
		}
	}
	if len(cmd.Argv) > 1 {
		if data, err := io.ReadFile(cmd.Argv[1]); err == nil {
			return string(data)
		}
	}
	return strings.Join(cmd.Argv, " ")
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

// steps tells how the steps went, a line each.
func (r *ran) steps() string {
	var b strings.Builder
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "%d %s: %s", s.Step.Number, s.Step.Name, s.Outcome)
		if s.Conclusion != s.Outcome {
			fmt.Fprintf(&b, " -> %s", s.Conclusion)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (r *ran) wantSteps(want string) {
	r.t.Helper()
	want = strings.TrimLeft(strings.ReplaceAll(want, "\t", ""), "\n")
	if got := r.steps(); got != want {
		r.t.Errorf("steps are\n%swant\n%s\nlog\n%s", got, want, r.log())
	}
}

func (r *ran) wantConclusion(want plan.Conclusion) {
	r.t.Helper()
	if r.Conclusion != want {
		r.t.Errorf("conclusion %s (%s), want %s\nlog\n%s", r.Conclusion, r.Reason, want, r.log())
	}
}

// log is all lines of the job that are not inside a group.
func (r *ran) log() string {
	var b strings.Builder
	open := map[int]bool{}
	for _, e := range r.events {
		l, ok := e.(Line)
		if !ok {
			continue
		}
		switch {
		case l.Level == "group":
			open[l.Step] = true
		case l.Level == "endgroup":
			open[l.Step] = false
		case open[l.Step]:
		case l.Level == "":
			fmt.Fprintf(&b, "%d %s\n", l.Step, l.Text)
		default:
			fmt.Fprintf(&b, "%d [%s]%s\n", l.Step, l.Level, l.Text)
		}
	}
	return b.String()
}

// wantLog wants each line to stand in the log.
func (r *ran) wantLog(lines ...string) {
	r.t.Helper()
	log := r.log()
	for _, l := range lines {
		if !strings.Contains("\n"+log, "\n"+l+"\n") {
			r.t.Errorf("no line %q in the log\n%s", l, log)
		}
	}
}

func (r *ran) wantNotInLog(parts ...string) {
	r.t.Helper()
	for _, p := range parts {
		if strings.Contains(r.log(), p) {
			r.t.Errorf("%q is in the log\n%s", p, r.log())
		}
	}
}

// all is every event as text, for what must never be seen.
func (r *ran) all() string {
	var b strings.Builder
	for _, e := range r.events {
		fmt.Fprintf(&b, "%+v\n", e)
	}
	fmt.Fprintf(&b, "%+v %+v\n", r.Result, r.FirstError)
	return b.String()
}
