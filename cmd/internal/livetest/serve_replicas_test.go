package livetest

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/store/storetest"
)

// replicas are two servers that share a Postgres and a folder, behind a balancer.
type replicas struct {
	*served // as seen through the balancer; it cannot be started or stopped
	each    map[string]*served
	only    atomic.Pointer[url.URL] // who answers; nil: each in turn
}

// newReplicas starts two that take two jobs each.
func newReplicas(t *testing.T) *replicas {
	t.Helper()
	r := &replicas{}
	var backs [2]*url.URL
	var turn atomic.Int32
	balancer := serveQuietly(t, &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		back := r.only.Load()
		if back == nil {
			back = backs[int(turn.Add(1))%2]
		}
		p.SetURL(back)
		p.Out.Host = p.In.Host
	}}, (*httptest.Server).Start)
	one := serve(t, newWorld(t), "DRYDOCK_PLATFORMS=ubuntu-latest="+bash, "DRYDOCK_DATABASE_URL="+storetest.Postgres(t).Database(t),
		"DRYDOCK_SERVER_JOBS=2", "DRYDOCK_SERVER_URL="+balancer.URL)
	r.each = map[string]*served{"one": one, "two": one.another("two")}
	for i, name := range []string{"one", "two"} {
		back, err := url.Parse(r.each[name].url)
		if err != nil {
			t.Fatal(err)
		}
		backs[i] = back
	}
	front := *one
	front.url = balancer.URL
	front.gh.SetWebhook(front.url + "/webhook")
	r.served = &front
	return r
}

type seenJob struct{ ID, Worker, State, Conclusion string }

// jobs are those of the newest run.
func (r *replicas) jobs() (run int64, all []seenJob) {
	var runs struct{ Runs []struct{ ID int64 } }
	if json.Unmarshal(r.peek("/api/v1/runs"), &runs) != nil || len(runs.Runs) == 0 {
		return 0, nil
	}
	var one struct{ Jobs []seenJob }
	_ = json.Unmarshal(r.peek(fmt.Sprintf("/api/v1/runs/%d", runs.Runs[0].ID)), &one)
	return runs.Runs[0].ID, one.Jobs
}

// log is that of a job, from whichever replica has the turn.
func (r *replicas) log(run int64, job string) string {
	return string(r.peek(fmt.Sprintf("/api/v1/runs/%d/attempts/1/log?job=%s", run, url.QueryEscape(job))))
}

// TestReplicas: servers of one database share the work, tell of each other's jobs
// while they run, cancel them, and outlive each other.
func TestReplicas(t *testing.T) {
	r := newReplicas(t)
	repo := r.gh.Repository("octo/demo", nil)

	// Eight jobs at two a server: each runs once, and both servers work.
	sha := repo.Push("main", githubtest.Files{".github/workflows/ci.yml": `
name: CI
on: push
jobs:
  leg:
    runs-on: ubuntu-latest
    strategy: {matrix: {n: [1, 2, 3, 4, 5, 6, 7, 8]}}
    steps: [{run: "echo this is $((40 + ${{ matrix.n }})); sleep 1"}]
`}, "add ci")
	for name, c := range r.completed(repo, sha, 8) {
		if c.Conclusion != "success" {
			t.Errorf("%s: %s", name, c.Conclusion)
		}
	}
	if n := len(r.gh.CheckRuns(repo, sha)); n != 8 {
		t.Errorf("%d check runs", n)
	}
	run, jobs := r.jobs()
	workers := map[string]int{}
	for i, j := range jobs {
		workers[j.Worker]++
		for range 2 { // of each server
			if text := r.log(run, j.ID); strings.Count(text, fmt.Sprintf("this is %d\n", 41+i)) != 1 {
				t.Errorf("the log of %s: %s", j.ID, text)
			}
		}
	}
	if len(jobs) != 8 || workers["one"] == 0 || workers["two"] == 0 {
		t.Errorf("%d jobs, by %v", len(jobs), workers)
	}

	// A job's log is there while it runs, and whoever is asked can cancel it.
	sha = repo.Push("main", githubtest.Files{".github/workflows/ci.yml": `
name: CI
on: push
jobs:
  long:
    runs-on: ubuntu-latest
    steps: [{run: "for i in $(seq 1000); do echo line $i; sleep 0.2; done"}]
`}, "go on")
	r.eventually("both servers show the running job", func() bool {
		run, jobs = r.jobs()
		return len(jobs) == 1 && strings.Contains(r.log(run, "long"), "line 3\n") && strings.Contains(r.log(run, "long"), "line 3\n")
	})
	back, err := url.Parse(r.each[map[string]string{"one": "two", "two": "one"}[jobs[0].Worker]].url)
	if err != nil {
		t.Fatal(err)
	}
	r.only.Store(back)
	r.program("cancel", fmt.Sprint(run), "--server", r.url).wait().wantCode(0)
	r.only.Store(nil)
	if c := r.completed(repo, sha, 1)["CI / long (push)"]; c.Conclusion != "cancelled" {
		t.Errorf("check run: %+v", c)
	}

	// A server is killed: what it did not have goes on at the other one, and what it
	// had when it is back.
	sha = repo.Push("main", githubtest.Files{".github/workflows/ci.yml": `
name: CI
on: push
jobs:
  long:
    runs-on: ubuntu-latest
    steps: [{run: "for i in $(seq 12); do echo line $i; sleep 0.5; done"}]
  next:
    runs-on: ubuntu-latest
    strategy: {matrix: {n: [1, 2, 3, 4, 5, 6]}}
    steps: [{run: "sleep 0.5"}]
`}, "kill one")
	before := run
	var killed *served
	r.eventually("the long job runs", func() bool {
		if run, jobs = r.jobs(); run == before {
			return false
		}
		i := slices.IndexFunc(jobs, func(j seenJob) bool { return j.ID == "long" })
		if i < 0 || !strings.Contains(r.log(run, "long"), "line 3\n") {
			return false
		}
		killed = r.each[jobs[i].Worker]
		return killed != nil
	})
	killed.stop(syscall.SIGKILL)
	r.eventually("the other server takes new jobs", func() bool {
		done := 0
		for name, c := range r.checks(repo, sha) {
			if strings.HasPrefix(name, "CI / next") && c.Conclusion == "success" {
				done++
			}
		}
		return done >= 4 // two may have been with the other one
	})
	killed.start()
	for name, c := range r.completed(repo, sha, 7) {
		if c.Conclusion != "success" {
			t.Errorf("%s: %s: %s", name, c.Conclusion, c.Summary)
		}
	}
	text := r.log(run, "long")
	for i := 1; i <= 12; i++ {
		if n := strings.Count(text, fmt.Sprintf("line %d\n", i)); n != 1 {
			t.Errorf("line %d is there %d times:\n%s", i, n, text)
		}
	}
	if n := len(r.gh.CheckRuns(repo, sha)); n != 7 {
		t.Errorf("%d check runs", n)
	}

	// What the killed server had half made is swept, at the latest by the next start.
	killed.stop(syscall.SIGTERM)
	killed.start()
	r.eventually("nothing is left", func() bool { return r.labelled().empty() })
}
