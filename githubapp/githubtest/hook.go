package githubtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // GitHub signs with it as well
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Delivery is one webhook, as GitHub remembers it.
type Delivery struct {
	ID           int64
	GUID         string // stays the same when it is delivered again
	Event        string
	Action       string
	Installation int64
	Repository   int64
	Redelivery   bool
	At           time.Time
	Took         time.Duration
	Status       string // OK, or why not
	Code         int    // of the receiver's answer; 0: none, or not yet
	Attempted    bool
	Payload      json.RawMessage

	Sent, Received http.Header
	Answer         string
}

// sender delivers webhooks in their order, one at a time, unless faults say
// otherwise.
type sender struct {
	gh     *GitHub
	client *http.Client
	stop   context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	address string
	all     []*Delivery
	queue   []*Delivery
	open    int // not attempted yet
	wake    chan struct{}
	settled *sync.Cond
	random  uint64
}

func newSender(g *GitHub, address string) *sender {
	ctx, stop := context.WithCancel(context.Background())
	s := &sender{
		gh: g, stop: stop, ended: make(chan struct{}), address: address, wake: make(chan struct{}, 1),
		// GitHub waits for ten seconds. A machine that runs tests may be that busy.
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
	}
	s.settled = sync.NewCond(&s.mu)
	go s.run(ctx)
	return s
}

func (s *sender) close() {
	s.stop()
	<-s.ended
	s.client.CloseIdleConnections()
}

// SetWebhook changes where deliveries go.
func (g *GitHub) SetWebhook(address string) {
	g.hooks.mu.Lock()
	defer g.hooks.mu.Unlock()
	g.hooks.address = address
}

// Deliveries are all of them, the oldest first.
func (g *GitHub) Deliveries() []Delivery {
	g.hooks.mu.Lock()
	defer g.hooks.mu.Unlock()
	out := make([]Delivery, len(g.hooks.all))
	for i, d := range g.hooks.all {
		out[i] = *d
	}
	return out
}

// Settle waits until every delivery so far was attempted; while GitHub is away
// that does not happen.
func (g *GitHub) Settle() {
	g.hooks.mu.Lock()
	defer g.hooks.mu.Unlock()
	for g.hooks.open > 0 {
		g.hooks.settled.Wait()
	}
}

// Redeliver delivers one again, as the button on GitHub's page does.
func (g *GitHub) Redeliver(id int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.redeliver(id)
}

func (g *GitHub) redeliver(id int64) bool {
	s := g.hooks
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.all, func(d *Delivery) bool { return d.ID == id })
	if at < 0 {
		return false
	}
	old := s.all[at]
	s.add(&Delivery{
		ID: g.id("delivery"), GUID: old.GUID, Event: old.Event, Action: old.Action, Installation: old.Installation, Repository: old.Repository,
		Redelivery: true, At: g.now(), Payload: old.Payload,
	})
	return true
}

// add queues a delivery; s.mu is held.
func (s *sender) add(d *Delivery) {
	s.all = append(s.all, d)
	s.queue = append(s.queue, d)
	s.open++
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *sender) run(ctx context.Context) {
	defer close(s.ended)
	var held sync.WaitGroup
	defer held.Wait()
	for {
		s.mu.Lock()
		away := s.gh.faults.away() // now, so that nothing goes that came while GitHub is away
		var next *Delivery
		if away == nil && len(s.queue) > 0 {
			next, s.queue = s.queue[0], s.queue[1:]
		}
		s.mu.Unlock()
		if away != nil {
			select {
			case <-away:
			case <-ctx.Done():
				return
			}
			continue
		}
		if next == nil {
			select {
			case <-s.wake:
			case <-ctx.Done():
				return
			}
			continue
		}
		f := s.gh.faults.current()
		s.random++
		random := rand.New(rand.NewPCG(f.Seed+1, s.random)) //nolint:gosec // repeatable
		lose, repeat, reorder := random.Float64() < f.LoseWebhooks, random.Float64() < f.RepeatWebhooks, random.Float64() < f.ReorderWebhooks
		wait := f.WebhookDelay
		if reorder {
			wait = max(wait, 50*time.Millisecond) + time.Duration(random.Int64N(int64(max(wait, 50*time.Millisecond))))
		}
		deliver := func() {
			s.deliver(ctx, next, lose)
			if repeat && !lose {
				s.deliver(ctx, next, false)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			next.Attempted = true
			s.open--
			s.settled.Broadcast()
		}
		if wait == 0 {
			deliver()
			continue
		}
		held.Go(func() {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
			deliver()
		})
	}
}

// deliver posts once and notes how it went.
// GitHub docs: webhooks/webhook-events-and-payloads#delivery-headers
func (s *sender) deliver(ctx context.Context, d *Delivery, lose bool) {
	s.mu.Lock()
	address := s.address
	s.mu.Unlock()
	app := s.gh.App()
	h := http.Header{}
	for name, value := range map[string]string{
		"Accept": "*/*", "Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/test", "X-GitHub-Delivery": d.GUID, "X-GitHub-Event": d.Event,
		"X-GitHub-Hook-ID": itoa(app.ID * 10), "X-GitHub-Hook-Installation-Target-ID": itoa(app.ID), "X-GitHub-Hook-Installation-Target-Type": "integration",
		"X-GitHub-Enterprise-Version": "3.19.0", "X-GitHub-Enterprise-Host": strings.TrimPrefix(s.gh.url, "http://"),
	} {
		h.Set(name, value)
	}
	mac := hmac.New(sha256.New, []byte(app.WebhookSecret))
	mac.Write(d.Payload)
	h.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	old := hmac.New(sha1.New, []byte(app.WebhookSecret))
	old.Write(d.Payload)
	h.Set("X-Hub-Signature", "sha1="+hex.EncodeToString(old.Sum(nil)))

	begun := time.Now()
	status, code, received, text := "failed to connect to host", 0, http.Header{}, ""
	if address != "" && !lose {
		status, code, received, text = s.post(ctx, address, h, d.Payload)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.Took, d.Status, d.Code, d.Sent, d.Received, d.Answer = time.Since(begun), status, code, h, received, text
}

func (s *sender) post(ctx context.Context, address string, h http.Header, payload []byte) (string, int, http.Header, string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(payload))
	if err != nil {
		return err.Error(), 0, nil, ""
	}
	req.Header = h.Clone()
	resp, err := s.client.Do(req)
	if err != nil {
		if e, is := err.(interface{ Timeout() bool }); is && e.Timeout() {
			return "timed out", 0, nil, ""
		}
		return "failed to connect to host", 0, nil, ""
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	status := "OK"
	if resp.StatusCode >= 300 {
		status = fmt.Sprintf("Invalid HTTP Response: %d", resp.StatusCode)
	}
	return status, resp.StatusCode, resp.Header, string(text)
}
