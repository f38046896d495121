package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
	"github.com/drydock-ci/drydock/githubapp/webhook"
)

const secret = "it's a secret to everybody"

func sign(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// request is a delivery as GitHub would send it.
func request(t testing.TB, address, id, event string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Delivery", id)
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-GitHub-Hook-ID", "77")
	r.Header.Set("X-Hub-Signature-256", sign(secret, body))
	return r
}

func open(t testing.TB) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// serve serves a handler over HTTP.
func serve(t testing.TB, o webhook.Options) (address string, h *webhook.Handler) {
	t.Helper()
	if o.Secrets == nil {
		o.Secrets = [][]byte{[]byte("the old one"), []byte(secret)}
	}
	if o.BodyTimeout == 0 { // GitHub does not wait that long; a machine that is busy needs it
		o.BodyTimeout = time.Minute
	}
	if o.StoreTimeout == 0 {
		o.StoreTimeout = time.Minute
	}
	h, err := webhook.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(func() { server.Close(); h.Close() })
	return server.URL, h
}

func do(t testing.TB, r *http.Request) (status int, body string, header http.Header) {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

func TestAnswers(t *testing.T) {
	big := []byte(`"` + strings.Repeat("x", 30<<20) + `"`)
	limit := []byte(`"` + strings.Repeat("x", webhook.MaxBytes-2) + `"`)
	plain := []byte(`{"ref":"refs/heads/main"}`)
	form := []byte("payload=" + url.QueryEscape(string(plain)))
	set := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
	}
	asForm := set("Content-Type", "application/x-www-form-urlencoded")
	for _, tc := range []struct {
		name   string
		event  string
		body   []byte
		change func(*http.Request)
		want   int
		says   string
		stored string // the body; "": nothing
		fate   store.Fate
	}{
		{name: "push", body: plain, want: 202, says: `"outcome":"new"`, stored: string(plain), fate: store.Pending},
		{name: "old secret", body: plain, change: set("X-Hub-Signature-256", sign("the old one", plain)), want: 202, stored: string(plain), fate: store.Pending},
		{name: "upper case signature", body: plain, change: set("X-Hub-Signature-256", "sha256="+strings.ToUpper(sign(secret, plain)[7:])), want: 202, stored: string(plain), fate: store.Pending},
		{name: "form", body: form, change: asForm, want: 202, stored: string(plain), fate: store.Pending},
		{name: "charset", body: plain, change: set("Content-Type", "application/json; charset=utf-8"), want: 202, stored: string(plain), fate: store.Pending},
		{name: "at the limit", body: limit, want: 202, stored: string(limit), fate: store.Pending},
		{name: "chunked", body: limit[:1<<20], change: func(r *http.Request) { r.ContentLength = -1 }, want: 400, says: "no JSON"},
		{name: "ping", event: "ping", body: plain, want: 200, stored: string(plain), fate: store.Ignored},
		{name: "unknown event", event: "sponsorship", body: plain, want: 200, says: `nothing listens to event`, stored: string(plain), fate: store.Ignored},

		{name: "GET", change: func(r *http.Request) { r.Method = http.MethodGet }, want: 405},
		{name: "no signature", body: plain, change: set("X-Hub-Signature-256"), want: 401},
		{name: "SHA-1 signature", body: plain, change: set("X-Hub-Signature-256", "sha1=0123456789012345678901234567890123456789"), want: 401},
		{name: "short signature", body: plain, change: set("X-Hub-Signature-256", sign(secret, plain)[:70]), want: 401},
		{name: "two signatures", body: plain, change: set("X-Hub-Signature-256", sign(secret, plain), sign(secret, plain)), want: 400},
		{name: "forged", body: plain, change: set("X-Hub-Signature-256", sign("guess", plain)), want: 401, says: "does not match"},
		{name: "empty secret", body: plain, change: set("X-Hub-Signature-256", sign("", plain)), want: 401},
		{name: "body of another", body: plain, change: set("X-Hub-Signature-256", sign(secret, form)), want: 401},
		{name: "truncated", body: plain[:10], change: set("X-Hub-Signature-256", sign(secret, plain)), want: 401},
		{name: "signed nonsense", body: plain[:10], want: 400, says: "no JSON"},
		{name: "empty", want: 400, says: "no JSON"},
		{name: "form without payload", body: []byte("a=b"), change: asForm, want: 400},
		{name: "form with two payloads", body: []byte("payload=1&payload=2"), change: asForm, want: 400},
		{name: "bad form", body: []byte("payload=%zz"), change: asForm, want: 400},
		{name: "no id", body: plain, change: set("X-GitHub-Delivery"), want: 400},
		{name: "odd id", body: plain, change: set("X-GitHub-Delivery", "../../etc"), want: 400},
		{name: "long id", body: plain, change: set("X-GitHub-Delivery", strings.Repeat("a", 65)), want: 400},
		{name: "no event", body: plain, change: set("X-GitHub-Event"), want: 400},
		{name: "odd event", body: plain, change: set("X-GitHub-Event", "<b>"), want: 400},
		{name: "XML", body: plain, change: set("Content-Type", "text/xml"), want: 415},
		{name: "no content type", body: plain, change: set("Content-Type"), want: 415},
		{name: "30 MB", body: big, want: 413},
		{name: "30 MB unannounced", body: big, change: func(r *http.Request) { r.ContentLength = -1 }, want: 413},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := open(t)
			var woken atomic.Int32
			address, _ := serve(t, webhook.Options{Deliveries: s, Stored: func() { woken.Add(1) }})
			event := tc.event
			if event == "" {
				event = "push"
			}
			r := request(t, address, "5b1e0d9c-1", event, tc.body)
			if tc.change != nil {
				tc.change(r)
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				if tc.want == 413 && hungUp(err) {
					return
				}
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != tc.want || !strings.Contains(string(text), tc.says) {
				t.Errorf("got %d %s (%v), want %d with %q", res.StatusCode, text, err, tc.want, tc.says)
			}
			all, err := s.ListDeliveries(t.Context(), store.DeliveryFilter{})
			if err != nil {
				t.Fatal(err)
			}
			if tc.stored == "" {
				if len(all) != 0 || woken.Load() != 0 {
					t.Errorf("it was stored: %v", all)
				}
				return
			}
			d, err := s.Delivery(t.Context(), "5b1e0d9c-1")
			if err != nil {
				t.Fatal(err)
			}
			if string(d.Body) != tc.stored || d.Fate != tc.fate || d.Event != event || d.Headers["X-Github-Hook-Id"] != "77" {
				t.Errorf("stored %d bytes, fate %q, event %q, headers %v", len(d.Body), d.Fate, d.Event, d.Headers)
			}
			if want := tc.fate == store.Pending; want != (woken.Load() == 1) {
				t.Errorf("the planner was woken %d times", woken.Load())
			}
		})
	}
}

// hungUp tells that the server did not wait for the rest of a body: the client was
// still sending it.
func hungUp(err error) bool {
	return errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "reset") || strings.Contains(err.Error(), "broken pipe")
}

func TestReplay(t *testing.T) {
	s := open(t)
	address, _ := serve(t, webhook.Options{Deliveries: s})
	body := []byte(`{}`)
	send := func() (int, string) {
		status, text, _ := do(t, request(t, address, "one", "push", body))
		return status, text
	}
	if status, _ := send(); status != 202 {
		t.Errorf("first: %d", status)
	}
	if status, text := send(); status != 200 || !strings.Contains(text, "duplicate") {
		t.Errorf("second: %d %s", status, text)
	}
	got, err := s.ClaimDeliveries(t.Context(), 1, time.Minute)
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if err := s.Settle(t.Context(), store.Settlement{Delivery: "one", Attempt: 1, Fate: store.Failed}); err != nil {
		t.Fatal(err)
	}
	if status, text := send(); status != 202 || !strings.Contains(text, "again") {
		t.Errorf("after it failed: %d %s", status, text)
	}
}

// ledger is a store that a test holds up.
type ledger struct {
	store.Deliveries
	mu      sync.Mutex
	batches [][]store.Delivery
	block   chan struct{}
	err     error
}

func (l *ledger) AddDeliveries(ctx context.Context, all []store.Delivery) ([]store.Added, error) {
	l.mu.Lock()
	l.batches = append(l.batches, all)
	l.mu.Unlock()
	select {
	case <-l.block:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if l.err != nil {
		return nil, l.err
	}
	out := make([]store.Added, len(all))
	for i := range out {
		out[i] = store.New
	}
	return out, nil
}

func (l *ledger) count() (batches, deliveries int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.batches {
		deliveries += len(b)
	}
	return len(l.batches), deliveries
}

// send sends n deliveries at once and gives the statuses as they come.
func send(t *testing.T, address string, n int) <-chan int {
	out := make(chan int, n)
	for i := range n {
		r := request(t, address, fmt.Sprint("d", i), "push", []byte(`{}`))
		go func() {
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				out <- 0
				return
			}
			res.Body.Close()
			if res.StatusCode == 503 && res.Header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
			out <- res.StatusCode
		}()
	}
	return out
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never came: ", what)
		}
	}
}

func TestOverload(t *testing.T) {
	l := &ledger{block: make(chan struct{})}
	address, _ := serve(t, webhook.Options{Deliveries: l, MaxRequests: 4})
	statuses := send(t, address, 10)
	for range 6 { // while four wait for the disk
		if status := <-statuses; status != 503 {
			t.Errorf("got %d under overload", status)
		}
	}
	close(l.block)
	for range 4 {
		if status := <-statuses; status != 202 {
			t.Errorf("got %d for one that was taken", status)
		}
	}
	if _, n := l.count(); n != 4 {
		t.Errorf("%d deliveries were stored, want those that were answered", n)
	}
}

// read counts the deliveries that were read, and are about to be stored.
type read struct{ n atomic.Int32 }

func (r *read) now() time.Time {
	r.n.Add(1)
	return time.Now()
}

func TestGroupCommit(t *testing.T) {
	l, got := &ledger{block: make(chan struct{})}, &read{}
	address, _ := serve(t, webhook.Options{Deliveries: l, Now: got.now})
	first := send(t, address, 1)
	eventually(t, "the first commit", func() bool { n, _ := l.count(); return n == 1 })
	rest := send(t, address, 50)
	eventually(t, "the others", func() bool { return got.n.Load() == 51 })
	time.Sleep(200 * time.Millisecond)
	select {
	case status := <-rest:
		t.Fatalf("answered %d before it was stored", status)
	default:
	}
	close(l.block)
	<-first
	for range 50 {
		if status := <-rest; status != 202 {
			t.Errorf("got %d", status)
		}
	}
	if batches, n := l.count(); n != 51 || batches > 10 {
		t.Errorf("%d deliveries in %d transactions, want 51 in a few", n, batches)
	}
}

func TestStoreFails(t *testing.T) {
	l := &ledger{block: make(chan struct{}), err: errors.New("disk full at /secret/path")}
	close(l.block)
	address, _ := serve(t, webhook.Options{Deliveries: l})
	status, text, header := do(t, request(t, address, "a", "push", []byte(`{}`)))
	if status != 503 || header.Get("Retry-After") == "" || strings.Contains(text, "disk") {
		t.Errorf("got %d %v %s, want 503 with Retry-After and without the cause", status, header, text)
	}
	slow := &ledger{block: make(chan struct{})}
	address, _ = serve(t, webhook.Options{Deliveries: slow, StoreTimeout: 50 * time.Millisecond})
	if status, _, _ := do(t, request(t, address, "a", "push", []byte(`{}`))); status != 503 {
		t.Errorf("got %d from a store that hangs", status)
	}
}

func TestSlowBody(t *testing.T) {
	s := open(t)
	address, _ := serve(t, webhook.Options{Deliveries: s, BodyTimeout: 2 * time.Second, MaxMemory: 1 << 20, MaxRequests: 1})
	r, w := io.Pipe()
	defer w.Close()
	req := request(t, address, "slow", "push", nil)
	req.Body, req.ContentLength = r, 20<<20
	go w.Write([]byte(`{"never":`))
	if status, _, _ := do(t, req); status != 408 {
		t.Errorf("got %d, want 408", status)
	}
	// Its place and its memory are free again.
	if status, text, _ := do(t, request(t, address, "next", "push", []byte(`{}`))); status != 202 {
		t.Errorf("the next one: %d %s", status, text)
	}
	res, err := http.DefaultClient.Do(request(t, address, "large", "push", []byte(`"`+strings.Repeat("x", 2<<20)+`"`)))
	if err != nil {
		if !hungUp(err) {
			t.Fatal(err)
		}
		return
	}
	if res.Body.Close(); res.StatusCode != 503 {
		t.Errorf("more than there is memory for: %d", res.StatusCode)
	}
}

func TestHangUp(t *testing.T) {
	s := open(t)
	address, _ := serve(t, webhook.Options{Deliveries: s})
	r, w := io.Pipe()
	req := request(t, address, "gone", "push", nil)
	req.Body, req.ContentLength = r, 100
	go func() { w.Write([]byte(`{"a":`)); w.CloseWithError(errors.New("gone")) }()
	if res, err := http.DefaultClient.Do(req); err == nil {
		res.Body.Close()
		t.Error("half a body was answered")
	}
	if all, err := s.ListDeliveries(t.Context(), store.DeliveryFilter{}); err != nil || len(all) != 0 {
		t.Errorf("half a body was stored: %v, %v", all, err)
	}
}

func TestClose(t *testing.T) {
	l, got := &ledger{block: make(chan struct{})}, &read{}
	address, h := serve(t, webhook.Options{Deliveries: l, Now: got.now})
	taken := send(t, address, 5)
	eventually(t, "the first commit", func() bool { n, _ := l.count(); return n == 1 })
	eventually(t, "the others", func() bool { return got.n.Load() == 5 })
	time.Sleep(200 * time.Millisecond) // they wait behind it
	closed := make(chan struct{})
	go func() { h.Close(); close(closed) }()
	var early []<-chan int
	eventually(t, "a refusal", func() bool {
		answer := send(t, address, 1)
		select {
		case status := <-answer:
			return status == 503
		case <-time.After(10 * time.Millisecond):
			early = append(early, answer) // it was taken before the close, or will be refused
			return false
		}
	})
	close(l.block)
	<-closed
	for _, answer := range early {
		<-answer
	}
	for range 5 {
		if status := <-taken; status != 202 {
			t.Errorf("one that was taken got %d", status)
		}
	}
	h.Close() // again is nothing
}

func TestNew(t *testing.T) {
	l := &ledger{}
	for name, o := range map[string]webhook.Options{
		"no secret":    {Deliveries: l},
		"empty secret": {Deliveries: l, Secrets: [][]byte{[]byte("a"), {}}},
		"no store":     {Secrets: [][]byte{[]byte("a")}},
	} {
		if _, err := webhook.New(o); err == nil {
			t.Errorf("%s: it was made", name)
		}
	}
}
