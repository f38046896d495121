package runner

import (
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func (r *ran) wantTook(want time.Duration) {
	r.t.Helper()
	if r.took != want {
		r.t.Errorf("took %s, want %s\n%s", r.took, want, r.log())
	}
}

// signals tells what was sent when, since the first.
func (r *ran) signals() string {
	var list []string
	calls := r.fake.Calls("signal")
	for _, c := range calls {
		list = append(list, string(c.Signal)+" "+c.At.Sub(calls[0].At).String())
	}
	return strings.Join(list, ", ")
}

func TestStepTimeout(t *testing.T) {
	r := bench{workflow: job(`
steps:
  - id: a
    name: slow
    run: |
      sleep 10m
    timeout-minutes: 1.5
  - run: echo ${{ steps.a.outcome }}
    if: always()
  - run: sleep 1m
    if: always()
    timeout-minutes: 2
  - run: sleep 10m
    timeout-minutes: ${{ 0 }}
    if: always()
  - run: sleep 10m
    timeout-minutes: ${{ fromJSON('1e300') }}
    if: always()
`)}.run(t)
	r.wantConclusion(plan.Failure)
	r.wantLog("2 [error]The action 'slow' has timed out after 1.5 minutes.", "3 failure")
	r.wantSteps(`
		1 Set up job: success
		2 slow: failure
		3 Run echo failure: success
		4 Run sleep 1m: success
		5 Run sleep 10m: success
		6 Run sleep 10m: success
	`)
	r.wantTook(90*time.Second + time.Minute + 20*time.Minute)
}

func TestTimeoutIsAnErrorToContinueOn(t *testing.T) {
	bench{workflow: job("steps:\n  - run: sleep 1h\n    timeout-minutes: 1\n    continue-on-error: true\n  - run: echo\n")}.run(t).wantConclusion(plan.Success)
}

func TestStopOfStubbornStep(t *testing.T) {
	r := bench{workflow: job("steps:\n  - run: |\n      deaf\n      sleep 1h\n"), cancelAfter: time.Minute}.run(t)
	r.wantConclusion(plan.Cancelled)
	r.wantTook(70 * time.Second)
	if got := r.signals(); got != "INT 0s, TERM 7.5s, KILL 10s" {
		t.Errorf("signals %s", got)
	}
	if r.Reason != "stop it" {
		t.Errorf("reason %q", r.Reason)
	}
	r.wantLog("2 [error]The operation was canceled: stop it")
}

func TestStepThatEndsWellWhenInterrupted(t *testing.T) {
	r := bench{workflow: job("steps:\n  - run: |\n      trap 0\n      sleep 1h\n"), cancelAfter: time.Minute}.run(t)
	r.wantSteps("1 Set up job: success\n2 Run trap 0: cancelled\n")
	r.wantTook(time.Minute)
}

func TestCancelledStepIsNotForgiven(t *testing.T) {
	r := bench{workflow: job("steps:\n  - {run: sleep 1h, id: a, continue-on-error: true}\n  - {if: always(), run: 'echo ${{ steps.a.outcome }} ${{ steps.a.conclusion }}'}\n"), cancelAfter: time.Minute}.run(t)
	r.wantLog("3 cancelled cancelled")
}

func TestJobTimeout(t *testing.T) {
	r := bench{workflow: job("timeout-minutes: 30\nsteps:\n  - run: sleep 1h\n  - run: sleep 1m\n    if: cancelled()\n  - run: echo no\n")}.run(t)
	r.wantConclusion(plan.Cancelled)
	r.wantTook(31 * time.Minute)
	if r.Reason != "the job has exceeded the maximum execution time" {
		t.Errorf("reason %q", r.Reason)
	}
	if r.FirstError == nil || !strings.Contains(r.FirstError.Message, "maximum execution time") {
		t.Errorf("first error %+v", r.FirstError)
	}
	r = bench{workflow: job("steps:\n  - run: sleep 100h\n")}.run(t)
	r.wantTook(6 * time.Hour)
}

func TestTimeoutThatCannotBeEvaluated(t *testing.T) {
	r := bench{workflow: job("timeout-minutes: ${{ fromJSON('[]') }}\nsteps:\n  - run: echo\n")}.run(t)
	r.wantConclusion(plan.Failure)
	if !strings.Contains(r.Reason, "timeout-minutes") || len(r.fake.Calls()) != 0 {
		t.Errorf("reason %q, calls %v", r.Reason, r.fake.Calls())
	}
}

func TestAlwaysGoesOn(t *testing.T) {
	r := bench{
		actions: map[string]map[string]string{"a/a@v1": jsAction(withPost)},
		workflow: job(`
cancel-timeout-minutes: 10
steps:
  - uses: a/a@v1
  - run: sleep 5m
    if: always()
  - run: echo no
  - run: echo yes
    if: cancelled()
`), cancelAfter: 2 * time.Minute}.run(t)
	r.wantConclusion(plan.Cancelled)
	r.wantTook(5 * time.Minute)
	r.wantSteps(`
		1 Set up job: success
		2 Run a/a@v1: success
		3 Run sleep 5m: success
		4 Run echo no: skipped
		5 Run echo yes: success
		6 Post Run a/a@v1: success
	`)
}

func TestGraceEnds(t *testing.T) {
	r := bench{
		actions: map[string]map[string]string{"a/a@v1": jsAction(withPost)},
		workflow: job(`
steps:
  - uses: a/a@v1
  - run: |
      deaf
      sleep 5h
    if: always()
  - run: echo too late
    if: always()
`), cancelAfter: time.Minute}.run(t)
	r.wantConclusion(plan.Cancelled)
	r.wantTook(6*time.Minute + 10*time.Second)
	r.wantSteps(`
		1 Set up job: success
		2 Run a/a@v1: success
		3 Run deaf: cancelled
		4 Run echo too late: cancelled
		5 Post Run a/a@v1: cancelled
	`)
	r.wantNotInLog("4 too late", "post of")
	if r.Reason != "stop it" {
		t.Errorf("reason %q", r.Reason)
	}
}

func TestCancelledBeforeAndDuringSetUp(t *testing.T) {
	r := bench{
		workflow:    job("steps:\n  - run: echo\n"),
		setup:       func(e *Engine, _ *Job) { e.Executors["fake"] = slow{e.Executors["fake"], time.Minute} },
		cancelAfter: time.Second,
	}.run(t)
	r.wantConclusion(plan.Cancelled)
	r.wantSteps("1 Set up job: cancelled\n")
	r.wantTook(time.Second)
	if r.Infra != nil || r.Reason != "stop it" {
		t.Errorf("infra %v, reason %q", r.Infra, r.Reason)
	}
}

func TestCancelInPost(t *testing.T) {
	a := jsAction(withPost)
	a["post.js"] = "sleep 2m\necho cleaned\n"
	r := bench{actions: map[string]map[string]string{"a/a@v1": a}, workflow: job("steps:\n  - uses: a/a@v1\n"), cancelAfter: time.Minute}.run(t)
	r.wantConclusion(plan.Cancelled)
	r.wantLog("3 cleaned")
}

func TestOwnStopPolicy(t *testing.T) {
	r := bench{workflow: job("steps:\n  - run: |\n      deaf\n      sleep 1h\n"), cancelAfter: time.Minute,
		setup: func(e *Engine, _ *Job) { e.Stop = executor.StopPolicy{Interrupt: time.Second, Terminate: time.Second} }}.run(t)
	r.wantTook(62 * time.Second)
}
