package runner

import (
	"context"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func TestNodeMigration(t *testing.T) {
	old := jsAction()
	old["action.yml"] = strings.Replace(old["action.yml"], "node24", "node16", 1)
	b := bench{
		actions:  map[string]map[string]string{"a/new@v1": jsAction(), "a/old@v1": old, "b/old@v2": old},
		workflow: job("env: {X: \"1\"}\nsteps:\n  - uses: b/old@v2\n  - uses: a/old@v1\n  - uses: a/old@v1\n  - uses: a/new@v1\n"),
	}
	r := b.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("6 [warning]These actions were made for node 20 or older and run with node 24: a/old@v1, b/old@v2. Look for newer versions of them")
	if !strings.HasSuffix(r.steps(), "6 Complete job: success\n") {
		t.Errorf("steps\n%s", r.steps())
	}
	b.workflow = strings.Replace(b.workflow, "X: \"1\"", "ACTIONS_ALLOW_USE_UNSECURE_NODE_VERSION: true", 1)
	b.run(t).wantLog("6 [warning]These actions run with node 20, which GitHub gives up: a/old@v1, b/old@v2. Look for newer versions of them")
	b.workflow = strings.Replace(b.workflow, "VERSION: true", "VERSION: true, FORCE_JAVASCRIPT_ACTIONS_TO_NODE24: true", 1)
	if r = b.run(t); !strings.Contains(r.log(), "2 [warning]both FORCE_JAVASCRIPT_ACTIONS_TO_NODE24") {
		t.Errorf("log\n%s", r.log())
	}
}

func TestEnvironmentURL(t *testing.T) {
	steps := "steps:\n  - {id: a, run: to GITHUB_OUTPUT host=example.org}\n"
	r := bench{workflow: job("environment: {name: prod, url: \"https://${{ steps.a.outputs.host }}/\"}\n" + steps)}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("3 Environment url: https://example.org/")
	r = bench{workflow: job("environment: {name: prod, url: \"https://${{ fromJSON('{') }}/\"}\n" + steps)}.run(t)
	r.wantConclusion(plan.Failure)
	r = bench{
		secrets:  map[string]string{"KEY": "k3y-of-gold"},
		workflow: job("environment: {name: prod, url: \"https://${{ steps.a.outputs.k }}/\"}\nsteps:\n  - {id: a, run: \"to GITHUB_OUTPUT k=${{ secrets.KEY }}\"}\n"),
	}.run(t)
	r.wantConclusion(plan.Success)
	if strings.Contains(r.all(), "k3y-of-gold") || !strings.Contains(r.log(), "it may contain secret") {
		t.Errorf("log\n%s", r.log())
	}
	bench{workflow: job("environment: prod\n" + steps)}.run(t).wantSteps("1 Set up job: success\n2 Run to GITHUB_OUTPUT host=example.org: success\n")
}

func TestOutputsThatAreTooLarge(t *testing.T) {
	r := bench{workflow: job("outputs:\n  a: ${{ steps.a.outputs.x }}\n  b: ${{ steps.a.outputs.x }}\nsteps:\n  - {id: a, run: \"to GITHUB_OUTPUT x=" + strings.Repeat("0", 600<<10) + "\"}\n")}.run(t)
	r.wantConclusion(plan.Success)
	if !strings.Contains(r.log(), "3 [warning]The outputs of the job come to 1200 KiB") || len(r.Outputs) != 2 {
		t.Errorf("steps\n%s", r.steps())
	}
}

func TestOneBrokenOutputSpoilsAll(t *testing.T) {
	r := bench{workflow: job("outputs:\n  bad: ${{ fromJSON('{') }}\n  good: x\nsteps:\n  - run: echo\n")}.run(t)
	r.wantConclusion(plan.Failure)
	if len(r.Outputs) != 0 {
		t.Errorf("outputs %v", r.Outputs)
	}
}

func TestDebugLines(t *testing.T) {
	r := bench{
		actions:  map[string]map[string]string{"c/c@v1": composite("", "- {run: echo inside, shell: sh, name: inner}\n")},
		workflow: job("steps:\n  - {run: echo 1, name: one}\n  - {run: echo 2, if: github.ref == 'x'}\n  - {run: echo 3, name: three, if: \"github.ref_name == 'main' && github.ref != env.NONE\"}\n  - {uses: c/c@v1, if: always()}\n"),
		setup:    func(_ *Engine, j *Job) { j.Debug = true },
	}.run(t)
	r.wantLog("2 [debug]Evaluating condition for step: 'one'", "2 [debug]Evaluating: success()", "2 [debug]Result: true",
		"2 [debug]Starting: one", "2 [debug]Finishing: one", "5 [debug]Evaluating: always()",
		"4 [debug]Expanded: (true && ('main' == 'main') && ('refs/heads/main' != null))",
		"5 [debug]Evaluating condition for step: 'inner'", "5 [debug]Starting: inner", "5 [debug]Finished: inner")
	r = bench{workflow: job("steps:\n  - run: echo\n")}.run(t)
	r.wantNotInLog("[debug]")
}

// GitHub refuses ${{ }} in pre-if and post-if; with act it sees the action's inputs.
func TestConditionsOfHooksWithBraces(t *testing.T) {
	a := jsAction(withPre, withPost, "  pre-if: ${{ inputs.pre == 'yes' }}\n  post-if: ${{ inputs.post == 'yes' }}\n", "inputs: {pre: {default: 'no'}, post: {}}\n")
	r := bench{
		actions:  map[string]map[string]string{"a/a@v1": a},
		workflow: job("steps:\n  - {uses: a/a@v1, with: {pre: yes, post: no}}\n  - {uses: a/a@v1, with: {post: yes}}\n"),
	}.run(t)
	r.wantConclusion(plan.Success)
	r.wantSteps(`
		1 Set up job: success
		2 Pre Run a/a@v1: success
		3 Pre Run a/a@v1: skipped
		4 Run a/a@v1: success
		5 Run a/a@v1: success
		6 Post Run a/a@v1: success
		7 Post Run a/a@v1: skipped
	`)
	if !strings.Contains(r.log(), "4 [warning]GitHub refuses the action 'a/a@v1': its pre-if must be written without ${{ }}") {
		t.Errorf("log\n%s", r.log())
	}
	// Without braces they are the workflow's.
	a["action.yml"] = strings.NewReplacer("${{ ", "", " }}", "").Replace(a["action.yml"])
	r = bench{actions: map[string]map[string]string{"a/a@v1": a}, workflow: job("steps:\n  - {uses: a/a@v1, with: {pre: yes, post: yes}}\n")}.run(t)
	r.wantSteps("1 Set up job: success\n2 Pre Run a/a@v1: skipped\n3 Run a/a@v1: success\n4 Post Run a/a@v1: skipped\n")
}

func TestUndeclaredInputsAreSeenInside(t *testing.T) {
	r := bench{
		actions:  map[string]map[string]string{"c/c@v1": composite("inputs: {a: {}}\n", "- {run: \"echo [${{ inputs.a }}][${{ inputs.Extra-One }}]\", shell: sh}\n")},
		workflow: job("steps:\n  - {uses: c/c@v1, with: {a: 1, extra-one: 2}}\n"),
	}.run(t)
	r.wantLog("2 [1][2]")
}

// haunted is a place in which something was left running.
type haunted struct {
	executor.Executor
	left []executor.Orphan
}

type hauntedPlace struct {
	executor.Environment
	left []executor.Orphan
}

func (h haunted) Create(ctx context.Context, spec executor.Spec) (executor.Environment, error) {
	env, err := h.Executor.Create(ctx, spec)
	return hauntedPlace{env, h.left}, err
}

func (h hauntedPlace) EndOrphans(context.Context) ([]executor.Orphan, error) { return h.left, nil }

func TestOrphansAreNamed(t *testing.T) {
	left := []executor.Orphan{{PID: 42, Name: "node"}}
	b := bench{workflow: job("steps:\n  - run: echo\n"), setup: func(e *Engine, _ *Job) { e.Executors["fake"] = haunted{e.Executors["fake"], left} }}
	r := b.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("3 Terminate orphan process: pid (42) (node)")
	for i := range 30 {
		left = append(left, executor.Orphan{PID: 100 + i, Name: "x"})
	}
	b.run(t).wantLog("3 and 11 more")
	left = nil
	b.run(t).wantSteps("1 Set up job: success\n2 Run echo: success\n")
}
