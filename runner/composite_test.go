package runner

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/workflow/plan"
)

// composite is an action with the given steps (and what stands before them).
func composite(before, steps string) map[string]string {
	var b strings.Builder
	b.WriteString("name: c\n" + strings.TrimLeft(before, "\n") + "runs:\n  using: composite\n  steps:\n")
	for line := range strings.Lines(strings.TrimLeft(steps, "\n")) {
		b.WriteString("    " + line)
	}
	return map[string]string{"action.yml": b.String()}
}

func TestComposite(t *testing.T) {
	r := bench{
		actions: map[string]map[string]string{"c/c@v1": composite(`
inputs:
  who: {default: "${{ github.ref_name }}"}
  flag: {default: true}
  secret: {default: "[${{ secrets.KEY }}]"}
outputs:
  said: {value: "${{ steps.inner.outputs.x }}"}
  none: {value: "${{ steps.outer.outputs.x }}"}
`, `
- id: inner
  shell: bash
  run: |
    echo ${{ inputs.who }} ${{ inputs.flag == 'true' }} [$INPUT_WHO] $OUTER ${{ env.OUTER }} [${{ steps.outer.outputs.x }}]
    echo $GITHUB_ACTION_PATH ${{ github.action_path }} [$GITHUB_ACTION_REPOSITORY] ${{ inputs.secret }}
    to GITHUB_OUTPUT x=inner
    to GITHUB_ENV LATER=1
    to GITHUB_PATH /c
- run: echo $LATER $PATH $INNER
  shell: sh
  env: {INNER: "2", OUTER: inner}
- run: echo no
  if: false
  shell: sh
`)},
		secrets: map[string]string{"KEY": "k3y-of-gold"},
		workflow: job(`
defaults: {run: {working-directory: elsewhere}}
steps:
  - id: outer
    run: to GITHUB_OUTPUT x=outer
    working-directory: .
  - id: c
    uses: c/c@v1
    env: {OUTER: env}
  - run: echo ${{ steps.c.outputs.said }} [${{ steps.c.outputs.none }}] $LATER $PATH [$INNER$OUTER] [${{ steps.inner.outputs.x }}]
    working-directory: .
`)}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog(
		"3 main true [] env env []",
		"3 /home/runner/work/_actions/c/c/v1 /home/runner/work/_actions/c/c/v1 [] []",
		"3 1 /c:/usr/bin:/bin 2",
		"4 inner [] 1 /c:/usr/bin:/bin [] []",
	)
	if dir := r.fake.Commands()[1].Dir; dir != benchWorkspace {
		t.Errorf("ran in %s", dir)
	}
}

func TestCompositeFailure(t *testing.T) {
	r := bench{
		actions: map[string]map[string]string{"c/c@v1": composite("outputs:\n  x: {value: '${{ steps.a.outputs.x }}'}\n", `
- id: a
  shell: sh
  run: |
    to GITHUB_OUTPUT x=before
    exit 2
- {run: echo skipped, shell: sh}
- {run: "echo failure ${{ github.action_status }} ${{ job.status }}", shell: sh, if: failure()}
- {run: echo always, shell: sh, if: always()}
`)},
		workflow: job(`
steps:
  - id: c
    uses: c/c@v1
  - if: always()
    run: echo ${{ steps.c.outcome }} ${{ steps.c.outputs.x }}
`)}.run(t)
	r.wantConclusion(plan.Failure)
	r.wantLog("2 failure failure success", "2 always", "3 failure before", "2 [error]Process completed with exit code 2.")
	r.wantNotInLog("2 skipped")
	if n := strings.Count(r.log(), "[error]"); n != 1 {
		t.Errorf("%d errors are printed, want 1\n%s", n, r.log())
	}
}

func TestCompositeAfterFailureOfTheJob(t *testing.T) {
	r := bench{
		actions:  map[string]map[string]string{"c/c@v1": composite("", "- {run: echo inside, shell: sh}\n- {run: exit 1, shell: sh, continue-on-error: true}\n- {run: echo still inside, shell: sh}\n")},
		workflow: job("steps:\n  - run: exit 1\n  - uses: c/c@v1\n    if: always()\n"),
	}.run(t)
	r.wantLog("3 inside", "3 still inside")
	if r.Steps[2].Conclusion != plan.Success {
		t.Errorf("composite is %s", r.Steps[2].Conclusion)
	}
}

func TestCompositeCancelAndTimeout(t *testing.T) {
	inner := composite("", "- {run: sleep 10m, shell: sh}\n- {run: echo no, shell: sh}\n- {run: echo late, shell: sh, if: always()}\n")
	t.Run("timeout", func(t *testing.T) {
		r := bench{actions: map[string]map[string]string{"c/c@v1": inner}, workflow: job("steps:\n  - {uses: c/c@v1, timeout-minutes: 5}\n")}.run(t)
		r.wantConclusion(plan.Failure)
		r.wantTook(5 * time.Minute)
		r.wantLog("2 [error]The action 'Run c/c@v1' has timed out after 5 minutes.")
		if n := strings.Count(r.log(), "timed out"); n != 1 {
			t.Errorf("%d messages about the time\n%s", n, r.log())
		}
	})
	t.Run("cancel", func(t *testing.T) {
		r := bench{actions: map[string]map[string]string{"c/c@v1": inner}, workflow: job("steps:\n  - uses: c/c@v1\n"), cancelAfter: time.Minute}.run(t)
		r.wantConclusion(plan.Cancelled)
		r.wantTook(time.Minute)
		r.wantNotInLog("2 no", "2 late")
	})
	t.Run("always around a running step", func(t *testing.T) {
		// The action's own status becomes "cancelled": what asks for success() stops.
		r := bench{actions: map[string]map[string]string{"c/c@v1": inner}, workflow: job("cancel-timeout-minutes: 60\nsteps:\n  - {uses: c/c@v1, if: always()}\n"), cancelAfter: time.Minute}.run(t)
		r.wantConclusion(plan.Cancelled)
		r.wantTook(time.Minute)
		r.wantLog("2 late")
		r.wantNotInLog("2 no")
		r.wantSteps("1 Set up job: success\n2 Run c/c@v1: cancelled\n")
	})
	t.Run("always in a job that is cancelled already", func(t *testing.T) {
		r := bench{actions: map[string]map[string]string{"c/c@v1": inner}, workflow: job("cancel-timeout-minutes: 60\nsteps:\n  - run: sleep 1h\n  - {uses: c/c@v1, if: always()}\n"), cancelAfter: time.Minute}.run(t)
		r.wantConclusion(plan.Cancelled)
		r.wantTook(11 * time.Minute)
		r.wantLog("3 no", "3 late")
		r.wantSteps("1 Set up job: success\n2 Run sleep 1h: cancelled\n3 Run c/c@v1: success\n")
	})
	t.Run("inner condition", func(t *testing.T) {
		c := composite("", "- {run: sleep 10m, shell: sh, if: '!cancelled()'}\n- {run: echo no, shell: sh}\n- {run: echo late, shell: sh, if: always()}\n")
		r := bench{actions: map[string]map[string]string{"c/c@v1": c}, workflow: job("steps:\n  - {uses: c/c@v1, if: always()}\n"), cancelAfter: time.Minute}.run(t)
		r.wantTook(time.Minute)
		r.wantLog("2 late")
		r.wantNotInLog("2 no")
		r.wantSteps("1 Set up job: success\n2 Run c/c@v1: cancelled\n")
	})
}

func TestNestedComposite(t *testing.T) {
	hooks := func(name string) map[string]string {
		a := jsAction(withPre, withPost, withName)
		a["pre.js"], a["post.js"] = "echo pre "+name+" $INPUT_NAME $OUTER\nto GITHUB_STATE s="+name+"\n", "echo post "+name+" $STATE_s $INPUT_NAME $OUTER\n"
		return a
	}
	r := bench{
		actions: map[string]map[string]string{
			"c/outer@v1": composite("inputs: {who: {default: nobody}}\n", "- uses: c/inner@v1\n  with: {who: \"${{ inputs.who }}\"}\n- {id: x, uses: a/two@v1, with: {name: \"${{ inputs.who }}\"}}\n"),
			"c/inner@v1": composite("inputs: {who: {}}\n", "- {uses: a/one@v1, with: {name: \"${{ inputs.who }}\"}}\n"),
			"a/one@v1":   hooks("one"), "a/two@v1": hooks("two"),
		},
		workflow: job("steps:\n  - {uses: c/outer@v1, with: {who: me}, env: {OUTER: env}}\n  - {uses: a/two@v1, with: {name: you}}\n"),
	}.run(t)
	r.wantConclusion(plan.Success)
	r.wantSteps(`
		1 Set up job: success
		2 Pre Run c/outer@v1: success
		3 Pre Run a/two@v1: success
		4 Run c/outer@v1: success
		5 Run a/two@v1: success
		6 Post Run a/two@v1: success
		7 Post Run c/outer@v1: success
	`)
	var hooked []string
	for line := range strings.Lines(r.log()) {
		if strings.Contains(line, "pre ") || strings.Contains(line, "post ") {
			hooked = append(hooked, strings.TrimSpace(line))
		}
	}
	want := []string{"2 pre one me env", "2 pre two me env", "3 pre two you", "6 post two two you", "7 post two two me env", "7 post one one me env"}
	if strings.Join(hooked, "|") != strings.Join(want, "|") {
		t.Errorf("hooks %q\nwant %q", hooked, want)
	}
}

func TestPreAloneBringsItsPost(t *testing.T) {
	a := jsAction(withPre, withPost)
	a["pre.js"], a["post.js"] = "to GITHUB_ENV FROM_PRE=1\nto GITHUB_PATH /pre\n", "echo bye $OUTER\n"
	r := bench{
		actions:  map[string]map[string]string{"c/c@v1": composite("", "- uses: a/a@v1\n"), "a/a@v1": a},
		workflow: job("steps:\n  - {uses: c/c@v1, if: false, env: {OUTER: env}}\n  - run: echo $FROM_PRE $PATH\n"),
	}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("4 1 /pre:/usr/bin:/bin", "5 bye env")
}

func TestNoSecretsInComposites(t *testing.T) {
	for _, context := range []string{"secrets.KEY", "vars.V", "needs.x"} {
		r := bench{
			secrets:  map[string]string{"KEY": "k3y-of-gold"},
			actions:  map[string]map[string]string{"c/c@v1": composite("", "- {run: \"echo <${{ "+context+" }}>\", shell: sh}\n")},
			workflow: job("steps:\n  - uses: c/c@v1\n"),
		}.run(t)
		if r.Conclusion == plan.Success {
			r.wantLog("2 <>")
		} else if !strings.Contains(r.Reason, "Unrecognized named-value") {
			t.Errorf("%s: reason %q", context, r.Reason)
		}
	}
}

func TestDepthOfComposites(t *testing.T) {
	actions := func(n int) map[string]map[string]string {
		all := map[string]map[string]string{}
		for i := 1; i < n; i++ {
			all[fmt.Sprintf("c/c%d@v1", i)] = composite("", fmt.Sprintf("- uses: c/c%d@v1\n", i+1))
		}
		all[fmt.Sprintf("c/c%d@v1", n)] = composite("", "- {run: echo deepest, shell: sh}\n")
		return all
	}
	body := job("steps:\n  - uses: c/c1@v1\n")
	bench{actions: actions(9), workflow: body}.run(t).wantLog("2 deepest")
	r := bench{actions: actions(10), workflow: body}.run(t)
	r.wantConclusion(plan.Failure)
	if !strings.Contains(r.log(), "max depth 9") {
		t.Errorf("log\n%s", r.log())
	}
	r = bench{actions: map[string]map[string]string{"c/c@v1": composite("", "- uses: c/c@v1\n")}, workflow: job("steps:\n  - uses: c/c@v1\n")}.run(t)
	r.wantConclusion(plan.Failure)
}

func TestLocalAction(t *testing.T) {
	local := composite("", "- {run: \"echo local $GITHUB_ACTION_PATH\", shell: sh}\n")["action.yml"]
	r := bench{
		files:    map[string]string{"act/action.yml": local, "js/action.yml": jsAction(withPre, withPost)["action.yml"], "js/main.js": "echo js", "js/post.js": "echo bye"},
		workflow: job("steps:\n  - uses: ./act\n  - uses: ./js\n  - uses: ./missing\n"),
	}.run(t)
	r.wantConclusion(plan.Failure)
	r.wantLog("2 local "+benchWorkspace+"/act", "3 js", "5 bye", "3 [warning]`pre` execution is not supported for local action from './js'")
	if !strings.Contains(r.Steps[3].Reason, "can't find 'action.yml'") {
		t.Errorf("reason %q", r.Steps[3].Reason)
	}
}

func TestInputWarnings(t *testing.T) {
	a := jsAction("inputs:\n  old: {deprecationMessage: use new}\n")
	r := bench{actions: map[string]map[string]string{"a/a@v1": a}, workflow: job("steps:\n  - {uses: a/a@v1, with: {OLD: 1, odd: 2}}\n")}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("2 [warning]Input 'old' has been deprecated with message: use new", "2 [warning]Unexpected input(s) 'odd', valid inputs are ['old']")
	if e := r.fake.Commands()[0].Env; e["INPUT_OLD"] != "1" || e["INPUT_ODD"] != "2" {
		t.Errorf("env %v", e)
	}
}
