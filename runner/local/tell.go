package local

import (
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// workflow is the name that events carry, the engine's ones too.
func (s *Source) workflow() string {
	if name := field(s.Plan.Contexts["github"], "workflow").Text(); name != "" {
		return name
	}
	return s.Plan.Graph.Name
}

func (s *Source) tellStarted() {
	if !s.begun.IsZero() {
		return
	}
	s.begun = time.Now()
	github := s.Plan.Contexts["github"]
	s.Sink.Emit(runner.RunStarted{
		Time: s.begun, Run: string(s.Job.Run), Workflow: s.workflow(), File: s.Plan.Graph.Source.Path,
		Event: s.Plan.Event, Ref: field(github, "ref").Text(), SHA: field(github, "sha").Text(),
	})
}

func (s *Source) tellFinished() {
	if s.told {
		return
	}
	s.told = true
	now := time.Now()
	s.Sink.Emit(runner.RunFinished{
		Time: now, Run: string(s.Job.Run), Workflow: s.workflow(), Conclusion: s.state.Conclusion(),
		Seconds: now.Sub(s.begun).Seconds(),
	})
}

// unrun tells of a job that ends without having run.
func (s *Source) unrun(id plan.LegID, name string, c plan.Conclusion, reason string) {
	s.Sink.Emit(runner.JobFinished{
		Time: time.Now(), Workflow: s.workflow(), Job: id, Name: name, Conclusion: c, Reason: reason, Cause: causes[c],
	})
}

// causes are those of jobs that never started: what failed was found in the
// workflow.
var causes = map[plan.Conclusion]runner.Cause{plan.Failure: runner.CauseWorkflow, plan.Cancelled: runner.CauseCancelled}
