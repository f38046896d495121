package runner

import (
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
