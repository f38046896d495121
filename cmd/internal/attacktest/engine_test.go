package attacktest

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/executortest"
	"github.com/drydock-ci/drydock/executor/host"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/service"
	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func TestMain(m *testing.M) { os.Exit(executortest.Main(m)) }

// attack is one job of somebody who means harm, run by the real engine.
type attack struct {
	workflow string // a whole file; its first job is run
	github   map[string]string
	secrets  map[string]string
	place    runner.Place      // zero: this machine
	executor executor.Executor // nil: this machine
	setup    func(*runner.Engine, *runner.Job)
}

// outcome is what the attack came to.
type outcome struct {
	runner.Result
	t      *testing.T
	events []runner.Event
}

func onHost(t *testing.T) executor.Executor {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("jobs run on this machine only where it is linux")
	}
	x, err := host.New(host.Options{Root: t.TempDir(), HelperCache: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (a attack) run(t *testing.T) *outcome {
	t.Helper()
	if a.executor == nil {
		a.executor = onHost(t)
	}
	a.place.Executor = a.executor.Name()
	a.place.Labels = []string{"ubuntu-latest"}
	engine := &runner.Engine{
		Executors: map[string]executor.Executor{a.executor.Name(): a.executor},
		Secrets:   func(context.Context, *runner.Job) (map[string]string, error) { return a.secrets, nil },
		Owner:     "attacktest",
	}
	job := &runner.Job{Run: "7", Leg: a.leg(t), Place: a.place}
	if a.setup != nil {
		a.setup(engine, job)
	}
	o := &outcome{t: t}
	var mu sync.Mutex
	o.Result = engine.Run(t.Context(), job, runner.SinkFunc(func(e runner.Event) {
		mu.Lock()
		defer mu.Unlock()
		o.events = append(o.events, e)
	}))
	return o
}

// leg plans the workflow and takes the first leg that starts.
func (a attack) leg(t *testing.T) plan.Leg {
	t.Helper()
	w, diags := workflow.Parse(".github/workflows/ci.yml", []byte(a.workflow))
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	contexts := map[string]expr.Value{"github": github(a.github, expr.NewObject(false).Value())}
	load := func(context.Context, plan.Source, string) (plan.Source, []byte, error) {
		return plan.Source{}, nil, os.ErrNotExist
	}
	p, err := plan.Build(t.Context(), w, plan.Source{Path: ".github/workflows/ci.yml"}, "push", contexts, load)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range plan.NewState(p).Start() {
		if d.Action == plan.Start {
			return *d.Leg
		}
	}
	t.Fatal("no job starts")
	return plan.Leg{}
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

// lines are the printed lines that are no commands and stand in no group.
func (o *outcome) lines() []string {
	var lines []string
	open := map[int]bool{}
	for _, e := range o.events {
		l, ok := e.(runner.Line)
		if !ok {
			continue
		}
		switch {
		case l.Level == "group":
			open[l.Step] = true
		case l.Level == "endgroup":
			open[l.Step] = false
		case !open[l.Step]:
			lines = append(lines, strings.TrimPrefix(fmt.Sprintf("%s: %s", l.Level, l.Text), ": "))
		}
	}
	return lines
}

// all is everything that anybody is shown.
func (o *outcome) all() string {
	var b strings.Builder
	for _, e := range o.events {
		fmt.Fprintf(&b, "%+v\n", e)
	}
	fmt.Fprintf(&b, "%+v %+v\n", o.Result, o.FirstError)
	return b.String()
}

func (o *outcome) wantConclusion(want plan.Conclusion) {
	o.t.Helper()
	if o.Conclusion != want {
		o.t.Errorf("the job is %s (%s), want %s\n%s", o.Conclusion, o.Reason, want, o.all())
	}
}

// wantLines wants each to be printed as a whole line.
func (o *outcome) wantLines(want ...string) {
	o.t.Helper()
	have := o.lines()
	for _, w := range want {
		found := false
		for _, l := range have {
			found = found || l == w
		}
		if !found {
			o.t.Errorf("line %q is missing in\n%s", w, strings.Join(have, "\n"))
		}
	}
}

func (o *outcome) wantNever(parts ...string) {
	o.t.Helper()
	for _, p := range parts {
		if strings.Contains(o.all(), p) {
			o.t.Errorf("%q is to be seen in\n%s", p, o.all())
		}
	}
}

// github is a github context of a push to main.
func github(fields map[string]string, event expr.Value) expr.Value {
	all := map[string]string{
		"run_id": "4711", "run_attempt": "1", "run_number": "3", "repository": "octo/demo", "repository_owner": "octo",
		"repository_id": "11", "repository_owner_id": "22", "ref": "refs/heads/main", "ref_name": "main", "sha": "c0ffee",
		"event_name": "push", "workflow": "CI", "actor": "octo", "workflow_sha": "c0ffee",
	}
	for name, value := range fields {
		all[name] = value
	}
	b := expr.NewObject(false)
	for name, value := range all {
		b.Set(name, expr.String(value))
	}
	return b.Set("event", event).Value()
}

// desk is the services of jobs, as `drydock run` has them, reached by TCP.
type desk struct {
	*service.Server
	root string // of the store
	base string // ends in a slash
}

func newDesk(t *testing.T, change ...func(*service.Options)) *desk {
	t.Helper()
	d := &desk{root: t.TempDir()}
	store, err := blob.NewFolder(d.root)
	if err != nil {
		t.Fatal(err)
	}
	o := service.Options{Store: store}
	for _, c := range change {
		c(&o)
	}
	if d.Server, err = service.New(o); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go d.Serve(conn)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		store.Close()
	})
	d.base = "http://" + l.Addr().String() + "/"
	return d
}

// eventually waits for what another process does.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%s: not within 2 min", what)
			return
		}
	}
}
