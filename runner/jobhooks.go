package runner

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Hooks are scripts of the operator that run around every job: absolute paths
// on this machine that end in .sh or .ps1; "" is none. A job cannot set them.
type Hooks struct {
	JobStarted   string // ACTIONS_RUNNER_HOOK_JOB_STARTED
	JobCompleted string // ACTIONS_RUNNER_HOOK_JOB_COMPLETED
}

// GitHub's names of the two steps.
const (
	hookStarted   = "Set up runner"
	hookCompleted = "Complete runner"
)

// jobHook runs a hook as a step of its own, also in a job that has failed or
// was cancelled (actions/runner: JobHookProvider.cs).
func (x *execution) jobHook(name string, phase Phase, file string) {
	if file == "" {
		return
	}
	x.phaseStep(name, phase, nil, nil, func(ctx context.Context, out *output) (plan.Conclusion, string) {
		out.plain("The operator of this machine has every job run " + file)
		// The job's env is not the hook's: it sees the contexts alone.
		r := &stepRun{step: &plan.Step{Kind: plan.Run}, scope: x.root, env: &vars{}, name: name, out: out}
		out.effects = &r.effects
		code, err := x.runHook(ctx, r, file)
		reason := x.hookFailure(ctx, out, code, err)
		x.root.env.setAll(r.effects.Env)
		x.root.paths = prepend(x.root.paths, r.effects.Paths)
		if reason != "" {
			return plan.Failure, reason
		}
		return plan.Success, ""
	})
}

// runHook runs the script where the steps run. On the host that is the file
// itself; another place gets a copy of it.
func (x *execution) runHook(ctx context.Context, r *stepRun, file string) (int, error) {
	if !filepath.IsAbs(file) {
		return 0, fmt.Errorf("run the hook %q: the path must be absolute", file)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("run the hook %q: %w", file, err)
	}
	x.identify(r)
	p := process{dir: x.workspace}
	if x.job.Place.Executor != "host" {
		copied := x.info.Paths.Temp + "/" + r.id + path.Ext(file)
		p.files = []executor.File{{Path: copied, Data: data, Mode: 0o755}}
		file = copied
	}
	switch path.Ext(file) {
	case ".sh":
		p.argv, p.alt = []string{"bash", "-e", file}, []string{"sh", "-e", file}
	case ".ps1":
		s := known["pwsh"]
		p.argv, p.alt = s.argv(file), known["powershell"].argv(file)
	default:
		return 0, fmt.Errorf("run the hook %q: it must end in .sh or .ps1", file)
	}
	return x.process(ctx, r, p)
}
