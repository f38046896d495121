package runner

import (
	"slices"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func TestFileCommands(t *testing.T) {
	r := bench{workflow: job(`
steps:
  - id: one
    run: |
      to GITHUB_OUTPUT a=1
      to GITHUB_OUTPUT b<<END
      to GITHUB_OUTPUT two
      to GITHUB_OUTPUT lines
      to GITHUB_OUTPUT END
      echo ::set-output name=c::3
      echo ::set-output name=d::4
      to GITHUB_PATH /first
      to GITHUB_PATH /second
      to GITHUB_STEP_SUMMARY # Fine
  - run: |
      to GITHUB_PATH /third
      to GITHUB_PATH /first
      to GITHUB_OUTPUT x=1
  - run: echo $PATH ${{ steps.one.outputs.a }} ${{ toJSON(steps.one.outputs.b) }} ${{ steps.one.outputs.c }} [${{ steps.__run.outputs.x }}]
`)}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog(`4 /first:/third:/second:/usr/bin:/bin 1 "two\nlines" 3 []`)
	if n := strings.Count(r.log(), "[warning]"); n != 1 {
		t.Errorf("%d warnings about set-output, want one a job\n%s", n, r.log())
	}
	if !slices.ContainsFunc(r.events, func(e Event) bool {
		s, ok := e.(Summarised)
		return ok && s.Step == 2 && s.Markdown == "# Fine\n"
	}) {
		t.Error("no summary")
	}
}

func TestBrokenFileCommand(t *testing.T) {
	r := bench{workflow: job(`
steps:
  - id: one
    run: |
      to GITHUB_OUTPUT a=1
      to GITHUB_OUTPUT nonsense
      to GITHUB_OUTPUT b=2
      to GITHUB_ENV E=yes
  - if: always()
    run: echo ${{ steps.one.outcome }} a=${{ steps.one.outputs.a }} b=[${{ steps.one.outputs.b }}] $E
`)}.run(t)
	r.wantConclusion(plan.Failure)
	r.wantLog("2 [error]Unable to process file command 'output' successfully.", "3 failure a=1 b=[] yes")
}

func TestNodeOptionsAreRefused(t *testing.T) {
	r := bench{workflow: job(`
steps:
  - run: |
      to GITHUB_ENV NODE_OPTIONS=--evil
      to GITHUB_ENV GOOD=1
  - run: echo [$NODE_OPTIONS] $GOOD
`)}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("3 [] 1")
	if r.FirstError == nil || !strings.Contains(r.FirstError.Message, "NODE_OPTIONS") {
		t.Errorf("first error %+v", r.FirstError)
	}
}

func TestUnsecureCommands(t *testing.T) {
	r := bench{workflow: job(`
steps:
  - run: echo ::set-env name=A::1
    continue-on-error: true
  - env: {ACTIONS_ALLOW_UNSECURE_COMMANDS: "true"}
    run: |
      echo ::set-env name=B::2
      echo ::add-path::/p
  - run: echo [$A] $B $PATH
`)}.run(t)
	r.wantConclusion(plan.Success)
	r.wantSteps(`
		1 Set up job: success
		2 Run echo ::set-env name=A::1: failure -> success
		3 Run echo ::set-env name=B::2: success
		4 Run echo [$A] $B $PATH: success
	`)
	r.wantLog("4 [] 2 /p:/usr/bin:/bin")
}

func TestMasks(t *testing.T) {
	r := bench{
		secrets: map[string]string{"KEY": "k3y-of-gold"},
		workflow: job(`
env: {NAME: "k3y-of-gold"}
steps:
  - name: use ${{ env.NAME }}
    run: |
      echo before later-secret
      echo ::add-mask::later-secret
      echo after later-secret and k3y-of-gold
      echo ::error title=k3y-of-gold::bad k3y-of-gold
      to GITHUB_STEP_SUMMARY got k3y-of-gold
  - run: exit 1
    shell: k3y-of-gold
  - if: contains('k3y-of-gold', 'z')
    run: echo
`)}.run(t)
	r.wantConclusion(plan.Failure)
	r.wantLog("2 before later-secret", "2 after *** and ***", "2 [error]bad ***")
	if strings.Contains(r.all(), "k3y-of-gold") {
		t.Errorf("a secret is seen:\n%s", r.all())
	}
	if r.Steps[1].Step.Name != "use ***" || r.FirstError.Message != "bad ***" || r.FirstError.Title != "***" {
		t.Errorf("result %+v, first error %+v", r.Steps, r.FirstError)
	}
}

func TestStopCommands(t *testing.T) {
	r := bench{workflow: job(`
steps:
  - run: |
      echo ::stop-commands::tok-tok-tok
      echo ::error::not one
      echo ::tok-tok-tok::
      echo ::error::one
  - run: echo ::error::next step
`)}.run(t)
	r.wantLog("2 ::error::not one", "2 [error]one", "3 [error]next step")
	r.wantConclusion(plan.Success)
}

const matcher = `{"problemMatcher":[{"owner":"cc","pattern":[
	{"regexp":"^FILE (.*)$","file":1},
	{"regexp":"^  (\\\\d+): (.*)$","line":1,"message":2}]}]}`

func TestMatchers(t *testing.T) {
	r := bench{
		files: map[string]string{
			"m.json": strings.ReplaceAll(matcher, `\\\\`, `\\`), "src/a.c": "", "b.c": "",
			".git/config": "[remote \"origin\"]\n\turl = https://github.com/octo/demo\n",
		},
		workflow: job(`
steps:
  - run: |
      echo ::add-matcher::m.json
      echo FILE src/a.c
      echo   7: broken
      echo FILE src/half.c
  - run: |
      echo   8: of no file
      echo FILE ` + benchWorkspace + `/b.c
      echo   9: again
      echo ::remove-matcher owner=cc::
      echo FILE c.c
      echo   1: not seen
  - run: |
      echo FILE c.c
      echo   1: not seen
  - run: echo ::add-matcher::missing.json
`)}.within(t) // regexp2 keeps a clock of its own
	r.wantConclusion(plan.Failure)
	var got []command.Annotation
	for _, e := range r.events {
		if a, ok := e.(Annotated); ok && a.Step < 5 {
			got = append(got, a.Annotation)
		}
	}
	want := []command.Annotation{
		{Level: "error", Message: "broken", File: "src/a.c", Line: 7},
		{Level: "error", Message: "again", File: "b.c", Line: 9},
	}
	if !slices.Equal(got, want) {
		t.Errorf("annotations %+v\nwant %+v", got, want)
	}
	r.wantLog("2 [error]  7: broken")
}
