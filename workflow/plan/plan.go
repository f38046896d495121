package plan

import (
	"context"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// Plan is one workflow run, before it runs.
type Plan struct {
	Graph   *Graph `json:"graph"`
	Event   string `json:"event"` // event name
	RunName string `json:"runName,omitempty"`
	// Contexts known before any job runs: github (without token and paths),
	// inputs, vars.
	Contexts map[string]expr.Value `json:"contexts"`
	// Concurrency of the whole run, evaluated; nil: none.
	Concurrency *Concurrency `json:"concurrency,omitempty"`
	// Matrix restricts the legs of matrices; see FilterMatrix.
	Matrix []MatrixValue `json:"matrix,omitempty"`
}

// Graph is the jobs of one workflow file; a called workflow is a graph too.
type Graph struct {
	Source      Source                `json:"source"`
	Name        string                `json:"name"` // name:, else the path
	Jobs        []*Job                `json:"jobs"` // in the file's order
	Env         *workflow.Node        `json:"env,omitempty"`
	Permissions *workflow.Permissions `json:"permissions,omitempty"`
	Concurrency *workflow.Concurrency `json:"concurrency,omitempty"` // of a called workflow; the plan's own is evaluated
	Inputs      []workflow.Input      `json:"inputs,omitempty"`      // of workflow_call
	Secrets     []workflow.Secret     `json:"secrets,omitempty"`     // of workflow_call
	Outputs     []workflow.Output     `json:"outputs,omitempty"`     // of workflow_call
}

// Source says where a workflow file comes from, for `./` references and the
// job.workflow_* fields. Repository "" is the repository under test.
type Source struct {
	Repository string `json:"repository,omitempty"` // owner/name
	Ref        string `json:"ref,omitempty"`        // as written after @
	SHA        string `json:"sha,omitempty"`
	Path       string `json:"path"` // .github/workflows/ci.yml
}

// Loader fetches the file of a reusable workflow: uses is the text of
// jobs.<id>.uses, from the file that contains it.
type Loader func(ctx context.Context, from Source, uses string) (Source, []byte, error)

// Job is a node of the graph before its matrix is known.
type Job struct {
	ID              string                `json:"id"` // as in the file
	Pos             workflow.Pos          `json:"pos"`
	Name            *workflow.Node        `json:"name,omitempty"`
	Needs           []string              `json:"needs,omitempty"`
	If              *workflow.Node        `json:"if,omitempty"`
	RunsOn          *workflow.RunsOn      `json:"runsOn,omitempty"`
	Strategy        *workflow.Strategy    `json:"strategy,omitempty"`
	Env             []*workflow.Node      `json:"env,omitempty"` // workflow's, then job's
	Shell           *workflow.Node        `json:"shell,omitempty"`
	WorkingDir      *workflow.Node        `json:"workingDirectory,omitempty"`
	Container       *workflow.Node        `json:"container,omitempty"`
	Services        *workflow.Node        `json:"services,omitempty"`
	Outputs         []workflow.Output     `json:"outputs,omitempty"`
	Steps           []Step                `json:"steps,omitempty"`
	Permissions     *workflow.Permissions `json:"permissions,omitempty"` // effective: never more than the callers'
	Concurrency     *workflow.Concurrency `json:"concurrency,omitempty"`
	Environment     *workflow.Node        `json:"environment,omitempty"`
	Snapshot        *workflow.Node        `json:"snapshot,omitempty"`
	TimeoutMinutes  *workflow.Node        `json:"timeoutMinutes,omitempty"`
	CancelTimeout   *workflow.Node        `json:"cancelTimeoutMinutes,omitempty"`
	ContinueOnError *workflow.Node        `json:"continueOnError,omitempty"`
	CacheMode       *workflow.Node        `json:"cacheMode,omitempty"`
	Call            *Call                 `json:"call,omitempty"` // instead of steps
}

// Call is a job that is another workflow.
type Call struct {
	Pos     workflow.Pos   `json:"pos"` // of the text of uses
	Uses    string         `json:"uses"`
	Graph   *Graph         `json:"graph"`
	With    *workflow.Node `json:"with,omitempty"`
	Secrets *workflow.Node `json:"secrets,omitempty"`
	Inherit bool           `json:"inherit,omitempty"`
}

// StepKind is the closed set of steps.
type StepKind string

// The kinds of steps.
const (
	Run      StepKind = "run"
	Uses     StepKind = "uses"
	Wait     StepKind = "wait"
	WaitAll  StepKind = "wait-all"
	Cancel   StepKind = "cancel"
	Parallel StepKind = "parallel"
)

// Step is a step of a job, flat so that it serialises; texts are not
// evaluated yet. Steps of a `parallel` block follow it with Background and
// Group set, and a generated wait step ends the group.
type Step struct {
	Kind            StepKind       `json:"kind"`
	ID              string         `json:"id"` // given, else generated: __run, __run_2, __owner_repo
	Pos             workflow.Pos   `json:"pos"`
	Name            *workflow.Node `json:"name,omitempty"`
	If              *workflow.Node `json:"if,omitempty"`
	Env             *workflow.Node `json:"env,omitempty"`
	ContinueOnError *workflow.Node `json:"continueOnError,omitempty"`
	TimeoutMinutes  *workflow.Node `json:"timeoutMinutes,omitempty"`
	Script          *workflow.Node `json:"run,omitempty"`
	Shell           *workflow.Node `json:"shell,omitempty"`
	WorkingDir      *workflow.Node `json:"workingDirectory,omitempty"`
	Uses            string         `json:"uses,omitempty"`
	With            *workflow.Node `json:"with,omitempty"`
	Background      bool           `json:"background,omitempty"`
	Group           string         `json:"group,omitempty"`
	Targets         []string       `json:"targets,omitempty"` // of wait and cancel
}

// Concurrency is an evaluated concurrency group.
type Concurrency struct {
	Group            string `json:"group"`
	CancelInProgress bool   `json:"cancelInProgress,omitempty"`
	QueueMax         bool   `json:"queueMax,omitempty"`
}
