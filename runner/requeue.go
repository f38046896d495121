package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Requeue says which jobs are run again, whole and once, when their place was
// taken away: evicted, deleted, or with its machine.
type Requeue string

// The policies.
const (
	RequeueNever  Requeue = "never"
	RequeueSafe   Requeue = "safe"   // those that change nothing outside, or had not begun to; the default
	RequeueAlways Requeue = "always" // all
)

// Repeater is an optional power of Services: what a job kept for its run alone
// goes, since the job is run again from its beginning.
type Repeater interface {
	Repeat(ctx context.Context, job *Job) error
}

// takenAway are the causes that another place may be without.
var takenAway = []Cause{CauseEvicted, CauseDeleted, CauseNodeLost}

// again tells whether a job is run again, and if not though its place was taken
// away, why not.
func (q Requeue) again(job *Job, r Result) (ok bool, why string) {
	if r.Infra == nil || !slices.Contains(takenAway, r.Cause) {
		return false, ""
	}
	switch q {
	case RequeueNever:
		return false, "requeue: never is set"
	case RequeueAlways:
		return true, ""
	}
	effect := sideEffect(job)
	// A step that was cut off may have done half of its work, so it counts.
	i := slices.IndexFunc(r.Steps, func(s StepResult) bool { return s.Step.Phase != SetUp && s.Outcome != plan.Skipped })
	if effect == "" || i < 0 {
		return true, ""
	}
	return false, fmt.Sprintf("it may change something outside (%s), and its step %q had begun", effect, r.Steps[i].Step.Name)
}

// sideEffect is what a job says of changing something outside itself: it names
// an environment, or asks for a token that may write. Without a word on
// permissions nothing is declared.
func sideEffect(job *Job) string {
	if n := job.Leg.Job.Environment; n != nil && !n.IsNull() {
		return "environment"
	}
	p := job.Leg.Job.Permissions
	if p == nil {
		return ""
	}
	if p.All == "write-all" {
		return "permissions: write-all"
	}
	for _, scope := range sortedKeys(p.Scopes) {
		if p.Scopes[scope] == "write" {
			return scope + ": write"
		}
	}
	return ""
}

// execute runs the job of a lease; on the engine a second time if that is the
// policy.
func (w *Worker) execute(soft, hard context.Context, lease *Lease) Result {
	if other := w.Others[lease.Job.Place.Executor]; other != nil {
		return other.Run(soft, hard, lease.Job, lease.Sink)
	}
	result, end := w.Engine.run(soft, hard, lease.Job, lease.Sink, lease.Checkpoint)
	again, why := w.Requeue.again(lease.Job, result)
	switch {
	case again && soft.Err() == nil:
		lease.Sink.Emit(JobRequeued{Time: end.Time, Workflow: end.Workflow, Job: end.Job, Name: end.Name, Reason: end.Reason, Cause: end.Cause})
		if r, ok := w.Engine.Services.(Repeater); ok {
			if err := r.Repeat(soft, lease.Job); err != nil {
				w.Engine.logger().Warn("run a job again", "job", lease.Job.ID(), "err", err)
			}
		}
		result, end = w.Engine.run(soft, hard, lease.Job, lease.Sink, nil)
	case why != "":
		lease.Sink.Emit(Noticed{Time: time.Now(), Level: command.LevelWarning, Text: fmt.Sprintf("Job %q is not run again: %s.", end.Name, why)})
	}
	lease.Sink.Emit(end)
	return result
}
