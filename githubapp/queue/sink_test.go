package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// slowStore answers when it is let to, or fails.
type slowStore struct {
	store.Store
	gate    sync.Mutex
	failing atomic.Bool
	most    atomic.Int64 // bytes of one call
}

func (s *slowStore) AppendEvents(ctx context.Context, stream store.Stream, after store.Sequence, data [][]byte) (store.Sequence, error) {
	s.gate.Lock()
	defer s.gate.Unlock()
	n := 0
	for _, d := range data {
		n += len(d)
		if len(d) > chunkSize && strings.Count(string(d), "\n") > 1 {
			return 0, fmt.Errorf("a chunk has %d bytes", len(d))
		}
	}
	s.most.Store(max(s.most.Load(), int64(n)))
	if s.failing.Load() {
		return 0, errors.New("the disk is full")
	}
	return s.Store.AppendEvents(ctx, stream, after, data)
}

// TestSlowStore: a job is as slow as the store, nothing is dropped, and what
// waits is bounded.
func TestSlowStore(t *testing.T) {
	b := on(t)
	slow := &slowStore{Store: b.s}
	q := b.server("s", func(o *Options) { o.Store = slow })
	q.lease = time.Minute
	id := b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n")
	l := b.nextOf(q, "1-1 a")
	slow.gate.Lock()
	const lines = 12000
	var emitted atomic.Int64
	done := make(chan struct{})
	long := strings.Repeat("x", 1000)
	go func() {
		defer close(done)
		for i := range lines {
			l.Sink.Emit(runner.Line{Job: "a", Step: 1, Text: fmt.Sprint(i, " ", long)})
			emitted.Add(1)
		}
		l.Sink.Emit(runner.Line{Job: "a", Step: 1, Text: strings.Repeat("y", 3*chunkSize)})
	}()
	b.until("the buffer to be full", func() bool { return emitted.Load()*1050 >= maxBuffered*3/4 })
	last, same := int64(0), 0
	b.until("the job to be slowed down", func() bool {
		now := emitted.Load()
		if same++; now != last {
			last, same = now, 0
		}
		time.Sleep(20 * time.Millisecond)
		return same >= 5 // a machine that is busy stands still for a while, too
	})
	if n := last * 1050; n > 2*maxBuffered+chunkSize {
		b.Errorf("%d bytes wait, want about %d", n, maxBuffered)
	}
	slow.failing.Store(true)
	slow.gate.Unlock()
	time.Sleep(30 * time.Millisecond)
	slow.failing.Store(false)
	<-done
	b.finish(l, plan.Success)
	got := b.log(id, 1, "a")
	if len(got) != lines+1 {
		b.Fatalf("%d lines, want %d", len(got), lines+1)
	}
	for i, text := range got[:lines] {
		if !strings.HasPrefix(text, fmt.Sprint(i, " ")) {
			b.Fatalf("line %d is %.20q", i, text)
		}
	}
}

func (s *slowStore) SaveCheckpoint(ctx context.Context, t store.Ticket, data []byte) error {
	if s.failing.Load() {
		return errors.New("the disk is full")
	}
	return s.Store.SaveCheckpoint(ctx, t, data)
}

// TestCheckpointWaits: what waits for a checkpoint to be kept waits until it is.
func TestCheckpointWaits(t *testing.T) {
	b := on(t)
	slow := &slowStore{Store: b.s}
	q := b.server("s", func(o *Options) { o.Store = slow })
	id := b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n")
	l := b.nextOf(q, "1-1 a")
	slow.failing.Store(true)
	l.Sink.Emit(runner.Line{Job: "a", Step: 1, Text: "before"})
	var kept atomic.Int32
	save := func(urgent bool) {
		q.Checkpoints().Save(l.Job, &runner.Checkpoint{Version: 1, Job: "a"}, urgent, func() { kept.Add(1) })
	}
	save(false)
	save(true)
	time.Sleep(50 * time.Millisecond)
	if kept.Load() != 0 || len(b.log(id, 1, "a")) != 0 {
		t.Error("it counts as kept")
	}
	slow.failing.Store(false)
	b.until("the checkpoint", func() bool { return kept.Load() == 2 })
	b.wantLog(id, 1, "a", "before")
	save(false) // soon will do
	b.until("the next", func() bool { return kept.Load() == 3 })
	j, err := b.s.Job(b.Context(), store.JobKey{Run: id, Attempt: 1, Job: "a"})
	if err != nil || !strings.HasPrefix(string(j.Checkpoint), "checkpoint of job a of run 1, attempt 1\n{\"after\":1,") {
		t.Errorf("checkpoint %.80q, %v", j.Checkpoint, err)
	}
	slow.failing.Store(true)
	save(true)
	time.Sleep(20 * time.Millisecond)
	slow.failing.Store(false)
	b.finish(l, plan.Success)
	b.until("the last", func() bool { return kept.Load() == 4 })
}

// TestLostLease: a job whose lease is lost is told to stop at once, what it says
// from then on goes nowhere, and what waits for the store waits no longer.
func TestLostLease(t *testing.T) {
	b := on(t)
	slow := &slowStore{Store: b.s}
	q := b.server("s", func(o *Options) { o.Store = slow })
	id := b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n")
	l := b.nextOf(q, "1-1 a")
	slow.failing.Store(true)
	waits := make(chan struct{})
	go func() {
		defer close(waits)
		l.Sink.Emit(runner.StepStarted{Job: "a", Step: runner.StepRef{Number: 2, Phase: runner.Main}})
	}()
	items, err := b.s.ListQueue(b.Context(), id, 1)
	b.ok(err)
	b.ok(b.s.Return(b.Context(), store.Ticket{Item: items[0].ID, Try: 1}, 0))
	b.told(l, "the lease of the job is lost")
	b.told(l, "the lease of the job is lost")
	<-waits
	kept := make(chan struct{})
	q.Checkpoints().Save(l.Job, &runner.Checkpoint{Version: 1, Job: "a"}, true, func() { close(kept) })
	<-kept
	b.finish(l, plan.Success)
	slow.failing.Store(false)
	b.wantLog(id, 1, "a")
	again := b.next("1-1 a")
	b.finish(again, plan.Failure)
	b.want(id, "failure", "a failure")
}

// TestResultSurvives: a worker that dies after the end of its job was stored and
// before its result was has not worked in vain.
func TestResultSurvives(t *testing.T) {
	b := on(t)
	id := b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n  b: {needs: a, runs-on: \"${{ needs.a.outputs.o }}\", steps: [{run: echo}]}\n")
	old := b.server("s")
	l := b.nextOf(old, "1-1 a")
	l.Sink.Emit(runner.StepStarted{Job: "a", Step: runner.StepRef{Number: 2, Phase: runner.Main}})
	l.Sink.Emit(runner.JobFinished{Job: "a", Conclusion: plan.Success, Outputs: map[string]string{"o": "there"}})
	old.mu.Lock()
	one := old.leases[store.JobKey{Run: id, Attempt: 1, Job: "a"}]
	old.mu.Unlock()
	b.ok(one.sink.close(b.Context(), nil))
	one.release() // and dies
	if l := b.nextOf(b.server("s"), "1-1 b"); l.Job.Place.Labels[0] != "there" {
		b.Errorf("labels %q", l.Job.Place.Labels)
	}
	b.want(id, "in_progress", "a success", "b in_progress")
}

// TestHandedOutTooOften: a job that ends every program that works on it.
func TestHandedOutTooOften(t *testing.T) {
	b := on(t)
	id := b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n")
	for range maxLeases {
		b.nextOf(b.server("s"), "1-1 a")
	}
	b.nextOf(b.server("s"), "")
	b.want(id, "failure", "a failure: lost: it was handed to workers 50 times, and none of them came to its end")
}

// TestOnlyItsWorker: a job in a place of one machine waits for that machine's
// worker, and not for ever.
func TestOnlyItsWorker(t *testing.T) {
	b := on(t)
	id := b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n")
	local := func(o *Options) {
		o.Resumes = func(p runner.Place, worker string) bool { return p.Executor != "docker" }
	}
	b.nextOf(b.server("m1", local), "1-1 a")
	items, err := b.s.ListQueue(b.Context(), id, 1)
	b.ok(err)
	b.ok(b.s.SaveCheckpoint(b.Context(), store.Ticket{Item: items[0].ID, Try: 1},
		[]byte("checkpoint of job a of run 1, attempt 1\n{\"after\":0,\"checkpoint\":{\"job\":\"a\",\"place\":{\"executor\":\"docker\"}}}")))
	b.clock.add(time.Minute) // the lease ends
	other := b.server("m2", local)
	b.nextOf(other, "")
	b.clock.add(2 * time.Minute)
	b.nextOf(other, "")
	b.clock.add(2 * time.Minute)
	if l := b.nextOf(b.server("m1", local), "1-1 a"); l.Checkpoint == nil {
		b.Error("it begins anew")
	}
	b.want(id, "in_progress", "a in_progress")
	b.clock.add(time.Minute)
	for range 8 { // it is missed from now on
		b.nextOf(other, "")
		b.clock.add(90 * time.Second)
	}
	b.want(id, "failure", `a failure: lost: worker "m1" ended while the job ran, and has not come back for 10m0s: nobody else can go on with it`)
}

// TestRepeats: a job that may be begun anew is not lost with its worker.
func TestRepeats(t *testing.T) {
	b := on(t)
	repeats := func(o *Options) { o.Repeats = func(p runner.Place) bool { return p.Executor != "docker" } }
	id := b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n")
	l := b.nextOf(b.server("s", repeats), "1-1 a")
	l.Sink.Emit(runner.StepStarted{Job: "a", Step: runner.StepRef{Number: 1, Phase: runner.Main}})
	b.until("the event", func() bool { return len(b.log(id, 1, "a")) == 1 })
	again := b.nextOf(b.server("s", repeats), "1-1 a")
	again.Sink.Emit(runner.JobStarted{Job: "a"})
	again.Sink.Emit(runner.JobFinished{Job: "a", Conclusion: plan.Success})
	b.finish(again, plan.Success)
	b.want(id, "success", "a success")
	b.wantLog(id, 1, "a", "step 1", "job-requeued", "job-started", "job-finished")
}

// TestRepeatsWhenAway: what such a job needed in the middle of it may have been away:
// it is tried again, as often as others are. A step that failed is no reason.
func TestRepeatsWhenAway(t *testing.T) {
	b := on(t)
	q := b.server("s", func(o *Options) { o.Repeats = func(runner.Place) bool { return true } })
	id := b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n")
	step := runner.StepRef{Number: 1, Phase: runner.Main}
	away := runner.Result{
		Conclusion: plan.Failure, Reason: "build: no builder answers", Cause: runner.CauseUnavailable, Infra: errInfra,
		Steps: []runner.StepResult{{Step: step, Outcome: plan.Failure}},
	}
	try := func(r runner.Result) {
		l := b.nextOf(q, fmt.Sprintf("%d-1 a", id))
		l.Sink.Emit(runner.JobStarted{Job: "a"})
		l.Sink.Emit(runner.StepStarted{Job: "a", Step: step})
		l.Sink.Emit(runner.JobFinished{Job: "a", Infra: r.Infra != nil})
		b.ok(l.Finish(b.Context(), r))
		b.clock.add(time.Second)
	}
	try(away)
	b.want(id, "in_progress", "a queued: try 1 of 4 failed, the next is in 1ms: build: no builder answers")
	b.wantLog(id, 1, "a", "job-started", "step 1", "job-requeued", "notice: try 1 of 4 failed, the next is in 1ms: build: no builder answers")
	for range 3 {
		try(away)
	}
	b.want(id, "failure", "a failure: build: no builder answers (tried 4 times)")

	id = b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n")
	try(runner.Result{Conclusion: plan.Failure, Reason: "test: exit code 1", Cause: runner.CauseStep})
	b.want(id, "failure", "a failure: test: exit code 1")
}

// TestForeignCheckpoint: what was sealed for another job, or is broken, is not
// gone on with.
func TestForeignCheckpoint(t *testing.T) {
	b := on(t)
	id := b.start("jobs:\n  a: {runs-on: x, steps: [{run: echo}]}\n")
	b.nextOf(b.server("s"), "1-1 a")
	items, err := b.s.ListQueue(b.Context(), id, 1)
	b.ok(err)
	b.ok(b.s.SaveCheckpoint(b.Context(), store.Ticket{Item: items[0].ID, Try: 1}, []byte("checkpoint of job b of run 1, attempt 1\n{}")))
	b.nextOf(b.server("s"), "")
	b.want(id, "failure", `a failure: lost: worker "s" ended while the job ran, and its checkpoint cannot be read: sealed for something else`)
}

// TestKeyOf: only what this package made is taken for a job of the store.
func TestKeyOf(t *testing.T) {
	for run, ok := range map[string]bool{"17-2": true, "17": false, "": false, "17-2x": false, "x17-2": false, " 17-2": false, "017-2": false, "17--2": true, "+17-2": false, "17-2-3": false} {
		job := &runner.Job{Leg: plan.Leg{ID: "a/0"}}
		setText(&job.Run, run)
		key, err := KeyOf(job)
		if (err == nil) != ok || ok && runName(key.Run, key.Attempt) != run {
			t.Errorf("%q: %+v, %v", run, key, err)
		}
	}
}
