package runner

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func runBubble(t *testing.T, f func(*testing.T)) bool {
	t.Helper()
	done := false
	synctest.Test(t, func(t *testing.T) { f(t); done = true })
	return done && !t.Failed()
}

// told is everything that was shown of a job, without times.
func (r *ran) told() string {
	var b strings.Builder
	for _, e := range r.events {
		switch e := e.(type) {
		case StepStarted:
			fmt.Fprintf(&b, "start %d %s\n", e.Step.Number, e.Step.Name)
		case StepFinished:
			fmt.Fprintf(&b, "end %d %s %s %s %d\n", e.StepResult.Step.Number, e.Outcome, e.Conclusion, e.Reason, e.ExitCode)
		case Line:
			fmt.Fprintf(&b, "%d [%s] %s\n", e.Step, e.Level, e.Text)
		case Annotated:
			fmt.Fprintf(&b, "%d annotation %s %s\n", e.Step, e.Level, e.Message)
		case Summarised:
			fmt.Fprintf(&b, "%d summary %s\n", e.Step, e.Markdown)
		case JobFinished:
			fmt.Fprintf(&b, "job %s %s %v %d steps, first error %v\n", e.Conclusion, e.Reason, e.Outputs, len(e.Steps), e.FirstError != nil)
		}
	}
	return b.String()
}

// survivors are jobs that must end in the same way whenever they are killed.
func survivors(t *testing.T) map[string]bench {
	a := jsAction(withPre, withPost, withName)
	a["pre.js"] = "sleep 300ms\necho pre $INPUT_NAME\nto GITHUB_STATE s=1\nto GITHUB_ENV FROM_PRE=1\nsleep 300ms\n"
	a["main.js"] = "sleep 300ms\necho main $INPUT_NAME $FROM_PRE\nto GITHUB_STATE m=2\nsleep 300ms\n"
	a["post.js"] = "echo post $INPUT_NAME $STATE_s$STATE_m\nsleep 600ms\n"
	submodules := false
	return map[string]bench{
		"scripts": {
			secrets: map[string]string{"S": "hush"},
			workflow: job(`
outputs: {o: "${{ steps.b.outputs.o }}"}
steps:
  - run: |
      echo one
      to GITHUB_ENV A=1
      to GITHUB_PATH /own
      sleep 300ms
      echo ::add-mask::sesame
      echo sesame ${{ secrets.S }}
  - id: b
    env: {B: "${{ env.A }}-b"}
    run: |
      echo $A $B $PATH sesame
      sleep 300ms
      echo ::set-output name=c::4
      echo ::stop-commands::halt
      echo ::error::no
      sleep 300ms
      echo ::error::neither
      echo ::halt::
      echo ::error::yes
      to GITHUB_OUTPUT o=out
      to GITHUB_STEP_SUMMARY # done
      sleep 300ms
  - if: steps.b.outputs.c == '3'
    run: echo never
  - run: |
      echo ${{ steps.b.outputs.o }} ${{ steps.b.outputs.c }} sesame hush
      exit 3
  - if: failure()
    run: echo after ${{ job.status }}
`)},
		"much": {workflow: job("steps:\n  - run: |\n      to GITHUB_ENV Z=1\n      echo ::add-mask::xyz\n      pour 1500\n      to GITHUB_OUTPUT z=1\n  - run: echo $Z after\n")},
		"actions": {
			actions: map[string]map[string]string{
				"a/a@v1": a,
				"c/c@v1": composite("inputs: {who: {}}\noutputs: {x: {value: '${{ steps.in.outputs.y }}'}}\n", `
- {shell: sh, id: in, run: "echo inner ${{ inputs.who }} ${{ hashFiles('h') != '' }}\nsleep 300ms\nto GITHUB_OUTPUT y=7\nto GITHUB_ENV N=nested"}
- {uses: a/a@v1, with: {name: deep}}
- {shell: sh, run: "write `+benchWorkspace+`/h changed\nsleep 300ms\necho $N ${{ steps.in.outputs.y }} ${{ hashFiles('h') }}"}
- {shell: sh, run: "echo failing\nexit 4", if: "inputs.who == 'b'"}
- {shell: sh, run: "echo always\nsleep 200ms", if: always()}
`),
			},
			files: map[string]string{"h": "first", ".github/l/action.yml": "runs: {using: composite, steps: [{shell: sh, run: \"echo local\\nwrite " + benchWorkspace + "/.github/l/action.yml broken\\nsleep 300ms\"}, {shell: sh, run: \"echo still\\nsleep 300ms\"}]}\n"},
			workflow: job(`
steps:
  - {uses: a/a@v1, with: {name: top}}
  - {uses: c/c@v1, id: c, with: {who: a}}
  - {uses: ./.github/l}
  - {run: "echo ${{ steps.c.outputs.x }} $N"}
  - {uses: c/c@v1, with: {who: b}, continue-on-error: true}
  - {run: "echo last ${{ job.status }}"}
`)},
		"checkout": {
			actions: map[string]map[string]string{"c/c@v1": composite("", "- uses: actions/checkout@v4\n- {shell: sh, run: \"write "+benchWorkspace+"/main.c changed\\nsleep 300ms\"}\n- {shell: sh, run: \"echo ${{ hashFiles('main.c') }}\\nsleep 300ms\"}\n")},
			setup: func(e *Engine, j *Job) {
				e.Workspace, j.Checkout = copyOfWork{&submodules}, Checkout{Repository: "octo/demo", Served: true}
			},
			workflow: job("steps:\n  - uses: c/c@v1\n  - run: echo ${{ hashFiles('main.c') }}\n"),
		},
		"containers": {workflow: job(`
steps:
  - uses: docker://busybox
    with: {entrypoint: /e, args: "echo in + sleep 500ms + to GITHUB_ENV D=1 + echo out"}
  - run: echo $D
  - uses: docker://busybox
    with: {entrypoint: /e, args: "echo bad + sleep 300ms + exit 5"}
  - if: always()
    run: echo end
`)},
		"timeout": {workflow: job(`
steps:
  - {timeout-minutes: 0.02, run: "echo a\nsleep 1h", continue-on-error: true}
  - {run: "echo b\nsleep 400ms"}
`)},
	}
}

// TestSurvives kills the program after each of its checkpoints, and every
// moment, with checkpoints that are kept at once and late. The job ends as if
// nothing had been, each line is there once, and each process ran once.
func TestSurvives(t *testing.T) {
	for name, b := range survivors(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := b.killed(t, killAt{})
			if want.resumed || want.saves < 4 {
				t.Fatalf("%d checkpoints\n%s", want.saves, want.told())
			}
			check := func(what string, at killAt) {
				t.Helper()
				got := b.killed(t, at)
				if !got.resumed { // before the job had its place
					return
				}
				if got.told() != want.told() {
					t.Errorf("%s: with %d events of before: shown %s", what, got.first.at, differ(got.told(), want.told()))
				}
				if got.starts != want.starts {
					t.Errorf("%s: %d processes were started, want %d", what, got.starts, want.starts)
				}
				if strings.Contains(got.told(), "hush") {
					t.Errorf("%s: a secret is shown\n%s", what, got.told())
				}
			}
			for _, late := range []time.Duration{0, 250 * time.Millisecond} {
				for n := 1; n <= want.saves; n += 1 + int(late/(200*time.Millisecond)) {
					check(fmt.Sprintf("killed after checkpoint %d, late %s", n, late), killAt{save: n, late: late})
				}
				for n := 1; n <= want.saves && late > 0; n += 5 {
					for _, more := range []int{1, 2, 5} {
						check(fmt.Sprintf("killed after checkpoint %d and %d more", n, more), killAt{save: n, late: late, again: more})
					}
				}
				if late == 0 { // the moments between are those of the checkpoints
					continue
				}
				for d := 10 * time.Millisecond; d < want.took; d += max(70*time.Millisecond, want.took/12) {
					check(fmt.Sprintf("killed after %s, late %s", d, late), killAt{after: d, late: late, pause: 100 * time.Millisecond})
				}
			}
		})
	}
}

// differ is where two texts part, with what is around.
func differ(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	i := 0
	for i < len(g) && i < len(w) && g[i] == w[i] {
		i++
	}
	part := func(lines []string) string {
		var b strings.Builder
		for k := max(0, i-3); k < min(len(lines), i+6); k++ {
			fmt.Fprintf(&b, "\t%.100s\n", lines[k])
		}
		return b.String()
	}
	return fmt.Sprintf("from line %d on\n%swant\n%s", i, part(g), part(w))
}

// A place that is gone is said to be.
func TestResumeWithoutItsPlace(t *testing.T) {
	r := bench{workflow: job("steps:\n  - run: sleep 1m\n  - if: always()\n    run: echo on\n")}.killed(t, killAt{after: 10 * time.Second, gone: true})
	if r.Conclusion != plan.Failure || r.Infra == nil || !strings.Contains(r.Reason, `the place of job "build" is gone`) {
		t.Errorf("%+v", r.Result)
	}
}

// One whose job had ended does not matter: the result is known.
func TestResumeAfterTheEnd(t *testing.T) {
	b := bench{workflow: job("outputs: {o: '${{ steps.s.outputs.o }}'}\nsteps:\n  - {id: s, run: to GITHUB_OUTPUT o=1}\n  - run: echo done\n")}
	whole := b.killed(t, killAt{})
	for _, gone := range []bool{false, true} {
		r := b.killed(t, killAt{save: whole.saves, gone: gone})
		if !r.resumed || r.Conclusion != plan.Success || r.Infra != nil || r.Outputs["o"] != "1" || len(r.Steps) != len(whole.Steps) {
			t.Errorf("place gone %v: %v %+v", gone, r.resumed, r.Result)
		}
		for _, env := range r.fake.Environments() {
			if _, err := env.Start(t.Context(), executor.Command{Argv: []string{"x"}}, nil); err == nil {
				t.Error("the place is left behind")
			}
		}
	}
}

// What runs in the background is lost, and says so; its process ends.
func TestResumeWithBackgroundSteps(t *testing.T) {
	r := bench{workflow: job(`
steps:
  - {id: quick, background: true, run: "to GITHUB_ENV Q=1"}
  - {id: slow, background: true, run: "echo slow\nsleep 1h"}
  - {run: "echo fore\nsleep 10s\necho ground"}
  - {wait: quick}
  - {run: "echo $Q"}
  - {wait: slow}
  - {if: always(), run: echo end}
`)}.killed(t, killAt{after: 15 * time.Second, late: 400 * time.Millisecond})
	r.wantConclusion(plan.Failure)
	r.wantLog("4 fore", "4 ground", "6 1", "8 end")
	if !strings.Contains(r.told(), "end 3 failure failure it was running in the background") || r.took > time.Minute {
		t.Errorf("after %s\n%s", r.took, r.told())
	}
}

// A job that was being cancelled stays so.
func TestResumeOfACancelledJob(t *testing.T) {
	r := bench{cancelAfter: 5 * time.Second, workflow: job(`
steps:
  - run: sleep 1h
  - {if: always(), run: "echo cleaning\nsleep 20s\necho ${{ job.status }}"}
  - run: echo never
`)}.killed(t, killAt{after: 15 * time.Second})
	if !r.resumed || r.Conclusion != plan.Cancelled || r.Reason != "stop it" {
		t.Errorf("%v %+v", r.resumed, r.Result)
	}
	r.wantLog("3 cleaning", "3 cancelled")
	r.wantNotInLog("never")
}

// A job that goes on elsewhere has another GITHUB_TOKEN: so has its environment,
// and the one before stays masked.
func TestResumeWithAnotherToken(t *testing.T) {
	given := 0
	r := bench{
		setup: func(e *Engine, _ *Job) {
			e.Secrets = func(context.Context, *Job) (map[string]string, error) {
				given++
				return map[string]string{"GITHUB_TOKEN": fmt.Sprintf("token-%d-secret", given)}, nil
			}
		},
		workflow: job(`
env: {JOB_ENV: "Bearer ${{ github.token }}"}
steps:
  - run: sleep 10s
  - run: "echo token-1-secret $JOB_ENV"
    env: {A: "${{ github.token }}"}
`)}.killed(t, killAt{after: 5 * time.Second})
	if !r.resumed || given != 2 {
		t.Fatalf("resumed %v with %d tokens", r.resumed, given)
	}
	commands := r.fake.Commands()
	last := commands[len(commands)-1].Env
	if last["A"] != "token-2-secret" || last["JOB_ENV"] != "Bearer token-2-secret" {
		t.Errorf("the step after has %q and %q", last["A"], last["JOB_ENV"])
	}
	if strings.Contains(r.told(), "-secret") {
		t.Errorf("a token is seen:\n%s", r.told())
	}
}
