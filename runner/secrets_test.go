package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow/plan"
)

const calledWorkflow = `on:
  workflow_call:
    secrets: {inner: {}, other: {}}
jobs:
  deep:
    runs-on: ubuntu-latest
    steps:
      - run: echo ${{ secrets.inner == 'first-second' }} ${{ secrets.inner }} [${{ secrets.KEY }}] ${{ secrets.GITHUB_TOKEN == 'tok-en' }} ${{ github.token == 'tok-en' }}
`

func TestSecretsOfCallers(t *testing.T) {
	secrets := map[string]string{"KEY": "first", "GITHUB_TOKEN": "tok-en"}
	call := func(secrets string) string {
		return "on: push\njobs:\n  call:\n    uses: ./mid.yml\n" + secrets
	}
	mid := "on:\n  workflow_call:\n    secrets: {mine: {}}\njobs:\n  mid:\n    uses: ./deep.yml\n    secrets:\n      inner: ${{ secrets.mine || secrets.KEY }}-second\n"
	tests := []struct{ name, top, mid, want string }{
		{"mapped twice", call("    secrets: {mine: '${{ secrets.KEY }}'}\n"), mid, "true *** [] true true"},
		{"inherited, then mapped", call("    secrets: inherit\n"), mid, "true *** [] true true"},
		{"not passed", call(""), mid, "false *** [] true true"},
		{"not passed on", call("    secrets: inherit\n"), "on: workflow_call\njobs:\n  mid: {uses: ./deep.yml}\n", "false  [] true true"},
		{"all inherited", call("    secrets: inherit\n"), "on: workflow_call\njobs:\n  mid: {uses: ./deep.yml, secrets: inherit}\n", "false  [***] true true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := bench{workflow: tt.top, called: map[string]string{"./mid.yml": tt.mid, "./deep.yml": calledWorkflow}, secrets: secrets}.run(t)
			r.wantConclusion(plan.Success)
			r.wantLog("2 " + tt.want)
		})
	}
}

func TestSecretsAreNotInConditionsAndActions(t *testing.T) {
	r := bench{
		secrets: map[string]string{"KEY": "k3y-of-gold"},
		actions: map[string]map[string]string{"a/a@v1": jsAction("inputs:\n  name: {default: '[${{ secrets.KEY }}${{ env.E }}${{ vars.V }}]'}\n  token: {default: '${{ github.token }}'}\n")},
		workflow: job(`
env: {E: env}
steps:
  - uses: a/a@v1
  - uses: a/a@v1
    with: {name: "${{ secrets.KEY == 'k3y-of-gold' }}"}
`)}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("2 main of []", "3 main of true")
}

func TestJobAndEngineAreNotChanged(t *testing.T) {
	var seen *Job
	bench{workflow: job("steps:\n  - run: echo\n"), secrets: map[string]string{"ACTIONS_STEP_DEBUG": "true"},
		setup: func(_ *Engine, j *Job) { seen = j }}.run(t)
	if seen.Debug {
		t.Error("the job was changed")
	}
}

func TestGithubAndJobContexts(t *testing.T) {
	r := bench{
		github: map[string]string{"workflow_sha": "w5ha"},
		workflow: job(`
permissions: {contents: read}
steps:
  - run: "echo ${{ github.workspace }} ${{ github.job }} ${{ github.event.n }} ${{ job.workflow_ref }} ${{ job.workflow_sha }} ${{ runner.temp }} ${{ toJSON(job.services) }} [${{ job.container.id }}] ${{ github.output != '' }}"
`)}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("2 " + benchWorkspace + " build 1 octo/demo/.github/workflows/ci.yml@refs/heads/main w5ha /home/runner/work/_temp {} [] true")
}

func TestServices(t *testing.T) {
	r := bench{
		secrets: map[string]string{"PASSWORD": "pass-word"},
		workflow: job(`
container:
  image: ${{ github.event_name == 'push' && 'alpine' || '' }}
  credentials: {username: me, password: "${{ secrets.PASSWORD }}"}
services:
  db:
    image: postgres
    env: {P: "${{ secrets.PASSWORD }}"}
    ports: [5432, "80:80"]
    options: --cpus 1
    command: run 'it now'
  none:
    image: ${{ github.event_name == 'none' && 'x' || '' }}
steps:
  - run: echo
`)}.run(t)
	r.wantConclusion(plan.Success)
	spec := r.fake.Calls("create")[0].Spec
	if spec.Image.Credentials == nil || spec.Image.Credentials.Password != "pass-word" || len(spec.Services) != 1 {
		t.Fatalf("spec %+v", spec)
	}
	db := spec.Services[0]
	if db.ID != "db" || db.Env["P"] != "pass-word" || strings.Join(db.Ports, " ") != "5432 80:80" || strings.Join(db.Command, "|") != "run|it now" || db.Options != "--cpus 1" {
		t.Errorf("service %+v", db)
	}
}

func TestEmptyContainerIsNone(t *testing.T) {
	r := bench{workflow: job("container: {image: \"${{ '' }}\"}\nsteps:\n  - run: echo\n")}.run(t)
	r.wantConclusion(plan.Success)
	if spec := r.fake.Calls("create")[0].Spec; spec.Kind != "machine" || spec.Image.Ref != "img" {
		t.Errorf("spec %+v", spec)
	}
}

func TestSplitWords(t *testing.T) {
	for in, want := range map[string]string{
		"": "", " a  b ": "a|b", `a "b c" 'd "e"'`: `a|b c|d "e"`, `a\ b c\"d`: `a b|c"d`, `""`: "", `'\n'`: `\n`,
	} {
		got, err := splitWords(in)
		if err != nil || strings.Join(got, "|") != want {
			t.Errorf("%q gives %q, %v", in, got, err)
		}
	}
	if _, err := splitWords(`a "b`); err == nil {
		t.Error("an open quote is no error")
	}
}

func TestRefFolder(t *testing.T) {
	if got := refFolder("feature/x\\y\x01"); got != "feature-x-y-" {
		t.Errorf("%q", got)
	}
}

// TestTokenIsRenewed: steps that begin later have the newest token, wherever they
// read it from; all tokens are masked.
func TestTokenIsRenewed(t *testing.T) {
	given := 0
	r := bench{
		secrets: map[string]string{"GITHUB_TOKEN": "token-1-secret", "OTHER": "other-secret"},
		setup: func(e *Engine, _ *Job) {
			e.Token = func(context.Context, *Job) (string, error) {
				given++
				switch given {
				case 1:
					return "", nil // the first is good
				case 3:
					return "", errors.New("GitHub is away")
				}
				return fmt.Sprintf("token-%d-secret", given), nil
			}
		},
		workflow: job(`
env: {JOB_ENV: "Bearer ${{ github.token }}"}
steps:
  - run: "echo ${{ secrets.GITHUB_TOKEN }} $JOB_ENV"
    env: {A: "${{ github.token }} ${{ secrets.GITHUB_TOKEN }} ${{ secrets.OTHER }}"}
  - run: "echo ${{ secrets.GITHUB_TOKEN }} $JOB_ENV"
    env: {A: "${{ github.token }} ${{ secrets.GITHUB_TOKEN }} ${{ secrets.OTHER }}"}
  - run: echo
    env: {A: "${{ github.token }} ${{ secrets.GITHUB_TOKEN }} ${{ secrets.OTHER }}"}
  - run: echo
    background: true
    env: {A: "${{ github.token }} ${{ secrets.GITHUB_TOKEN }} ${{ secrets.OTHER }}"}
`)}.run(t)
	r.wantConclusion(plan.Success)
	var got []string
	for _, c := range r.fake.Commands() {
		if a := c.Env["A"]; a != "" {
			got = append(got, a+" | "+c.Env["JOB_ENV"])
		}
	}
	want := []string{}
	for _, n := range []int{1, 2, 2, 4} {
		want = append(want, fmt.Sprintf("token-%[1]d-secret token-%[1]d-secret other-secret | Bearer token-%[1]d-secret", n))
	}
	if !slices.Equal(got, want) {
		t.Errorf("steps got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if strings.Contains(r.all(), "-secret") {
		t.Errorf("a token is seen:\n%s", r.all())
	}
}
