package runner

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/workflow/plan"
)

func TestConditions(t *testing.T) {
	tests := []struct {
		cond                 string
		success, failure, cl bool // runs after a success, a failure, a cancellation
	}{
		{"", true, false, false},
		{"success()", true, false, false},
		{"failure()", false, true, false},
		{"always()", true, true, true},
		{"cancelled()", false, false, true},
		{"\"!cancelled()\"", true, true, false},
		{"true", true, false, false},
		{"github.ref == 'refs/heads/main'", true, false, false},
		{"false", false, false, false},
		{"${{ failure() || success() }}", true, true, false},
		{"job.status == 'failure'", false, false, false},
		{"always() && job.status == 'failure'", false, true, false},
		{"always() && job.status == 'cancelled'", false, false, true},
		{"always() && steps.first.outcome == 'failure'", false, true, false},
		{"env.MINE == 'yes'", true, false, false},
	}
	for _, tt := range tests {
		for name, want := range map[string]bool{"success": tt.success, "failure": tt.failure, "cancelled": tt.cl} {
			t.Run(tt.cond+" after "+name, func(t *testing.T) {
				first := map[string]string{"success": "echo", "failure": "exit 1", "cancelled": "sleep 1h"}[name]
				b := bench{workflow: job(fmt.Sprintf("steps:\n  - run: %s\n    id: first\n  - run: echo ran\n    env: {MINE: 'yes'}\n", first))}
				if tt.cond != "" {
					b.workflow += "        if: " + tt.cond + "\n"
				}
				if name == "cancelled" {
					b.cancelAfter = time.Minute
				}
				r := b.run(t)
				r.wantConclusion(plan.Conclusion(name))
				if got := r.Steps[2].Outcome == plan.Success; got != want {
					t.Errorf("ran: %t (%s), want %t", got, r.Steps[2].Reason, want)
				}
			})
		}
	}
}

func TestConditionThatCannotBeEvaluated(t *testing.T) {
	r := bench{workflow: job(`
steps:
  - if: fromJSON('{')
    run: echo not this
  - run: echo nor this
    env: {A: "${{ fromJSON('{') }}"}
    if: always()
  - run: echo but this
    if: always()
`)}.run(t)
	r.wantConclusion(plan.Failure)
	r.wantSteps(`
		1 Set up job: success
		2 Run echo not this: failure
		3 Run echo nor this: failure
		4 Run echo but this: success
	`)
	if !strings.Contains(r.Steps[1].Reason, "fromJSON") {
		t.Errorf("reason %q", r.Steps[1].Reason)
	}
	if len(r.fake.Commands()) != 1 {
		t.Errorf("%d processes", len(r.fake.Commands()))
	}
}

func TestContinueOnError(t *testing.T) {
	r := bench{workflow: job(`
steps:
  - id: a
    run: exit 1
    continue-on-error: true
  - id: b
    run: exit 1
    continue-on-error: ${{ github.ref == 'refs/heads/main' }}
  - run: echo ${{ steps.a.outcome }} ${{ steps.a.conclusion }} ${{ job.status }}
  - id: c
    run: exit 1
    continue-on-error: ${{ fromJSON('{') }}
  - run: echo
`)}.run(t)
	r.wantConclusion(plan.Failure)
	r.wantSteps(`
		1 Set up job: success
		2 Run exit 1: failure -> success
		3 Run exit 1: failure -> success
		4 Run echo failure success success: success
		5 Run exit 1: failure
		6 Run echo: skipped
	`)
	if !strings.Contains(r.log(), "5 [error]evaluate continue-on-error") {
		t.Errorf("log\n%s", r.log())
	}
}

func TestHashFiles(t *testing.T) {
	r := bench{files: map[string]string{"go.sum": "x"}, workflow: job(`
steps:
  - run: echo [${{ hashFiles('**/go.sum') }}] [${{ hashFiles('none') }}]
  - if: hashFiles('none') != ''
    run: echo
  - run: write ` + benchWorkspace + `/go.sum other
  - run: echo [${{ hashFiles('--follow-symbolic-links', 'a', 'b') }}]
`)}.run(t)
	r.wantConclusion(plan.Success)
	if !strings.Contains(r.log(), "] []") || strings.Contains(r.log(), "[] []") {
		t.Errorf("log\n%s", r.log())
	}
	calls := r.fake.Calls("hashfiles")
	q := calls[len(calls)-1].Hash
	if q.Workspace != benchWorkspace || !q.FollowSymlinks || strings.Join(q.Patterns, " ") != "a b" {
		t.Errorf("query %+v", q)
	}
	if r.Steps[2].Outcome != plan.Skipped {
		t.Errorf("step 3 is %s", r.Steps[2].Outcome)
	}
}

func TestStepsContextKnowsGivenIDsOnly(t *testing.T) {
	r := bench{workflow: job(`
steps:
  - run: to GITHUB_OUTPUT a=1
  - id: mine
    if: false
    run: echo
  - run: "echo ${{ join(steps.*.conclusion) }}"
`)}.run(t)
	r.wantLog("4 skipped")
}

func TestNamesOfSteps(t *testing.T) {
	r := bench{workflow: job(`
env: {WHO: you}
steps:
  - name: hello ${{ env.WHO }}
    run: echo
  - name: bad ${{ fromJSON('{') }}
    run: echo x
  - run: "\n\n  echo ${{ env.WHO }}\n  echo more\n"
`)}.run(t)
	r.wantSteps(`
		1 Set up job: success
		2 hello you: success
		3 Run echo x: success
		4 Run echo you: success
	`)
}
