package runner

import (
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow/plan"
)

// What the github context says of the action that runs, and when.
func TestActionFields(t *testing.T) {
	a := jsAction()
	a["action.yml"] = "runs: {using: node24, main: main.js, post: post.js}\ninputs:\n  mine: {default: \"${{ github.action_repository }}@${{ github.action_ref }}\"}\n  given: {default: \"${{ fromJSON('{') }}\"}\n"
	a["main.js"] = "echo [$GITHUB_ACTION][$GITHUB_ACTION_REPOSITORY][$GITHUB_ACTION_REF][$GITHUB_ACTION_PATH] $INPUT_MINE $INPUT_GIVEN $FROM\n"
	a["post.js"] = "echo bye [$GITHUB_ACTION][$GITHUB_ACTION_REPOSITORY]\n"
	r := bench{
		actions: map[string]map[string]string{
			"a/a@v2": a,
			"c/c@v1": composite("", `
- shell: sh
  env: {FROM: "${{ github.action_repository }}@${{ github.action_ref }}"}
  run: echo [$GITHUB_ACTION][$GITHUB_ACTION_REPOSITORY][${{ github.action_ref }}] $FROM
- uses: a/a@v2
  env: {FROM: "${{ github.action_repository }}"}
  with: {given: "${{ github.action_repository }}"}
`),
		},
		workflow: job(`
steps:
  - run: echo [$GITHUB_ACTION][$GITHUB_ACTION_REPOSITORY] ${{ github.action }}
  - id: own
    run: echo [$GITHUB_ACTION]
  - uses: c/c@v1
  - uses: a/a@v2
    with: {given: yes}
`)}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog(
		"2 [__run][] __run", "3 [own]",
		"4 [__c_c][][] c/c@v1",
		"4 [__c_c][a/a][v2][/home/runner/work/_actions/c/c/v1] a/a@v2 a/a c/c",
		"5 [__a_a][a/a][v2][] a/a@v2 yes ",
		"6 bye [__a_a][a/a]", "7 bye [__c_c][a/a]",
	)
	for i, c := range r.fake.Commands()[:2] {
		if _, ok := c.Env["GITHUB_ACTION_PATH"]; ok {
			t.Errorf("command %d has GITHUB_ACTION_PATH", i)
		}
		if v, ok := c.Env["GITHUB_ACTION_REF"]; !ok || v != "" {
			t.Errorf("command %d has GITHUB_ACTION_REF %q %t", i, v, ok)
		}
	}
}

// A step that could not begin fails its job, whatever continue-on-error says.
func TestWhatNeverBeganIsNotForgiven(t *testing.T) {
	for _, broken := range []string{"if: fromJSON('{')", "env: {A: \"${{ fromJSON('{') }}\"}"} {
		r := bench{workflow: job("steps:\n  - run: echo\n    continue-on-error: true\n    " + broken + "\n")}.run(t)
		r.wantConclusion(plan.Failure)
		r.wantSteps("1 Set up job: success\n2 Run echo: failure\n")
	}
}

func TestStepTimeoutThatCannotBeEvaluated(t *testing.T) {
	r := bench{workflow: job("steps:\n  - run: echo on\n    timeout-minutes: ${{ fromJSON('[]') }}\n")}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("2 on")
	if !strings.Contains(r.log(), "2 [error]evaluate timeout-minutes") {
		t.Errorf("log\n%s", r.log())
	}
}

// A condition that cannot be evaluated ends a composite action at once.
func TestBrokenConditionEndsAComposite(t *testing.T) {
	r := bench{
		actions: map[string]map[string]string{"c/c@v1": composite("outputs: {x: {value: yes}}\n", `
- {run: echo not this, shell: sh, if: "fromJSON('{')"}
- {run: echo nor this, shell: sh, if: always()}
`)},
		workflow: job("steps:\n  - {id: c, uses: c/c@v1, continue-on-error: true}\n  - run: echo ${{ steps.c.outcome }} ${{ steps.c.outputs.x }}\n"),
	}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("3 failure yes")
	r.wantNotInLog("2 nor this", "2 not this")
}

func TestDefaultsAreEvaluatedOnce(t *testing.T) {
	r := bench{
		files: map[string]string{"early/x": "", "late/x": ""},
		workflow: job(`
env: {DIR: early}
defaults: {run: {working-directory: "${{ env.DIR }}", shell: "${{ env.DIR == 'early' && 'sh' || 'bash' }}"}}
steps:
  - run: to GITHUB_ENV DIR=late
  - run: echo
    env: {DIR: late}
  - run: echo
    working-directory: ${{ '' }}
  - run: echo
    working-directory: ${{ env.DIR }}
    shell: bash
`)}.run(t)
	r.wantConclusion(plan.Success)
	for i, want := range []string{"sh /early", "sh /early", "sh ", "bash /late"} {
		c := r.fake.Commands()[i]
		if got := c.Argv[0] + " " + strings.TrimPrefix(c.Dir, benchWorkspace); got != want {
			t.Errorf("step %d ran as %q, want %q", i, got, want)
		}
	}
	broken := bench{workflow: job("defaults: {run: {shell: \"${{ fromJSON('{') }}\"}}\nsteps:\n  - run: echo\n")}.run(t)
	broken.wantSteps("1 Set up job: failure\n")
}

// The command files are known to expressions, too.
func TestFilesInExpressions(t *testing.T) {
	r := bench{workflow: job("steps:\n  - run: echo ${{ github.output }} ${{ github.env == github.path }} ${{ github.state != '' }}\n  - id: a\n    run: write ${{ github.output }} x=1\n  - run: echo ${{ steps.a.outputs.x }}\n")}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("2 "+r.fake.Commands()[0].Env["GITHUB_OUTPUT"]+" false true", "4 1")
}
