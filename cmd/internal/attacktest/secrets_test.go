package attacktest

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// TestSecretsOnlyWhereDeclared_Gitea_1007_1083: secrets named as other systems
// use them by themselves go nowhere that the workflow does not send them.
func TestSecretsOnlyWhereDeclared_Gitea_1007_1083(t *testing.T) {
	secrets := map[string]string{
		"DOCKER_USERNAME": "registry-user-1", "DOCKER_PASSWORD": "registry-password-1", "GITHUB_TOKEN": "forge-token-1", "DEPLOY": "deploy-key-1",
	}
	x := fake.New(fake.Options{})
	o := attack{executor: x, secrets: secrets, workflow: job(`
container: {image: registry.example/app, env: {PLAIN: "1"}}
services:
  db: {image: registry.example/db}
  own: {image: other.example/own, credentials: {username: own-user, password: "${{ secrets.DEPLOY }}"}}
steps:
  - run: one
  - run: two
    env: {TOKEN: "${{ secrets.DEPLOY }}"}
`)}.run(t)
	o.wantConclusion(plan.Success)
	spec := x.Calls("create")[0].Spec
	if spec.Image.Credentials != nil || spec.Services[0].Image.Credentials != nil {
		t.Error("an image gets credentials that the workflow does not declare for it")
	}
	if c := spec.Services[1].Image.Credentials; c == nil || c.Username != "own-user" || c.Password != "deploy-key-1" {
		t.Errorf("the service's own credentials: %+v", c)
	}
	env := fmt.Sprint(spec.Env, spec.Services[0].Env, spec.Services[1].Env, spec.Options, spec.Name, spec.Labels)
	for _, cmd := range x.Commands() {
		own := fmt.Sprint(cmd.Argv, cmd.Files, cmd.Dir)
		for name, value := range cmd.Env {
			if name == "TOKEN" && strings.Contains(string(cmd.Files[0].Data), "two") {
				continue
			}
			own += " " + name + "=" + value
		}
		env += own
	}
	for name, value := range secrets {
		if strings.Contains(env, value) {
			t.Errorf("the secret %s is where nobody put it", name)
		}
	}
}

// TestEverySinkIsMasked_RunnerDebugger: no event shows a secret, in whatever
// field, also of a job that fails, and outputs with one do not leave it.
func TestEverySinkIsMasked_RunnerDebugger(t *testing.T) {
	secret := "s3cr3t value/with+signs"
	o := attack{secrets: map[string]string{"S": secret, "LINES": "first line of key\nsecond line of key"}, workflow: job(`
name: job ${{ github.actor }}
outputs:
  plain: "${{ steps.a.outputs.plain }}"
  stolen: "${{ steps.a.outputs.stolen }}"
env: {S: "${{ secrets.S }}", LINES: "${{ secrets.LINES }}", ACTIONS_STEP_DEBUG: "true"}
steps:
  - id: a
    name: step ${{ env.S }}
    run: |
      echo "$S"; printf '%s' "$S" | base64; printf 'x%s' "$S" | base64; printf 'xy%s' "$S" | base64
      echo "$LINES" | tail -1
      echo "::error title=$S,file=$S::$S"; echo "::warning::$S"; echo "::group::$S"; echo "::endgroup::"; echo "::debug::$S"
      echo "summary $S" >> "$GITHUB_STEP_SUMMARY"
      echo "stolen=$S" >> "$GITHUB_OUTPUT"; echo "plain=yes" >> "$GITHUB_OUTPUT"
      echo "::set-env name=$S::$S"
    continue-on-error: true
  - run: "exit 3 # ${{ secrets.S }}"
    working-directory: /absent/${{ secrets.S }}
`)}.run(t)
	o.wantConclusion(plan.Failure)
	o.wantNever(secret, base64.StdEncoding.EncodeToString([]byte(secret))[:20], "second line of key", "s3cr3t+value", "s3cr3t%20value")
	if o.Outputs["stolen"] != "" || o.Outputs["plain"] != "yes" {
		t.Errorf("outputs %q", o.Outputs)
	}
}

// TestProcessesEndWithTheirJob_RunnerTakeover: nothing that a job starts
// outlives it, however it hides: other sessions, lost parents, no tracking id,
// ignored signals. Nothing of its folder stays.
func TestProcessesEndWithTheirJob_RunnerTakeover(t *testing.T) {
	d := newDesk(t)
	marks := t.TempDir()
	x := onHost(t)
	o := attack{executor: x, setup: d.forScripts, workflow: job(`
steps:
  - run: |
      unset RUNNER_TRACKING_ID
      export MARKS=` + marks + `
      cat > "$RUNNER_TEMP/stay.sh" <<'END'
      trap '' TERM INT HUP QUIT
      echo "$$" > "$MARKS/$1"
      for i in $(seq 1800); do sleep 0.1; done
      END
      env -u RUNNER_TRACKING_ID setsid bash "$RUNNER_TEMP/stay.sh" session </dev/null >/dev/null 2>&1 &
      (setsid bash -c '(setsid bash "$RUNNER_TEMP/stay.sh" twice </dev/null >/dev/null 2>&1 &) ; exit 0' &)
      nohup bash "$RUNNER_TEMP/stay.sh" nohup </dev/null >/dev/null 2>&1 &
      env -i "MARKS=$MARKS" "PATH=$PATH" setsid --fork bash "$RUNNER_TEMP/stay.sh" empty
      for i in session twice nohup empty; do until [ -s "$MARKS/$i" ]; do sleep 0.02; done; done
      disown -a
  - run: |
      for i in session twice nohup empty; do kill -0 "$(cat ` + marks + `/$i)" && echo "$i lives"; done
`)}.run(t)
	o.wantConclusion(plan.Success)
	o.wantLines("session lives", "twice lives", "nohup lives", "empty lives") // until the job ends, as on GitHub
	for _, name := range []string{"session", "twice", "nohup", "empty"} {
		pid, err := os.ReadFile(filepath.Join(marks, name))
		if err != nil {
			t.Fatal(err)
		}
		proc := filepath.Join("/proc", strings.TrimSpace(string(pid)), "cmdline")
		if cmdline, err := os.ReadFile(proc); err == nil && strings.Contains(string(cmdline), "stay.sh") {
			t.Errorf("%s outlives its job: %q", name, cmdline)
		}
	}
	swept, err := x.Sweep(t.Context(), "attacktest", func(executor.RunID) bool { return false })
	if err != nil || len(swept.Removed) != 0 {
		t.Errorf("left of the job: %v, %v", swept.Removed, err)
	}
}

// TestSecretsStayOutOfArguments_Woodpecker_5305: while a step with secrets
// runs, they stand in its own environment and in no argument, and in no other
// process.
func TestSecretsStayOutOfArguments_Woodpecker_5305(t *testing.T) {
	dir := t.TempDir()
	secret, token := "in-the-environment-0815", "token-of-the-forge-0815"
	found := make(chan string, 1)
	go func() {
		defer close(found)
		eventually(t, "the step runs", func() bool { _, err := os.Stat(filepath.Join(dir, "runs")); return err == nil })
		var b strings.Builder
		procs, _ := filepath.Glob("/proc/[0-9]*")
		for _, p := range procs {
			cmdline, _ := os.ReadFile(filepath.Join(p, "cmdline"))
			environ, _ := os.ReadFile(filepath.Join(p, "environ"))
			for _, s := range []string{secret, token} {
				if strings.Contains(string(cmdline), s) {
					fmt.Fprintf(&b, "arguments %q\n", cmdline)
				}
				if strings.Contains(string(environ), s) && (strings.Contains(string(cmdline), "drydock-helper") || !strings.Contains(string(environ), "GITHUB_ACTIONS=true")) {
					fmt.Fprintf(&b, "environment of %q\n", cmdline)
				}
			}
		}
		_ = os.WriteFile(filepath.Join(dir, "seen"), nil, 0o600)
		found <- b.String()
	}()
	o := attack{secrets: map[string]string{"S": secret, "GITHUB_TOKEN": token}, workflow: job(`
steps:
  - env: {S: "${{ secrets.S }}", T: "${{ github.token }}"}
    run: |
      touch ` + dir + `/runs; until [ -e ` + dir + `/seen ]; do sleep 0.05; done
      echo ${{ secrets.S }} | wc -c
`)}.run(t)
	o.wantConclusion(plan.Success)
	if text := <-found; text != "" {
		t.Errorf("a secret is in\n%s", text)
	}
}

// TestHooksAreTheOperators: a workflow cannot name the scripts that run around
// every job.
func TestHooksAreTheOperators(t *testing.T) {
	dir := t.TempDir()
	hook := filepath.Join(dir, "hook.sh")
	if err := os.WriteFile(hook, []byte("touch "+dir+"/ran\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	o := attack{workflow: job(`
env: {ACTIONS_RUNNER_HOOK_JOB_STARTED: ` + hook + `, ACTIONS_RUNNER_HOOK_JOB_COMPLETED: ` + hook + `}
steps:
  - run: echo "ACTIONS_RUNNER_HOOK_JOB_COMPLETED=` + hook + `" >> "$GITHUB_ENV"
`)}.run(t)
	o.wantConclusion(plan.Success)
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("the workflow's hook ran")
	}
	if o := (attack{setup: func(e *runner.Engine, _ *runner.Job) { e.Hooks.JobStarted = hook }, workflow: job("steps: [{run: 'true'}]\n")}).run(t); o.Conclusion != plan.Success {
		t.Errorf("with the operator's: %s", o.Reason)
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err != nil {
		t.Error("the operator's hook did not run")
	}
}

// TestLongNames_GO_2026_4730: names of any length and kind stop no engine and
// lead no folder elsewhere.
func TestLongNames_GO_2026_4730(t *testing.T) {
	x := onHost(t)
	long := strings.Repeat("n", 20_000)
	for _, name := range []string{long, "../../../etc", "a\x00b", "-rf", "a/b/c", strings.Repeat("../", 500), "..", "\u202e\u0007"} {
		for _, run := range []string{"7", name} {
			place, err := x.Create(t.Context(), executor.Spec{Name: name, Labels: executor.Labels{Owner: "attacktest", Run: executor.RunID(run), Job: name}})
			if err != nil {
				t.Errorf("a place for %.40q: %v", name, err)
				continue
			}
			if id := string(place.ID()); len(id) > 200 || strings.Contains(id, "..") && !strings.Contains(id, "..-") {
				t.Errorf("the place of %.40q is %.100q", name, id)
			}
			if err := place.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	o := attack{github: map[string]string{"repository": "octo/" + long[:150], "workflow": long, "actor": long}, workflow: job(`
name: ` + long + `
steps:
  - name: ` + long + `
    run: echo reached
`)}.run(t)
	o.wantConclusion(plan.Success)
	o.wantLines("reached")
}
