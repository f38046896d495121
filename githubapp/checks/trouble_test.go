package checks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// through gives a reporter whose requests go through a transport of the test.
func (w *world) through(wrap func(http.RoundTripper) http.RoundTripper) *Reporter {
	r := w.reporter()
	r.Clients = func(installation int64) (*github.Client, error) {
		c, err := w.app.Installation(installation)
		if err != nil {
			return nil, err
		}
		out := github.NewClient(&http.Client{Transport: wrap(c.Client().Transport)})
		out.BaseURL = c.BaseURL
		return out, nil
	}
	return r
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// life is a process that ends at one of its calls, before or after that was done.
type life struct {
	store.Store
	mu    sync.Mutex
	left  int
	after bool
	end   context.CancelFunc
}

var errKilled = errors.New("the process is killed")

func (l *life) call(do func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left--
	switch {
	case l.left > 0:
		return do()
	case l.left == 0 && l.after:
		_ = do()
	}
	l.end()
	return errKilled
}

func (l *life) SwapValue(ctx context.Context, name string, old, value []byte) error {
	return l.call(func() error { return l.Store.SwapValue(ctx, name, old, value) })
}

func (l *life) SetCheckRun(ctx context.Context, key store.JobKey, id int64) error {
	return l.call(func() error { return l.Store.SetCheckRun(ctx, key, id) })
}

// TestKilledAnywhere: a server is killed at each of its calls of GitHub and the
// store, before and after it was done; the next one finds each check run and each
// annotation once.
func TestKilledAnywhere(t *testing.T) {
	const annotations = 120
	w := newWorld(t)
	ended := false
	for n := 1; !ended; n++ {
		for _, after := range []bool{false, true} {
			name := fmt.Sprintf("CI %d %v", n, after)
			run := w.run(name, "a", "b")
			report := func(l *life) error {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r := w.reporter()
				if l != nil {
					l.end = cancel
					r = w.through(func(next http.RoundTripper) http.RoundTripper {
						return transport(func(req *http.Request) (res *http.Response, err error) {
							killed := l.call(func() error {
								res, err = next.RoundTrip(req.WithContext(t.Context())) //nolint:bodyclose // who asked closes it
								return nil
							})
							if killed != nil && res != nil {
								res.Body.Close()
								res = nil
							}
							return res, errors.Join(err, killed)
						})
					})
					r.Store = l
				}
				// The next server comes when the claim of the last one has ended.
				r.Now = func() time.Time { return time.Now().Add(time.Duration(n) * time.Minute) }
				if l == nil {
					r.Now = func() time.Time { return time.Now().Add(time.Duration(n+5) * time.Minute) }
				}
				for {
					again, err := r.report(ctx, run.ID)
					if err != nil || again == 0 {
						return err
					}
				}
			}
			l := &life{Store: w.store, left: n, after: after}
			err := report(l)
			if err == nil {
				w.change(run.ID, store.Completed, plan.Failure)
				for _, j := range []string{"a", "b"} {
					var list []runner.Event
					for i := range annotations {
						list = append(list, annotated(command.LevelError, "a.go", i+1, "m"))
					}
					w.events(run.ID, j, list...)
				}
				err = report(l)
				ended = err == nil && after
			} else {
				w.change(run.ID, store.Completed, plan.Failure)
				for _, j := range []string{"a", "b"} {
					w.events(run.ID, j, annotated(command.LevelError, "a.go", 1, "m"))
				}
			}
			if err := report(nil); err != nil {
				t.Fatal(err)
			}
			for _, j := range []string{"a", "b"} {
				c := w.checks()[fmt.Sprintf("%s / %s (push)", name, j)]
				want := 1
				if last, _ := w.store.LastEvent(t.Context(), store.Stream{Run: run.ID, Attempt: 1, Job: plan.LegID(j)}); last > 1 {
					want = annotations
				}
				if c.Conclusion != "failure" || len(c.Annotations) != want {
					t.Errorf("killed at call %d (after %v): %s is %s/%s with %d annotations", n, after, j, c.Status, c.Conclusion, len(c.Annotations))
				}
			}
			if w.begun() != 0 {
				t.Errorf("killed at call %d: the record stays", n)
			}
		}
		if n > 60 {
			t.Fatal("it never ends by itself")
		}
		if ended && n < 15 {
			t.Errorf("it ends after %d calls: the test reaches nothing", n)
		}
	}
}

// TestRefused: GitHub does not take the annotations of one job, the text of
// another, and nothing of a third; the others are told, and nobody insists.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	run := w.run("CI", "annotated", "written", "never", "fine")
	w.events(run.ID, "annotated", annotated(command.LevelError, "BAD", 1, "m"))
	w.events(run.ID, "written", runner.Summarised{Job: "written", Step: 1, Markdown: "BAD"})
	w.change(run.ID, store.Completed, plan.Success)
	requests := 0
	r := w.through(func(next http.RoundTripper) http.RoundTripper {
		return transport(func(req *http.Request) (*http.Response, error) {
			requests++
			body, _ := io.ReadAll(req.Body)
			req.Body = io.NopCloser(bytes.NewReader(body))
			if bytes.Contains(body, []byte("BAD")) || bytes.Contains(body, []byte("never")) {
				return &http.Response{
					StatusCode: http.StatusUnprocessableEntity, Request: req, Header: http.Header{},
					Body: io.NopCloser(strings.NewReader(`{"message":"Invalid request."}`)),
				}, nil
			}
			return next.RoundTrip(req)
		})
	})
	w.settle(r, run.ID)
	all := w.checks()
	for _, j := range []string{"annotated", "written", "fine"} {
		if c := all["CI / "+j+" (push)"]; c.Conclusion != "success" || !strings.Contains(c.Summary, "[Log]") {
			t.Errorf("%s: %+v", j, c)
		}
	}
	if len(all) != 3 {
		t.Errorf("%d check runs", len(all))
	}
	before := requests
	w.settle(r, run.ID)
	if requests != before {
		t.Errorf("%d requests more for what was refused", requests-before)
	}
	r.Now = func() time.Time { return time.Now().Add(2 * recent) }
	w.settle(r, run.ID)
	if w.begun() != 0 {
		t.Error("the record stays for good")
	}
}

// TestGone: a repository, an installation or a commit that is gone is asked for
// less and less, and given up a day after the end.
func TestGone(t *testing.T) {
	for name, gone := range map[string]func(*world, *store.Run){
		"repository":   func(w *world, _ *store.Run) { w.repo.Delete() },
		"installation": func(w *world, _ *store.Run) { w.gh.Uninstall("octo") },
		"commit":       nil,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if gone == nil {
				w.sha = strings.Repeat("ab", 20)
			}
			run := w.run("CI", "build")
			if gone != nil {
				gone(w, run)
			}
			w.change(run.ID, store.Completed, plan.Success)
			requests, ahead := 0, time.Duration(0)
			r := w.through(func(next http.RoundTripper) http.RoundTripper {
				return transport(func(req *http.Request) (*http.Response, error) { requests++; return next.RoundTrip(req) })
			})
			r.Now = func() time.Time { return time.Now().Add(ahead) }
			for ahead < 2*recent {
				again, err := r.report(t.Context(), run.ID)
				if err != nil {
					t.Fatal(err)
				}
				if again == 0 {
					break
				}
				ahead += again
			}
			if requests == 0 || requests > 40 || ahead < recent || ahead > recent+2*deepScan {
				t.Errorf("%d requests, given up after %s", requests, ahead)
			}
			if w.begun() != 0 {
				t.Error("the record stays")
			}
		})
	}
}

// TestBack: an installation that was suspended while a run ended shows the end
// when it is back.
func TestBack(t *testing.T) {
	w := newWorld(t)
	run := w.run("CI", "build")
	r := w.reporter()
	w.settle(r, run.ID)
	w.gh.Suspend("octo", true)
	w.change(run.ID, store.Completed, plan.Success)
	w.app.Forget(run.Installation)
	again, err := r.report(t.Context(), run.ID)
	if again == 0 || err != nil {
		t.Fatalf("suspended: again %s, %v", again, err)
	}
	w.gh.Suspend("octo", false)
	r = w.reporter()
	r.Now = func() time.Time { return time.Now().Add(again) }
	w.settle(r, run.ID)
	if c := w.checks()["CI / build (push)"]; c.Conclusion != "success" {
		t.Errorf("back: %+v", c)
	}
}

// TestPatience: neither a change nor a scan brings forward what failed, and one
// installation that is limited does not keep asking.
func TestPatience(t *testing.T) {
	w := newWorld(t)
	run, other := w.run("CI", "build"), w.run("Other", "build")
	requests := 0
	r := w.through(func(http.RoundTripper) http.RoundTripper {
		return transport(func(req *http.Request) (*http.Response, error) {
			requests++
			return nil, &url.Error{Op: "Post", URL: req.URL.String(), Err: &github.RateLimitError{Rate: github.Rate{Reset: github.Timestamp{Time: time.Now().Add(time.Hour)}}}}
		})
	})
	for range 3 {
		r.one(t.Context(), run.ID)
	}
	if requests != 1 {
		t.Errorf("%d requests although GitHub said when", requests)
	}
	if again, err := r.report(t.Context(), other.ID); again < 50*time.Minute || err != nil || requests != 1 {
		t.Errorf("another run of the installation: again %s, %v, %d requests", again, err, requests)
	}
	r.failed[run.ID], r.due[run.ID] = 3, time.Now().Add(time.Hour)
	r.Changed(run.ID)
	if err := r.find(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if wait := time.Until(r.due[run.ID]); wait < 50*time.Minute {
		t.Errorf("it is due in %s", wait)
	}
}

// TestQuiet: a run that was told as it is costs the store nothing but being listed.
func TestQuiet(t *testing.T) {
	w := newWorld(t)
	run := w.run("CI", "build")
	r := w.reporter()
	w.settle(r, run.ID)
	clear(r.due)
	for range 2 {
		if err := r.find(t.Context(), true); err != nil || len(r.due) != 0 {
			t.Errorf("due %v, %v", r.due, err)
		}
	}
	before, _ := w.store.Value(t.Context(), recordName(run.ID))
	w.settle(w.reporter(), run.ID)
	if after, _ := w.store.Value(t.Context(), recordName(run.ID)); !bytes.Equal(before, after) {
		t.Errorf("the record was written although nothing was to say: %s", after)
	}
	w.change(run.ID, store.InProgress, "")
	if err := r.find(t.Context(), false); err != nil || len(r.due) != 1 {
		t.Errorf("due after a change: %v, %v", r.due, err)
	}
}

// TestRenamed: check runs follow their repository.
func TestRenamed(t *testing.T) {
	w := newWorld(t)
	run := w.run("CI", "build")
	w.settle(w.reporter(), run.ID)
	w.repo.Rename("other")
	w.events(run.ID, "build", annotated(command.LevelError, "a.go", 1, "m"))
	w.change(run.ID, store.Completed, plan.Failure)
	w.settle(w.reporter(), run.ID)
	if c := w.checks()["CI / build (push)"]; c.Conclusion != "failure" || len(c.Annotations) != 1 {
		t.Errorf("%+v", c)
	}
}

// TestReview: a job that waits for a reviewer asks for action, until there was one.
func TestReview(t *testing.T) {
	w := newWorld(t)
	run := w.run("CI", "deploy")
	jobs, err := w.store.ListJobs(t.Context(), run.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	jobs[0].State, jobs[0].Reason = store.Waiting, queue.ReviewReason+` of environment "pro<b>duction"`
	run.Plan = nil
	if _, err := w.store.CommitRun(t.Context(), store.Change{Run: *run, Jobs: jobs}); err != nil {
		t.Fatal(err)
	}
	r := w.reporter()
	w.settle(r, run.ID)
	c := w.checks()["CI (push)"]
	if c.Conclusion != "action_required" || !strings.Contains(c.Summary, "pro&lt;b&gt;duction") {
		t.Errorf("waiting: %+v", c)
	}
	if j := w.checks()["CI / deploy (push)"]; j.Status != "queued" || !strings.Contains(j.Title, "reviewer") {
		t.Errorf("the job: %+v", j)
	}
	w.change(run.ID, store.InProgress, "")
	w.settle(r, run.ID)
	if c = w.checks()["CI (push)"]; c.Conclusion != "neutral" {
		t.Errorf("reviewed: %+v", c)
	}
}
