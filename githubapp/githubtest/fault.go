package githubtest

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Faults are what goes wrong. Shares are of 1, drawn from the seed and the number
// of the request, so that one seed gives the same faults in the same order.
type Faults struct {
	Seed uint64

	Errors    float64       // API and git: 500, 502 or 503, nothing was done
	Cut       float64       // the connection is cut before anything was done
	Lost      float64       // what was asked was done, the connection is cut before the answer
	Slow      float64       // answers that take Delay longer
	Delay     time.Duration // of slow answers
	Secondary float64       // secondary rate limit
	// RetryAfter is what the secondary limit says; 0: a second.
	RetryAfter time.Duration
	// Hourly is the primary limit of each caller from now on; 0: that of Options.
	Hourly int
	// Only says which requests meet faults; nil: all but the test's own.
	Only func(*http.Request) bool

	Away bool // GitHub cuts every connection and keeps webhooks until it is back

	LoseWebhooks    float64 // tried in vain: in the list of deliveries, and can be delivered again
	ForgetWebhooks  float64 // never made: in no list
	RepeatWebhooks  float64 // delivered twice under one id
	ReorderWebhooks float64 // held back up to WebhookDelay, so that later ones overtake
	WebhookDelay    time.Duration
}

type faulty struct {
	mu     sync.Mutex
	f      Faults
	number uint64
	back   chan struct{} // closed when GitHub is back
}

// Faults sets what goes wrong from now on; Faults{} heals everything.
func (g *GitHub) Faults(f Faults) {
	g.mu.Lock()
	if g.faults.current().Hourly != f.Hourly {
		g.budgets = map[string]*budget{}
	}
	g.mu.Unlock()
	g.faults.mu.Lock()
	defer g.faults.mu.Unlock()
	if g.faults.back != nil && !f.Away {
		close(g.faults.back)
		g.faults.back = nil
	}
	if f.Away && g.faults.back == nil {
		g.faults.back = make(chan struct{})
	}
	g.faults.f = f
}

func (f *faulty) current() Faults {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.f
}

// away is a channel to wait on while GitHub is away, else nil.
func (f *faulty) away() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.back
}

// spoiled is what goes wrong with one request.
type spoiled struct {
	delay     time.Duration
	status    int
	cut       bool
	lost      bool
	secondary time.Duration
	hourly    int
}

func (f *faulty) decide(r *http.Request, tested bool) spoiled {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := spoiled{hourly: f.f.Hourly}
	if tested || f.f.Only != nil && !f.f.Only(r) {
		return s
	}
	f.number++
	random := rand.New(rand.NewPCG(f.f.Seed, f.number)) //nolint:gosec // repeatable
	if random.Float64() < f.f.Slow {
		s.delay = f.f.Delay
	}
	if random.Float64() < f.f.Errors {
		s.status = []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable}[random.IntN(3)]
	}
	s.cut = random.Float64() < f.f.Cut || f.f.Away
	s.lost = random.Float64() < f.f.Lost
	if random.Float64() < f.f.Secondary {
		s.secondary = max(f.f.RetryAfter, time.Second)
	}
	return s
}

// before spoils a request that was not looked at; true: that is all it gets.
func (s spoiled) before(w http.ResponseWriter, r *http.Request) bool {
	if s.delay > 0 {
		select {
		case <-time.After(s.delay):
		case <-r.Context().Done():
		}
	}
	switch {
	case s.cut:
		hangUp(w)
	case s.status != 0:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(s.status)
		_, _ = w.Write([]byte(`{"message":"Server Error"}`))
	default:
		return false
	}
	return true
}

// after spoils one that was done.
func (s spoiled) after(w http.ResponseWriter) bool {
	if s.lost {
		hangUp(w)
	}
	return s.lost
}

func hangUp(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// budget is what is left of somebody's hour.
type budget struct {
	used  int
	reset time.Time
}

// charge counts a request and refuses one too many.
// GitHub docs: rest/using-the-rest-api/rate-limits-for-the-rest-api
func (g *GitHub) charge(c *call, s spoiled) (http.Header, *answer) {
	limit := g.o.Hourly
	if s.hourly > 0 {
		limit = s.hourly
	}
	owner := c.who.owner()
	b := g.budgets[owner]
	if b == nil || !g.now().Before(b.reset) {
		b = &budget{reset: g.now().Add(time.Hour)}
		g.budgets[owner] = b
	}
	free := c.route == "GET /rate_limit" || g.tested(c.r)
	over := b.used >= limit && !free
	if !over && !free {
		b.used++
	}
	h := http.Header{}
	for name, value := range map[string]int64{
		"X-Ratelimit-Limit": int64(limit), "X-Ratelimit-Remaining": int64(max(limit-b.used, 0)), "X-Ratelimit-Used": int64(b.used), "X-Ratelimit-Reset": b.reset.Unix(),
	} {
		h.Set(name, itoa(value))
	}
	h.Set("X-Ratelimit-Resource", "core")
	h.Set("Date", g.now().Format(http.TimeFormat))
	switch {
	case over:
		return h, fail2(http.StatusForbidden, "API rate limit exceeded for "+owner+".")
	case s.secondary > 0:
		h.Set("Retry-After", strconv.Itoa(int((s.secondary+time.Second-1)/time.Second)))
		return h, fail2(http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	}
	return h, nil
}

// refund gives back what was charged: an answer that is known costs nothing.
// GitHub docs: rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
func (g *GitHub) refund(w caller) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b := g.budgets[w.owner()]; b != nil && b.used > 0 && !w.anonymous() {
		b.used--
	}
}

func (c *call) rateLimit() answer {
	limit := c.gh.o.Hourly
	if n := c.gh.faults.current().Hourly; n > 0 {
		limit = n
	}
	used, reset := 0, c.gh.now().Add(time.Hour)
	if b := c.gh.budgets[c.who.owner()]; b != nil {
		used, reset = b.used, b.reset
	}
	core := object{"limit": limit, "used": used, "remaining": max(limit-used, 0), "reset": reset.Unix()}
	search := object{"limit": 30, "used": 0, "remaining": 30, "reset": reset.Unix()}
	return ok(object{"resources": object{"core": core, "search": search, "graphql": core}, "rate": core})
}

func (c *call) meta() answer {
	return ok(object{
		"verifiable_password_authentication": true, "installed_version": "3.19.0",
		"hooks": []string{"127.0.0.0/8"}, "web": []string{"127.0.0.0/8"}, "api": []string{"127.0.0.0/8"}, "git": []string{"127.0.0.0/8"},
	})
}
