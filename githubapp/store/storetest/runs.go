package storetest

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func runsCreate(t *suite) {
	t.add("d")
	t.claim(1)
	key := store.JobKey{Job: "build"}
	full := store.Run{
		Installation: 3, Repository: 9, RepositoryName: "octo/app", Workflow: ".github/workflows/ci.yml", Name: "CI", Title: "Fix it",
		Event: "push", Action: "", Ref: "refs/heads/main", SHA: "s", HeadSHA: "h", HeadRef: "main", Actor: store.Actor{ID: 5, Login: "mona"},
		Zone: "branch", Delivery: "d", Origin: "o", State: store.Queued, Plan: []byte(`{"p":1}`), Progress: []byte(`[]`),
	}
	settled := store.Settlement{Delivery: "d", Attempt: 1, Fate: store.Planned, Reason: "1 run"}

	// A bad job spoils all of it, the delivery's fate included.
	bad := []store.NewRun{{Run: full, Jobs: []store.Job{{JobKey: key}, {}}}}
	if _, err := t.s.CreateRuns(t.Context(), settled, bad); err == nil {
		t.Fatal("a job without an id was stored")
	}
	stale := settled
	stale.Attempt = 0
	good := []store.NewRun{{Run: full, Jobs: []store.Job{{JobKey: key, Name: "Build", Labels: []string{"Linux", "x64"}, State: store.Queued, Message: []byte("m")}},
		Enqueue: []store.Item{{Key: key, Labels: []string{"Linux", "x64"}, Priority: 2}}}}
	if _, err := t.s.CreateRuns(t.Context(), stale, good); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("runs of a stale claim: %v", err)
	}
	all, err := t.s.ListRuns(t.Context(), store.RunFilter{})
	t.ok(err)
	t.equal("runs after failures", len(all), 0)
	d, err := t.s.Delivery(t.Context(), "d")
	t.ok(err)
	t.equal("fate after failures", d.Fate, store.Pending)

	made, err := t.s.CreateRuns(t.Context(), settled, good)
	t.ok(err)
	r, err := t.s.Run(t.Context(), made[0].ID)
	t.ok(err)
	want := full
	want.ID, want.Number, want.Attempt, want.Version, want.Created = made[0].ID, 1, 1, 1, t.clock.now()
	t.equal("run", *r, want)
	d, err = t.s.Delivery(t.Context(), "d")
	t.ok(err)
	t.equal("fate", []any{d.Fate, d.Reason}, []any{store.Planned, "1 run"})
	j, err := t.s.Job(t.Context(), store.JobKey{Run: r.ID, Attempt: 1, Job: "build"})
	t.ok(err)
	t.equal("job", []any{j.Name, j.Labels, j.State, string(j.Message), string(j.Checkpoint)}, []any{"Build", []string{"Linux", "x64"}, store.Queued, "m", ""})
	queue, err := t.s.ListQueue(t.Context(), r.ID, 0)
	t.ok(err)
	t.equal("queue", []any{len(queue), queue[0].Repository, queue[0].Key, queue[0].Priority}, []any{1, 9, j.JobKey, 2})
	if _, err := t.s.Run(t.Context(), r.ID+1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown run: %v", err)
	}
	if _, err := t.s.Job(t.Context(), store.JobKey{Run: r.ID, Attempt: 2, Job: "build"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown job: %v", err)
	}
}

func runsOrigin(t *suite) {
	other := t.second()
	n := func(origin, workflow string) []store.NewRun {
		return []store.NewRun{{Run: store.Run{Repository: 1, Workflow: workflow, Origin: origin}, Jobs: []store.Job{{JobKey: store.JobKey{Job: "a"}}}}}
	}
	var fresh atomic.Int32
	together(8, func(i int) {
		made, err := []store.Store{t.s, other}[i%2].CreateRuns(t.Context(), store.Settlement{}, n("push 1 abc", "ci.yml"))
		if err != nil {
			t.Error(err)
		} else if made[0].New {
			fresh.Add(1)
		}
	})
	t.equal("made of one cause", fresh.Load(), 1)
	number := func(origin, workflow string) int64 {
		t.Helper()
		made, err := t.s.CreateRuns(t.Context(), store.Settlement{}, n(origin, workflow))
		t.ok(err)
		r, err := t.s.Run(t.Context(), made[0].ID)
		t.ok(err)
		return r.Number
	}
	t.equal("numbers", []int64{number("", "ci.yml"), number("", "ci.yml"), number("x", "ci.yml"), number("x", "ci.yml"), number("", "other.yml")}, []int64{2, 3, 4, 4, 1})
	if _, err := t.s.CreateRuns(t.Context(), store.Settlement{}, n(strings.Repeat("o", 3000), "ci.yml")); err == nil {
		t.Error("an origin that no index takes was stored")
	}
}

func runsCommit(t *suite) {
	r := t.run(1, []string{"linux"}, "build")
	l := t.lease(store.Offer{Labels: []string{"linux"}}, "build")
	t.ok(t.s.SaveCheckpoint(t.Context(), l.Ticket, []byte("c1")))
	t.ok(t.s.SetCheckRun(t.Context(), store.JobKey{Run: r.ID}, 71))
	t.ok(t.s.SetCheckRun(t.Context(), l.Item.Key, 72))
	if err := t.s.SetCheckRun(t.Context(), store.JobKey{Run: r.ID, Attempt: 1, Job: "none"}, 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("check run of an unknown job: %v", err)
	}

	next := r
	next.State, next.Started, next.Progress, next.CheckRun = store.InProgress, t.clock.now(), []byte("p1"), 0
	done, err := t.s.CommitRun(t.Context(), store.Change{
		Run:     next,
		Jobs:    []store.Job{{JobKey: l.Item.Key, Name: "build", State: store.Completed, Conclusion: plan.Success}, {JobKey: store.JobKey{Attempt: 1, Job: "test"}, Name: "test"}},
		Finish:  []store.Ticket{l.Ticket},
		Enqueue: []store.Item{{Key: store.JobKey{Attempt: 1, Job: "test"}, Labels: []string{"linux"}}},
	})
	t.ok(err)
	t.equal("version", done.Version, 2)
	got, err := t.s.Run(t.Context(), r.ID)
	t.ok(err)
	t.equal("run", []any{got.Version, got.State, string(got.Progress), string(got.Plan), got.CheckRun}, []any{2, store.InProgress, "p1", "plan", 71})
	j, err := t.s.Job(t.Context(), l.Item.Key)
	t.ok(err)
	t.equal("job", []any{j.State, j.Conclusion, j.CheckRun, string(j.Checkpoint)}, []any{store.Completed, plan.Success, 72, "c1"})
	t.lease(store.Offer{Labels: []string{"linux"}}, "test")
	t.lease(store.Offer{Labels: []string{"linux"}}, "")

	// A new attempt has jobs of its own; progress that is not given stays.
	next.Version, next.Attempt, next.Progress = 2, 2, nil
	_, err = t.s.CommitRun(t.Context(), store.Change{Run: next, Jobs: []store.Job{{JobKey: store.JobKey{Attempt: 2, Job: "build"}, Name: "build"}}})
	t.ok(err)
	count := func(attempt int) int {
		jobs, err := t.s.ListJobs(t.Context(), r.ID, attempt)
		t.ok(err)
		return len(jobs)
	}
	t.equal("jobs", []int{count(0), count(1), count(2)}, []int{3, 2, 1})
	got, err = t.s.Run(t.Context(), r.ID)
	t.ok(err)
	t.equal("progress", []any{got.Attempt, string(got.Progress)}, []any{2, "p1"})

	if _, err := t.s.CommitRun(t.Context(), store.Change{Run: next}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("commit of an old version: %v", err)
	}
	if _, err := t.s.CommitRun(t.Context(), store.Change{Run: store.Run{ID: 999, Version: 1}}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("commit of an unknown run: %v", err)
	}
}

func runsRace(t *suite) {
	servers := []store.Store{t.s, t.second()}
	r := t.run(1, []string{"linux"}, "build")
	var won atomic.Int32
	together(8, func(i int) {
		_, err := servers[i%2].CommitRun(t.Context(), store.Change{Run: r, Enqueue: []store.Item{{Key: store.JobKey{Attempt: 1, Job: "next"}, Labels: []string{"linux"}}}})
		switch {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, store.ErrConflict):
			t.Error(err)
		}
	})
	t.equal("winners", won.Load(), 1)
}

func runsLostLease(t *suite) {
	r := t.run(1, []string{"linux"}, "build")
	o := store.Offer{Labels: []string{"linux"}}
	old := t.lease(o, "build")
	t.clock.add(time.Hour)
	now := t.lease(o, "build")
	t.equal("try", now.Try, 2)
	late := store.Change{Run: r, Finish: []store.Ticket{old.Ticket}, Jobs: []store.Job{{JobKey: old.Item.Key, Name: "late"}},
		Enqueue: []store.Item{{Key: store.JobKey{Attempt: 1, Job: "after"}, Labels: []string{"linux"}}}}
	if _, err := t.s.CommitRun(t.Context(), late); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("commit with a lost lease: %v", err)
	}
	if err := t.s.SaveCheckpoint(t.Context(), old.Ticket, []byte("late")); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("checkpoint with a lost lease: %v", err)
	}
	j, err := t.s.Job(t.Context(), old.Item.Key)
	t.ok(err)
	t.equal("job", []any{j.Name, string(j.Checkpoint)}, []any{"build", ""})
	got, err := t.s.Run(t.Context(), r.ID)
	t.ok(err)
	t.equal("version", got.Version, 1)
	t.lease(o, "")
	late.Finish = []store.Ticket{now.Ticket}
	_, err = t.s.CommitRun(t.Context(), late)
	t.ok(err)
	t.lease(o, "after")
}

func runsDequeue(t *suite) {
	r := t.run(1, []string{"linux"}, "a", "b")
	o := store.Offer{Labels: []string{"linux"}}
	a := t.lease(o, "a")
	both := store.Change{Run: r, Dequeue: []store.JobKey{{Run: r.ID, Attempt: 1, Job: "b"}, a.Item.Key}}
	if _, err := t.s.CommitRun(t.Context(), both); !errors.Is(err, store.ErrConflict) {
		t.Errorf("took a leased job out of the queue: %v", err)
	}
	queue, err := t.s.ListQueue(t.Context(), r.ID, 0)
	t.ok(err)
	t.equal("queue after the conflict", len(queue), 2)
	both.Dequeue = []store.JobKey{{Run: r.ID, Attempt: 1, Job: "b"}, {Run: r.ID, Attempt: 1, Job: "none"}}
	_, err = t.s.CommitRun(t.Context(), both)
	t.ok(err)
	t.lease(o, "")
	backlog, err := t.s.Backlogs(t.Context())
	t.ok(err)
	t.equal("backlog", len(backlog), 0)
}

func runsFilters(t *suite) {
	for i, r := range []store.Run{
		{Repository: 1, RepositoryName: "octo/App", Workflow: "a.yml", Title: "100% done", Event: "push", Ref: "refs/heads/main", HeadSHA: "x", Actor: store.Actor{ID: 1, Login: "mona"}},
		{Repository: 1, RepositoryName: "octo/App", Workflow: "b.yml", Title: "1000 done", Event: "pull_request", HeadSHA: "y", State: store.Completed, Conclusion: plan.Failure, Delivery: "d"},
		{Repository: 2, RepositoryName: "octo/lib", Workflow: "a.yml", Title: `a\_b`, Event: "push", HeadSHA: "x", State: store.Waiting},
	} {
		made, err := t.s.CreateRuns(t.Context(), store.Settlement{}, []store.NewRun{{Run: r}})
		t.ok(err)
		t.equal("id", made[0].ID, i+1)
	}
	for _, tc := range []struct {
		name string
		f    store.RunFilter
		want []store.RunID
	}{
		{"all", store.RunFilter{}, []store.RunID{3, 2, 1}},
		{"limit", store.RunFilter{Limit: 2}, []store.RunID{3, 2}},
		{"next page", store.RunFilter{Before: 2}, []store.RunID{1}},
		{"repository", store.RunFilter{Repository: 1}, []store.RunID{2, 1}},
		{"workflow", store.RunFilter{Workflow: "a.yml"}, []store.RunID{3, 1}},
		{"event", store.RunFilter{Event: "pull_request"}, []store.RunID{2}},
		{"ref", store.RunFilter{Ref: "refs/heads/main"}, []store.RunID{1}},
		{"commit", store.RunFilter{HeadSHA: "x", Repository: 2}, []store.RunID{3}},
		{"actor", store.RunFilter{Actor: "mona"}, []store.RunID{1}},
		{"delivery", store.RunFilter{Delivery: "d"}, []store.RunID{2}},
		{"open", store.RunFilter{States: []store.State{store.Queued, store.Waiting}}, []store.RunID{3, 1}},
		{"completed", store.RunFilter{States: []store.State{store.Completed}}, []store.RunID{2}},
		{"conclusion", store.RunFilter{Conclusion: plan.Failure}, []store.RunID{2}},
		{"text ignores case", store.RunFilter{Text: "OCTO/app"}, []store.RunID{2, 1}},
		{"text is no pattern", store.RunFilter{Text: "100% "}, []store.RunID{1}},
		{"text with specials", store.RunFilter{Text: `\_`}, []store.RunID{3}},
		{"hostile text", store.RunFilter{Text: "'; DROP TABLE runs; --\x00\xff"}, nil},
	} {
		all, err := t.s.ListRuns(t.Context(), tc.f)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		var got []store.RunID
		for _, r := range all {
			got = append(got, r.ID)
		}
		t.equal(tc.name, got, tc.want)
	}
}

func runsPrune(t *suite) {
	old, open := t.run(1, []string{"linux"}, "a"), t.run(1, []string{"linux"}, "a")
	stream := store.Stream{Run: old.ID, Attempt: 1, Job: "a"}
	_, err := t.s.AppendEvents(t.Context(), stream, 0, [][]byte{[]byte("x")})
	t.ok(err)
	old.State, old.Finished = store.Completed, t.clock.now()
	_, err = t.s.CommitRun(t.Context(), store.Change{Run: old, Dequeue: []store.JobKey{{Run: old.ID, Attempt: 1, Job: "a"}}})
	t.ok(err)

	n, err := t.s.PruneEvents(t.Context(), t.clock.now(), 10)
	t.ok(err)
	t.equal("too young", n, 0)
	t.clock.add(time.Hour)
	n, err = t.s.PruneEvents(t.Context(), t.clock.now(), 10)
	t.ok(err)
	t.equal("pruned", n, 1)
	n, err = t.s.PruneEvents(t.Context(), t.clock.now(), 10)
	t.ok(err)
	t.equal("pruned twice", n, 0)
	events, err := t.s.EventsSince(t.Context(), stream, 0, 10)
	t.ok(err)
	t.equal("events", len(events), 0)
	gone, err := t.s.PruneRuns(t.Context(), t.clock.now(), 10)
	t.ok(err)
	t.equal("gone", gone, []store.RunID{old.ID})
	if _, err := t.s.Run(t.Context(), old.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("pruned run: %v", err)
	}
	_, err = t.s.Run(t.Context(), open.ID)
	t.ok(err)
	if next := t.run(1, []string{"linux"}, "a"); next.ID <= open.ID {
		t.Errorf("id %d was given again", next.ID)
	}
}

// hostile are names as an attacker chooses them.
var hostile = []string{
	`"quoted"`, "it's; DROP TABLE runs; --", "new\nline\r\n", "<script>alert(1)</script>", "nul\x00inside", "bad\xff\xfeutf8",
	"\u202eright to left", "$1 %s ?1 :a @b", strings.Repeat("long ", 20000),
}

func runsHostile(t *suite) {
	for _, text := range hostile {
		n := store.NewRun{Run: store.Run{Repository: 1, RepositoryName: text, Name: text, Title: text, Ref: text, HeadRef: text, Actor: store.Actor{ID: 1, Login: text}, Reason: text},
			Jobs: []store.Job{{JobKey: store.JobKey{Job: "j"}, Name: text, Labels: []string{text}, Environment: text, Reason: text}}}
		made, err := t.s.CreateRuns(t.Context(), store.Settlement{}, []store.NewRun{n})
		t.ok(err)
		want := strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
		r, err := t.s.Run(t.Context(), made[0].ID)
		t.ok(err)
		t.equal("run", []string{r.RepositoryName, r.Name, r.Title, r.Ref, r.HeadRef, r.Actor.Login, r.Reason}, []string{want, want, want, want, want, want, want})
		j, err := t.s.Job(t.Context(), store.JobKey{Run: r.ID, Attempt: 1, Job: "j"})
		t.ok(err)
		t.equal("job", []string{j.Name, j.Environment, j.Reason}, []string{want, want, want})
	}
	all, err := t.s.ListRuns(t.Context(), store.RunFilter{})
	t.ok(err)
	t.equal("runs", len(all), len(hostile))
}

func restart(t *suite) {
	t.add("d")
	r := t.run(1, []string{"linux"}, "a")
	l := t.lease(store.Offer{Labels: []string{"linux"}, For: time.Hour}, "a")
	t.ok(t.s.SaveCheckpoint(t.Context(), l.Ticket, []byte("step 3")))
	var once sync.Once
	again := t.open(t.clock.now) // the first is not even closed
	t.Cleanup(func() { once.Do(func() { again.Close() }) })
	j, err := again.Job(t.Context(), l.Item.Key)
	t.ok(err)
	t.equal("checkpoint", string(j.Checkpoint), "step 3")
	// The worker that comes back goes on with its ticket.
	_, err = again.Extend(t.Context(), l.Ticket, time.Hour)
	t.ok(err)
	t.ok(again.Ping(t.Context()))
	got, err := again.Run(t.Context(), r.ID)
	t.ok(err)
	t.equal("plan", string(got.Plan), "plan")
	once.Do(func() { t.ok(again.Close()) })
	if err := again.Ping(t.Context()); err == nil {
		t.Error("a closed store answers")
	}
}
