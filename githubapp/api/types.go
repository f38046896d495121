package api

import (
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// The shapes of the API. Times are RFC 3339, seconds are seconds; what is not
// known yet is left out.

// Run is one run of a workflow, in one of its attempts.
type Run struct {
	ID           store.RunID        `json:"id"`
	Number       int64              `json:"number"`  // of this workflow in this repository
	Attempt      int                `json:"attempt"` // that the rest is about
	Attempts     []int              `json:"attempts,omitempty"`
	Repository   string             `json:"repository"` // owner/name
	RepositoryID store.RepositoryID `json:"repositoryId,omitempty"`
	Installation int64              `json:"-"`
	Workflow     string             `json:"workflow"` // path of the file
	Name         string             `json:"name"`     // of the workflow
	Title        string             `json:"title,omitempty"`
	Event        string             `json:"event"`
	Action       string             `json:"action,omitempty"`
	Ref          string             `json:"ref,omitempty"`
	HeadRef      string             `json:"headRef,omitempty"`
	SHA          string             `json:"sha,omitempty"`
	HeadSHA      string             `json:"headSha,omitempty"` // that an approval names
	Actor        string             `json:"actor,omitempty"`   // login
	Zone         string             `json:"zone,omitempty"`    // of trust
	Delivery     store.DeliveryID   `json:"delivery,omitempty"`

	State      store.State     `json:"state"` // waiting, pending, queued, in_progress, completed
	Conclusion plan.Conclusion `json:"conclusion,omitempty"`
	Reason     string          `json:"reason,omitempty"` // why it waits, or ended so
	Created    time.Time       `json:"created,omitzero"`
	Started    time.Time       `json:"started,omitzero"`
	Finished   time.Time       `json:"finished,omitzero"`

	// These are only in the answer for one run.
	Jobs        []Job        `json:"jobs,omitempty"`
	Annotations []Annotation `json:"annotations,omitempty"` // at most 1,000
	Approvals   []Wanted     `json:"approvals,omitempty"`   // that it waits for
	Can         []string     `json:"can,omitempty"`         // of cancel, rerun, approve: what the caller may do now
}

// Job is one execution of a job: a leg of its matrix, or one that is yet to come.
type Job struct {
	ID          plan.LegID      `json:"id"`   // "test/2"
	Node        string          `json:"node"` // of the graph: "test"
	Needs       []string        `json:"needs,omitempty"`
	Name        string          `json:"name"`
	State       store.State     `json:"state"`
	Conclusion  plan.Conclusion `json:"conclusion,omitempty"`
	Reason      string          `json:"reason,omitempty"`
	Labels      []string        `json:"labels,omitempty"`
	Environment string          `json:"environment,omitempty"`
	Executor    string          `json:"executor,omitempty"`
	Image       string          `json:"image,omitempty"`
	Worker      string          `json:"worker,omitempty"`
	Queued      time.Time       `json:"queued,omitzero"`
	Started     time.Time       `json:"started,omitzero"`
	Finished    time.Time       `json:"finished,omitzero"`
	Steps       []Step          `json:"steps,omitempty"`
	Summary     bool            `json:"summary,omitempty"` // a step wrote one
}

// Step is a step of a job.
type Step struct {
	Number     int             `json:"number"`
	Name       string          `json:"name"`
	Phase      string          `json:"phase"` // set-up, pre, main, post, complete
	State      store.State     `json:"state"` // in_progress, completed
	Conclusion plan.Conclusion `json:"conclusion,omitempty"`
	Reason     string          `json:"reason,omitempty"`
	Started    time.Time       `json:"started,omitzero"`
	Seconds    float64         `json:"seconds"`
	ExitCode   int             `json:"exitCode,omitempty"`
}

// Annotation is an error, warning or notice.
type Annotation struct {
	Job     plan.LegID `json:"job,omitempty"` // "": of the run
	Step    int        `json:"step,omitempty"`
	Level   string     `json:"level"`
	Title   string     `json:"title,omitempty"`
	Message string     `json:"message"`
	File    string     `json:"file,omitempty"`
	Line    int        `json:"line,omitempty"`
	Column  int        `json:"column,omitempty"`
}

// Wanted is an approval that a run waits for.
type Wanted struct {
	Environment string `json:"environment"` // "": the run itself
	SHA         string `json:"sha"`         // what an approval must name
	Reason      string `json:"reason,omitempty"`
}

// Summary is what a step wrote to GITHUB_STEP_SUMMARY.
type Summary struct {
	Job      plan.LegID `json:"job"`
	Step     int        `json:"step,omitempty"`
	Markdown string     `json:"markdown"`
	HTML     string     `json:"html"` // sanitised
}

// Artifact is one that a run kept.
type Artifact struct {
	Name    string    `json:"name"`
	Bytes   int64     `json:"bytes"`
	Created time.Time `json:"created,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
	Digest  string    `json:"digest,omitempty"`
}

// Repository is one that the server knows.
type Repository struct {
	ID           store.RepositoryID `json:"id"`
	Installation int64              `json:"-"`
	Name         string             `json:"name"` // owner/name
}

// of is the repository of a run.
func (r Run) of() Repository {
	return Repository{ID: r.RepositoryID, Installation: r.Installation, Name: r.Repository}
}

// Workflow is one that can be looked at, and perhaps dispatched.
type Workflow struct {
	Path     string   `json:"path"`
	Name     string   `json:"name"`
	Events   []string `json:"events"`
	Dispatch bool     `json:"dispatch"` // it listens to workflow_dispatch
	Inputs   []Input  `json:"inputs,omitempty"`
	Problem  string   `json:"problem,omitempty"` // why it cannot be run
}

// Input is one of workflow_dispatch.
type Input struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Type        string   `json:"type"` // string, boolean, number, choice, environment
	Required    bool     `json:"required,omitempty"`
	Default     string   `json:"default,omitempty"`
	Options     []string `json:"options,omitempty"` // of choice and environment
}

// Delivery is a webhook and what became of it.
type Delivery struct {
	ID       store.DeliveryID `json:"id"`
	Event    string           `json:"event"`
	Received time.Time        `json:"received"`
	Settled  time.Time        `json:"settled,omitzero"`
	Fate     store.Fate       `json:"fate"` // pending, planned, ignored, failed
	Reason   string           `json:"reason,omitempty"`
	Attempts int              `json:"attempts"`

	// These are only in the answer for one delivery.
	Why     []Why  `json:"why,omitempty"`
	Payload string `json:"payload,omitempty"` // as it came; gone after a while
}

// Why says of one workflow whether a delivery started it, and why not.
type Why struct {
	Workflow string      `json:"workflow"`
	Event    string      `json:"event"`
	Run      store.RunID `json:"run"` // 0: none
	Reasons  []string    `json:"reasons"`
}

// Queue is what waits, and who works.
type Queue struct {
	Items    []QueueItem `json:"items"`
	Backlogs []Backlog   `json:"backlogs"`
}

// QueueItem is a job in the queue.
type QueueItem struct {
	Run        store.RunID `json:"run"`
	Attempt    int         `json:"attempt"`
	Job        plan.LegID  `json:"job"`
	Repository string      `json:"repository,omitempty"`
	Labels     []string    `json:"labels"`
	Priority   int         `json:"priority"`
	Enqueued   time.Time   `json:"enqueued"`
	Tries      int         `json:"tries"`
	Worker     string      `json:"worker,omitempty"` // that works on it
	Due        time.Time   `json:"due,omitzero"`     // end of the lease, or of a delay
	Cancel     string      `json:"cancel,omitempty"`
}

// Backlog is what waits for one set of labels.
type Backlog struct {
	Labels  []string  `json:"labels"`
	Waiting int       `json:"waiting"`
	Oldest  time.Time `json:"oldest"`
}

// Me is who asks, and what this server can do.
type Me struct {
	SignedIn bool     `json:"signedIn"`
	Login    string   `json:"login,omitempty"`
	ID       int64    `json:"id,omitempty"`
	Admin    bool     `json:"admin,omitempty"`
	Local    bool     `json:"local,omitempty"`  // came with the token of this machine
	CSRF     string   `json:"csrf,omitempty"`   // for the header Drydock-CSRF of writes
	Can      []string `json:"can"`              // powers of the server: cancel, rerun, approve, dispatch, artifacts, services, deliveries, queue
	SignIn   []string `json:"signIn"`           // ways to sign in: github, token
	GitHub   string   `json:"github,omitempty"` // its address, with a slash at the end
}
