package runner

import (
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Job is the resolved message that the engine executes. It serialises: a
// queue row, a bug report and a golden file are the same bytes. It holds
// names of secrets, never their values.
type Job struct {
	Run executor.RunID `json:"run"`
	Leg plan.Leg       `json:"leg"`
	// Place is where it runs.
	Place Place `json:"place"`
	// Env is the environment below the workflow's own (--env, --env-file).
	Env map[string]string `json:"env,omitempty"`
	// Checkout says how actions/checkout of the repository under test is
	// served.
	Checkout Checkout `json:"checkout"`
	// Debug turns on step debug output (secret or variable
	// ACTIONS_STEP_DEBUG).
	Debug bool `json:"debug,omitempty"`
}

// ID is the leg's id, unique in its run.
func (j *Job) ID() plan.LegID { return j.Leg.ID }

// Place is a resolved runs-on.
type Place struct {
	Executor string   `json:"executor"` // "docker", "host", "kubernetes"
	Image    string   `json:"image,omitempty"`
	Labels   []string `json:"labels,omitempty"` // what runs-on asked for
	// Class, Options, Pull, Linger, Confined and Offers come from the operator, not the workflow.
	Class   string              `json:"class,omitempty"` // see executor.Spec
	Options string              `json:"options,omitempty"`
	Pull    executor.PullPolicy `json:"pull,omitempty"`
	Linger  int                 `json:"linger,omitempty"`
	// Confined: the job is trusted less than others; see executor.Spec.
	Confined bool `json:"confined,omitempty"`
	// Offers are the labels and the group of the operator's runner that was chosen,
	// also those that runs-on did not ask for.
	Offers []string `json:"offers,omitempty"`
}

// Checkout says what stands for the repository under test.
type Checkout struct {
	Repository string `json:"repository,omitempty"` // owner/name
	// Served: actions/checkout without another repository or ref gets the
	// working copy of Engine.Workspace instead of a clone.
	Served bool `json:"served,omitempty"`
}
