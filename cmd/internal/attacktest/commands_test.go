package attacktest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow/plan"
)

// TestStdoutCannotSetEnvironment_CVE_2026_34041: a line of the log, which may
// come from anywhere, changes neither the environment nor PATH.
func TestStdoutCannotSetEnvironment_CVE_2026_34041(t *testing.T) {
	var steps strings.Builder
	steps.WriteString("steps:\n")
	for _, line := range []string{
		"::set-env name=STOLEN::yes", "  ::set-env name=STOLEN::yes", "::SET-ENV name=STOLEN::yes", "##[set-env name=STOLEN;]yes",
		"text ##[set-env name=STOLEN]yes", "::add-path::/stolen", "##[add-path]/stolen",
	} {
		fmt.Fprintf(&steps, "  - {run: \"echo '%s'\", continue-on-error: true}\n", line)
	}
	steps.WriteString("  - run: echo \"stolen [$STOLEN] [${{ env.STOLEN }}]\"; case $PATH in */stolen*) echo PATH changed;; *) echo PATH kept;; esac\n")
	o := attack{workflow: job(steps.String())}.run(t)
	o.wantConclusion(plan.Success)
	o.wantLines("stolen [] []", "PATH kept")
	for _, s := range o.Steps {
		if strings.Contains(s.Step.Name, "echo '") && s.Outcome != plan.Failure {
			t.Errorf("step %q is %s: it must say that the command is disabled", s.Step.Name, s.Outcome)
		}
	}

	// Only the workflow's own word turns it on, and never for NODE_OPTIONS.
	o = attack{workflow: job(`
env: {ACTIONS_ALLOW_UNSECURE_COMMANDS: "true"}
steps:
  - run: |
      echo '::set-env name=GIVEN::yes'
      echo '::set-env name=NODE_OPTIONS::--require=/stolen'
  - run: echo "given [$GIVEN] options [$NODE_OPTIONS]"
`)}.run(t)
	o.wantLines("given [yes] options []")

	// A step cannot turn it on for others by the file either way round.
	o = attack{workflow: job(`
steps:
  - run: |
      echo '::set-env name=A::yes'
    continue-on-error: true
    env: {ACTIONS_ALLOW_UNSECURE_COMMANDS: "TRUE "}
  - run: echo "a [$A]"
`)}.run(t)
	o.wantLines("a []")
}

// TestStopCommandsToken: output that is fenced in by stop-commands is text,
// and the fence cannot be one that the text knows.
func TestStopCommandsToken(t *testing.T) {
	o := attack{workflow: job(`
steps:
  - id: fenced
    run: |
      echo '::stop-commands::5ecret-token'
      echo '::set-output name=stolen::yes'
      echo '::error::not an error'
      echo '::5ecret-toke::'
      echo '::set-output name=stolen::again'
      echo '::5ecret-token::'
      echo '::set-output name=own::yes'
  - run: echo "stolen [${{ steps.fenced.outputs.stolen }}] own [${{ steps.fenced.outputs.own }}]"
  - {run: "echo '::stop-commands::set-output'", continue-on-error: true, id: known}
  - {run: "echo '::stop-commands::pause-logging'", continue-on-error: true, id: pause}
  - {run: "echo '::stop-commands::'", continue-on-error: true, id: empty}
  - run: echo "${{ steps.known.outcome }} ${{ steps.pause.outcome }} ${{ steps.empty.outcome }}"
`)}.run(t)
	o.wantLines("stolen [] own [yes]", "failure failure failure")
	if o.FirstError != nil && strings.Contains(o.FirstError.Message, "not an error") {
		t.Error("a fenced line became an annotation")
	}
}

// TestHeredocDelimiterCannotBeInjected_CVE_2022_35954: whatever a value holds,
// it ends only at the line that is its delimiter.
func TestHeredocDelimiterCannotBeInjected_CVE_2022_35954(t *testing.T) {
	o := attack{workflow: job(`
steps:
  - id: write
    run: |
      for file in "$GITHUB_ENV" "$GITHUB_OUTPUT"; do
        printf '%s\n' 'TITLE<<ghadelimiter_7f3a' 'first' 'ghadelimiter_0000' 'STOLEN=1' 'EOF' 'STOLEN<<EOF' '2' 'EOF' \
          ' ghadelimiter_7f3a' 'ghadelimiter_7f3a ' 'ghadelimiter_7f3aSTOLEN=3' 'ghadelimiter_7f3a' 'AFTER=yes' >> "$file"
      done
  - run: |
      echo "env [$STOLEN] out [${{ steps.write.outputs.STOLEN }}] after [$AFTER] [${{ steps.write.outputs.AFTER }}]"
      echo "lines $(printf '%s\n' "$TITLE" | wc -l)"
  - id: half
    continue-on-error: true
    run: printf '%s\n' 'GOOD=yes' 'HALF<<EOF' 'a' 'EOF2' 'LATER=1' >> "$GITHUB_ENV"
  - run: echo "good [$GOOD] half [$HALF] later [$LATER] ${{ steps.half.outcome }}"
`)}.run(t)
	o.wantConclusion(plan.Success)
	o.wantLines("env [] out [] after [yes] [yes]", "lines 10", "good [yes] half [] later [] failure")
}

// TestBlockedVariables: a file of a step can neither put code into the
// JavaScript actions that follow nor tell later steps another run.
func TestBlockedVariables(t *testing.T) {
	o := attack{secrets: map[string]string{"GITHUB_TOKEN": "t0ken-of-the-job"}, workflow: job(`
env: {GITHUB_REPOSITORY: evil/workflow, RUNNER_NAME: evil}
steps:
  - run: |
      cat >> "$GITHUB_ENV" <<'END'
      NODE_OPTIONS=--require=/tmp/evil.js
      node_options=--require=/tmp/evil.js
      GITHUB_REPOSITORY=evil/repo
      GITHUB_SHA=0000
      GITHUB_ENV=/tmp/evil
      GITHUB_ACTIONS=false
      RUNNER_TEMP=/tmp/evil
      RUNNER_OS=Evil
      LD_PRELOAD_LIKE=allowed
      END
  - run: |
      echo "node [$NODE_OPTIONS] [$node_options] $GITHUB_REPOSITORY $GITHUB_SHA $GITHUB_ACTIONS $RUNNER_OS $RUNNER_NAME"
      case $GITHUB_ENV$RUNNER_TEMP in */tmp/evil*) echo evil;; *) echo kept;; esac
      echo "like GitHub [$LD_PRELOAD_LIKE]"
`)}.run(t)
	o.wantConclusion(plan.Success)
	o.wantLines("node [] [] octo/demo c0ffee true Linux drydock", "kept", "like GitHub [allowed]")
}

// TestServiceVariablesCannotBeSet: no step points the actions after it at
// another service, which would be given the job's token.
func TestServiceVariablesCannotBeSet(t *testing.T) {
	d := newDesk(t)
	o := attack{setup: d.forScripts, workflow: job(`
env: {ACTIONS_RUNTIME_TOKEN: mine, ACTIONS_CACHE_URL: "http://evil/"}
steps:
  - run: |
      echo "ACTIONS_RESULTS_URL=http://evil/" >> "$GITHUB_ENV"
      echo "ACTIONS_RUNTIME_URL=http://evil/" >> "$GITHUB_ENV"
  - env: {ACTIONS_RESULTS_URL: "http://evil/"}
    run: |
      echo "$ACTIONS_RESULTS_URL $ACTIONS_RUNTIME_URL $ACTIONS_CACHE_URL" | grep -c evil || echo none
      [ "$ACTIONS_RUNTIME_TOKEN" = mine ] && echo mine || echo ours
`)}.run(t)
	o.wantConclusion(plan.Success)
	o.wantLines("none", "ours")
}
