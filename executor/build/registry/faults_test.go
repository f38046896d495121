package registry

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/drydock-ci/drydock/executor"
)

// answer lets requests with that method and that in their path fail with status.
func answer(method, part string, status int, body string) middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.Method == method && strings.Contains(q.URL.Path, part) {
				_, _ = io.Copy(io.Discard, q.Body)
				http.Error(w, body, status)
				return
			}
			next.ServeHTTP(w, q)
		})
	}
}

// hangUp ends the connections of the first times requests of that kind.
func hangUp(method, part string, times int64) middleware {
	var n atomic.Int64
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.Method == method && strings.Contains(q.URL.Path, part) && n.Add(1) <= times {
				_, _ = io.CopyN(io.Discard, q.Body, 10)
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, q)
		})
	}
}

// lie answers with another manifest than what was pushed.
func lie(part string) middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.Method == http.MethodGet && strings.Contains(q.URL.Path, part) {
				fmt.Fprint(w, `{"schemaVersion":2}`)
				return
			}
			next.ServeHTTP(w, q)
		})
	}
}

const harborQuota = `{"errors":[{"code":"DENIED","message":"adding 3 MiB of storage resource, which when updated to current usage will exceed the configured upper limit of quota"}]}`

// TestFaults: each gives one clear class, and no tag is moved.
func TestFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  middleware
		kind   executor.ErrorKind
		reason executor.Reason
		text   string
	}{
		"no right":            {answer("POST", "uploads", 403, `{"errors":[{"code":"DENIED","message":"not yours"}]}`), executor.Refused, WrongCredentials, "docker login"},
		"full":                {answer("PUT", "uploads", 507, "disk"), executor.Refused, executor.QuotaExceeded, "make room"},
		"too large":           {answer("PATCH", "uploads", 413, ""), executor.Refused, executor.QuotaExceeded, "limit"},
		"too often":           {answer("PUT", "manifests", 429, ""), executor.Refused, executor.QuotaExceeded, "too often"},
		"quota of a project":  {answer("POST", "uploads", 403, harborQuota), executor.Refused, executor.QuotaExceeded, "quota"},
		"in trouble":          {answer("HEAD", "blobs", 500, ""), executor.Unavailable, "", "log"},
		"not there":           {answer("POST", "uploads", 404, ""), executor.NotFound, "", "exist"},
		"always cut off":      {hangUp("PATCH", "uploads", 1000), executor.Unavailable, CutOff, "again and again"},
		"manifest refused":    {answer("PUT", "manifests/sha256", 400, `{"errors":[{"code":"MANIFEST_INVALID","message":"odd"}]}`), executor.Failed, "", "odd"},
		"another digest":      {lie("manifests/sha256"), executor.Failed, DigestMismatch, "read back"},
		"a tag goes nowhere":  {lie("manifests/v1"), executor.Failed, DigestMismatch, `tag "v1"`},
		"a layer is doubted":  {answer("PUT", "uploads", 400, `{"errors":[{"code":"DIGEST_INVALID","message":"odd"}]}`), executor.Failed, DigestMismatch, "odd"},
		"leads to plain http": {redirectUploads, executor.Refused, "", "TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, plain, tt.fault)
			l, root := example(t, 3000)
			err := client(t, Options{NoUserLogins: true}).Push(t.Context(), l, root, s.host+"/team/agenda", []string{"v1", "v2"}, nil)
			if err == nil {
				t.Fatal("no error")
			}
			if !executor.IsKind(err, tt.kind) || executor.ReasonOf(err) != tt.reason || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("reason %q: %v", executor.ReasonOf(err), err)
			}
			if n := s.count("PUT", "manifests/v"); n > 0 && name != "too often" && name != "a tag goes nowhere" {
				t.Errorf("%d tags were moved", n)
			}
		})
	}
}

// redirectUploads sends layers to another host, without TLS.
func redirectUploads(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPost {
			w.Header().Set("Location", "http://elsewhere.test/upload")
			w.WriteHeader(http.StatusAccepted)
			return
		}
		next.ServeHTTP(w, q)
	})
}

func TestDown(t *testing.T) {
	const host = "127.0.0.1:1"
	img, root := example(t, 10)
	for name, err := range map[string]error{
		"push":  client(t, Options{NoUserLogins: true}).Push(t.Context(), img, root, host+"/app", nil, nil),
		"retag": client(t, Options{NoUserLogins: true}).Retag(t.Context(), host+"/app", root.Digest, "v1"),
	} {
		if !executor.IsKind(err, executor.Unavailable) || !strings.Contains(err.Error(), host) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPassing: what passes is no error.
func TestPassing(t *testing.T) {
	for name, fault := range map[string]middleware{
		"upload": hangUp("PATCH", "uploads", 3), "begin": hangUp("POST", "uploads", 3), "end": hangUp("PUT", "uploads", 2),
		"manifest": hangUp("PUT", "manifests", 3), "look": hangUp("HEAD", "blobs", 3), "back": hangUp("GET", "manifests", 3),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, plain, fault)
			l, root := example(t, 200_000)
			c := client(t, Options{NoUserLogins: true})
			if err := c.Push(t.Context(), l, root, s.host+"/app", []string{"v1"}, nil); err != nil {
				t.Fatal(err)
			}
			if got, err := c.Resolve(t.Context(), s.host+"/app:v1"); err != nil || got.Digest != root.Digest {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// resuming is a registry that keeps what it got of an upload, and tells; every
// upload is cut off after half.
type resuming struct {
	next http.Handler
	mu   sync.Mutex
	have map[string][]byte
	cut  map[string]bool
	got  int64 // bytes of all uploads
}

func (r *resuming) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	_, id, ok := strings.Cut(q.URL.Path, "/blobs/uploads/")
	if !ok {
		r.next.ServeHTTP(w, q)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	tell := func(status int) {
		w.Header().Set("Location", "/v2/app/blobs/uploads/"+id)
		w.Header().Set("Range", fmt.Sprintf("0-%d", max(0, len(r.have[id])-1)))
		w.WriteHeader(status)
	}
	switch q.Method {
	case http.MethodPost:
		id = fmt.Sprint(len(r.have))
		r.have[id] = nil
		tell(http.StatusAccepted)
	case http.MethodGet:
		tell(http.StatusNoContent)
	case http.MethodPatch:
		if from := q.Header.Get("Content-Range"); from != "" && !strings.HasPrefix(from, fmt.Sprintf("%d-", len(r.have[id]))) {
			tell(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		body := io.Reader(q.Body)
		cut := !r.cut[id]
		if cut {
			body = io.LimitReader(q.Body, q.ContentLength/2)
		}
		data, err := io.ReadAll(body)
		r.have[id], r.got = append(r.have[id], data...), r.got+int64(len(data))
		if r.cut[id] = true; cut || err != nil {
			panic(http.ErrAbortHandler)
		}
		tell(http.StatusAccepted)
	case http.MethodPut:
		whole := q.Clone(q.Context())
		whole.Method, whole.URL.Path = http.MethodPost, "/v2/app/blobs/uploads/"
		whole.Body, whole.ContentLength = io.NopCloser(bytes.NewReader(r.have[id])), int64(len(r.have[id]))
		r.next.ServeHTTP(w, whole)
	}
}

// TestResume: what was sent before a cut is not sent again.
func TestResume(t *testing.T) {
	var r *resuming
	s := serve(t, plain, func(next http.Handler) http.Handler {
		r = &resuming{next: next, have: map[string][]byte{}, cut: map[string]bool{}}
		return r
	})
	l, root := example(t, 1<<20)
	content, err := l.Content(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := client(t, Options{NoUserLogins: true}).Push(t.Context(), l, root, s.host+"/app", []string{"v1"}, nil); err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, b := range content.Blobs {
		total += b.Size
	}
	if r.got != total || s.count("GET", "uploads") == 0 || s.count("POST", "uploads") != len(content.Blobs) {
		t.Errorf("%d bytes were sent of %d, in %d uploads", r.got, total, s.count("POST", "uploads"))
	}
}
