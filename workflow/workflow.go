package workflow

import "strings"

// Workflow is one file of .github/workflows.
type Workflow struct {
	File        string // as given to Parse, for messages
	Name        *Node  // name:, nil when absent (GitHub shows the path then)
	RunName     *Node
	On          On
	Permissions *Permissions
	Env         *Node // mapping, or an expression
	Defaults    *Defaults
	Concurrency *Concurrency
	Jobs        []*Job // in the file's order
	Pos         Pos
	// Size is what the file takes in memory, in bytes as GitHub counts them
	// (actions/runner: TemplateMemory.cs).
	Size int
}

// Job gives the job with that id (ids ignore case), or nil.
func (w *Workflow) Job(id string) *Job {
	for _, j := range w.Jobs {
		if strings.EqualFold(j.ID, id) {
			return j
		}
	}
	return nil
}

// On is `on:`, one Trigger an event, in the file's order.
type On struct {
	Triggers []Trigger
	Pos      Pos
}

// Trigger gives the trigger of that event, or nil.
func (o On) Trigger(event string) *Trigger {
	for i := range o.Triggers {
		if o.Triggers[i].Event == event {
			return &o.Triggers[i]
		}
	}
	return nil
}

// Trigger is one event with its filters. Patterns keep their order, since a
// later one overrides an earlier one.
type Trigger struct {
	Event          string
	Types          []*Node
	Branches       []*Node // nil: no filter; empty: nothing matches
	BranchesIgnore []*Node
	Tags           []*Node
	TagsIgnore     []*Node
	Paths          []*Node
	PathsIgnore    []*Node
	Workflows      []*Node // workflow_run
	Names          []*Node // image_version
	Versions       []*Node // image_version
	Cron           []Cron  // schedule
	Inputs         []Input // workflow_dispatch, workflow_call
	Secrets        []Secret
	Outputs        []Output
	Pos            Pos
}

// Cron is one entry of schedule.
type Cron struct {
	Expr     *Node
	Timezone *Node // nil: UTC
	Pos      Pos
}

// Input is one input of workflow_dispatch or workflow_call.
type Input struct {
	ID          string
	Description string
	Type        string // string, boolean, number, choice, environment; "" is string
	Required    bool
	Default     *Node
	Options     []*Node
	Deprecation string
	Pos         Pos
}

// Secret is one secret that a reusable workflow declares.
type Secret struct {
	ID       string
	Required bool
	Pos      Pos
}

// Output is one output of a reusable workflow.
type Output struct {
	ID    string
	Value *Node
	Pos   Pos
}

// Permissions is `permissions:`: all read, all write, or single scopes.
type Permissions struct {
	All    string            // "read-all", "write-all" or "" when Scopes counts
	Scopes map[string]string // scope -> none, read, write; empty and All == "" means none at all
	Pos    Pos
}

// Defaults is `defaults.run`.
type Defaults struct {
	Shell            *Node
	WorkingDirectory *Node
}

// Concurrency is `concurrency:`.
type Concurrency struct {
	Group            *Node
	CancelInProgress *Node
	Queue            string // "", "single" or "max"
	Pos              Pos
}

// Need is one entry of `needs:`.
type Need struct {
	ID  string
	Pos Pos
}

// Job is one entry of `jobs:`. Steps is empty exactly when Uses is set.
type Job struct {
	ID              string
	Pos             Pos // of the id
	Name            *Node
	Needs           []Need
	If              *Node
	RunsOn          *RunsOn
	Strategy        *Strategy
	Env             *Node
	Defaults        *Defaults
	Container       *Node // string, mapping or expression
	Services        *Node // mapping of mappings, or expression
	Outputs         []Output
	Steps           []Step
	Permissions     *Permissions
	Concurrency     *Concurrency
	Environment     *Node // string or mapping {name, url, deployment}
	Snapshot        *Node
	CacheMode       *Node
	TimeoutMinutes  *Node
	CancelTimeout   *Node // cancel-timeout-minutes
	ContinueOnError *Node

	// A job that calls a reusable workflow.
	Uses           *Node
	With           *Node
	Secrets        *Node // mapping
	InheritSecrets bool
}

// RunsOn is `runs-on:`.
type RunsOn struct {
	Labels *Node // string, sequence or expression
	Group  *Node
	Pos    Pos
}

// Strategy is `strategy:`; the matrix is kept as a node, since it may hold
// expressions anywhere.
type Strategy struct {
	Expr        *Node // the whole strategy is one expression
	Matrix      *Node
	FailFast    *Node
	MaxParallel *Node
	Pos         Pos
}

// Step is one of *Run, *Uses, *Wait, *WaitAll, *Cancel, *Parallel.
type Step interface {
	// Common gives what every step has.
	Common() *StepCommon
}

// StepCommon is what every step may have; control steps have only ID, Name,
// ContinueOnError and Pos.
type StepCommon struct {
	ID              string // "" when the file gives none
	Name            *Node
	If              *Node
	Env             *Node
	ContinueOnError *Node
	TimeoutMinutes  *Node
	Background      bool
	Pos             Pos
}

// Common gives the step itself.
func (c *StepCommon) Common() *StepCommon { return c }

// Run is a `run:` step.
type Run struct {
	StepCommon
	Script           *Node
	Shell            *Node
	WorkingDirectory *Node
}

// Uses is a `uses:` step.
type Uses struct {
	StepCommon
	Uses *Node
	With *Node
}

// Wait waits for background steps.
type Wait struct {
	StepCommon
	For []Need
}

// WaitAll waits for all open background steps.
type WaitAll struct{ StepCommon }

// Cancel asks a background step to stop.
type Cancel struct {
	StepCommon
	Target Need
}

// Parallel runs its steps in the background and waits for them.
type Parallel struct {
	StepCommon
	Steps []Step
}
