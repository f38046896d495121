package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// TestLoop: what a dead server has left is found by another.
func TestLoop(t *testing.T) {
	b := on(t)
	b.q.Approval = func(r *store.Run) string { return map[bool]string{true: "ask"}[r.Zone == "fork"] }
	// A run that nobody began, more of them than a tick looks at.
	var left []store.RunID
	for range 50 {
		n, err := b.q.newRun(planned(b, "jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n"))
		b.ok(err)
		made, err := b.s.CreateRuns(b.Context(), store.Settlement{}, []store.NewRun{n})
		b.ok(err)
		left = append(left, made[0].ID)
	}
	// An approval that nobody acted upon.
	fork := b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n", func(r *store.Run) { r.Zone = "fork" })
	b.ok(b.s.Approve(b.Context(), store.Approval{Run: fork, SHA: "abc", By: hub, Verdict: store.Approved}))
	// A place in a group that nobody left, and somebody behind it.
	over := b.start("jobs:\n  a: {runs-on: nowhere, steps: [{run: echo}]}\n")
	_, err := b.s.EnterGroup(b.Context(), store.Claim{Repository: 1, Group: "deploy", Holder: store.Holder{Run: over}})
	b.ok(err)
	behind := b.start(fmt.Sprintf(grouped, "false"))
	b.want(behind, "pending: waits for concurrency group 'deploy'")
	// A lease that nobody holds.
	dead := b.server("dead")
	dead.extend = time.Hour
	id := left[0]
	b.ok(b.q.Advance(b.Context(), id))
	b.nextOf(dead, "1-1 a")
	b.clock.add(time.Minute)

	b.looks(b.server("a"))
	b.looks(b.server("b"))
	for _, id := range append(left[1:], fork, behind) {
		b.until(fmt.Sprint("run ", id), func() bool { return b.run(id).State == store.Queued })
	}
	b.until("the lease", func() bool {
		items, err := b.s.ListQueue(b.Context(), id, 1)
		b.ok(err)
		return items[0].Worker == ""
	})
}

// TestManyServers: several servers look after and work on the same runs, and get
// in each other's way without harm.
func TestManyServers(t *testing.T) {
	b := on(t)
	var runs []store.RunID
	for i := range 4 {
		runs = append(runs, b.start(fmt.Sprintf(`
jobs:
  a: {strategy: {matrix: {n: [1, 2, 3, 4, 5, 6]}}, runs-on: x, steps: [{run: echo}]}
  b: {needs: a, concurrency: one, runs-on: x, steps: [{run: echo}]}
  c: {needs: a, concurrency: two%d, runs-on: x, steps: [{run: echo}]}
`, i%2)))
	}
	ctx, stop := context.WithCancel(b.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	var mu sync.Mutex
	ran := map[store.JobKey]int{}
	holding := map[string]int{}
	for i := range 3 {
		q := b.server(fmt.Sprint("s", i))
		b.looks(q)
		for range 2 {
			all.Go(func() {
				for {
					l, err := q.Source().Next(ctx)
					if err != nil {
						return
					}
					key, _ := KeyOf(l.Job)
					mu.Lock()
					ran[key]++
					for _, c := range l.Job.Leg.Concurrency {
						if holding[c.Group]++; holding[c.Group] > 1 {
							b.Errorf("%d jobs of group %q run at once", holding[c.Group], c.Group)
						}
					}
					mu.Unlock()
					time.Sleep(5 * time.Millisecond)
					mu.Lock()
					for _, c := range l.Job.Leg.Concurrency {
						holding[c.Group]--
					}
					mu.Unlock()
					if err := l.Finish(b.Context(), resultOf(plan.Success)); err != nil {
						b.Errorf("finish: %v", err)
					}
				}
			})
		}
	}
	for _, id := range runs {
		b.until("the end", func() bool { return b.run(id).State == store.Completed })
	}
	stop()
	all.Wait()
	for key, n := range ran {
		if n != 1 {
			b.Errorf("%v ran %d times", key, n)
		}
	}
}

// listed holds the first list of the queue back until it is let go.
type listed struct {
	store.Store
	calls      atomic.Int32
	asked, let chan struct{}
}

func (l *listed) ListQueue(ctx context.Context, run store.RunID, limit int) ([]store.Item, error) {
	if l.calls.Add(1) == 1 {
		close(l.asked)
		<-l.let
	}
	return l.Store.ListQueue(ctx, run, limit)
}

// TestFirstLeases: two workers of a server that has just begun do not take each
// other's job for one of the process before.
func TestFirstLeases(t *testing.T) {
	b := on(t)
	b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n")
	l := &listed{Store: b.s, asked: make(chan struct{}), let: make(chan struct{})}
	q := b.server("new", func(o *Options) { o.Store = l })
	took := make(chan *runner.Lease, 2)
	take := func() {
		lease, err := q.take(b.Context())
		if err != nil {
			b.Error(err)
		}
		took <- lease
	}
	go take()
	<-l.asked
	go take()
	time.Sleep(100 * time.Millisecond) // for the other one to take it
	close(l.let)
	one, two := <-took, <-took
	if (one == nil) == (two == nil) {
		b.Errorf("one job was taken as %v and %v", one, two)
	}
}

// TestCancelRace: a run is cancelled by hand, by force and by a newer run of its
// group while its jobs are taken and end. It ends, and the group goes on.
func TestCancelRace(t *testing.T) {
	b := on(t)
	other := b.server("other")
	text := fmt.Sprintf(grouped, "true") + "  b: {runs-on: x, steps: [{run: echo}]}\n  c: {needs: [a, b], if: always(), runs-on: x, steps: [{run: echo}]}\n"
	p := planned(t, text)
	ctx, stop := context.WithCancel(b.Context())
	var workers, actors sync.WaitGroup
	defer workers.Wait()
	defer stop()
	for _, q := range []*Queue{b.q, other} {
		b.looks(q)
		workers.Go(func() {
			for {
				l, err := q.Source().Next(ctx)
				if err != nil {
					return
				}
				c := plan.Success
				select {
				case <-l.Cancelled:
					c = plan.Cancelled
				case <-time.After(3 * time.Millisecond):
				}
				_ = l.Finish(b.Context(), resultOf(c))
			}
		})
	}
	var runs []store.RunID
	for i := range 12 {
		id := b.create(p)
		runs = append(runs, id)
		actors.Go(func() { _ = other.Cancel(ctx, id, mona, "by hand", i%2 == 0) })
		if i%3 == 0 {
			actors.Go(func() { _ = b.q.Cancel(ctx, id, hub, "by hand, too", false) })
		}
		time.Sleep(time.Duration(i) * time.Millisecond)
	}
	last := b.create(p)
	actors.Wait()
	defer func() {
		if b.Failed() {
			b.Log(b.story(append(runs, last)))
		}
	}()
	for _, id := range append(runs, last) {
		b.until(fmt.Sprint("run ", id), func() bool { return b.run(id).State == store.Completed })
	}
	if r := b.run(last); r.Conclusion != plan.Success {
		b.Errorf("the last run is %+v", r)
	}
	stop()
	workers.Wait()
	// Who looks after the runs may have entered a group that it leaves again.
	b.until("the group to be empty", func() bool {
		entries, err := b.s.GroupEntries(b.Context(), 0)
		b.ok(err)
		return len(entries) == 0
	})
	items, err := b.s.ListQueue(b.Context(), 0, 10)
	if err != nil || len(items) != 0 {
		b.Errorf("in the queue are %+v, %v", items, err)
	}
}

// TestNext waits for what comes, and ends with its context or a drain.
func TestNext(t *testing.T) {
	b := on(t)
	b.q.poll = time.Hour // it has to be woken
	got := make(chan string)
	next := func(ctx context.Context) {
		l, err := b.q.Source().Next(ctx)
		if err != nil {
			got <- err.Error()
			return
		}
		b.finish(l, plan.Success)
		got <- string(l.Job.ID())
	}
	ctx, stop := context.WithCancelCause(b.Context())
	go next(ctx)
	time.Sleep(20 * time.Millisecond)
	b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n")
	if id := <-got; id != "a" {
		b.Errorf("got %q", id)
	}
	go next(ctx)
	stop(errors.New("shutdown"))
	if text := <-got; text != "shutdown" {
		b.Errorf("got %q", text)
	}
	go next(b.Context())
	time.Sleep(20 * time.Millisecond)
	b.q.Drain()
	b.q.Drain()
	if text := <-got; text != "EOF" {
		b.Errorf("got %q", text)
	}
}
