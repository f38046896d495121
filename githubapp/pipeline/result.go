package pipeline

import (
	"time"

	"github.com/drydock-ci/drydock/workflow/plan"
)

// Outcome is what became of a service.
type Outcome string

// The outcomes.
const (
	Built     Outcome = "built"     // made, and pushed if that was wanted
	Retagged  Outcome = "retagged"  // not affected: its last image has the new tags
	Unchanged Outcome = "unchanged" // not affected, and nothing was to be published
	Failed    Outcome = "failed"
	Skipped   Outcome = "skipped" // what it is made from failed
	Cancelled Outcome = "cancelled"
)

// Conclusion is the outcome in the words of jobs.
func (o Outcome) Conclusion() plan.Conclusion {
	switch o {
	case Built, Retagged:
		return plan.Success
	case Failed:
		return plan.Failure
	case Cancelled:
		return plan.Cancelled
	}
	return plan.Skipped
}

// Result is what came of one service.
type Result struct {
	Service string        `json:"service"`
	Outcome Outcome       `json:"outcome"`
	Reason  string        `json:"reason"` // why it was built or not
	Image   Image         `json:"image"`  // of a service that was built or re-tagged
	Version string        `json:"version,omitempty"`
	Tags    []string      `json:"tags,omitempty"` // that were moved
	Chart   string        `json:"chart,omitempty"`
	Stages  []Stage       `json:"stages,omitempty"`
	Took    time.Duration `json:"took"`
	Err     error         `json:"-"` // why it failed, was skipped or cancelled
}

// StageName is one of the stages.
type StageName string

// The stages, in order. Retag stands for all up to push of a service that is not
// affected.
const (
	StageTest   StageName = "test"
	StageBuild  StageName = "build"
	StagePush   StageName = "push"
	StageRetag  StageName = "re-tag"
	StageChart  StageName = "chart"
	StageNotify StageName = "notify"
)

// Stage is how one stage went.
type Stage struct {
	Name  StageName     `json:"name"`
	Took  time.Duration `json:"took"`
	Error string        `json:"error,omitempty"`
}
