package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// enqueue puts jobs of a run of its own into the queue.
func (t *suite) enqueue(run store.RunID, repository store.RepositoryID, priority int, labels []string, jobs ...string) {
	t.Helper()
	var items []store.Item
	for _, j := range jobs {
		items = append(items, store.Item{Key: store.JobKey{Run: run, Attempt: 1, Job: plan.LegID(j)}, Repository: repository, Labels: labels, Priority: priority})
	}
	t.ok(t.s.Enqueue(t.Context(), items))
}

func queueOrder(t *suite) {
	t.lease(store.Offer{Labels: []string{"linux"}}, "")
	t.enqueue(1, 1, 0, []string{"self-hosted", "Linux"}, "a1", "a2")
	t.enqueue(2, 1, 5, []string{"linux", "gpu"}, "g")
	t.enqueue(3, 1, 1, []string{"linux", " SELF-hosted ", "linux"}, "b")
	t.enqueue(1, 1, 9, []string{"linux"}, "a1") // is queued already, and stays
	all := store.Offer{Labels: []string{"LINUX", "self-hosted", "gpu", "x64"}}

	backlog, err := t.s.Backlogs(t.Context())
	t.ok(err)
	t.equal("backlog", []any{len(backlog), backlog[0].Labels, backlog[0].Waiting, backlog[1].Labels, backlog[1].Waiting, backlog[0].Oldest},
		[]any{2, []string{"gpu", "linux"}, 1, []string{"linux", "self-hosted"}, 3, t.clock.now()})

	t.lease(store.Offer{Labels: []string{"linux"}}, "") // offers too little
	t.lease(store.Offer{}, "")
	t.lease(store.Offer{Labels: []string{"self-hosted", "linux"}}, "b") // the higher priority
	t.lease(all, "g")
	l := t.lease(store.Offer{Labels: all.Labels, Worker: "w7", For: time.Hour}, "a1") // the elder
	t.equal("lease", []any{l.Try, l.Item.Tries, l.Item.Worker, l.Expires, l.Item.Key.Run}, []any{1, 1, "w7", t.clock.now().Add(time.Hour), 1})
	t.lease(all, "a2")
	t.lease(all, "")
	t.enqueue(4, 1, 0, []string{"riscv", "*"}, "any")
	t.lease(all, "")
	t.lease(store.Offer{Labels: []string{store.AnyLabel}}, "any")
}

func queueFair(t *suite) {
	for i := range 10 {
		t.enqueue(1, 1, 0, []string{"linux"}, fmt.Sprint("big", i))
	}
	o := store.Offer{Labels: []string{"linux"}}
	t.lease(o, "big0")
	t.enqueue(2, 2, 0, []string{"linux"}, "small0", "small1")
	t.lease(o, "small0")
	t.lease(o, "big1")
	t.lease(o, "small1")
	t.lease(o, "big2")
	// A repository that was served just now is not first for having been empty.
	t.enqueue(3, 1, 0, []string{"linux", "arm"}, "arm")
	t.enqueue(3, 2, 0, []string{"linux"}, "small2")
	t.lease(o, "small2")
	// Priority goes before turns.
	t.enqueue(4, 1, 1, []string{"linux"}, "urgent0", "urgent1")
	t.enqueue(5, 2, 0, []string{"linux"}, "small3")
	t.lease(o, "urgent0")
	t.lease(o, "urgent1")
	t.lease(o, "small3")
	t.lease(o, "big3")
}

func queueLimits(t *suite) {
	t.enqueue(1, 1, 9, []string{"linux"}, "a0", "a1", "a2")
	t.enqueue(2, 2, 0, []string{"linux"}, "b0", "b1")
	one := store.Offer{Labels: []string{"linux"}, Limits: store.Limits{PerRepository: 1}}
	a := t.lease(one, "a0")
	t.lease(one, "b0")
	t.lease(one, "")
	own := store.Offer{Labels: []string{"linux"}, Limits: store.Limits{PerRepository: 1, Repositories: map[store.RepositoryID]int{2: 2}}}
	t.lease(own, "b1")
	t.lease(own, "")
	all := store.Offer{Labels: []string{"linux"}, Limits: store.Limits{Overall: 3}}
	t.lease(all, "")
	t.ok(t.s.Finish(t.Context(), a.Ticket))
	t.lease(one, "a1")
	t.lease(all, "")
	all.Limits.Overall = 4
	t.lease(all, "a2")

	// Repositories at their limit never hide another one behind them.
	for r := range store.RepositoryID(80) {
		t.enqueue(store.RunID(100+r), 100+r, 5, []string{"crowd"}, "x", "y")
	}
	crowd := store.Offer{Labels: []string{"crowd"}, Limits: store.Limits{PerRepository: 1, Repositories: map[store.RepositoryID]int{500: 3}}}
	for range 80 {
		t.lease(crowd, "x")
	}
	t.enqueue(300, 300, 0, []string{"crowd"}, "behind")
	t.lease(crowd, "behind")
	t.lease(crowd, "")
}

func queueLeases(t *suite) {
	t.enqueue(1, 1, 0, []string{"linux"}, "a", "b")
	o := store.Offer{Labels: []string{"linux"}, For: time.Minute, Limits: store.Limits{PerRepository: 1}}
	a := t.lease(o, "a")
	t.clock.add(50 * time.Second)
	e, err := t.s.Extend(t.Context(), a.Ticket, time.Minute)
	t.ok(err)
	t.equal("extended", e, store.Extension{Expires: t.clock.now().Add(time.Minute)})
	t.clock.add(50 * time.Second)
	t.lease(o, "") // still leased: the limit holds
	t.clock.add(20 * time.Second)
	// Expired, but nobody took it: its worker goes on.
	_, err = t.s.Extend(t.Context(), a.Ticket, time.Minute)
	t.ok(err)
	t.clock.add(2 * time.Minute)
	n, err := t.s.Reclaim(t.Context())
	t.ok(err)
	t.equal("expired", n, 1)
	if _, err := t.s.Extend(t.Context(), a.Ticket, time.Minute); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("extended a lease that was brought back: %v", err)
	}
	again := t.lease(o, "a") // at its old place, before b
	t.equal("try", again.Try, 2)
	for name, err := range map[string]error{
		"finish": t.s.Finish(t.Context(), a.Ticket),
		"return": t.s.Return(t.Context(), a.Ticket, 0),
	} {
		if !errors.Is(err, store.ErrLeaseLost) {
			t.Errorf("%s with an old ticket: %v", name, err)
		}
	}
	t.ok(t.s.Finish(t.Context(), again.Ticket))
	if err := t.s.Finish(t.Context(), again.Ticket); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("finished twice: %v", err)
	}
	b := t.lease(o, "b")
	t.ok(t.s.Return(t.Context(), b.Ticket, 0))
	b = t.lease(o, "b")
	t.equal("try after return", b.Try, 2)
}

func queueDelays(t *suite) {
	t.enqueue(1, 1, 0, []string{"linux"}, "a")
	o := store.Offer{Labels: []string{"linux"}}
	a := t.lease(o, "a")
	t.ok(t.s.Return(t.Context(), a.Ticket, time.Hour))
	t.ok(t.s.Enqueue(t.Context(), []store.Item{{Key: store.JobKey{Run: 1, Attempt: 1, Job: "timer"}, Repository: 1, Labels: []string{"linux"}, Due: t.clock.now().Add(30 * time.Minute)}}))
	t.lease(o, "")
	t.clock.add(30 * time.Minute)
	t.lease(o, "timer")
	t.lease(o, "")
	t.clock.add(30 * time.Minute)
	l := t.lease(o, "a")
	t.equal("try", l.Try, 2)
	t.equal("running", l.Item.Due, l.Expires)
}

func queueCancel(t *suite) {
	t.enqueue(1, 1, 0, []string{"linux"}, "a")
	key := store.JobKey{Run: 1, Attempt: 1, Job: "a"}
	if err := t.s.RequestCancel(t.Context(), key, "by mona"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("cancel of a waiting job: %v", err)
	}
	if err := t.s.RequestCancel(t.Context(), store.JobKey{Run: 1, Attempt: 2, Job: "a"}, "x"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("cancel of an unknown job: %v", err)
	}
	o := store.Offer{Labels: []string{"linux"}}
	l := t.lease(o, "a")
	t.equal("not cancelled", l.Item.Cancel, "")
	t.ok(t.s.RequestCancel(t.Context(), key, "by mona"))
	t.ok(t.s.RequestCancel(t.Context(), key, "again"))
	e, err := t.s.Extend(t.Context(), l.Ticket, time.Minute)
	t.ok(err)
	t.equal("told", e.Cancel, "by mona")
	t.clock.add(time.Hour)
	t.equal("told the next", t.lease(o, "a").Item.Cancel, "by mona")
}

func queueRace(t *suite) {
	servers := []store.Store{t.s, t.second()}
	const repositories, each = 6, 20
	for r := range store.RepositoryID(repositories) {
		for j := range each {
			t.enqueue(store.RunID(r+1), r+1, j%3, []string{"linux", fmt.Sprint("v", j%2)}, fmt.Sprint("j", j))
		}
	}
	var mu sync.Mutex
	seen := map[store.JobKey]int{}
	together(8, func(i int) {
		s := servers[i%2]
		idle := 0
		for idle < 20 {
			l, err := s.Lease(t.Context(), store.Offer{Worker: fmt.Sprint(i), Labels: []string{"linux", "v0", "v1"}, For: time.Hour, Limits: store.Limits{PerRepository: 3}})
			if err != nil {
				t.Error(err)
				return
			}
			if l == nil {
				idle++
				time.Sleep(time.Millisecond)
				continue
			}
			idle = 0
			mu.Lock()
			seen[l.Item.Key]++
			mu.Unlock()
			if err := s.Finish(t.Context(), l.Ticket); err != nil {
				t.Error(err)
			}
		}
	})
	t.equal("jobs", len(seen), repositories*each)
	for key, n := range seen {
		if n != 1 {
			t.Errorf("%v was leased %d times", key, n)
		}
	}
	left, err := t.s.ListQueue(t.Context(), 0, 0)
	t.ok(err)
	t.equal("left", len(left), 0)
}

func queueLimitRace(t *suite) {
	servers := []store.Store{t.s, t.second()}
	for r := range store.RepositoryID(4) {
		t.enqueue(store.RunID(r+1), r+1, 0, []string{"linux"}, "a", "b", "c", "d", "e")
	}
	var out atomic.Int32
	var mu sync.Mutex
	per := map[store.RepositoryID]int{}
	together(12, func(i int) {
		for range 3 {
			l, err := servers[i%2].Lease(t.Context(), store.Offer{Worker: "w", Labels: []string{"linux"}, For: time.Hour, Limits: store.Limits{Overall: 5, PerRepository: 2}})
			if err != nil {
				t.Error(err)
			}
			if l != nil {
				out.Add(1)
				mu.Lock()
				per[l.Item.Repository]++
				mu.Unlock()
			}
		}
	})
	t.equal("leased", out.Load(), 5)
	for r, n := range per {
		if n > 2 {
			t.Errorf("repository %d has %d leases, its limit is 2", r, n)
		}
	}
}

func queueBad(t *suite) {
	good := store.Item{Key: store.JobKey{Run: 1, Attempt: 1, Job: "good"}, Repository: 1, Labels: []string{"linux"}}
	for name, bad := range map[string]store.Item{
		"no job":     {Key: store.JobKey{Run: 1, Attempt: 1}, Labels: []string{"linux"}},
		"no attempt": {Key: store.JobKey{Run: 1, Job: "j"}, Labels: []string{"linux"}},
		"no labels":  {Key: store.JobKey{Run: 1, Attempt: 1, Job: "j"}, Labels: []string{" "}},
		"long label": {Key: store.JobKey{Run: 1, Attempt: 1, Job: "j"}, Labels: []string{strings.Repeat("l", 3000)}},
		"long job":   {Key: store.JobKey{Run: 1, Attempt: 1, Job: plan.LegID(strings.Repeat("j", 3000))}, Labels: []string{"linux"}},
	} {
		if err := t.s.Enqueue(t.Context(), []store.Item{good, bad}); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
	t.lease(store.Offer{Labels: []string{"linux"}}, "") // not even the good ones
	for _, label := range []string{`"],["`, "nul\x00", "bad\xff", "ÄÖ", "a,b", "<b>"} {
		t.enqueue(2, 1, 0, []string{label, "linux"}, label2job(label))
		t.lease(store.Offer{Labels: []string{"linux", "linux,a", `"`}}, "")
		t.lease(store.Offer{Labels: []string{label, "linux"}}, label2job(label))
	}
}

// label2job is an id that any label can be told by.
func label2job(label string) string { return fmt.Sprintf("j%x", label) }
