package term

import (
	"bytes"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// TestRequeued: a job that is run again says so, and only its second try counts
// at the end.
func TestRequeued(t *testing.T) {
	step := runner.StepRef{Number: 2, Name: "first try", Phase: runner.Main}
	failed := runner.StepResult{Step: step, Outcome: plan.Failure, Conclusion: plan.Failure, Reason: "the pod is gone"}
	started := runner.JobStarted{Time: at(0), Workflow: "CI", Job: "a", Name: "a", Executor: "kubernetes"}
	events := []runner.Event{
		runner.RunStarted{Time: at(0), Run: "1", Workflow: "CI"}, started,
		runner.StepStarted{Time: at(0), Job: "a", Step: step}, runner.StepFinished{Time: at(1), Job: "a", StepResult: failed},
		runner.JobRequeued{Time: at(1), Workflow: "CI", Job: "a", Name: "a", Reason: "its pod was evicted", Cause: runner.CauseEvicted},
		started,
		runner.JobFinished{Time: at(2), Workflow: "CI", Job: "a", Name: "a", Conclusion: plan.Success, Seconds: 1},
		runner.RunFinished{Time: at(2), Run: "1", Workflow: "CI", Conclusion: plan.Success, Seconds: 2},
	}
	for name, o := range map[string]Options{"plain": {}, "verbose": {Verbose: true}, "terminal": {TTY: true}} {
		var out bytes.Buffer
		o.Out, o.Err, o.Size = &out, &out, func() (int, int) { return 100, 30 }
		r := New(o)
		for _, e := range events {
			r.Emit(e)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		at := strings.LastIndex(text, "is run again: its pod was evicted")
		if at < 0 || strings.Contains(text[at:], "first try") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}
