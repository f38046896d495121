package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/workflow/plan"
)

// hooked gives a bench two hooks with the given scripts; "" is none.
func hooked(t *testing.T, b bench, started, completed string) bench {
	dir := t.TempDir()
	write := func(name, text string) string {
		if text == "" {
			return ""
		}
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	hooks := Hooks{JobStarted: write("started.sh", started), JobCompleted: write("completed.sh", completed)}
	b.setup = func(e *Engine, _ *Job) { e.Hooks = hooks }
	return b
}

func TestJobHooks(t *testing.T) {
	r := hooked(t, bench{
		actions:  map[string]map[string]string{"a/a@v1": jsAction(withPre, withPost)},
		workflow: job("env: {MINE: job}\nsteps:\n  - uses: a/a@v1\n  - run: echo $FROM_HOOK $PATH\n"),
	}, "to GITHUB_ENV FROM_HOOK=1\nto GITHUB_PATH /hook\necho in $GITHUB_REPOSITORY [$MINE] [$GITHUB_ACTION]\n", "echo bye $GITHUB_JOB\n").run(t)
	r.wantConclusion(plan.Success)
	r.wantSteps(`
		1 Set up job: success
		2 Set up runner: success
		3 Pre Run a/a@v1: success
		4 Run a/a@v1: success
		5 Run echo $FROM_HOOK $PATH: success
		6 Post Run a/a@v1: success
		7 Complete runner: success
	`)
	r.wantLog("2 in octo/demo [] []", "5 1 /hook:/usr/bin:/bin", "7 bye build")
	c := r.fake.Commands()[0]
	if c.Argv[0] != "bash" || c.Argv[1] != "-e" || !strings.HasPrefix(c.Argv[2], "/home/runner/work/_temp/") || c.Dir != benchWorkspace {
		t.Errorf("the hook ran as %q in %s", c.Argv, c.Dir)
	}
	if _, ok := c.Env["GITHUB_ACTION"]; ok {
		t.Error("the hook has GITHUB_ACTION")
	}
}

func TestFailedHookFailsTheJob(t *testing.T) {
	r := hooked(t, bench{workflow: job("steps:\n  - run: echo no\n  - run: echo yes\n    if: failure()\n")}, "exit 3\n", "echo bye\n").run(t)
	r.wantConclusion(plan.Failure)
	r.wantSteps("1 Set up job: success\n2 Set up runner: failure\n3 Run echo no: skipped\n4 Run echo yes: success\n5 Complete runner: success\n")
	r.wantLog("2 [error]Process completed with exit code 3.", "5 bye")
	for _, file := range []string{"/no/such/hook.sh", "relative.sh"} {
		r = bench{workflow: job("steps:\n  - run: echo no\n"), setup: func(e *Engine, _ *Job) { e.Hooks.JobStarted = file }}.run(t)
		r.wantConclusion(plan.Failure)
		if !strings.Contains(r.Steps[1].Reason, file) {
			t.Errorf("reason %q", r.Steps[1].Reason)
		}
	}
}

func TestHookThatIsNoScript(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hook.py")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r := bench{workflow: job("steps:\n  - run: echo\n"), setup: func(e *Engine, _ *Job) { e.Hooks.JobCompleted = file }}.run(t)
	r.wantConclusion(plan.Failure)
	if !strings.Contains(r.Steps[2].Reason, ".sh or .ps1") {
		t.Errorf("reason %q", r.Steps[2].Reason)
	}
}

func TestHooksOfCancelledAndUnmadeJobs(t *testing.T) {
	r := hooked(t, bench{workflow: job("steps:\n  - run: sleep 1h\n"), cancelAfter: time.Minute}, "", "echo bye\n").run(t)
	r.wantConclusion(plan.Cancelled)
	r.wantLog("3 bye")
	r = hooked(t, bench{workflow: job("steps:\n  - uses: no/such@v1\n")}, "echo hi\n", "echo bye\n").run(t)
	r.wantSteps("1 Set up job: failure\n")
}
