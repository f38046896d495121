package plan

import (
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// LegID names one execution of a job: "build", "test/2" for the third leg of
// a matrix, "deploy/build" for a job of a called workflow, "deploy/1/build"
// when the caller has a matrix.
type LegID string

// Leg is one execution of a job: what a runner gets.
type Leg struct {
	ID    LegID  `json:"id"`
	Job   *Job   `json:"job"`
	Name  string `json:"name"` // "caller / test (a, b)"
	Index int    `json:"index"`
	Total int    `json:"total"`
	// Source is the file that defines the job.
	Source Source `json:"source"`
	// Contexts: github, inputs, vars, needs, strategy, matrix.
	Contexts map[string]expr.Value `json:"contexts"`
	// Secrets are the mappings of the callers, outermost first; an `inherit`
	// adds none. Each is evaluated with its own contexts plus the secrets that
	// the one before yields.
	Secrets []SecretMap `json:"secrets,omitempty"`
	// ContinueOnError was evaluated for this leg.
	ContinueOnError bool `json:"continueOnError,omitempty"`
	// Concurrency groups that the leg holds while it runs. The State sees to
	// them within the run; across runs they are the server's business.
	Concurrency []Concurrency `json:"concurrency,omitempty"`
	// Callers are the legs around this one that hold groups for as long as the
	// workflow runs that they call, outermost first; seen to in the same way.
	Callers []Caller `json:"callers,omitempty"`
}

// Caller is a leg that calls a workflow and holds concurrency groups.
type Caller struct {
	Leg         LegID         `json:"leg"`
	Concurrency []Concurrency `json:"concurrency"`
}

// SecretMap is `secrets:` of one calling job.
type SecretMap struct {
	Nodes    *workflow.Node        `json:"nodes,omitempty"` // nil: none are passed
	Contexts map[string]expr.Value `json:"contexts"`
}

// Conclusion is how a job or step ended.
type Conclusion string

// The conclusions.
const (
	Success   Conclusion = "success"
	Failure   Conclusion = "failure"
	Cancelled Conclusion = "cancelled"
	Skipped   Conclusion = "skipped"
)

// Action is what a Decision asks for.
type Action string

// The actions.
const (
	Start Action = "start" // run Leg, then Apply its result
	Skip  Action = "skip"  // the job (Leg is nil) or Leg does not run; nothing to apply
	Abort Action = "abort" // stop Leg, which is running; its result is still applied
	Fail  Action = "fail"  // the job failed before it could run: Reason; nothing to apply
	Done  Action = "done"  // a job with all its legs (or a called workflow) has ended
)

// Decision is one order of the state machine, with its reason in words. Each
// job gets exactly one of Skip without Leg, Fail, or Done; a Done may follow
// legs that were skipped. Legs that call a workflow are never started or
// aborted themselves: the jobs inside are.
type Decision struct {
	Action     Action     `json:"action"`
	Leg        *Leg       `json:"leg,omitempty"`
	Job        LegID      `json:"job"`  // path of the job, without leg
	Name       string     `json:"name"` // display name
	Conclusion Conclusion `json:"conclusion,omitempty"`
	Reason     string     `json:"reason,omitempty"`
}
