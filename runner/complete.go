package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/plan"
	"github.com/drydock-ci/drydock/workflow/template"
)

// maxOutputs is what the outputs of a job may come to, in bytes, on GitHub.
const maxOutputs = 1 << 20

// ending collects what "Complete job" has to tell. The step is shown only if
// there is something.
type ending struct {
	mu       sync.Mutex
	actions  map[string][]string // made for node 20 or older, by the version that ran them
	lines    []string
	warnings []string
	errors   []string
}

// node notes an action that was made for an older node than 24.
func (e *ending) node(action, version string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.actions == nil {
		e.actions = map[string][]string{}
	}
	if !slices.Contains(e.actions[version], action) {
		e.actions[version] = append(e.actions[version], action)
	}
}

// nodeWarnings tell of the move from node 20 to 24 (actions/runner: JobExtension.cs).
func (e *ending) nodeWarnings() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	for _, version := range sortedKeys(e.actions) {
		text := "These actions were made for node 20 or older and run with node %s: %s. Look for newer versions of them"
		if version == "20" {
			text = "These actions run with node %s, which GitHub gives up: %s. Look for newer versions of them"
		}
		all = append(all, fmt.Sprintf(text, version, strings.Join(slices.Sorted(slices.Values(e.actions[version])), ", ")))
	}
	return all
}

// complete evaluates the job's outputs and tells what is left to tell.
func (x *execution) complete() map[string]string {
	raw := map[string]string{}
	sc := x.exprScope(x.life, x.root, x.root.env, githubFields{}, true)
	delete(sc.Functions, "hashfiles")
	size := 0
	for _, o := range x.job.Leg.Job.Outputs {
		v, err := template.String(o.Value, sc)
		if err != nil {
			x.ending.errors = append(x.ending.errors, fmt.Sprintf("evaluate output '%s': %v", o.ID, err))
			continue
		}
		raw[o.ID], size = v, size+len(v)
	}
	if size > maxOutputs {
		x.ending.warnings = append(x.ending.warnings,
			fmt.Sprintf("The outputs of the job come to %d KiB: GitHub takes at most %d KiB", size>>10, maxOutputs>>10))
	}
	if len(x.ending.errors) > 0 {
		clear(raw) // one that cannot be evaluated spoils them all
	}
	outputs := x.maskedOutputs(raw, func(text string) { x.ending.warnings = append(x.ending.warnings, text) })
	x.environmentURL()
	x.endOrphans()
	x.completeStep()
	return outputs
}

// environmentURL evaluates environment.url, which may use what the steps left.
func (x *execution) environmentURL() {
	n := x.job.Leg.Job.Environment
	if n == nil || n.Kind != workflow.Mapping || n.Lookup("url").IsNull() {
		return
	}
	sc := x.exprScope(x.life, x.root, x.root.env, githubFields{}, false)
	delete(sc.Functions, "hashfiles")
	url, err := template.String(n.Lookup("url"), sc)
	switch {
	case err != nil:
		x.ending.errors = append(x.ending.errors, fmt.Sprintf("evaluate environment.url: %v", err))
	case x.masker.Contains(url):
		x.ending.warnings = append(x.ending.warnings, "Skip the url of the environment since it may contain secret.")
	case url != "":
		x.ending.lines = append(x.ending.lines, "Environment url: "+url)
	}
}

// maxOrphans is how many of the processes that were left running are named.
const maxOrphans = 20

// endOrphans ends what the steps left running (actions/runner: JobExtension.cs).
func (x *execution) endOrphans() {
	place, ok := x.env.(executor.Orphans)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.life), 10*time.Second)
	defer cancel()
	left, err := place.EndOrphans(ctx)
	if err != nil { // they end with the place
		x.logger().Debug("end orphans", "job", x.job.ID(), "err", err)
	}
	for i, o := range left {
		if i == maxOrphans {
			x.ending.lines = append(x.ending.lines, fmt.Sprintf("and %d more", len(left)-i))
			break
		}
		x.ending.lines = append(x.ending.lines, fmt.Sprintf("Terminate orphan process: pid (%d) (%s)", o.PID, o.Name))
	}
}

func (x *execution) completeStep() {
	warnings := append(x.ending.warnings, x.ending.nodeWarnings()...)
	if len(warnings)+len(x.ending.errors)+len(x.ending.lines) == 0 {
		return
	}
	x.step(StepRef{Name: "Complete job", Phase: Complete}, func(o *output) (plan.Conclusion, string) {
		for _, line := range x.ending.lines {
			o.plain(line)
		}
		for _, w := range warnings {
			o.annotate(command.Annotation{Level: command.LevelWarning, Message: w})
			o.emit(command.LevelWarning, w)
		}
		for _, e := range x.ending.errors {
			o.errorLine(e)
		}
		if len(x.ending.errors) > 0 {
			return plan.Failure, x.ending.errors[0]
		}
		return plan.Success, ""
	})
}
