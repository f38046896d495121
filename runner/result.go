package runner

import (
	"time"

	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Result is how a job ended. A failed step is a value here, not an error.
type Result struct {
	Conclusion plan.Conclusion     `json:"conclusion"`
	Outputs    map[string]string   `json:"outputs,omitempty"`
	Steps      []StepResult        `json:"steps,omitempty"`
	FirstError *command.Annotation `json:"firstError,omitempty"`
	Reason     string              `json:"reason,omitempty"`
	Cause      Cause               `json:"cause,omitempty"` // empty: it passed, or was skipped
	Started    time.Time           `json:"started"`
	Finished   time.Time           `json:"finished"`
	// Infra says that the job ended for a reason that is not the user's: no
	// engine, no image, a lost place. It may be retried.
	Infra error `json:"-"`
}
