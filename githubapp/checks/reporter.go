package checks

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// Options of New. Store, Clients and URL are needed.
type Options struct {
	Store   store.Store
	Clients func(installation int64) (*github.Client, error)
	// URL is the page of a job, or with Job "" of a run.
	URL func(store.JobKey) string
	// AppID is the App's: check runs of others are never taken for ours. 0: that
	// is not looked at.
	AppID int64
	// Budget is what is left of an installation's hourly requests; limit 0: nobody
	// knows. nil: nobody ever does.
	Budget func(installation int64) (remaining, limit int)
	// Name tells this reporter from those of other servers; "": a random one.
	Name string
	Log  *slog.Logger
	Now  func() time.Time
}

// Reporter keeps check runs in step with the store.
type Reporter struct {
	Options

	mu      sync.Mutex
	due     map[store.RunID]time.Time
	failed  map[store.RunID]int // times in a row
	working map[store.RunID]bool
	told    map[store.RunID]int64 // open runs of which all was said, by their version
	held    map[int64]time.Time   // installations that GitHub takes no requests of until then
	wake    chan struct{}
}

const (
	workers  = 4
	gather   = 300 * time.Millisecond // changes that come together are told together
	scan     = 30 * time.Second
	deepScan = time.Hour
	recent   = 24 * time.Hour // how far back a deep scan looks
	claimFor = 90 * time.Second
	// A request that takes longer, as when GitHub limits us, keeps others waiting.
	oneRequest = 30 * time.Second
	// A job that is over within this time costs no request for having begun.
	brief     = 2 * time.Second
	firstWait = 2 * time.Second
	saveEvery = time.Second
	lastWait  = 5 * time.Minute
)

// New makes a Reporter; Run starts it.
func New(o Options) *Reporter {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Name == "" {
		o.Name = randomName()
	}
	return &Reporter{
		Options: o, due: map[store.RunID]time.Time{}, failed: map[store.RunID]int{}, working: map[store.RunID]bool{},
		told: map[store.RunID]int64{}, held: map[int64]time.Time{}, wake: make(chan struct{}, 1),
	}
}

func randomName() string {
	var b strings.Builder
	for range 12 {
		b.WriteByte("abcdefghijklmnopqrstuvwxyz"[rand.IntN(26)])
	}
	return b.String()
}

// Changed says that a run changed. It does not block.
func (r *Reporter) Changed(id store.RunID) { r.soon(id, r.Now().Add(gather)) }

// soon makes a run due. One whose last report failed keeps its time: else a GitHub
// that is away would be asked with each change.
func (r *Reporter) soon(id store.RunID, when time.Time) {
	r.mu.Lock()
	_, waits := r.due[id]
	waits = waits && r.failed[id] > 0
	r.mu.Unlock()
	if !waits {
		r.at(id, when)
	}
}

// at makes a run due, if it is not due earlier.
func (r *Reporter) at(id store.RunID, when time.Time) {
	r.mu.Lock()
	if old, ok := r.due[id]; !ok || when.Before(old) {
		r.due[id] = when
	}
	r.mu.Unlock()
	r.nudge()
}

// nudge lets Run look again.
func (r *Reporter) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run reports until ctx ends.
func (r *Reporter) Run(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	slots := make(chan struct{}, workers)
	var scanned, deep time.Time
	for ctx.Err() == nil {
		now := r.Now()
		if now.Sub(scanned) >= scan {
			all := now.Sub(deep) >= deepScan
			if err := r.find(ctx, all); err != nil && ctx.Err() == nil {
				r.Log.Warn("look for runs to report", "err", err)
			}
			if scanned = now; all {
				deep = now
			}
		}
		id, wait := r.next(now)
		if id == 0 {
			select {
			case <-ctx.Done():
			case <-r.wake:
			case <-time.After(min(wait, scan)):
			}
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		group.Go(func() {
			defer func() { <-slots }()
			r.one(ctx, id)
		})
	}
	return context.Cause(ctx)
}

// next is a run that is due and not being worked on, else how long until then.
func (r *Reporter) next(now time.Time) (store.RunID, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := scan
	var first store.RunID
	for id, when := range r.due {
		switch {
		case r.working[id]:
		case when.After(now):
			wait = min(wait, when.Sub(now))
		case first == 0 || when.Before(r.due[first]):
			first = id
		}
	}
	if first != 0 {
		delete(r.due, first)
		r.working[first] = true
	}
	return first, wait
}

// one reports a run and decides when to look at it again.
func (r *Reporter) one(ctx context.Context, id store.RunID) {
	again, err := r.report(ctx, id)
	r.mu.Lock()
	delete(r.working, id)
	tries := 0
	if err != nil && ctx.Err() == nil {
		r.failed[id]++
		tries = r.failed[id]
	} else {
		delete(r.failed, id)
	}
	r.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		wait := min(lastWait, firstWait<<min(tries-1, 8))
		r.Log.Warn("report a run at GitHub", "run", id, "tries", tries, "err", err)
		r.at(id, r.Now().Add(wait))
	case again > 0:
		r.at(id, r.Now().Add(again))
	default: // what changed meanwhile is due already
		r.nudge()
	}
}

// find makes runs due that nobody told of: those that have not ended and are not
// as they were told, those whose report was begun, and now and then those that
// ended lately without one.
func (r *Reporter) find(ctx context.Context, deep bool) error {
	now := r.Now()
	begun, err := r.Store.ListValues(ctx, recordPrefix)
	if err != nil {
		return err
	}
	r.mu.Lock()
	known := r.told
	r.told = map[store.RunID]int64{}
	r.mu.Unlock()
	open := map[store.RunID]bool{}
	states := []store.State{store.Waiting, store.PendingRun, store.Queued, store.InProgress}
	err = r.list(ctx, store.RunFilter{States: states, Limit: 500}, time.Time{}, func(run store.Run) {
		open[run.ID] = true
		if version, ok := known[run.ID]; ok && version == run.Version {
			r.noteTold(run.ID, version)
			return
		}
		r.soon(run.ID, now)
	})
	if err != nil {
		return err
	}
	for name := range begun {
		if id, ok := recordOf(name); ok && !open[id] {
			r.soon(id, now)
		}
	}
	if !deep {
		return nil
	}
	return r.list(ctx, store.RunFilter{States: []store.State{store.Completed}, Limit: 500}, now.Add(-recent), func(run store.Run) { r.soon(run.ID, now) })
}

// noteTold remembers that all was said of an open run, as it was at that version.
func (r *Reporter) noteTold(id store.RunID, version int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told[id] = version
}

// list goes through runs, the newest first, down to those that ended before since.
func (r *Reporter) list(ctx context.Context, f store.RunFilter, since time.Time, do func(store.Run)) error {
	for {
		runs, err := r.Store.ListRuns(ctx, f)
		if err != nil {
			return err
		}
		for _, run := range runs {
			if run.Finished.IsZero() || run.Finished.After(since) {
				do(run)
			}
			f.Before = run.ID
		}
		if len(runs) < f.Limit || runs[len(runs)-1].Created.Before(since) {
			return nil
		}
	}
}

var errClaimed = errors.New("another server reports the run")
