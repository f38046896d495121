package runner

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func TestBackgroundEffectsWaitForTheWait(t *testing.T) {
	r := bench{workflow: job(`
steps:
  - id: bg
    background: true
    run: |
      to GITHUB_ENV A=1
      to GITHUB_PATH /bg
      to GITHUB_OUTPUT o=out
  - run: |
      sleep 1m
      echo [$A] $PATH [${{ steps.bg.outcome }}]
  - wait: bg
  - run: echo $A $PATH ${{ steps.bg.outputs.o }} ${{ steps.bg.conclusion }}
`)}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("3 [] /usr/bin:/bin []", "5 1 /bg:/usr/bin:/bin out success")
	r.wantTook(time.Minute)
	r.wantSteps(`
		1 Set up job: success
		2 Run to GITHUB_ENV A=1: success
		3 Run sleep 1m: success
		4 Wait: success
		5 Run echo $A $PATH out success: success
	`)
}

func TestBackgroundSeesTheStepsBeforeIt(t *testing.T) {
	r := bench{workflow: job(`
steps:
  - run: to GITHUB_ENV A=1
  - background: true
    run: |
      sleep 1m
      echo bg $A
  - run: to GITHUB_ENV A=2
`)}.run(t)
	r.wantLog("3 bg 1")
	r.wantSteps(`
		1 Set up job: success
		2 Run to GITHUB_ENV A=1: success
		3 Run sleep 1m: success
		4 Run to GITHUB_ENV A=2: success
		5 Wait for all background steps: success
	`)
}

func TestBackgroundSlots(t *testing.T) {
	var b strings.Builder
	b.WriteString("steps:\n")
	for i := range 25 {
		fmt.Fprintf(&b, "  - {id: s%d, background: true, run: sleep 1m, timeout-minutes: 1.5}\n", i)
	}
	b.WriteString("  - wait-all: true\n")
	r := bench{workflow: job(b.String())}.run(t)
	r.wantConclusion(plan.Success)
	r.wantTook(3 * time.Minute)
}

func TestFailedBackgroundStep(t *testing.T) {
	tests := []struct {
		name, more, wait string
		want             plan.Conclusion
		outcomes         string
	}{
		{"fails the wait", "", "  - wait: bg\n", plan.Failure, "failure failure skipped"},
		{"implicit wait", "", "", plan.Failure, "failure success failure"},
		{"forgiven in the step", "    continue-on-error: true\n", "  - wait: bg\n", plan.Success, "failure success success"},
		{"forgiven in the wait", "", "  - wait: bg\n    continue-on-error: true\n", plan.Success, "failure failure success"},
		{"failed before its cancel", "", "  - run: sleep 1m\n  - cancel: bg\n", plan.Failure, "failure success success skipped"},
		{"skipped", "    if: false\n", "  - wait: bg\n", plan.Success, "skipped success success"},
		{"cannot begin", "    if: fromJSON('{')\n", "  - wait: bg\n", plan.Failure, "failure failure skipped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := bench{workflow: job("steps:\n  - id: bg\n    background: true\n    run: exit 1\n" + tt.more + tt.wait + "  - run: echo after\n")}.run(t)
			r.wantConclusion(tt.want)
			var got []string
			for _, s := range r.Steps[1:] {
				got = append(got, string(s.Outcome))
			}
			if strings.Join(got, " ") != tt.outcomes {
				t.Errorf("outcomes %v, want %s\n%s", got, tt.outcomes, r.steps())
			}
		})
	}
}

func TestCancelStep(t *testing.T) {
	r := bench{workflow: job(`
steps:
  - id: bg
    background: true
    run: sleep 1h
  - run: sleep 1m
  - cancel: bg
  - run: echo ${{ steps.bg.conclusion }} ${{ job.status }}
`)}.run(t)
	r.wantConclusion(plan.Success)
	r.wantTook(time.Minute)
	r.wantLog("5 cancelled success")
}

func TestCancelOfStepInTheQueue(t *testing.T) {
	var b strings.Builder
	b.WriteString("steps:\n")
	for i := range 10 {
		fmt.Fprintf(&b, "  - {id: s%d, background: true, run: sleep 10m}\n", i)
	}
	b.WriteString("  - run: sleep 1s\n  - {id: late, background: true, run: echo late}\n  - cancel: late\n  - run: echo ${{ steps.late.outcome }}\n")
	for i := range 10 {
		fmt.Fprintf(&b, "  - cancel: s%d\n", i)
	}
	r := bench{workflow: job(b.String())}.run(t)
	r.wantConclusion(plan.Success)
	r.wantTook(time.Second)
	r.wantLog("15 cancelled")
	r.wantNotInLog("13 late")
}

func TestStepInTheQueueSeesWhatWasThenToSee(t *testing.T) {
	var b strings.Builder
	b.WriteString("steps:\n")
	for i := range 10 {
		fmt.Fprintf(&b, "  - {id: s%d, background: true, run: sleep 10m}\n", i)
	}
	b.WriteString("  - run: sleep 1s\n  - {background: true, run: 'echo $PATH [$A] [${{ steps.later.outcome }}]'}\n")
	b.WriteString("  - id: later\n    run: |\n      to GITHUB_PATH /later\n      to GITHUB_ENV A=later\n")
	r := bench{workflow: job(b.String())}.run(t)
	r.wantLog("13 /usr/bin:/bin [] []")
}

func TestParallel(t *testing.T) {
	r := bench{workflow: job(`
steps:
  - parallel:
      - {id: a, run: "sleep 2m"}
      - {id: b, run: "sleep 3m"}
  - run: echo ${{ steps.a.outcome }} ${{ steps.b.outcome }}
`)}.run(t)
	r.wantConclusion(plan.Success)
	r.wantTook(3 * time.Minute)
	if !strings.Contains(r.log(), "success success") {
		t.Errorf("log\n%s", r.log())
	}
}

func TestJobCancelInterruptsAWait(t *testing.T) {
	var b strings.Builder
	b.WriteString("steps:\n  - {id: keep, background: true, if: always(), run: sleep 2m}\n")
	for i := range 12 {
		if i == 9 {
			b.WriteString("  - run: sleep 1s\n") // all slots are taken
		}
		fmt.Fprintf(&b, "  - {id: s%d, background: true, run: sleep 5h}\n", i)
	}
	b.WriteString("  - wait-all: true\n  - {if: always(), run: 'echo ${{ steps.s0.outcome }} ${{ steps.s11.outcome }} ${{ steps.keep.outcome }}'}\n")
	r := bench{workflow: job(b.String()), cancelAfter: time.Minute}.run(t)
	r.wantConclusion(plan.Cancelled)
	r.wantTook(2 * time.Minute)
	r.wantLog("17 cancelled cancelled success")
	if n := len(r.fake.Commands()); n != 12 {
		t.Errorf("%d processes were started, want ten in the background and two", n)
	}
}

func TestBackgroundPosts(t *testing.T) {
	r := bench{
		actions:  map[string]map[string]string{"a/a@v1": jsAction(withPost, withName)},
		workflow: job("steps:\n  - {background: true, uses: a/a@v1, with: {name: A}}\n  - {background: true, uses: a/a@v1, with: {name: B}}\n  - run: sleep 1m\n"),
	}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("6 post of B", "7 post of A")
}

func TestPanicInBackground(t *testing.T) {
	r := bench{workflow: job("steps:\n  - {background: true, uses: a/a@v1, if: always()}\n  - run: sleep 1m\n"),
		actions: map[string]map[string]string{"a/a@v1": jsAction()},
		setup: func(e *Engine, _ *Job) {
			e.Node = panicking{}
		}}.run(t)
	r.wantConclusion(plan.Failure)
	if r.Infra == nil || !strings.Contains(r.Infra.Error(), "internal error: no node") {
		t.Errorf("infra %v", r.Infra)
	}
}

func TestPlaceLostInBackground(t *testing.T) {
	r := bench{workflow: job("steps:\n  - {background: true, run: lose}\n  - run: sleep 1m\n")}.run(t)
	r.wantConclusion(plan.Failure)
	if !executor.IsKind(r.Infra, executor.Lost) {
		t.Errorf("infra %v", r.Infra)
	}
}
