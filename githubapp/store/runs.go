package store

import (
	"context"
	"time"

	"github.com/drydock-ci/drydock/workflow/plan"
)

// State is how far a run or a job is, in GitHub's words.
type State string

// The states of runs and jobs.
const (
	Waiting    State = "waiting" // for an approval or a wait timer
	PendingRun State = "pending" // for its concurrency group
	Queued     State = "queued"
	InProgress State = "in_progress"
	Completed  State = "completed"
)

// Run is one run of a workflow.
type Run struct {
	ID      RunID // given by the store
	Number  int64 // of this workflow in this repository; given by the store
	Attempt int   // from 1
	Version int64 // grows with each change; see CommitRun

	Installation   int64
	Repository     RepositoryID
	RepositoryName string // owner/name when it was planned
	Workflow       string // path of the file
	Name           string // name:, else the path
	Title          string // run-name:, else what GitHub shows

	Event   string
	Action  string
	Ref     string
	SHA     string // GITHUB_SHA
	HeadSHA string // that check runs and approvals belong to
	HeadRef string
	Actor   Actor
	Zone    string // of trust

	Delivery DeliveryID // that started it; may be ""
	// Origin names the cause of the run, made by the planner of what GitHub
	// says (repository, event, ref, commits, workflow): the same cause, told by
	// two deliveries or by the reconciler, makes one run. "" is never equal.
	Origin string

	State      State
	Conclusion plan.Conclusion
	Reason     string // why it waits or ended so
	CheckRun   int64  // of the workflow itself, 0: none

	Created, Started, Finished time.Time

	// Plan is the plan.Plan of the run, never changed. Progress is what
	// plan.Replay needs beside it. Both are nil in lists.
	Plan     []byte
	Progress []byte
}

// JobKey names one execution of a job.
type JobKey struct {
	Run     RunID
	Attempt int
	Job     plan.LegID
}

// Job is one job of an attempt of a run.
type Job struct {
	JobKey
	Name        string
	Labels      []string
	Environment string

	State      State
	Conclusion plan.Conclusion
	Reason     string
	CheckRun   int64
	Worker     string // that has or had it

	Queued, Started, Finished time.Time

	// Message is the runner.Job, Checkpoint the runner.Checkpoint. Both are nil
	// in lists.
	Message    []byte
	Checkpoint []byte
}

// NewRun is a run to be made with its jobs and what of them can start.
type NewRun struct {
	Run     Run
	Jobs    []Job  // Run and Attempt are filled in
	Enqueue []Item // Run, Attempt and Repository are filled in
}

// Made tells of a NewRun which run it became.
type Made struct {
	ID  RunID
	New bool // false: its Origin had made this run before; nothing was changed
}

// Change is what happens to a run at one time: all of it, or nothing.
type Change struct {
	// Run is named by ID and Version. Attempt, State, Conclusion, Reason, Title,
	// Started, Finished and Progress (unless nil) are written.
	Run Run
	// Jobs are added or replaced. CheckRun stays as it is, and so do Message and
	// Checkpoint when they are nil.
	Jobs []Job
	// Enqueue adds jobs to the queue; those that are in it stay as they are.
	Enqueue []Item
	// Dequeue takes waiting jobs out of the queue. A job that is leased already
	// is an ErrConflict, one that is not queued is none.
	Dequeue []JobKey
	// Finish ends leases. One that is lost is ErrLeaseLost.
	Finish []Ticket
	// Leave takes these out of all their concurrency groups.
	Leave []Holder
}

// Committed tells what a change did.
type Committed struct {
	Version  int64
	Promoted []Holder // that hold their group now; see Groups
}

// Runs keeps runs and jobs.
type Runs interface {
	// CreateRuns settles a claimed delivery and makes the runs that came of it,
	// with jobs and queue, in one transaction. A Settlement without Delivery
	// settles none.
	CreateRuns(ctx context.Context, s Settlement, runs []NewRun) ([]Made, error)
	// CommitRun applies a change, or says ErrConflict when the run's Version is
	// another by now.
	CommitRun(ctx context.Context, c Change) (Committed, error)
	// Run is one with its plan.
	Run(ctx context.Context, id RunID) (*Run, error)
	// ListRuns lists the newest first, without plans.
	ListRuns(ctx context.Context, f RunFilter) ([]Run, error)
	// Job is one with its message and checkpoint.
	Job(ctx context.Context, key JobKey) (*Job, error)
	// ListJobs lists an attempt's jobs as they were added; attempt 0: of all.
	ListJobs(ctx context.Context, run RunID, attempt int) ([]Job, error)
	// SetCheckRun notes the number of a check run: of the job, or, when the key
	// has no Job, of the run. It does not change the run's Version.
	SetCheckRun(ctx context.Context, key JobKey, check int64) error
	// SaveCheckpoint keeps the checkpoint of a leased job.
	SaveCheckpoint(ctx context.Context, t Ticket, checkpoint []byte) error
	// PruneRuns forgets up to limit runs that ended before the time, with all
	// that belongs to them, and tells which.
	PruneRuns(ctx context.Context, before time.Time, limit int) ([]RunID, error)
}

// RunFilter chooses runs; zero fields choose all.
type RunFilter struct {
	Repository RepositoryID
	Workflow   string
	Event      string
	Ref        string
	HeadSHA    string
	Actor      string // login
	Delivery   DeliveryID
	States     []State
	Conclusion plan.Conclusion
	Text       string // part of the title, the name or the repository; case is ignored for ASCII
	Before     RunID  // smaller ids only
	Limit      int    // 0: 100
}
