package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/trust"
	"github.com/drydock-ci/drydock/workflow"
)

// Queue is what intake needs of the queue.
type Queue interface {
	Create(ctx context.Context, s store.Settlement, runs []queue.Planned) ([]store.Made, error)
	Cancel(ctx context.Context, id store.RunID, by store.Actor, reason string, force bool) error
	Rerun(ctx context.Context, id store.RunID, r queue.RerunRequest) (int, error)
	Approve(ctx context.Context, a store.Approval) error
}

// Options of New.
type Options struct {
	Store  store.Store
	Queue  Queue
	Reader *repository.Reader

	AppID     int64  // check runs of others are not ours to run again
	Slug      string // of the App: its own events start no workflows
	Endpoints auth.Endpoints

	// Services plans the services that repositories declare; nil: nobody does.
	Services Services

	Policy trust.Policy // which zones wait for approval; nil: trust.Default()
	// Variables are those of the vars context; nil: there are none.
	Variables func(ctx context.Context, organization, repository int64, environment string) (map[string]string, error)
	// DefaultPermissions are what GITHUB_TOKEN may do when no file says so; nil:
	// contents and packages can be read (GitHub's restricted default).
	DefaultPermissions *workflow.Permissions
	// Forget is told of installations that were removed or changed; may be nil.
	Forget func(installation int64)

	Workers int           // repositories being worked on at once; 0: 16
	Claim   time.Duration // how long a delivery may take; 0: 1 min
	Log     *slog.Logger
	Now     func() time.Time
}

// Intake is the worker over the deliveries of a store. Several may share one.
type Intake struct {
	o    Options
	log  *slog.Logger
	wake chan struct{}

	mu    sync.Mutex
	lanes map[lane][]store.Delivery // deliveries that wait for their lane
	busy  int                       // deliveries claimed and not settled
	swept time.Time                 // when runs were last looked at for their story
	group sync.WaitGroup
}

// New makes an Intake; Run starts it.
func New(o Options) *Intake {
	if o.Workers <= 0 {
		o.Workers = 16
	}
	if o.Claim <= 0 {
		o.Claim = time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.DefaultPermissions == nil {
		o.DefaultPermissions = &workflow.Permissions{Scopes: map[string]string{"contents": "read", "packages": "read"}}
	}
	if o.Policy == nil {
		o.Policy = trust.Default()
	}
	return &Intake{o: o, log: o.Log, wake: make(chan struct{}, 1), lanes: map[lane][]store.Delivery{}}
}

// Wake says that deliveries were stored. It does not block.
func (i *Intake) Wake() {
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

const (
	idle        = time.Second // between looks at the store when nobody wakes us
	tickEvery   = 15 * time.Second
	sweepEvery  = 10 * time.Minute
	pruneEvery  = time.Hour
	maxAttempts = 40 // of one delivery; with the pauses between them about three hours
	firstPause  = 2 * time.Second
	lastPause   = 5 * time.Minute
)

// Run works until the context ends: deliveries, schedules, and what a dead process
// left undone.
func (i *Intake) Run(ctx context.Context) error {
	defer i.group.Wait()
	i.group.Go(func() { i.every(ctx, tickEvery, "start what is scheduled", i.Tick) })
	i.group.Go(func() { i.every(ctx, sweepEvery, "find what was left undone", i.sweep) })
	i.group.Go(func() { i.every(ctx, pruneEvery, "forget what is old", i.prune) })
	timer := time.NewTicker(idle)
	defer timer.Stop()
	for {
		more, err := i.claim(ctx)
		if err != nil && ctx.Err() == nil {
			i.log.ErrorContext(ctx, "claim deliveries", "error", err)
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-i.wake:
		case <-timer.C:
		}
	}
}

// every calls f now and then; its errors are for the log: the next call tries again.
func (i *Intake) every(ctx context.Context, d time.Duration, what string, f func(context.Context) error) {
	for {
		if err := i.guard(func() error { return f(ctx) }); err != nil && ctx.Err() == nil {
			i.log.ErrorContext(ctx, "a task of intake failed", "task", what, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(d):
		}
	}
}

// claim takes what there is room for; more: there may be more at once.
func (i *Intake) claim(ctx context.Context) (more bool, err error) {
	i.mu.Lock()
	room := 2*i.o.Workers - i.busy
	i.mu.Unlock()
	if room <= 0 {
		return false, nil
	}
	list, err := i.o.Store.ClaimDeliveries(ctx, room, i.o.Claim)
	if err != nil {
		return false, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, d := range list {
		// Those of a repository go one after the other in the order of their coming:
		// which run of a concurrency group is the newer one depends on it.
		var of struct {
			Repository struct{ ID store.RepositoryID }
		}
		_ = json.Unmarshal(d.Body, &of) // what is no JSON gets its fate in settle
		lane := lane{of.Repository.ID, d.Headers[source] == fromServices}
		waiting, running := i.lanes[lane]
		i.lanes[lane] = append(waiting, d)
		i.busy++
		if !running {
			i.group.Go(func() { i.work(ctx, lane) })
		}
	}
	return len(list) == room, nil
}

// lane is where deliveries go one after the other. Services have one of their own:
// workflows do not wait until a repository is on this server.
type lane struct {
	repository store.RepositoryID
	services   bool
}

// work settles the deliveries of a lane until there are none.
func (i *Intake) work(ctx context.Context, lane lane) {
	for {
		i.mu.Lock()
		list := i.lanes[lane]
		if len(list) == 0 {
			delete(i.lanes, lane)
			i.mu.Unlock()
			return
		}
		d := list[0]
		i.lanes[lane] = list[1:]
		i.mu.Unlock()
		i.settle(ctx, d)
		i.mu.Lock()
		i.busy--
		full := i.busy == 2*i.o.Workers-1
		i.mu.Unlock()
		if full {
			i.Wake()
		}
	}
}

// settle handles one claimed delivery and gives it its fate.
func (i *Intake) settle(ctx context.Context, d store.Delivery) {
	log := i.log.With("delivery", string(d.ID), "event", d.Event)
	limited, cancel := context.WithTimeout(ctx, i.o.Claim-i.o.Claim/8)
	defer cancel()
	err := i.guard(func() error { return i.handle(limited, d) })
	s := store.Settlement{Delivery: d.ID, Attempt: d.Attempts}
	var end *ended
	switch {
	case err == nil:
		return // settled together with its runs
	case errors.As(err, &end):
		s.Fate, s.Reason, s.Delay = end.fate, end.reason, end.delay
	case errors.Is(err, store.ErrLeaseLost):
		log.WarnContext(ctx, "somebody else has the delivery by now")
		return
	default:
		i.failed(&s, d, err)
	}
	log.DebugContext(ctx, "delivery settled", "fate", string(s.Fate), "reason", s.Reason)
	// A server that stops gives back what it holds, so that the next one need not wait.
	closing, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if ctx.Err() != nil {
		s = store.Settlement{Delivery: d.ID, Attempt: d.Attempts, Fate: store.Pending}
	}
	if err := i.o.Store.Settle(closing, s); err != nil && !errors.Is(err, store.ErrLeaseLost) {
		log.ErrorContext(ctx, "settle delivery", "error", err)
	}
}

// failed decides between another try and giving up.
func (i *Intake) failed(s *store.Settlement, d store.Delivery, err error) {
	var limit *auth.RateLimitedError
	var broken *panicked
	kind := repository.KindOf(err)
	switch {
	case kind == repository.Gone || kind == repository.NoCommit:
		s.Fate, s.Reason = store.Ignored, err.Error()
	case kind != "":
		s.Fate, s.Reason = store.Failed, err.Error()
	case errors.As(err, &broken):
		i.log.Error("planning a delivery panicked", "delivery", string(d.ID), "panic", broken.Error(), "stack", broken.stack)
		s.Fate, s.Reason = store.Failed, "an error of this program: "+err.Error()
	case d.Attempts >= maxAttempts:
		s.Fate, s.Reason = store.Failed, fmt.Sprintf("given up after %d tries: %v", d.Attempts, err)
	case errors.As(err, &limit):
		s.Fate, s.Reason, s.Delay = store.Pending, err.Error(), max(time.Second, limit.Until.Sub(i.o.Now()))
	default:
		s.Fate, s.Reason, s.Delay = store.Pending, err.Error(), min(lastPause, firstPause<<min(d.Attempts-1, 10))
	}
}

// ended is a delivery's fate as an error, so that it can come from any depth.
type ended struct {
	fate   store.Fate
	reason string
	delay  time.Duration // of Pending
}

func (e *ended) Error() string { return string(e.fate) + ": " + e.reason }

func ignored(format string, args ...any) error {
	return &ended{fate: store.Ignored, reason: fmt.Sprintf(format, args...)}
}

func done(format string, args ...any) error {
	return &ended{fate: store.Planned, reason: fmt.Sprintf(format, args...)}
}

// panicked is a panic as an error: a stranger's payload must not end the server.
type panicked struct {
	value any
	stack string
}

func (p *panicked) Error() string { return fmt.Sprint("panic: ", p.value) }

func (i *Intake) guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{value: v, stack: string(debug.Stack())}
		}
	}()
	return f()
}
