package term

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got), write it with -update:\n%s", file, diff)
	}
}

func TestGolden(t *testing.T) {
	for _, tc := range []struct {
		name    string
		options Options
	}{
		{"plain", Options{}},
		{"color", Options{Color: true}},
		{"quiet", Options{Quiet: true}},
		{"quiet-terminal", Options{Quiet: true, TTY: true}},
		{"json", Options{JSON: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			o := tc.options
			o.Out, o.Rerun = &out, rerun
			r := New(o)
			for _, e := range recording() {
				r.Emit(e)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			golden(t, tc.name+".txt", out.Bytes())
			if !o.Color && bytes.Contains(out.Bytes(), []byte("\x1b")) {
				t.Error("there is an escape character")
			}
		})
	}
}

// TestTwoRuns shows jobs of one id in two workflows, of one name, at a time.
func TestTwoRuns(t *testing.T) {
	for _, name := range []string{"plain", "json"} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			r := New(Options{Out: &out, JSON: name == "json"})
			r.Emit(runner.Noticed{Time: at(0), Text: "two workflows"})
			var sinks []runner.Sink
			for i, id := range []string{"r1", "r2"} {
				command := "again " + id
				s := r.Run(Hints{Rerun: func(plan.LegID) string { return command }, Logs: "logs " + id})
				sinks = append(sinks, s)
				s.Emit(runner.RunStarted{Time: at(0), Run: id, Workflow: "CI", File: []string{"a.yml", "b.yml"}[i], Event: "push"})
			}
			for _, s := range sinks {
				s.Emit(runner.JobStarted{Time: at(1), Workflow: "CI", Job: "test", Name: "test", Executor: "host"})
			}
			for i, s := range sinks {
				s.Emit(runner.StepStarted{Time: at(1), Job: "test", Step: step(1, "Run x")})
				s.Emit(line(at(1), "test", 1, command.LevelPlain, []string{"first", "second"}[i]))
			}
			for i, s := range sinks {
				c := []plan.Conclusion{plan.Success, plan.Failure}[i]
				s.Emit(runner.StepFinished{Time: at(2), Job: "test", StepResult: result(1, "Run x", c, 1, "")})
				s.Emit(runner.JobFinished{Time: at(2), Workflow: "CI", Job: "test", Name: "test", Conclusion: c, Seconds: 1})
				s.Emit(runner.RunFinished{Time: at(3), Run: []string{"r1", "r2"}[i], Workflow: "CI", Conclusion: c, Seconds: 2})
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			golden(t, "two-runs-"+name+".txt", out.Bytes())
		})
	}
}

// TestSeveralRunsByEmit shows one run after the other through one sink.
func TestSeveralRunsByEmit(t *testing.T) {
	var out bytes.Buffer
	r := New(Options{Out: &out, Quiet: true})
	for _, id := range []string{"r1", "r2"} {
		r.Emit(runner.RunStarted{Time: at(0), Run: id, Workflow: id})
		r.Emit(runner.JobFinished{Time: at(1), Job: "test", Name: "test", Conclusion: plan.Failure, Reason: "because of " + id, Seconds: 1})
		r.Emit(runner.RunFinished{Time: at(1), Run: id, Seconds: 1})
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	golden(t, "run-after-run.txt", out.Bytes())
}

// TestInterrupted shows a run that ended in the middle.
func TestInterrupted(t *testing.T) {
	var out, errs bytes.Buffer
	r := New(Options{Out: &out, Err: &errs})
	r.Emit(runner.RunStarted{Time: at(0), Run: "r1", Workflow: "CI"})
	r.Emit(runner.JobStarted{Time: at(0), Job: "a", Name: "a", Executor: "host"})
	r.Emit(runner.Noticed{Time: at(0), Level: command.LevelError, Text: "no engine"})
	r.Emit(runner.JobFinished{Time: at(1), Job: "b", Name: "b", Conclusion: plan.Success, Seconds: 3700})
	r.Emit(runner.RunFinished{Time: at(1), Run: "r1", Seconds: 1})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	golden(t, "interrupted.txt", out.Bytes())
	if got, want := errs.String(), "Error: no engine\n"; got != want {
		t.Errorf("the other stream has %q, want %q", got, want)
	}
}
