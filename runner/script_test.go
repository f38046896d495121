package runner

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// script is the command of a run step and what its file held.
func script(t *testing.T, cmd executor.Command) (argv, text string) {
	t.Helper()
	file := cmd.Files[0]
	args := slices.Clone(cmd.Argv)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], file.Path, "FILE"+file.Path[strings.LastIndex(file.Path, "/")+1+len(cmd.ID):])
	}
	return strings.Join(args, " "), string(file.Data)
}

func TestShells(t *testing.T) {
	tests := []struct {
		name, shell, container, argv, text, fails string
	}{
		{name: "none", argv: "bash -e FILE.sh", text: "echo"},
		{name: "none in a container", container: "alpine", argv: "sh -e FILE.sh", text: "echo"},
		{name: "bash", shell: "bash", argv: "bash --noprofile --norc -e -o pipefail FILE.sh", text: "echo"},
		{name: "bash in a container", shell: "bash", container: "alpine", argv: "bash --noprofile --norc -e -o pipefail FILE.sh", text: "echo"},
		{name: "sh", shell: "sh", argv: "sh -e FILE.sh", text: "echo"},
		{name: "python", shell: "python", argv: "python FILE.py", text: "echo"},
		{name: "pwsh", shell: "pwsh", argv: "pwsh -command . 'FILE.ps1'",
			text: "$ErrorActionPreference = 'stop'\necho\nif ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) { exit $LASTEXITCODE }"},
		{name: "cmd", shell: "cmd", argv: `cmd /D /E:ON /V:OFF /S /C CALL "FILE.cmd"`, text: "@echo off\r\necho"},
		{name: "perl", shell: "perl {0}", argv: "perl FILE", text: "echo"},
		{name: "bash with arguments", shell: "bash -x {0}", argv: "bash -x FILE.sh", text: "echo"},
		{name: "quotes", shell: "ruby -e 'load \"{0}\"'", argv: `ruby -e load "FILE"`, text: "echo"},
		{name: "braces", shell: "awk -f {0} {{x}}", argv: "awk -f FILE {x}", text: "echo"},
		{name: "no placeholder", shell: "perl", fails: "invalid shell option"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := "steps:\n  - run: echo\n"
			if tt.shell != "" {
				body += "    shell: \"" + strings.ReplaceAll(tt.shell, `"`, `\"`) + "\"\n"
			}
			if tt.container != "" {
				body = "container: " + tt.container + "\n" + body
			}
			r := bench{workflow: job(body)}.run(t)
			if tt.fails != "" {
				r.wantConclusion(plan.Failure)
				if !strings.Contains(r.log(), tt.fails) {
					t.Errorf("log\n%s", r.log())
				}
				return
			}
			argv, text := script(t, r.fake.Commands()[0])
			if argv != tt.argv || text != tt.text {
				t.Errorf("argv %q, text %q\nwant %q, text %q", argv, text, tt.argv, tt.text)
			}
		})
	}
}

func TestNoBash(t *testing.T) {
	missing := func(cmd executor.Command) error {
		if cmd.Argv[0] != "sh" {
			return errors.New("command not found")
		}
		return nil
	}
	r := bench{options: fake.Options{Start: missing}, workflow: job("steps:\n  - run: echo still here\n")}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("2 still here")
	r = bench{options: fake.Options{Start: missing}, workflow: job("steps:\n  - run: echo\n    shell: bash\n")}.run(t)
	r.wantConclusion(plan.Failure)
	if m := r.FirstError; m == nil || !strings.Contains(m.Message, "command not found") || r.Infra != nil {
		t.Errorf("first error %+v, infra %v", m, r.Infra)
	}
}

func TestDefaultsAndFolders(t *testing.T) {
	const wf = `on: push
defaults:
  run: {shell: sh, working-directory: top}
jobs:
  build:
    runs-on: ubuntu-latest
    defaults:
      run: {working-directory: sub}
    steps:
      - run: echo
      - run: echo
        shell: bash
        working-directory: other
      - run: echo
        working-directory: /tmp
      - run: echo
        working-directory: missing
`
	r := bench{workflow: wf, files: map[string]string{"sub/x": "", "other/x": ""}}.run(t)
	r.wantConclusion(plan.Failure)
	var got []string
	for _, c := range r.fake.Commands() {
		got = append(got, c.Argv[0]+" "+c.Dir)
	}
	want := []string{"sh " + benchWorkspace + "/sub", "bash " + benchWorkspace + "/other", "sh /tmp", "sh " + benchWorkspace + "/missing"}
	if !slices.Equal(got, want) {
		t.Errorf("ran in %q\nwant %q", got, want)
	}
}

func TestEnvironment(t *testing.T) {
	const wf = `on: push
env: {A: workflow, B: workflow}
jobs:
  build:
    runs-on: ubuntu-latest
    env: {B: job, C: job, GITHUB_REF: mine, RUNNER_OS: mine, GITHUB_OWN: mine}
    steps:
      - run: |
          to GITHUB_ENV C=file
          to GITHUB_ENV D=file
          to GITHUB_ENV GITHUB_SHA=file
      - env: {D: step, E: "${{ env.C }}", GITHUB_ACTOR: mine}
        run: echo $A $B $C $D $E
      - run: echo $D [$E] ${{ env.D }} [${{ env.E }}]
      - uses: a/a@v1
        env: {INPUT_NAME: step, CI: "false"}
        with: {name: with, two words: x}
`
	r := bench{workflow: wf, actions: map[string]map[string]string{"a/a@v1": jsAction(withName)},
		setup: func(_ *Engine, j *Job) { j.Env = map[string]string{"A": "below", "Z": "below"} },
	}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("3 workflow job file step file", "4 file [] file []", "5 main of with")
	commands := r.fake.Commands()
	second, last := commands[1].Env, commands[3].Env
	for name, want := range map[string]string{
		"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main", "RUNNER_OS": "Linux", "GITHUB_OWN": "mine",
		"GITHUB_SHA": "c0ffee", "GITHUB_ACTOR": "octo", "Z": "below", "GITHUB_WORKSPACE": benchWorkspace,
		"RUNNER_WORKSPACE": "/home/runner/work/demo", "RUNNER_TEMP": "/home/runner/work/_temp", "RUNNER_ARCH": "X64",
		"RUNNER_TOOL_CACHE": "/opt/hostedtoolcache", "GITHUB_JOB": "build", "GITHUB_ACTION": "__run_2",
		"GITHUB_EVENT_PATH": "/home/runner/work/_temp/_github_workflow/event.json",
	} {
		if got, ok := second[name]; got != want || !ok {
			t.Errorf("%s=%q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"RUNNER_DEBUG", "HOME", "INPUT_NAME", "GITHUB_TOKEN", "GITHUB_EVENT"} {
		if got, ok := second[name]; ok {
			t.Errorf("%s=%q is set", name, got)
		}
	}
	if last["CI"] != "false" || last["INPUT_TWO_WORDS"] != "x" || last["GITHUB_ACTION_REPOSITORY"] != "a/a" || last["GITHUB_ACTION_REF"] != "v1" {
		t.Errorf("environment of the action: %v", last)
	}
}

func TestHomeInContainer(t *testing.T) {
	r := bench{workflow: job("container: {image: alpine, env: {X: y}, options: --cpus 1}\nsteps:\n  - run: echo $HOME\n"),
		setup: func(_ *Engine, j *Job) { j.Place.Options = "--memory 1g" }}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("2 /github/home")
	spec := r.fake.Calls("create")[0].Spec
	if spec.Kind != executor.Container || spec.Image.Ref != "alpine" || spec.Env["X"] != "y" || spec.Options != "--cpus 1 --init --memory 1g" {
		t.Errorf("spec %+v", spec)
	}
	if dir := r.fake.Commands()[0].Dir; dir != "/__w/demo/demo" {
		t.Errorf("ran in %s", dir)
	}
}

func TestEventFileAndFolders(t *testing.T) {
	var event []byte
	r := bench{workflow: job("steps:\n  - run: echo\n"), options: fake.Options{
		Script: func(_ context.Context, _ executor.Command, io *fake.IO) executor.Exit {
			event, _ = io.ReadFile(io.Env()["GITHUB_EVENT_PATH"])
			return executor.Exit{}
		}}}.run(t)
	r.wantConclusion(plan.Success)
	if strings.Join(strings.Fields(string(event)), "") != `{"n":1}` {
		t.Errorf("event %s", event)
	}
}

func TestDebug(t *testing.T) {
	body := job("steps:\n  - run: |\n      echo ::debug::deep\n      echo $RUNNER_DEBUG true\n")
	for name, b := range map[string]bench{
		"secret": {workflow: body, secrets: map[string]string{"ACTIONS_STEP_DEBUG": "true"}},
		"job":    {workflow: body, setup: func(_ *Engine, j *Job) { j.Debug = true }},
	} {
		t.Run(name, func(t *testing.T) { b.run(t).wantLog("2 [debug]deep", "2 1 true") })
	}
	t.Run("off", func(t *testing.T) { bench{workflow: body}.run(t).wantNotInLog("deep") })
}
