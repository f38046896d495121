package runner

import (
	"context"
	"errors"
	"io"
	"sync"
)

// Source gives jobs.
type Source interface {
	// Next waits for a job. io.EOF says that none will come any more.
	Next(ctx context.Context) (*Lease, error)
}

// Lease is one job that this worker, and nobody else, executes now.
type Lease struct {
	Job  *Job
	Sink Sink
	// Checkpoint is where the job stands that another program began; nil: it
	// begins now.
	Checkpoint *Checkpoint
	// Cancelled yields the reason when the job has to stop, and a second one
	// when also what a cancelled job lets go on has to; it may be nil.
	Cancelled <-chan error
	// Finish hands in the result. It is called exactly once.
	Finish func(context.Context, Result) error
}

// Worker takes jobs from a Source and runs up to Slots of them at a time.
type Worker struct {
	Source Source
	Engine *Engine
	Slots  int // at least 1
	// Others run jobs in place of the Engine, by Place.Executor: jobs that are no
	// lists of steps.
	Others map[string]Runs
	// Requeue is which jobs are run again that lost their place; empty:
	// RequeueSafe.
	Requeue Requeue
}

// Runs runs jobs. It tells the sink of everything from JobStarted to JobFinished,
// keeps no checkpoints, and stops when soft ends; what a cancelled job lets go on
// stops when hard does, too.
type Runs interface {
	Run(soft, hard context.Context, job *Job, sink Sink) Result
}

// Run works until the source ends or ctx is done, and returns when all its
// jobs have been handed in.
func (w *Worker) Run(ctx context.Context) error {
	slots := make(chan struct{}, max(w.Slots, 1))
	var (
		jobs sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for {
		slots <- struct{}{}
		lease, err := w.Source.Next(ctx)
		if err != nil {
			jobs.Wait()
			if !errors.Is(err, io.EOF) {
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		}
		jobs.Go(func() {
			defer func() { <-slots }()
			if err := w.one(ctx, lease); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
}

func (w *Worker) one(ctx context.Context, lease *Lease) error {
	soft, cancel := context.WithCancelCause(ctx)
	hard, force := context.WithCancelCause(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	defer cancel(nil)
	defer force(nil)
	defer close(ended)
	go func() {
		for _, stop := range []context.CancelCauseFunc{cancel, force} {
			select {
			case reason, ok := <-lease.Cancelled:
				if !ok { // closed: no reason will come any more
					return
				}
				stop(reason)
			case <-ended:
				return
			}
		}
	}()
	result := w.execute(soft, hard, lease)
	return lease.Finish(context.WithoutCancel(ctx), result)
}
