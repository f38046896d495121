package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Opener opens the same database again each time: a second server, or the first
// after it died.
type Opener func(now func() time.Time) store.Store

// Backend makes an empty database for a test.
type Backend func(t *testing.T) Opener

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// suite is what each test gets.
type suite struct {
	*testing.T
	open  Opener
	clock *clock
	s     store.Store
}

// Run holds an implementation against the suite.
func Run(t *testing.T, backend Backend) {
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"deliveries/ledger", deliveriesLedger},
		{"deliveries/claims", deliveriesClaims},
		{"deliveries/listing and pruning", deliveriesPrune},
		{"deliveries/two servers", deliveriesRace},
		{"runs/created whole or not at all", runsCreate},
		{"runs/one cause one run", runsOrigin},
		{"runs/commit", runsCommit},
		{"runs/one commit wins", runsRace},
		{"runs/commit with lost lease", runsLostLease},
		{"runs/dequeue", runsDequeue},
		{"runs/filters", runsFilters},
		{"runs/pruning", runsPrune},
		{"runs/hostile text", runsHostile},
		{"groups/turns", groupsTurns},
		{"groups/cancel in progress", groupsCancel},
		{"groups/queue max", groupsQueueMax},
		{"groups/one holder", groupsRace},
		{"approvals/bound to the commit", approvals},
		{"queue/labels and order", queueOrder},
		{"queue/fairness", queueFair},
		{"queue/limits", queueLimits},
		{"queue/leases", queueLeases},
		{"queue/delays", queueDelays},
		{"queue/cancel", queueCancel},
		{"queue/each job once", queueRace},
		{"queue/limits of two servers", queueLimitRace},
		{"queue/bad items", queueBad},
		{"events/sequence", eventsSequence},
		{"events/one writer", eventsRace},
		{"secrets/scopes", secretScopes},
		{"values/swap", valuesSwap},
		{"values/one winner", valuesRace},
		{"survives a restart", restart},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)}
			open := backend(t)
			s := open(c.now)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			test.run(&suite{T: t, open: open, clock: c, s: s})
		})
	}
}

// second is another server on the same database.
func (t *suite) second() store.Store {
	t.Helper()
	s := t.open(t.clock.now)
	t.Cleanup(func() { s.Close() })
	return s
}

func (t *suite) ok(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// equal compares by what is printed: times and ids alike.
func (t *suite) equal(what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// run makes a run with jobs, all of them queued for the labels.
func (t *suite) run(repository store.RepositoryID, labels []string, jobs ...string) store.Run {
	t.Helper()
	n := store.NewRun{Run: store.Run{Repository: repository, RepositoryName: "octo/app", Workflow: "ci.yml", Name: "CI", Event: "push", HeadSHA: "abc", Plan: []byte("plan")}}
	for _, j := range jobs {
		key := store.JobKey{Job: plan.LegID(j)}
		n.Jobs = append(n.Jobs, store.Job{JobKey: key, Name: j, Labels: labels, State: store.Queued})
		n.Enqueue = append(n.Enqueue, store.Item{Key: key, Labels: labels})
	}
	made, err := t.s.CreateRuns(t.Context(), store.Settlement{}, []store.NewRun{n})
	t.ok(err)
	r, err := t.s.Run(t.Context(), made[0].ID)
	t.ok(err)
	return *r
}

// lease leases or fails; "" in want means nothing may be leased.
func (t *suite) lease(o store.Offer, want string) *store.Lease {
	t.Helper()
	if o.For == 0 {
		o.For = time.Minute
	}
	if o.Worker == "" {
		o.Worker = "w"
	}
	t.clock.add(time.Millisecond)
	got, err := t.s.Lease(t.Context(), o)
	t.ok(err)
	switch {
	case got == nil && want != "":
		t.Fatalf("nothing was leased, want %q", want)
	case got != nil && string(got.Item.Key.Job) != want:
		t.Fatalf("leased %q, want %q", got.Item.Key.Job, want)
	}
	return got
}

// together runs f n times at once and waits for all.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-start; f(i) })
	}
	close(start)
	wg.Wait()
}
