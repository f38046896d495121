package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build"
	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/images"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/services"
	"github.com/drydock-ci/drydock/githubapp/services/ledger"
	"github.com/drydock-ci/drydock/githubapp/services/mirror"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Runs is what the worker asks the store.
type Runs interface {
	Run(ctx context.Context, id store.RunID) (*store.Run, error)
}

// Options of New. What no comment says otherwise of is needed.
type Options struct {
	Runs   Runs
	Mirror *mirror.Mirror
	Ledger *ledger.Ledger

	BuildKit *build.Builder   // nil: nothing can be built
	CacheKey []byte           // secret; names of cache mounts come from it
	Registry registry.Options // but for logins, which runs have of their own
	Policy   Policy

	// Engine runs tests, and jobs that build; Place is where.
	Engine *runner.Engine
	Place  func(leg *plan.Leg, labels []string, group string) (runner.Place, error)
	// Confined tells whether the run of a job gets nothing of what the operator opens.
	Confined func(context.Context, *runner.Job) bool
	// Tip is where the branch of a run is now; "": it is gone.
	Tip func(context.Context, *store.Run) (sha string, err error)
	// Secrets are those of a job, by its run's zone.
	Secrets func(context.Context, *runner.Job) (map[string]string, error)
	// Trusted tells whether the zone of a run may have what the operator keeps for
	// publishing: the process's own registry logins.
	Trusted func(*store.Run) bool

	// Web is GitHub's address, with a slash at the end, and API that of its API.
	Web, API string
	// Token gives a token that may write to a run's own repository, and what ends it.
	Token func(ctx context.Context, run *store.Run) (token string, revoke func(), err error)
	// PrivateWebhooks lets services tell receivers in the server's own network.
	PrivateWebhooks bool

	Page   func(store.JobKey) string
	Folder string // for exports and layouts; absolute
	Log    *slog.Logger
	Now    func() time.Time
}

// Worker is runner.Runs for jobs of services.
type Worker struct {
	Options
	lock    *os.File // of the folder
	exports exports

	mu     sync.Mutex
	active map[executor.RunID]bool // runs within jobs; see task.inside
}

// New makes a worker. It removes what earlier processes left in the folder.
func New(o Options) (*Worker, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	var lock *os.File
	var err error
	if o.Folder, lock, err = ownFolder(o.Folder); err != nil {
		return nil, err
	}
	return &Worker{Options: o, lock: lock, exports: exports{folder: o.Folder}, active: map[executor.RunID]bool{}}, nil
}

// Run takes the service of the job through its stages.
func (w *Worker) Run(ctx, hard context.Context, job *runner.Job, sink runner.Sink) (result runner.Result) {
	started := w.Now()
	name, workflow := job.Leg.Name, services.WorkflowName
	sink.Emit(runner.JobStarted{Time: started, Workflow: workflow, Job: job.ID(), Name: name, Executor: services.Executor})
	defer func() {
		if p := recover(); p != nil { // strangers' files are read here
			w.Log.Error("internal error", "job", string(job.ID()), "err", p, "stack", string(debug.Stack()))
			result = runner.Result{Conclusion: plan.Failure, Reason: fmt.Sprintf("internal error: %v", p), Cause: runner.CauseInternal}
		}
		result.Started, result.Finished = started, w.Now()
		sink.Emit(runner.JobFinished{
			Time: result.Finished, Workflow: workflow, Job: job.ID(), Name: name, Conclusion: result.Conclusion, Reason: result.Reason, Cause: result.Cause,
			Seconds: result.Finished.Sub(started).Seconds(), Steps: result.Steps, Outputs: result.Outputs, Infra: result.Infra != nil,
		})
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, timeLimit, fmt.Errorf("it took longer than %s", timeLimit))
	defer cancel()
	t, err := w.begin(ctx, job, sink)
	if t != nil {
		defer t.close()
	}
	if err != nil {
		return failed(ctx, err)
	}
	t.force = hard.Done()
	return t.make(ctx)
}

// timeLimit is that of GitHub's jobs.
const timeLimit = 6 * time.Hour

// refusal is an error that another try does not mend.
type refusal struct{ error }

func (e refusal) Unwrap() error { return e.error }

// failed is the result of a job that did not begin. What may pass is tried again.
func failed(ctx context.Context, err error) runner.Result {
	if ctx.Err() != nil {
		return runner.Result{Conclusion: plan.Cancelled, Reason: context.Cause(ctx).Error(), Cause: runner.CauseCancelled}
	}
	var no refusal
	if errors.As(err, &no) || repository.KindOf(err) != "" {
		return runner.Result{Conclusion: plan.Failure, Reason: err.Error(), Cause: runner.CauseRefused}
	}
	return runner.Result{Conclusion: plan.Failure, Reason: err.Error(), Cause: runner.CauseFailed, Infra: err}
}

// task is one job on its way.
type task struct {
	*Worker
	job      *runner.Job
	inside   executor.RunID  // the run of the jobs within this one
	force    <-chan struct{} // closed when also what these let go on when cancelled is to stop
	key      store.JobKey
	run      *store.Run
	with     services.With
	service  *declaration.Service
	plan     *pipeline.Plan
	steps    *steps  // the job's sink
	folder   string  // for all that the job needs; removed
	files    *export // the repository's; nil: they are not needed
	epoch    time.Time
	release  Release
	access   Access
	of       func(*declaration.Service) (string, []string, error) // version and tags
	giveBack func() error
	tokens   []func()          // that revoke
	known    *images.Published // what the base was published as
}

// begin finds out what the job is and may, and brings the files that its stages
// need. The task is to be closed also when there is an error.
func (w *Worker) begin(ctx context.Context, job *runner.Job, sink runner.Sink) (*task, error) {
	// Each try has its own: one whose lease was lost may go on for a moment beside the
	// next, here or in another process, and what it leaves is found by it.
	t := &task{Worker: w, job: job, inside: job.Run + executor.RunID("."+string(job.ID())+"."+strings.ToLower(rand.Text()[:8]))}
	w.mu.Lock()
	w.active[t.inside] = true
	w.mu.Unlock()
	var err error
	if t.key, err = queue.KeyOf(job); err != nil {
		return t, refusal{err}
	}
	if t.run, err = w.Runs.Run(ctx, t.key.Run); err != nil {
		return t, err
	}
	if t.with, err = services.ReadWith(job); err != nil {
		return t, refusal{err}
	}
	secrets, err := w.Secrets(ctx, job)
	if err != nil {
		return t, err
	}
	t.steps = newSteps(sink, slices.Collect(maps.Values(secrets)))
	t.release = w.Policy.Release(t.run, job.Leg.Contexts["github"], t.with)
	if t.folder, err = os.MkdirTemp(w.Folder, "job-"); err != nil {
		return t, fmt.Errorf("make a folder: %w", err)
	}
	at := mirror.Repository{ID: t.run.Repository, Installation: t.run.Installation, FullName: t.run.RepositoryName}
	r, err := w.Mirror.Fetch(ctx, at, t.with.Wants()...)
	if err != nil {
		return t, err
	}
	if err := t.declared(ctx, r, secrets); err != nil {
		return t, err
	}
	// What is only left alone needs the files, too: it is built when no earlier image
	// is found.
	if t.with.Build() || t.release.Publish {
		t.files, t.giveBack, err = w.exports.use(ctx, commit{t.run.Repository, t.with.Head}, r)
	}
	return t, err
}

// declared reads what the commit says of the service, and its versions.
func (t *task) declared(ctx context.Context, r *tree.Repository, secrets map[string]string) error {
	head := r.Commit(t.with.Head)
	defer head.Close()
	src, err := head.Read(ctx, declaration.FileName)
	if err != nil {
		return err
	}
	declared, found := declaration.Parse(declaration.FileName, src)
	if err := found.Err(); err != nil {
		return refusal{err}
	}
	if t.service = declared.Lookup(t.with.Service); t.service == nil {
		return refusal{fmt.Errorf("%s of %.7s declares no service %q", declaration.FileName, t.with.Head, t.with.Service)}
	}
	if t.access, err = t.Worker.access(t.run, t.service, secrets, t.release); err != nil {
		return refusal{err}
	}
	if err := t.telling(); err != nil {
		return refusal{err}
	}
	t.plan = &pipeline.Plan{Services: declared}
	if t.epoch, err = r.Time(ctx, t.with.Head); err != nil {
		return err
	}
	branch, ok := strings.CutPrefix(t.with.Ref, "refs/heads/")
	if !ok {
		branch = ""
	}
	versions, err := pipeline.NewVersions(ctx, r, t.with.Head, branch, t.with.PullRequest)
	if err != nil {
		return err
	}
	if branch != "" && t.release.Publish {
		// One that is not the newest any more, as when it is run again, would move back
		// what the newer one has moved.
		tip, err := t.Tip(ctx, t.run)
		if err != nil {
			return fmt.Errorf("ask where the branch %q is: %w", branch, err)
		}
		if tip != t.with.Head {
			t.release.Behind = branch
			versions.Behind()
		}
	}
	t.of = t.release.versions(versions.Of)
	base := t.with.Base
	if base != "" {
		if _, err := r.Resolve(ctx, base); err != nil {
			base = "" // a commit that is gone
		}
	}
	t.known, err = images.NewPublished(ctx, t.access.Registry, r, declared, base)
	return err
}

func (t *task) close() {
	t.mu.Lock()
	delete(t.active, t.inside)
	t.mu.Unlock()
	for _, revoke := range t.tokens {
		revoke()
	}
	err := removeAll(t.folder)
	if t.giveBack != nil {
		err = errors.Join(err, t.giveBack())
	}
	if err != nil {
		t.Log.Warn("remove the files of a service", "folder", t.folder, "err", err)
	}
}
