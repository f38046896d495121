package runner

import (
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// checkpointVersion changes when an older program's checkpoints cannot be read.
const checkpointVersion = 1

// Checkpoint is where a job stands, so that another program can go on with it
// (Engine.Resume). It serialises as JSON. It is as secret as the job: it holds
// values that are masked, and what claims the place. Who keeps it seals it.
//
// It has three parts. State is the job between two steps of its display. Facts
// are what the step that runs now has got from its place since: with them the
// step is gone through again without doing anything twice. Running is the
// process that runs now, with how much of its output has been handled.
type Checkpoint struct {
	Version int         `json:"version"`
	Job     plan.LegID  `json:"job"`
	Place   Place       `json:"place"`
	Started time.Time   `json:"started"`
	State   *jobState   `json:"state"`
	Facts   []fact      `json:"facts,omitempty"`
	Running *processing `json:"running,omitempty"`
	Live    liveState   `json:"live"`
}

// Checkpoints keeps the newest checkpoint of each job until the job's
// JobFinished. It is the Sink of the job's events too, or stands beside it:
// what counts is that a checkpoint is never kept without the events before it.
type Checkpoints interface {
	// Save must not block, and takes c over; c does not change any more. Urgent
	// asks for it now, else soon will do. Kept is called when c, or a later one
	// of the job, would outlive the program, or when none ever will.
	Save(job *Job, c *Checkpoint, urgent bool, kept func())
}

// jobState is a job between two of its steps. All of it is read by whoever
// writes the checkpoint, later: nothing in it is shared with the job.
type jobState struct {
	Stage       stage                  `json:"stage"` // where to go on
	Next        int                    `json:"next"`
	Environment executor.EnvironmentID `json:"environment"`
	Info        executor.Info          `json:"info"`

	Number    int               `json:"number"`
	IDs       int               `json:"ids"`
	IDPrefix  string            `json:"idPrefix"`
	Tracking  string            `json:"tracking"`
	Status    plan.Conclusion   `json:"status"`
	Reason    string            `json:"reason,omitempty"`
	Cause     Cause             `json:"cause,omitempty"`
	Results   []StepResult      `json:"results,omitempty"`
	Env       []Var             `json:"env,omitempty"`
	Token     string            `json:"token,omitempty"` // GITHUB_TOKEN that Env may hold
	Paths     []string          `json:"paths,omitempty"`
	Steps     []keptStep        `json:"steps,omitempty"`
	Artifacts []command.Subject `json:"artifacts,omitempty"`
	Instances []keptInstance    `json:"instances,omitempty"`
	Posts     []keptPosts       `json:"posts,omitempty"`
	Open      []keptBackground  `json:"open,omitempty"`
	Ending    keptEnding        `json:"ending"`
	Checkouts []string          `json:"checkouts,omitempty"`
	Copied    []string          `json:"copied,omitempty"`
	Services  keptServices      `json:"services"`

	// Over is how the job ended: only its place is left to be removed.
	Over *Result `json:"over,omitempty"`
}

// liveState is what changes within a step, too.
type liveState struct {
	Cancelled  string               `json:"cancelled,omitempty"` // why the job is
	Masks      []string             `json:"masks,omitempty"`
	FirstError *command.Annotation  `json:"firstError,omitempty"`
	Annotated  []keptCount          `json:"annotated,omitempty"`
	Deprecated bool                 `json:"deprecated,omitempty"`
	Matchers   []command.Matcher    `json:"matchers,omitempty"`
	Stray      []executor.ProcessID `json:"stray,omitempty"` // processes of background steps
}

// stage is a part of a job, in their order.
type stage int

const (
	stageStarted stage = iota + 1 // the hook
	stageImages
	stagePre
	stageMain
	stageDrain
	stagePost
	stageCompleted // the hook
	stageEnd
)

type keptStep struct {
	ID         string            `json:"id"`
	Outputs    map[string]string `json:"outputs,omitempty"`
	Outcome    plan.Conclusion   `json:"outcome"`
	Conclusion plan.Conclusion   `json:"conclusion"`
}

type keptCount struct {
	Step  int           `json:"step"`
	Level command.Level `json:"level"`
	Count int           `json:"count"`
}

type keptPosts struct {
	Step      string   `json:"step"`
	Name      string   `json:"name"`
	Instances []string `json:"instances"` // by their paths
}

// keptBackground is a background step nobody has waited for yet. One that had
// not ended is lost with the program: its effects were in its memory alone.
type keptBackground struct {
	Step       string          `json:"step"`
	Ref        StepRef         `json:"ref"`
	Ended      bool            `json:"ended,omitempty"`
	Outcome    plan.Conclusion `json:"outcome,omitempty"`
	Conclusion plan.Conclusion `json:"conclusion,omitempty"`
	Reason     string          `json:"reason,omitempty"`
	Exit       int             `json:"exit,omitempty"`
	Effects    Effects         `json:"effects"`
	Posts      []string        `json:"posts,omitempty"`
}

type keptEnding struct {
	Actions  map[string][]string `json:"actions,omitempty"`
	Lines    []string            `json:"lines,omitempty"`
	Warnings []string            `json:"warnings,omitempty"`
	Errors   []string            `json:"errors,omitempty"`
}

type keptServices struct {
	Token string `json:"token,omitempty"`
	Addr  string `json:"addr,omitempty"`
}

// keptInstance is the use of an action, with the manifest of a local one as it
// was: a step may have changed it since.
type keptInstance struct {
	Path     string            `json:"path"`
	Position []int             `json:"position,omitempty"`
	With     []Var             `json:"with,omitempty"`
	Own      []Var             `json:"own,omitempty"`
	GitHub   keptFields        `json:"github"`
	State    map[string]string `json:"state,omitempty"`
	Posted   bool              `json:"posted,omitempty"`
	Manifest *manifestFile     `json:"manifest,omitempty"`
}

// manifestFile is the manifest of a local action.
type manifestFile struct {
	Uses string `json:"uses"`
	Dir  string `json:"dir"` // in the place
	Name string `json:"name"`
	Data []byte `json:"data"`
}

type keptFields struct {
	Action     string            `json:"action,omitempty"`
	Path       string            `json:"path,omitempty"`
	Repository string            `json:"repository,omitempty"`
	Ref        string            `json:"ref,omitempty"`
	Status     string            `json:"status,omitempty"`
	Files      map[string]string `json:"files,omitempty"`
}
