package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/api/client"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func TestClient(t *testing.T) {
	w := start(t)
	c, err := client.New(w.http.URL+"/", localToken)
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.Runs(t.Context(), api.Query{Workflow: "CI", State: store.Completed})
	if err != nil || len(page.Runs) != 1 || page.Runs[0].ID != 1 {
		t.Fatalf("runs: %+v, %v", page, err)
	}
	if r, err := c.Run(t.Context(), 1, 0); err != nil || len(r.Jobs) != 5 {
		t.Errorf("run: %+v, %v", r, err)
	}
	if err := c.Cancel(t.Context(), 2, true); err != nil {
		t.Error(err)
	}
	if attempt, err := c.Rerun(t.Context(), 1, "job", "build"); err != nil || attempt != 2 {
		t.Error(attempt, err)
	}
	if id, err := c.Dispatch(t.Context(), "octo/app", "ci.yml", "main", map[string]string{"a": "b"}); err != nil || id != 7 {
		t.Error(id, err)
	}
	const did = `cancel 2 by local/-1 "cancelled by local" true; rerun 1 job build by local; dispatch ci.yml of octo/app at "main" by local map[a:b]`
	if got := w.taken(); got != did {
		t.Errorf("did %s", got)
	}
	if _, err := c.Run(t.Context(), 99, 0); err == nil || !strings.Contains(err.Error(), "no such run") {
		t.Errorf("unknown run: %v", err)
	}
	bad, _ := client.New(w.http.URL, "guess")
	if err := bad.Follow(t.Context(), store.Stream{Run: 1, Attempt: 1, Job: "build"}, func(runner.Event) {}); err == nil || !strings.Contains(err.Error(), "not accepted") {
		t.Errorf("bad token: %v", err)
	}
	for _, address := range []string{"http://example.com", "ftp://x", "example.com", ""} {
		if _, err := client.New(address, "t"); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
}

// TestFollowBroken: a connection that breaks again and again loses and repeats
// no line.
func TestFollowBroken(t *testing.T) {
	w := start(t)
	key := w.live()
	target, err := url.Parse(w.http.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = target.Host }}
	var connections atomic.Int64
	breaking := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		connections.Add(1)
		proxy.ServeHTTP(&breakingWriter{ResponseWriter: rw, left: 700}, r)
	}))
	defer breaking.Close()
	c, err := client.New(breaking.URL, localToken)
	if err != nil {
		t.Fatal(err)
	}
	var told sync.WaitGroup
	defer told.Wait()
	told.Go(func() {
		for i := range 20 {
			w.line(key, fmt.Sprint(i))
			time.Sleep(10 * time.Millisecond)
		}
		w.emit(key, runner.JobFinished{Job: key.Job, Conclusion: plan.Success})
		w.commit(key.Run, store.Completed, plan.Success)
	})
	var got, want []string
	err = c.Follow(t.Context(), key, func(e runner.Event) {
		if l, ok := e.(runner.Line); ok {
			got = append(got, l.Text)
		}
	})
	for i := range 20 {
		want = append(want, fmt.Sprint(i))
	}
	if err != nil || !slices.Equal(got, want) || connections.Load() < 3 {
		t.Errorf("got %v over %d connections, error %v", got, connections.Load(), err)
	}
}

// breakingWriter breaks the connection after so many bytes.
type breakingWriter struct {
	http.ResponseWriter
	left int
}

func (b *breakingWriter) Write(p []byte) (int, error) {
	if len(p) <= b.left {
		b.left -= len(p)
		return b.ResponseWriter.Write(p)
	}
	_, _ = b.ResponseWriter.Write(p[:b.left])
	_ = http.NewResponseController(b.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func (b *breakingWriter) Unwrap() http.ResponseWriter { return b.ResponseWriter }
