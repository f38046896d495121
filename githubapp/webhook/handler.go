package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// MaxBytes is the size of the largest payload that GitHub sends.
// GitHub docs: webhooks/webhook-events-and-payloads: payloads are capped at 25 MB
const MaxBytes = 25 << 20

// Options of New.
type Options struct {
	// Secrets are those that may have signed a delivery: while one is being
	// changed there are two. None is an error: everybody could deliver.
	Secrets    [][]byte
	Deliveries store.Deliveries
	// Stored is called after deliveries were stored that wait to be planned; it
	// must not block. May be nil.
	Stored func()

	Events       []string      // nil: Events()
	MaxRequests  int           // being answered at once; 0: 1,024
	MaxMemory    int64         // of bodies, in bytes; 0: 256 MiB
	BodyTimeout  time.Duration // for a request to be read; 0: 10 s
	StoreTimeout time.Duration // for a commit; 0: 8 s. GitHub waits for 10 s
	Log          *slog.Logger  // nil: silent
	Now          func() time.Time
}

// Handler answers POST requests of GitHub.
type Handler struct {
	options  Options
	requests *semaphore.Weighted
	memory   *semaphore.Weighted
	batch    *batcher
}

// New makes a handler. Close ends it.
func New(o Options) (*Handler, error) {
	if len(o.Secrets) == 0 || slices.ContainsFunc(o.Secrets, func(s []byte) bool { return len(s) == 0 }) {
		return nil, errors.New("webhook handler: a webhook secret is missing or empty: without one everybody could start jobs")
	}
	if o.Deliveries == nil {
		return nil, errors.New("webhook handler: it has no store")
	}
	if o.Events == nil {
		o.Events = Events()
	}
	if o.MaxRequests <= 0 {
		o.MaxRequests = 1024
	}
	if o.MaxMemory <= 0 {
		o.MaxMemory = 256 << 20
	}
	if o.BodyTimeout <= 0 {
		o.BodyTimeout = 10 * time.Second
	}
	if o.StoreTimeout <= 0 {
		o.StoreTimeout = 8 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Handler{
		options: o, requests: semaphore.NewWeighted(int64(o.MaxRequests)), memory: semaphore.NewWeighted(o.MaxMemory),
		batch: startBatcher(o.Deliveries, o.MaxRequests, o.StoreTimeout),
	}, nil
}

// Close refuses further deliveries and returns when those that wait are stored.
func (h *Handler) Close() { h.batch.close() }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d, outcome, bad := h.take(w, r)
	w.Header().Set("Content-Type", "application/json")
	if bad == nil {
		status := http.StatusAccepted
		if outcome == store.Duplicate || d.Fate == store.Ignored {
			status = http.StatusOK
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"delivery": string(d.ID), "outcome": string(outcome), "reason": d.Reason})
		return
	}
	switch bad.status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "10")
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	}
	if bad.status != http.StatusServiceUnavailable {
		// What is left of the body is not worth reading.
		w.Header().Set("Connection", "close")
	}
	w.WriteHeader(bad.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": bad.text})
	h.options.Log.Warn("delivery refused", "status", bad.status, "reason", bad.text, "delivery", short(r.Header.Get(deliveryHeader)), "from", r.RemoteAddr)
}

// take stores the delivery of a request, or says why not.
func (h *Handler) take(w http.ResponseWriter, r *http.Request) (store.Delivery, store.Added, *refusal) {
	var none store.Delivery
	if r.Method != http.MethodPost {
		return none, "", refuse(http.StatusMethodNotAllowed, "deliveries are POST requests")
	}
	head, bad := parseHead(r.Header)
	if bad != nil {
		return none, "", bad
	}
	if r.ContentLength > MaxBytes {
		return none, "", refuse(http.StatusRequestEntityTooLarge, "the payload has %d bytes, more than %d", r.ContentLength, MaxBytes)
	}
	if !h.requests.TryAcquire(1) {
		return none, "", refuse(http.StatusServiceUnavailable, "too many deliveries at once")
	}
	defer h.requests.Release(1)
	raw, held, bad := h.read(w, r)
	defer h.memory.Release(held)
	if bad != nil {
		return none, "", bad
	}
	if !signed(raw, head.signature, h.options.Secrets) {
		return none, "", refuse(http.StatusUnauthorized, "the signature does not match: check the webhook secret")
	}
	body, bad := payload(raw, head.form)
	if bad != nil {
		return none, "", bad
	}
	d := store.Delivery{ID: head.id, Event: head.event, Headers: head.headers, Body: body, Received: h.options.Now(), Fate: store.Pending}
	switch {
	case head.event == "ping":
		d.Fate, d.Reason = store.Ignored, "GitHub tried whether it is heard"
	case !slices.Contains(h.options.Events, head.event):
		d.Fate, d.Reason = store.Ignored, fmt.Sprintf("nothing listens to event %q", head.event)
	}
	outcome, err := h.batch.add(d)
	if err != nil {
		h.options.Log.Error("delivery not stored", "delivery", string(d.ID), "event", d.Event, "error", err)
		return none, "", refuse(http.StatusServiceUnavailable, "the delivery could not be stored now")
	}
	if outcome != store.Duplicate && d.Fate == store.Pending && h.options.Stored != nil {
		h.options.Stored()
	}
	return d, outcome, nil
}

// signed compares with each secret, all of them always, in constant time.
func signed(body, signature []byte, secrets [][]byte) bool {
	ok := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		if hmac.Equal(mac.Sum(nil), signature) {
			ok = true
		}
	}
	return ok
}

// payload is the JSON of a body whose signature was checked.
func payload(raw []byte, form bool) ([]byte, *refusal) {
	if form {
		fields, err := url.ParseQuery(string(raw))
		if err != nil || len(fields["payload"]) != 1 {
			return nil, refuse(http.StatusBadRequest, "the form has no single field payload")
		}
		raw = []byte(fields["payload"][0])
	}
	if !json.Valid(raw) {
		return nil, refuse(http.StatusBadRequest, "the payload is no JSON")
	}
	return raw, nil
}

// short is foreign text for a log line.
func short(s string) string { return strconv.QuoteToASCII(s[:min(len(s), maxName)]) }
