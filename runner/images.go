package runner

import (
	"context"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// imageSteps pulls and builds the images of the docker actions that the job's
// steps use, also inside composite actions, a step each and before any of them
// runs (actions/runner: ActionManager.cs). Those of local actions come with
// the step: its folder may not be there yet.
func (x *execution) imageSteps() {
	seen := map[string]bool{}
	var visit func(steps []plan.Step, depth int)
	visit = func(steps []plan.Step, depth int) {
		for i := range steps {
			s := &steps[i]
			if s.Kind != plan.Uses || depth > maxDepth {
				continue
			}
			ref, err := action.ParseUses(s.Uses)
			if err != nil {
				continue
			}
			if ref.Kind == action.Image {
				x.pullStep(seen, ref.Image)
				continue
			}
			ref = x.located(ref)
			a := x.actions.byUses[ref.String()]
			if a == nil || x.surelyServed(s, ref) {
				continue
			}
			switch a.manifest.Runs.Using {
			case action.Composite:
				visit(a.manifest.Runs.Steps, depth+1)
			case action.Docker:
				if image, ok := a.manifest.Runs.DockerImage(); ok {
					x.pullStep(seen, image)
				} else {
					x.buildStep(seen, a)
				}
			}
		}
	}
	visit(x.job.Leg.Job.Steps, 0)
}

func (x *execution) pullStep(seen map[string]bool, image string) {
	puller, ok := x.executor.(executor.Puller)
	if !ok || seen[image] { // a place without containers says so when the step runs
		return
	}
	seen[image] = true
	x.imageStep("Pull "+image, func(ctx context.Context, out *output) error {
		return puller.Pull(ctx, executor.Image{Ref: image, Pull: x.job.Place.Pull}, func(line string) { out.plain(line) })
	})
}

func (x *execution) buildStep(seen map[string]bool, a *preparedAction) {
	name := "Build " + a.ref.String()
	if _, ok := x.executor.(executor.Builder); !ok || seen[name] {
		return
	}
	seen[name] = true
	x.imageStep(name, func(ctx context.Context, out *output) error {
		_, err := x.actionImage(ctx, out, a)
		return err
	})
}

// imageStep runs f under success().
func (x *execution) imageStep(name string, f func(context.Context, *output) error) {
	if status := x.status(); status != plan.Success {
		x.skip(x.numbered(StepRef{Name: name, Phase: Pre}), "the job is "+string(status), true)
		return
	}
	x.step(StepRef{Name: name, Phase: Pre}, func(out *output) (plan.Conclusion, string) {
		err := f(x.soft, out)
		switch {
		case err == nil:
			return plan.Success, ""
		case x.soft.Err() != nil:
			return plan.Cancelled, context.Cause(x.soft).Error()
		case isInfra(err):
			x.noteInfra(err)
		}
		out.errorLine(err.Error())
		x.noteCause(CauseOf(err))
		return plan.Failure, err.Error()
	})
}
