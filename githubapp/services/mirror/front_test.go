package mirror_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// front stands before GitHub. It counts, it can refuse, and it can keep the rest of a
// pack back.
type front struct {
	*httptest.Server
	requests, sent atomic.Int64
	refuses        atomic.Int64 // so many more requests, with that status
	status         atomic.Int64

	mu      sync.Mutex
	after   int           // bytes of the next pack that pass; 0: all
	stalled chan struct{} // closed when a pack is being kept back
	free    chan struct{}
}

func newFront(t *testing.T, address string) *front {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to) },
		FlushInterval: -1,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.requests.Add(1)
		if f.refuses.Add(-1) >= 0 {
			w.WriteHeader(int(f.status.Load()))
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		plain := body
		if r.Header.Get("Content-Encoding") == "gzip" {
			if z, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
				plain, _ = io.ReadAll(z)
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		out := &counting{ResponseWriter: w, f: f, done: r.Context().Done()}
		if bytes.Contains(plain, []byte("command=fetch")) && bytes.Contains(plain, []byte("done")) {
			f.mu.Lock()
			out.after, out.stalled, out.free = f.after, f.stalled, f.free
			f.after = 0
			f.mu.Unlock()
		}
		proxy.ServeHTTP(out, r)
	}))
	t.Cleanup(func() { f.release(); f.CloseClientConnections(); f.Close() })
	return f
}

// refuse answers the next requests with a status.
func (f *front) refuse(times, status int) {
	f.status.Store(int64(status))
	f.refuses.Store(int64(times))
}

// stall keeps the next pack back after so many bytes, until release.
func (f *front) stall(after int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after, f.stalled, f.free = after, make(chan struct{}), make(chan struct{})
}

func (f *front) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after = 0
	if f.free != nil {
		close(f.free)
		f.free = nil
	}
}

type counting struct {
	http.ResponseWriter
	f             *front
	after, n      int
	stalled, free chan struct{}
	done          <-chan struct{}
}

func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *counting) Write(p []byte) (int, error) {
	c.f.sent.Add(int64(len(p)))
	c.n += len(p)
	sent := 0
	if c.after > 0 && c.n > c.after && c.free != nil {
		// What comes before is really sent: the other side is to begin.
		if sent = max(0, len(p)-(c.n-c.after)); sent > 0 {
			if _, err := c.ResponseWriter.Write(p[:sent]); err != nil {
				return 0, err
			}
		}
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		select {
		case <-c.stalled:
		default:
			close(c.stalled)
		}
		select {
		case <-c.free:
		case <-c.done:
		}
		c.free = nil
	}
	n, err := c.ResponseWriter.Write(p[sent:])
	return sent + n, err
}

// noise is a text that does not compress.
func noise(n int) string {
	data := make([]byte, n)
	rand.New(rand.NewSource(1)).Read(data)
	return string(data)
}

func storeID(id int64) store.RepositoryID { return store.RepositoryID(id) }
