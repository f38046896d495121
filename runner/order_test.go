package runner

import (
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// jsAction is the manifest of a JavaScript action.
func jsAction(more ...string) map[string]string {
	return map[string]string{
		"action.yml": "name: a\nruns:\n  using: node24\n  main: main.js\n" + strings.Join(more, ""),
		"main.js":    "echo main of $INPUT_NAME\n", "pre.js": "echo pre of $INPUT_NAME\n", "post.js": "echo post of $INPUT_NAME\n",
	}
}

const (
	withPre  = "  pre: pre.js\n"
	withPost = "  post: post.js\n"
	withName = "inputs:\n  name:\n    default: nobody\n"
)

func TestOrder(t *testing.T) {
	r := bench{
		actions: map[string]map[string]string{
			"a/both@v1": jsAction(withPre, withPost, withName),
			"a/post@v1": jsAction(withPost, withName),
		},
		workflow: job(`
steps:
  - run: echo hello
  - uses: a/both@v1
    with: {name: A}
  - uses: a/post@v1
    name: second
    with: {name: B}
  - uses: a/post@v1
    if: false
    with: {name: C}
  - uses: a/both@v1
    if: false
    with: {name: D}
`)}.run(t)
	r.wantConclusion(plan.Success)
	r.wantSteps(`
		1 Set up job: success
		2 Pre Run a/both@v1: success
		3 Pre Run a/both@v1: success
		4 Run echo hello: success
		5 Run a/both@v1: success
		6 second: success
		7 Run a/post@v1: skipped
		8 Run a/both@v1: skipped
		9 Post second: success
		10 Post Run a/both@v1: success
		11 Post Run a/both@v1: success
	`)
	r.wantLog("9 Post job cleanup.", "2 pre of A", "3 pre of D", "5 main of A", "6 main of B", "9 post of B", "10 post of D", "11 post of A")
	r.wantNotInLog("main of D", " of C")
	for i, s := range r.Steps {
		if s.Step.Number != i+1 {
			t.Errorf("step %d has number %d", i+1, s.Step.Number)
		}
	}
}

func TestPostsAfterFailure(t *testing.T) {
	tests := []struct {
		name, post, want string
	}{
		{"always by default", withPost, "success"},
		{"raw condition", withPost + "  post-if: runner.os == 'Linux'\n", "success"},
		{"success()", withPost + "  post-if: success()\n", "skipped"},
		{"failure()", withPost + "  post-if: failure()\n", "success"},
		{"never", withPost + "  post-if: false\n", "skipped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := bench{
				actions:  map[string]map[string]string{"a/a@v1": jsAction(tt.post)},
				workflow: job("steps:\n  - uses: a/a@v1\n  - run: exit 3\n  - run: echo not reached\n"),
			}.run(t)
			r.wantConclusion(plan.Failure)
			r.wantSteps(`
				1 Set up job: success
				2 Run a/a@v1: success
				3 Run exit 3: failure
				4 Run echo not reached: skipped
				5 Post Run a/a@v1: ` + tt.want + "\n")
			if m := r.FirstError; m == nil || m.Message != "Process completed with exit code 3." {
				t.Errorf("first error %+v", m)
			}
			if r.Steps[2].ExitCode != 3 {
				t.Errorf("exit code %d", r.Steps[2].ExitCode)
			}
		})
	}
}

func TestPreIf(t *testing.T) {
	for cond, want := range map[string]string{"": "success", "runner.os == 'Linux'": "success", "false": "skipped", "success(": "failure"} {
		t.Run(cond, func(t *testing.T) {
			pre := withPre
			if cond != "" {
				pre += "  pre-if: " + cond + "\n"
			}
			r := bench{
				actions:  map[string]map[string]string{"a/a@v1": jsAction(pre, withPost)},
				workflow: job("steps:\n  - uses: a/a@v1\n"),
			}.run(t)
			if got := string(r.Steps[1].Outcome); got != want {
				t.Errorf("pre is %s, want %s\n%s", got, want, r.log())
			}
		})
	}
}

func TestFailedHooksFailTheJob(t *testing.T) {
	a := jsAction(withPre, withPost)
	a["pre.js"] = "echo ::set-env name=A::b\n"
	a["post.js"] = "exit 4\n"
	r := bench{
		actions:  map[string]map[string]string{"a/a@v1": a},
		workflow: job("steps:\n  - uses: a/a@v1\n    if: always()\n"),
	}.run(t)
	r.wantConclusion(plan.Failure)
	r.wantSteps(`
		1 Set up job: success
		2 Pre Run a/a@v1: failure
		3 Run a/a@v1: success
		4 Post Run a/a@v1: failure
	`)
	r.wantLog("4 [error]Process completed with exit code 4.")
	r.wantNotInLog("exit code 0")
}

func TestStateGoesToPost(t *testing.T) {
	a := jsAction(withPre, withPost)
	a["pre.js"] = "to GITHUB_STATE first=1\n"
	a["main.js"] = "echo pre said $STATE_first\nto GITHUB_STATE second=2\necho ::save-state name=third::3\nto GITHUB_ENV G=env\nto GITHUB_PATH /opt/a\n"
	a["post.js"] = "echo $STATE_first $STATE_second $STATE_third $OWN $G $PATH $INPUT_NAME\n"
	r := bench{
		actions:  map[string]map[string]string{"a/a@v1": a, "a/b@v1": jsAction(withPost)},
		workflow: job("steps:\n  - uses: a/a@v1\n    env: {OWN: mine}\n    with: {name: n}\n  - uses: a/b@v1\n"),
	}.run(t)
	r.wantConclusion(plan.Success)
	r.wantLog("3 pre said 1", "6 1 2 3 mine env /opt/a:/usr/bin:/bin n")
}

func TestOutputsOfTheJob(t *testing.T) {
	r := bench{
		secrets: map[string]string{"KEY": "hush-hush"},
		workflow: job(`
outputs:
  good: ${{ steps.a.outputs.x }}-${{ job.status }}
  empty: ${{ steps.a.outputs.nothing }}
  secret: the ${{ steps.a.outputs.secret }} one
steps:
  - id: a
    run: |
      to GITHUB_OUTPUT x=1
      to GITHUB_OUTPUT secret=hush-hush
`)}.run(t)
	if len(r.Outputs) != 1 || r.Outputs["good"] != "1-success" {
		t.Errorf("outputs %v", r.Outputs)
	}
	if !strings.Contains(r.all(), "Skip output 'secret' since it may contain secret.") {
		t.Error("no warning about the secret")
	}
	if strings.Contains(r.all(), "hush") {
		t.Errorf("a secret is seen:\n%s", r.all())
	}
}

func TestBrokenOutputFailsTheJob(t *testing.T) {
	r := bench{workflow: job("outputs:\n  bad: ${{ fromJSON('{') }}\nsteps:\n  - run: echo\n")}.run(t)
	r.wantConclusion(plan.Failure)
	r.wantSteps("1 Set up job: success\n2 Run echo: success\n3 Complete job: failure\n")
}

func TestPlaceOfTheJob(t *testing.T) {
	r := bench{workflow: job("steps:\n  - run: echo\n"), setup: func(e *Engine, j *Job) {
		e.Owner, j.Place.Options, j.Place.Confined = "me", "--cpus 1", true
	}}.run(t)
	spec := r.fake.Calls("create")[0].Spec
	if spec.Kind != executor.Machine || spec.Image.Ref != "img" || spec.Labels.Owner != "me" || spec.Labels.Job != "build" || spec.Options != "--cpus 1" || spec.Name != "demo-build" || !spec.Confined {
		t.Errorf("spec %+v", spec)
	}
}
