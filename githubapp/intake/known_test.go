package intake_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/intake"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/store"
)

var _ intake.Queue = (*queue.Queue)(nil)

// known is "owner/name off" of all repositories.
func (w *world) known() []string {
	w.t.Helper()
	w.settle()
	list, err := intake.Repositories(w.t.Context(), w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, k := range list {
		out = append(out, strings.TrimSpace(k.Ref().FullName()+" "+k.Off))
	}
	slices.Sort(out)
	return out
}

// TestInstallations: what comes, sleeps and goes.
func TestInstallations(t *testing.T) {
	w := newWorld(t)
	expect := func(want ...string) {
		t.Helper()
		if got := w.known(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	files := githubtest.Files{folder + "night.yml": on("{schedule: [{cron: '0 3 * * *'}], push: }")}
	a := w.github.Repository("octo/a", files)
	b := w.github.Repository("octo/b", files)
	w.github.Select("octo", a)
	w.github.Select("octo", a, b)
	expect("octo/b")
	if value, err := w.store.Value(t.Context(), fmt.Sprintf("default/%d", b.ID)); err != nil || !strings.Contains(string(value), "0 3 * * *") {
		t.Errorf("the schedule of a repository that was added: %s %v", value, err)
	}
	a.Push("main", githubtest.Files{"x": "1"}, "x")
	expect("octo/a", "octo/b")
	w.github.Select("octo", a)
	expect("octo/a", "octo/b the App was removed from the repository")
	w.github.Suspend("octo", true)
	expect("octo/a the installation is suspended", "octo/b the App was removed from the repository")
	w.github.Suspend("octo", false)
	w.settle()
	a.Push("main", githubtest.Files{"x": "2"}, "x")
	expect("octo/a", "octo/b the App was removed from the repository")
	a.Delete()
	if got := w.known(); got[0] != "octo/a the repository was deleted" {
		t.Errorf("%q", got)
	}
}

// TestUntold: a run whose end nobody told, since the process died just then, is
// found by the next one; runs that are made are told, too.
func TestUntold(t *testing.T) {
	w := newWorld(t)
	r := w.github.Repository("octo/demo", githubtest.Files{
		folder + "ci.yml":    on("push"),
		folder + "begun.yml": strings.Replace(on("{workflow_run: {workflows: [CI], types: [requested]}}"), "name: CI", "name: Begun", 1),
		folder + "ended.yml": strings.Replace(on("{workflow_run: {workflows: [CI], types: [completed]}}"), "name: CI", "name: Ended", 1),
	})
	r.Push("main", githubtest.Files{"a": "1"}, "x")
	w.expectRuns("push ci.yml", "workflow_run begun.yml")
	run := w.listRuns()[1]
	run.State, run.Conclusion, run.Finished = store.Completed, "failure", time.Now()
	if _, err := w.store.CommitRun(t.Context(), store.Change{Run: run}); err != nil {
		t.Fatal(err)
	}
	next := intake.New(intake.Options{Store: w.store, Queue: w.queue, Reader: w.reader, Endpoints: w.app.Endpoints()})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = next.Run(ctx) }()
	for end := time.Now().Add(2 * time.Minute); len(w.listRuns()) < 3 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	<-ended
	w.expectRuns("push ci.yml", "workflow_run begun.yml", "workflow_run ended.yml")
	if p := w.newest(); at(t, p, "event", "workflow_run", "conclusion") != "failure" {
		t.Errorf("%+v", p.Run)
	}
}
