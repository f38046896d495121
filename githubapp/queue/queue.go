package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Planned is a run that was decided on.
type Planned struct {
	// Run are the facts: Installation to Origin, and Zone. ID, Number, Attempt,
	// State, Plan and Progress are made here.
	Run store.Run
	// Plan is nil when it cannot be planned; Run.Reason and Problems say why.
	// Such a run is completed as a failure.
	Plan     *plan.Plan
	Problems workflow.Diagnostics
	// Approval says why somebody has to approve the run before anything of it
	// begins; "": Options.Approval decides.
	Approval string
}

// Sealer seals what is as secret as a job. What was sealed for one purpose
// cannot be opened for another.
type Sealer interface {
	Seal(purpose string, plain []byte) ([]byte, error)
	Open(purpose string, sealed []byte) ([]byte, error)
}

// Options of New. Store, Place, Seal and Owner are needed.
type Options struct {
	Store store.Store
	// Place is the operator's mapping of the labels and the group of a runs-on.
	// Its error fails the job.
	Place func(leg *plan.Leg, labels []string, group string) (runner.Place, error)
	// Approval says why a run (of its zone of trust) has to be approved before
	// anything of it begins; "": it has not. It is asked once, when the run is
	// made, and holds for all attempts. Nil: none has.
	Approval func(r *store.Run) string
	// Variables are what jobs of an environment have beside the plan's vars; nil:
	// nothing. An error is tried again later.
	Variables func(ctx context.Context, r *store.Run, environment string) (map[string]string, error)
	// Protection of an environment; nil: none is protected. It is asked whenever
	// a job that waits is looked at, so it should remember for a while. An error
	// is tried again later.
	Protection func(ctx context.Context, r *store.Run, environment string) (Protection, error)
	// Changed is called after each change of a run. It must not block.
	Changed func(store.RunID)
	// Resumes tells whether this process can go on with a job that another worker
	// began in that place: not if the place is of the other's machine alone. Such a
	// job is left to its worker for some minutes, and is lost then. Nil: it can.
	Resumes func(p runner.Place, worker string) bool
	// Repeats tells whether a job in that place does no harm if it is begun anew
	// after its worker ended in the middle of it, or what it needed was away. Nil: no
	// job is like that.
	Repeats func(p runner.Place) bool
	Seal    Sealer // of checkpoints
	Limits  store.Limits
	// Owner is the name of this process's workers: unique among the processes
	// that work on the store at one time, and the same after a restart, for then
	// the process takes its own leases back at once.
	Owner string
	// Labels are what this process's workers offer; nil: any.
	Labels []string
	Log    *slog.Logger
	Now    func() time.Time // nil: time.Now; it must be the store's time
}

// Protection is what an environment asks for before a job may use it.
type Protection struct {
	// Refused says why no job of the run may use the environment; "": it may.
	Refused string
	// Wait passes before the job begins, from when it came to the environment.
	Wait time.Duration
	// Reviewers: one of them has to approve; none: nobody has to.
	Reviewers         []Reviewer
	PreventSelfReview bool
	// Member tells whether a person belongs to a team of the reviewers; nil: nobody
	// does.
	Member func(ctx context.Context, team int64, by store.Actor) (bool, error)
	// Allowed tells whether the ref (refs/heads/main) may deploy; nil: any may.
	Allowed func(ref string) bool
}

// Reviewer is a user or a team.
type Reviewer struct {
	User, Team int64
}

// What says which jobs of a run are to run again.
type What string

// The choices. Jobs that depend on them run again, too.
const (
	All    What = "all"
	Failed What = "failed" // what failed or was cancelled
	Job    What = "job"    // RerunRequest.Job
)

// RerunRequest asks for another attempt of a completed run.
type RerunRequest struct {
	What  What
	Job   plan.LegID // a job or a leg, for What Job
	Debug bool       // with debug logging
	By    store.Actor
}

// Errors that a caller may choose by; they come wrapped.
var (
	// ErrNotWaiting: nothing waits for that approval.
	ErrNotWaiting = errors.New("it does not wait for that approval")
	// ErrNotReviewer: the person may not approve for that environment.
	ErrNotReviewer = errors.New("not a reviewer of the environment")
	// ErrNotCompleted: only a run that has ended can run again.
	ErrNotCompleted = errors.New("the run has not ended")
	// ErrCompleted: the run has ended, nothing is left to cancel.
	ErrCompleted = errors.New("the run has ended")
	// ErrNothing: the request chooses no job.
	ErrNothing = errors.New("there is no such job to run again")
)

// Queue moves the runs of a store on.
type Queue struct {
	Options
	pace
	turns   turns
	drain   sync.Once
	drained chan struct{}

	first sync.Mutex // before the first lease
	back  bool       // leases of an earlier process were taken back

	mu     sync.Mutex
	leases map[store.JobKey]*lease // that this process works on
	wake   chan struct{}           // closed when something can be leased
	timers map[store.RunID]*time.Timer
	closed bool // no more timers
	looked bool // all open runs have been looked at once
	// glances spare runs that nothing can be done for.
	glances map[store.RunID]glance
	listed  map[store.RunID]bool // runs on the pages so far
}

// New makes a Queue. Nothing happens before its methods are called.
func New(o Options) (*Queue, error) {
	switch {
	case o.Store == nil || o.Place == nil || o.Seal == nil:
		return nil, errors.New("make the queue: Store, Place and Seal are needed")
	case o.Owner == "":
		return nil, errors.New("make the queue: Owner is needed: the name of this server's workers")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Changed == nil {
		o.Changed = func(store.RunID) {}
	}
	if o.Labels == nil {
		o.Labels = []string{store.AnyLabel}
	}
	return &Queue{
		Options: o, pace: defaultPace, leases: map[store.JobKey]*lease{},
		wake: make(chan struct{}), drained: make(chan struct{}), timers: map[store.RunID]*time.Timer{}, glances: map[store.RunID]glance{}, listed: map[store.RunID]bool{},
	}, nil
}

// pace is how fast things are looked at. Tests are quicker.
type pace struct {
	lease  time.Duration // how long a lease holds
	extend time.Duration // how often it is extended
	poll   time.Duration // the longest wait for the next job
	tick   time.Duration // between two looks at runs
	sweep  int           // runs that are looked at in a tick
	flush  time.Duration // the longest wait of an event
	retry  time.Duration // before a job is tried again, times the tries
	again  time.Duration // before something that failed is looked at again
	absent time.Duration // how long a job waits for the worker that alone can go on with it
}

var defaultPace = pace{
	lease: 45 * time.Second, extend: 5 * time.Second, poll: 2 * time.Second, tick: time.Second, sweep: 100,
	flush: 50 * time.Millisecond, retry: 15 * time.Second, again: 30 * time.Second, absent: 5 * time.Minute,
}

// KeyOf is the store's key of a job that was made here: its Run is
// "<run>-<attempt>".
func KeyOf(job *runner.Job) (store.JobKey, error) {
	run, attempt, err := ParseRun(string(job.Run))
	if err != nil {
		return store.JobKey{}, fmt.Errorf("job %q: %w", job.ID(), err)
	}
	return store.JobKey{Run: run, Attempt: attempt, Job: job.ID()}, nil
}

// ParseRun reads the Run of a job.
func ParseRun(name string) (run store.RunID, attempt int, err error) {
	if n, err := fmt.Sscanf(name, "%d-%d", &run, &attempt); err != nil || n != 2 || name != runName(run, attempt) {
		return 0, 0, fmt.Errorf("run %q is not of this server", name)
	}
	return run, attempt, nil
}

func runName(run store.RunID, attempt int) string { return fmt.Sprintf("%d-%d", run, attempt) }
