package runner

import (
	"time"

	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Event is something that a person may want to see. It is one of the types
// of this file; every text in it has been masked before a Sink gets it.
type Event interface {
	// Type is the "type" of the JSON line: "job-started".
	Type() string
}

// Sink receives events. Emit must not block and is called from several
// goroutines; the order of the events of one step is kept.
type Sink interface {
	Emit(Event)
}

// SinkFunc is a Sink that is a function.
type SinkFunc func(Event)

// Emit calls f.
func (f SinkFunc) Emit(e Event) { f(e) }

// Sinks gives every event to each of them, in order.
func Sinks(sinks ...Sink) Sink {
	return SinkFunc(func(e Event) {
		for _, s := range sinks {
			s.Emit(e)
		}
	})
}

// Phase is the part of a job that a step belongs to.
type Phase string

// The phases.
const (
	SetUp    Phase = "set-up"
	Pre      Phase = "pre"
	Main     Phase = "main"
	Post     Phase = "post"
	Complete Phase = "complete"
)

// StepRef names a step for people and programs.
type StepRef struct {
	Number int    `json:"number"` // 1 is "Set up job"; in order of display
	ID     string `json:"id,omitempty"`
	Name   string `json:"name"`
	Phase  Phase  `json:"phase"`
}

// RunStarted is the first event of a run.
type RunStarted struct {
	Time     time.Time `json:"time"`
	Run      string    `json:"run"`
	Workflow string    `json:"workflow"`
	File     string    `json:"file"`
	Event    string    `json:"event"`
	Ref      string    `json:"ref,omitempty"`
	SHA      string    `json:"sha,omitempty"`
}

// RunFinished is the last event of a run.
type RunFinished struct {
	Time       time.Time       `json:"time"`
	Run        string          `json:"run"`
	Workflow   string          `json:"workflow"`
	Conclusion plan.Conclusion `json:"conclusion"`
	Seconds    float64         `json:"seconds"`
}

// JobStarted says that a job got its place.
type JobStarted struct {
	Time     time.Time  `json:"time"`
	Workflow string     `json:"workflow"`
	Job      plan.LegID `json:"job"`
	Name     string     `json:"name"`
	Executor string     `json:"executor"`
	Image    string     `json:"image,omitempty"`
}

// JobFinished ends a job; a job that never started has only this event.
type JobFinished struct {
	Time       time.Time       `json:"time"`
	Workflow   string          `json:"workflow"`
	Job        plan.LegID      `json:"job"`
	Name       string          `json:"name"`
	Conclusion plan.Conclusion `json:"conclusion"`
	Reason     string          `json:"reason,omitempty"` // why skipped, cancelled or failed early
	Cause      Cause           `json:"cause,omitempty"`  // why it did not pass, in one word
	Seconds    float64         `json:"seconds"`
	Steps      []StepResult    `json:"steps,omitempty"`
	// Outputs are those of the job; values that hold a secret are left out.
	Outputs map[string]string `json:"outputs,omitempty"`
	// FirstError is the first error annotation or failed step's message.
	FirstError *command.Annotation `json:"firstError,omitempty"`
	Infra      bool                `json:"infra,omitempty"` // not the workflow's fault
}

// JobRequeued says that the place of a job was taken away and that the job is
// run again from its beginning: what it has told so far does not count.
type JobRequeued struct {
	Time     time.Time  `json:"time"`
	Workflow string     `json:"workflow"`
	Job      plan.LegID `json:"job"`
	Name     string     `json:"name"`
	Reason   string     `json:"reason"`
	Cause    Cause      `json:"cause"`
}

// StepStarted begins a step.
type StepStarted struct {
	Time time.Time  `json:"time"`
	Job  plan.LegID `json:"job"`
	Step StepRef    `json:"step"`
}

// StepFinished ends a step; a skipped step has only this event.
type StepFinished struct {
	Time time.Time  `json:"time"`
	Job  plan.LegID `json:"job"`
	StepResult
}

// StepResult tells how a step went.
type StepResult struct {
	Step       StepRef         `json:"step"`
	Outcome    plan.Conclusion `json:"outcome"`
	Conclusion plan.Conclusion `json:"conclusion"`
	Seconds    float64         `json:"seconds"`
	Reason     string          `json:"reason,omitempty"` // why skipped or failed
	ExitCode   int             `json:"exitCode,omitempty"`
}

// Line is one line of a step's log. Group lines open and close folds.
type Line struct {
	Time  time.Time     `json:"time"`
	Job   plan.LegID    `json:"job"`
	Step  int           `json:"step"` // StepRef.Number
	Level command.Level `json:"level"`
	Text  string        `json:"text"`
}

// Annotated is an error, warning or notice that a step made.
type Annotated struct {
	Time time.Time  `json:"time"`
	Job  plan.LegID `json:"job"`
	Step int        `json:"step"`
	command.Annotation
}

// Summarised is a step's summary (GITHUB_STEP_SUMMARY), in Markdown.
type Summarised struct {
	Time     time.Time  `json:"time"`
	Job      plan.LegID `json:"job"`
	Step     int        `json:"step"`
	Markdown string     `json:"markdown"`
}

// Noticed is a remark on the run as a whole.
type Noticed struct {
	Time  time.Time     `json:"time"`
	Level command.Level `json:"level"`
	Text  string        `json:"text"`
	Cause Cause         `json:"cause,omitempty"` // why the run cannot begin
}

func (RunStarted) Type() string   { return "run-started" }
func (RunFinished) Type() string  { return "run-finished" }
func (JobStarted) Type() string   { return "job-started" }
func (JobFinished) Type() string  { return "job-finished" }
func (JobRequeued) Type() string  { return "job-requeued" }
func (StepStarted) Type() string  { return "step-started" }
func (StepFinished) Type() string { return "step-finished" }
func (Line) Type() string         { return "line" }
func (Annotated) Type() string    { return "annotation" }
func (Summarised) Type() string   { return "summary" }
func (Noticed) Type() string      { return "notice" }
