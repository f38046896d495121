package queue

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

var errDead = errors.New("this server is dead")

// mortal is the store as one server sees it that dies at one of its calls, before
// or after the call did its work, or when it is told to. Nothing reaches the
// store after that.
type mortal struct {
	store.Store

	mu    sync.Mutex
	rng   *rand.Rand
	odds  int // dies at one in so many calls; 0: when told to
	dead  chan struct{}
	calls int
}

func newMortal(s store.Store, rng *rand.Rand, odds int) *mortal {
	return &mortal{Store: s, rng: rng, odds: odds, dead: make(chan struct{})}
}

func (m *mortal) isDead() bool {
	select {
	case <-m.dead:
		return true
	default:
		return false
	}
}

func (m *mortal) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.isDead() {
		close(m.dead)
	}
}

// dies tells whether this is the call at which it dies.
func (m *mortal) dies() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if m.isDead() {
		return true
	}
	if m.odds > 0 && m.rng.IntN(m.odds) == 0 {
		close(m.dead)
		return true
	}
	return false
}

func call[T any](m *mortal, f func() (T, error)) (T, error) {
	var none T
	if m.isDead() || m.dies() {
		return none, errDead
	}
	got, err := f()
	if m.isDead() || m.dies() {
		return none, errDead
	}
	return got, err
}

func (m *mortal) do(f func() error) error {
	_, err := call(m, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

func (m *mortal) CreateRuns(ctx context.Context, s store.Settlement, runs []store.NewRun) ([]store.Made, error) {
	return call(m, func() ([]store.Made, error) { return m.Store.CreateRuns(ctx, s, runs) })
}

func (m *mortal) CommitRun(ctx context.Context, c store.Change) (store.Committed, error) {
	return call(m, func() (store.Committed, error) { return m.Store.CommitRun(ctx, c) })
}

func (m *mortal) Run(ctx context.Context, id store.RunID) (*store.Run, error) {
	return call(m, func() (*store.Run, error) { return m.Store.Run(ctx, id) })
}

func (m *mortal) ListRuns(ctx context.Context, f store.RunFilter) ([]store.Run, error) {
	return call(m, func() ([]store.Run, error) { return m.Store.ListRuns(ctx, f) })
}

func (m *mortal) Job(ctx context.Context, key store.JobKey) (*store.Job, error) {
	return call(m, func() (*store.Job, error) { return m.Store.Job(ctx, key) })
}

func (m *mortal) ListJobs(ctx context.Context, run store.RunID, attempt int) ([]store.Job, error) {
	return call(m, func() ([]store.Job, error) { return m.Store.ListJobs(ctx, run, attempt) })
}

func (m *mortal) SaveCheckpoint(ctx context.Context, t store.Ticket, data []byte) error {
	return m.do(func() error { return m.Store.SaveCheckpoint(ctx, t, data) })
}

func (m *mortal) EnterGroup(ctx context.Context, c store.Claim) (store.Entered, error) {
	return call(m, func() (store.Entered, error) { return m.Store.EnterGroup(ctx, c) })
}

func (m *mortal) LeaveGroups(ctx context.Context, h []store.Holder) ([]store.Holder, error) {
	return call(m, func() ([]store.Holder, error) { return m.Store.LeaveGroups(ctx, h) })
}

func (m *mortal) GroupEntries(ctx context.Context, r store.RepositoryID) ([]store.Entry, error) {
	return call(m, func() ([]store.Entry, error) { return m.Store.GroupEntries(ctx, r) })
}

func (m *mortal) Lease(ctx context.Context, o store.Offer) (*store.Lease, error) {
	return call(m, func() (*store.Lease, error) { return m.Store.Lease(ctx, o) })
}

func (m *mortal) Extend(ctx context.Context, t store.Ticket, d time.Duration) (store.Extension, error) {
	return call(m, func() (store.Extension, error) { return m.Store.Extend(ctx, t, d) })
}

func (m *mortal) Finish(ctx context.Context, t store.Ticket) error {
	return m.do(func() error { return m.Store.Finish(ctx, t) })
}

func (m *mortal) Return(ctx context.Context, t store.Ticket, d time.Duration) error {
	return m.do(func() error { return m.Store.Return(ctx, t, d) })
}

func (m *mortal) RequestCancel(ctx context.Context, key store.JobKey, reason string) error {
	return m.do(func() error { return m.Store.RequestCancel(ctx, key, reason) })
}

func (m *mortal) Reclaim(ctx context.Context) (int, error) {
	return call(m, func() (int, error) { return m.Store.Reclaim(ctx) })
}

func (m *mortal) ListQueue(ctx context.Context, run store.RunID, limit int) ([]store.Item, error) {
	return call(m, func() ([]store.Item, error) { return m.Store.ListQueue(ctx, run, limit) })
}

func (m *mortal) AppendEvents(ctx context.Context, s store.Stream, after store.Sequence, data [][]byte) (store.Sequence, error) {
	return call(m, func() (store.Sequence, error) { return m.Store.AppendEvents(ctx, s, after, data) })
}

func (m *mortal) LastEvent(ctx context.Context, s store.Stream) (store.Sequence, error) {
	return call(m, func() (store.Sequence, error) { return m.Store.LastEvent(ctx, s) })
}

func (m *mortal) EventsSince(ctx context.Context, s store.Stream, after store.Sequence, n int) ([]store.Event, error) {
	return call(m, func() ([]store.Event, error) { return m.Store.EventsSince(ctx, s, after, n) })
}

func (m *mortal) ListApprovals(ctx context.Context, run store.RunID) ([]store.Approval, error) {
	return call(m, func() ([]store.Approval, error) { return m.Store.ListApprovals(ctx, run) })
}

// bury ends what a dead server would still try.
func bury(m *mortal, q *Queue) {
	m.kill()
	q.mu.Lock()
	leases := slices.Collect(maps.Values(q.leases))
	q.mu.Unlock()
	for _, l := range leases {
		l.lose()
	}
}
