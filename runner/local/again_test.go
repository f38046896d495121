package local

import (
	"testing"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// TestSourceTakesRecorded: recorded results stand for jobs that do not run
// again; what needs them gets their outputs.
func TestSourceTakesRecorded(t *testing.T) {
	s, sink := newSource(t, chain)
	s.Taken = "taken from attempt 1"
	s.Recorded = map[plan.LegID]runner.Result{"a": {Conclusion: plan.Success, Outputs: map[string]string{"list": "ubuntu-24.04"}}}
	b := next(t, s, "b")
	if b.Job.Place.Image != "ubuntu-24.04" {
		t.Errorf("b does not see the output of a: %+v", b.Job.Place)
	}
	finish(t, b, plan.Success, nil)
	finish(t, next(t, s, "last"), plan.Success, nil)
	ended(t, s)
	sink.expect(t, "run-started CI ci.yml", "a success: taken from attempt 1",
		"off skipped: if: github.ref == 'refs/heads/dev' is false ('refs/heads/main' == 'refs/heads/dev')",
		"run-finished CI success")
	if c, results := s.Result(); c != plan.Success || results[0].Reason != "" || results[0].Conclusion != plan.Success {
		t.Errorf("%s %+v", c, results)
	}
}

// TestSourceTakesFailuresLate: a leg that failed before does not stop the one
// that runs again beside it.
func TestSourceTakesFailuresLate(t *testing.T) {
	s, sink := newSource(t, matrix)
	s.Taken = "taken"
	s.Recorded = map[plan.LegID]runner.Result{"test/0": {Conclusion: plan.Failure}, "test/2": {Conclusion: plan.Success}}
	finish(t, next(t, s, "test/1"), plan.Success, nil)
	finish(t, next(t, s, "after"), plan.Success, nil)
	ended(t, s)
	sink.expect(t, "run-started CI ci.yml", "test/2 success: taken", "test/0 failure: taken", "run-finished CI failure")
}
