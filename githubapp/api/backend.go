package api

import (
	"context"
	"io"
	"time"

	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Backend is where runs come from. What it does not find is store.ErrNotFound.
type Backend interface {
	// Runs lists runs without their jobs, the newest first.
	Runs(ctx context.Context, q Query) ([]Run, error)
	// Head is a run's latest attempt without its jobs.
	Head(ctx context.Context, id store.RunID) (Run, error)
	// Run is one attempt with all that is known; attempt 0 is the latest.
	Run(ctx context.Context, id store.RunID, attempt int) (Run, error)
	// Summaries are those of an attempt, without HTML.
	Summaries(ctx context.Context, id store.RunID, attempt int) ([]Summary, error)
	// Events lists what follows after a sequence number, about limit bytes of
	// it and at least one chunk if there is any.
	Events(ctx context.Context, s store.Stream, after store.Sequence, limit int) ([]Chunk, error)
	// Ended tells whether no event will be added to the stream any more.
	Ended(ctx context.Context, s store.Stream) (bool, error)
}

// Query chooses runs; zero fields choose all.
type Query struct {
	Repository string // owner/name
	Workflow   string // path, file name or name
	Event      string
	Branch     string
	Actor      string
	State      store.State
	Conclusion plan.Conclusion
	Text       string
	Delivery   store.DeliveryID
	Before     store.RunID // smaller ids only
	Limit      int
}

// Chunk is some events: lines of runner.AppendEvent, each ending in "\n".
type Chunk struct {
	Sequence store.Sequence // of the last of them; grows, may have gaps
	Data     []byte
}

// Actions are what can be done to runs; nil ones are not possible here. Rights
// have been checked, but for reviewers of environments, whom Approve knows.
type Actions struct {
	Cancel   func(ctx context.Context, id store.RunID, by store.Actor, reason string, force bool) error
	Rerun    func(ctx context.Context, id store.RunID, r queue.RerunRequest) (attempt int, err error)
	Approve  func(ctx context.Context, a store.Approval) error
	Dispatch func(ctx context.Context, d Dispatch) (store.RunID, error)
}

// Dispatch asks for a run of a workflow that listens to workflow_dispatch.
type Dispatch struct {
	Repository Repository
	Workflow   string // path
	Ref        string // branch or tag; "" is the default branch
	Inputs     map[string]string
	By         store.Actor
}

// Directory knows the repositories, and what workflows they have.
type Directory interface {
	Repositories(ctx context.Context) ([]Repository, error)
	// Workflows are those at a branch or tag; "" is the default branch.
	Workflows(ctx context.Context, r Repository, ref string) ([]Workflow, error)
}

// Artifacts are those of runs.
type Artifacts interface {
	ListArtifacts(ctx context.Context, run store.RunID) ([]Artifact, error)
	// OpenArtifact gives the bytes of one, a zip archive, and their number, -1
	// if that is not known.
	OpenArtifact(ctx context.Context, run store.RunID, name string) (io.ReadCloser, int64, error)
}

// Ledger is what became of webhooks.
type Ledger interface {
	Deliveries(ctx context.Context, f LedgerFilter) ([]Delivery, error)
	Delivery(ctx context.Context, id store.DeliveryID) (Delivery, error)
}

// LedgerFilter chooses deliveries; zero fields choose all.
type LedgerFilter struct {
	Fate   store.Fate
	Event  string
	Before time.Time // received before
	Limit  int
}

// Work tells what is queued.
type Work interface {
	Queue(ctx context.Context) (Queue, error)
}

// User is somebody at GitHub. Decisions go by the ID: a login can pass to
// somebody else.
type User struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
}

// Permission is what a person may do with a repository.
type Permission int

// The permissions, the weakest first.
const (
	None Permission = iota
	Read
	Write
	Admin
)

// Rights knows what people may do. It should remember answers for a short time.
type Rights interface {
	// Permission looks the user up by login; when the account that GitHub tells of
	// has another ID, that is None.
	Permission(ctx context.Context, r Repository, u User) (Permission, error)
}
