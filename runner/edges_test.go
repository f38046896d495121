package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func TestJobSerialises(t *testing.T) {
	b := bench{
		actions: map[string]map[string]string{"c/c@v1": composite("inputs: {who: {}}\n", "- {run: \"echo ${{ inputs.who }}\", shell: sh}\n")},
		secrets: map[string]string{"KEY": "k3y-of-gold"},
		workflow: job(`
strategy: {matrix: {v: [1.5, "x"]}}
env: {A: "${{ matrix.v }}"}
timeout-minutes: 5
steps:
  - run: echo $A ${{ secrets.KEY }} ${{ github.event.n }}
  - uses: c/c@v1
    with: {who: "${{ strategy.job-total }}"}
`)}
	before := b.run(t)
	b.setup = func(_ *Engine, j *Job) {
		data, err := json.Marshal(j)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("k3y-of-gold")) {
			t.Error("a secret is in the message")
		}
		*j = Job{}
		if err := json.Unmarshal(data, j); err != nil {
			t.Fatal(err)
		}
	}
	after := b.run(t)
	before.wantLog("2 1.5 *** 1", "3 2")
	if before.log() != after.log() || before.steps() != after.steps() {
		t.Errorf("before\n%s\nafter\n%s", before.log(), after.log())
	}
}

func TestPostsOfPreAndMainAreOneStep(t *testing.T) {
	early, late := jsAction(withPre, withPost, withName), jsAction(withPost, withName)
	r := bench{
		actions: map[string]map[string]string{
			"c/c@v1": composite("", "- {uses: a/late@v1, with: {name: l}}\n- {uses: a/early@v1, with: {name: e}}\n"), "a/early@v1": early, "a/late@v1": late,
		},
		workflow: job("steps:\n  - uses: c/c@v1\n    name: both\n"),
	}.run(t)
	r.wantConclusion(plan.Success)
	r.wantSteps("1 Set up job: success\n2 Pre both: success\n3 both: success\n4 Post both: success\n")
	r.wantLog("4 post of e", "4 post of l")
}

func TestCompositeOutputThatFails(t *testing.T) {
	r := bench{
		actions:  map[string]map[string]string{"c/c@v1": composite("outputs:\n  bad: {value: \"${{ fromJSON('{') }}\"}\n  good: {value: yes}\n", "- {run: echo, shell: sh}\n")},
		workflow: job("steps:\n  - {id: c, uses: c/c@v1, continue-on-error: true}\n  - run: echo ${{ steps.c.outcome }} ${{ steps.c.outputs.good }}\n"),
	}.run(t)
	r.wantLog("3 failure yes")
}

func TestLocalDockerActionAndItsMatcher(t *testing.T) {
	var e *engineWithContainers
	r := containers(bench{
		files: map[string]string{
			"d/Dockerfile": "FROM scratch", "d/action.yml": "runs: {using: docker, image: Dockerfile, args: ['echo ::add-matcher::/github/workspace/m.json', '+echo bad: x']}\n",
			"m.json": `{"problemMatcher":[{"owner":"o","severity":"warning","pattern":[{"regexp":"^bad: (.*)$","message":1}]}]}`,
		},
		workflow: job("steps:\n  - uses: ./d\n  - run: |\n      echo bad: y\n      echo ::remove-matcher::m.json\n      echo bad: z\n"),
	}, &e).within(t)
	r.wantConclusion(plan.Success)
	r.wantLog("2 [warning]bad: x", "3 [warning]bad: y", "3 bad: z")
	if len(e.built) != 1 || e.built[0].Repository != "octo/demo/d" || !strings.HasSuffix(e.built[0].Context, "/d") {
		t.Errorf("built %+v", e.built)
	}
}

func TestKilledAndTooLarge(t *testing.T) {
	r := bench{workflow: job("steps:\n  - run: x\n  - run: y\n    if: always()\n"), options: fake.Options{
		Script: func(_ context.Context, cmd executor.Command, _ *fake.IO) executor.Exit {
			if strings.Contains(string(cmd.Files[0].Data), "x") {
				return executor.Exit{Code: 137, OOM: true}
			}
			return executor.Exit{TooLarge: []string{cmd.Collect[0]}}
		}}}.run(t)
	r.wantConclusion(plan.Failure)
	r.wantLog("2 [error]The process was killed because the job ran out of memory.", "2 [error]Process completed with exit code 137.")
	if !strings.Contains(r.Steps[2].Reason, "larger than 8 MiB") {
		t.Errorf("reason %q", r.Steps[2].Reason)
	}
}

func TestToolCacheAndPermissions(t *testing.T) {
	r := bench{
		workflow: job("permissions: {contents: read, issues: write}\nsteps:\n  - run: echo $RUNNER_TOOL_CACHE\n"),
		options:  fake.Options{Info: executor.Info{Env: map[string]string{"AGENT_TOOLSDIRECTORY": "/tools"}, OS: "darwin", Arch: "arm64"}},
		secrets:  map[string]string{"GITHUB_TOKEN": "tok-en"},
	}.run(t)
	r.wantLog("2 /tools")
	if env := r.fake.Commands()[0].Env; env["RUNNER_OS"] != "macOS" || env["RUNNER_ARCH"] != "ARM64" {
		t.Errorf("env %v", env)
	}
	if all := r.all(); !strings.Contains(all, "contents: read") || !strings.Contains(all, "issues: write") {
		t.Errorf("no permissions in\n%s", all)
	}
}

// A step whose end and whose job's cancellation come together must not race.
func TestCancelAtTheEndOfAStep(t *testing.T) {
	r := bench{workflow: job("steps:\n  - {id: a, run: sleep 1m}\n  - {background: true, run: sleep 1m}\n  - run: |\n      sleep 1s\n      echo ${{ steps.a.outcome }}\n    if: always()\n"), cancelAfter: time.Minute}.run(t)
	r.wantConclusion(plan.Cancelled)
}

func TestManyMasksAndLines(t *testing.T) {
	r := bench{
		secrets:  map[string]string{"PEM": "-----BEGIN-----\nline-one-x\nline-two-y\n-----END-----\n"},
		workflow: job("env: {PEM: \"${{ secrets.PEM }}\"}\nsteps:\n  - run: echo $PEM\n  - run: exit 1\n    name: ${{ env.PEM }}\n"),
	}.run(t)
	for _, part := range []string{"line-one-x", "line-two-y", "BEGIN"} {
		if strings.Contains(r.all(), part) {
			t.Errorf("%q is seen", part)
		}
	}
}

func TestTheSameActionTwiceInOneComposite(t *testing.T) {
	a := jsAction(withPre, withPost, withName)
	a["main.js"], a["post.js"] = "to GITHUB_STATE s=$INPUT_NAME\n", "echo bye $STATE_s\n"
	r := bench{
		actions: map[string]map[string]string{
			"c/c@v1": composite("", "- {uses: a/a@v1, with: {name: one}}\n- {uses: a/a@v1, with: {name: two}}\n- {uses: a/a@v1, if: false, with: {name: three}}\n"), "a/a@v1": a,
		},
		workflow: job("steps:\n  - uses: c/c@v1\n  - uses: c/c@v1\n"),
	}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("2 pre of one", "2 pre of two", "3 pre of two", "6 bye two", "6 bye one", "7 bye two", "7 bye one", "7 bye ")
}

func TestJobEnvIsEvaluatedInOrder(t *testing.T) {
	r := bench{workflow: "on: push\nenv: {A: \"${{ github.ref_name }}\", S: \"${{ secrets.KEY }}\"}\njobs:\n  b:\n    runs-on: x\n    env: {B: \"${{ vars.V }}\", A: job}\n    steps:\n      - run: echo $A $B $S\n",
		secrets: map[string]string{"KEY": "k3y-of-gold"}}.run(t)
	r.wantLog("2 job var ***")
}

func TestEnvThatCannotBeEvaluated(t *testing.T) {
	r := bench{workflow: job("env: {A: \"${{ fromJSON('{') }}\"}\nsteps:\n  - run: echo\n")}.run(t)
	r.wantConclusion(plan.Failure)
	if !strings.Contains(r.Reason, "evaluate env") || len(r.fake.Calls("create")) != 0 {
		t.Errorf("reason %q", r.Reason)
	}
}

func TestShellAsAnInput(t *testing.T) {
	r := bench{
		actions:  map[string]map[string]string{"c/c@v1": composite("inputs: {sh: {default: 'perl {0}'}}\n", "- {run: echo, shell: \"${{ inputs.sh }}\"}\n")},
		workflow: job("steps:\n  - uses: c/c@v1\n"),
	}.run(t)
	r.wantConclusion(plan.Success)
	if argv := r.fake.Commands()[0].Argv; len(argv) != 2 || argv[0] != "perl" {
		t.Errorf("ran %q", argv)
	}
}
