package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/semaphore"
)

// RateLimitedError says that GitHub takes no more requests for longer than one may wait.
type RateLimitedError struct {
	Until     time.Time
	Secondary bool // not the hourly budget, but a burst of requests
}

func (e *RateLimitedError) Error() string {
	kind := "primary"
	if e.Secondary {
		kind = "secondary"
	}
	return fmt.Sprintf("GitHub's %s rate limit holds until %s", kind, e.Until.UTC().Format(time.RFC3339))
}

// Budget is what is left of the hourly limit of one kind of request.
type Budget struct {
	Resource         string // core, search, graphql...
	Limit, Remaining int
	Reset            time.Time
}

// Limiter is a RoundTripper for the requests of one token's owner. It stands
// above what adds the token, so that a repeated request has a fresh one.
type Limiter struct {
	next    http.RoundTripper
	hosts   []string // those that get the token
	options Options
	slots   *semaphore.Weighted

	mu      sync.Mutex
	until   map[string]*RateLimitedError // by resource; "": secondary, holds for all
	budgets map[string]Budget
}

const (
	maxTries     = 6
	maxAtOnce    = 32               // GitHub docs: rest/using-the-rest-api/rate-limits: at most 100 at once, App-wide
	minSecondary = time.Minute      // the same page: without Retry-After wait for at least one minute
	firstPause   = time.Second / 2  // after an error of the server
	longestPause = 30 * time.Second // of those
	peekBytes    = 64 << 10         // of an error's body
)

func newLimiter(next http.RoundTripper, o Options, e Endpoints) *Limiter {
	var hosts []string
	for _, address := range []string{e.API, e.Upload} {
		if u, err := url.Parse(address); err == nil {
			hosts = append(hosts, u.Host)
		}
	}
	return &Limiter{next: next, hosts: hosts, options: o, slots: semaphore.NewWeighted(maxAtOnce), until: map[string]*RateLimitedError{}, budgets: map[string]Budget{}}
}

// Budgets are those that GitHub told of so far.
func (l *Limiter) Budgets() []Budget {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Budget
	for _, b := range l.budgets {
		all = append(all, b)
	}
	return all
}

// RoundTrip implements http.RoundTripper. It waits at most Options.MaxWait in all.
func (l *Limiter) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if !slices.Contains(l.hosts, req.URL.Host) {
		// A redirect to a storage service, which must not see the token.
		req = req.Clone(ctx)
		req.Header.Del("Authorization")
		return l.options.Transport.RoundTrip(req)
	}
	if err := l.slots.Acquire(ctx, 1); err != nil {
		return nil, errors.Join(err, closeBody(req))
	}
	defer l.slots.Release(1)
	errorPause := pauses(firstPause, longestPause)
	limitPause := pauses(minSecondary, 16*minSecondary)
	waited := time.Duration(0)
	for try := 1; ; try++ {
		if err := l.wait(ctx, resource(req), &waited); err != nil {
			return nil, errors.Join(err, closeBody(req))
		}
		attempt, err := again(req, try)
		if err != nil {
			return nil, err
		}
		res, err := l.next.RoundTrip(attempt)
		now := l.options.Now()
		seen, err := response(res, err)
		limited := l.note(seen, resource(req), limitPause, now)
		if limited != nil {
			l.options.Log.WarnContext(ctx, "GitHub limits requests", "until", limited.Until, "secondary", limited.Secondary, "path", req.URL.Path)
		}
		// Without the installation's token the request itself was never sent.
		unsent := seen != nil && seen != res
		failed := limited == nil && (seen == nil || seen.StatusCode >= 500) && (unsent || repeatable(req))
		if limited == nil && !failed || try == maxTries || ctx.Err() != nil || req.Body != nil && req.GetBody == nil {
			if limited != nil {
				discard(res)
				return nil, limited
			}
			return res, err
		}
		discard(res)
		if failed {
			if err := l.pause(ctx, errorPause.NextBackOff(), &waited); err != nil {
				return nil, err
			}
		}
	}
}

// wait waits until neither the resource nor everything is limited.
func (l *Limiter) wait(ctx context.Context, resource string, waited *time.Duration) error {
	for {
		l.mu.Lock()
		now := l.options.Now()
		var longest *RateLimitedError
		for _, key := range []string{"", resource} {
			if e := l.until[key]; e != nil && e.Until.After(now) && (longest == nil || e.Until.After(longest.Until)) {
				longest = e
			}
		}
		l.mu.Unlock()
		if longest == nil {
			return nil
		}
		d := longest.Until.Sub(now)
		if *waited+d > l.options.MaxWait {
			return longest
		}
		if err := l.pause(ctx, d, waited); err != nil {
			return err
		}
	}
}

func (l *Limiter) pause(ctx context.Context, d time.Duration, waited *time.Duration) error {
	*waited += d
	return l.options.sleep(ctx, d)
}

// note remembers what a response says of limits; not nil: it is a refusal.
func (l *Limiter) note(res *http.Response, resource string, pause *backoff.ExponentialBackOff, now time.Time) *RateLimitedError {
	if res == nil {
		return nil
	}
	if name := res.Header.Get("X-Ratelimit-Resource"); name != "" {
		resource = name
	}
	remaining, errRemaining := strconv.Atoi(res.Header.Get("X-Ratelimit-Remaining"))
	reset, errReset := strconv.ParseInt(res.Header.Get("X-Ratelimit-Reset"), 10, 64)
	counted := errRemaining == nil && errReset == nil
	empty := counted && remaining == 0
	var limited *RateLimitedError
	if res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusTooManyRequests {
		after, err := strconv.Atoi(res.Header.Get("Retry-After"))
		switch {
		case err == nil && after >= 0:
			limited = &RateLimitedError{Until: now.Add(time.Duration(max(after, 1)) * time.Second), Secondary: true}
		case empty:
			limited = &RateLimitedError{}
		case res.StatusCode == http.StatusTooManyRequests || strings.Contains(strings.ToLower(peek(res)), "secondary rate limit"):
			limited = &RateLimitedError{Until: now.Add(pause.NextBackOff()), Secondary: true}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if counted {
		limit, _ := strconv.Atoi(res.Header.Get("X-Ratelimit-Limit")) // 0: not told
		l.budgets[resource] = Budget{Resource: resource, Limit: limit, Remaining: remaining, Reset: time.Unix(reset, 0)}
	}
	switch {
	case empty:
		// A second more: GitHub's clock and ours are two.
		primary := &RateLimitedError{Until: time.Unix(reset+1, 0)}
		l.until[resource] = primary
		if limited != nil && !limited.Secondary {
			limited = primary
		}
		// go-github would refuse the next request by itself instead of letting it wait here.
		res.Header.Del("X-Ratelimit-Reset")
	case counted:
		delete(l.until, resource)
	}
	if limited != nil && limited.Secondary {
		l.until[""] = limited
	}
	return limited
}

// resource guesses the budget that a request is counted in; the answer corrects it.
func resource(req *http.Request) string {
	path := strings.TrimPrefix(strings.TrimPrefix(req.URL.Path, "/api"), "/v3")
	switch {
	case strings.HasPrefix(path, "/search/"):
		return "search"
	case strings.HasSuffix(path, "/graphql"):
		return "graphql"
	}
	return "core"
}

// repeatable tells whether a request may be sent again after it may have had its
// effect. PATCH sets what it names, so twice is once, but for the annotations of a
// check run, which are added to those before. Of the POST requests only another
// token does no harm.
func repeatable(req *http.Request) bool {
	if req.Method == http.MethodPatch && strings.Contains(req.URL.Path, "/check-runs/") {
		return false
	}
	return req.Method != http.MethodPost || strings.HasSuffix(req.URL.Path, "/access_tokens")
}

// again is the request with its body from the start: below it may be changed.
func again(req *http.Request, try int) (*http.Request, error) {
	attempt := req.Clone(req.Context())
	if try > 1 && req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, fmt.Errorf("repeat %s %s: %w", req.Method, req.URL.Path, err)
		}
		attempt.Body = body
	}
	return attempt, nil
}

// response is what GitHub answered, be it to the request or to that for the
// installation's token that comes before it.
func response(res *http.Response, err error) (*http.Response, error) {
	var refused *ghinstallation.HTTPError
	if err == nil || !errors.As(err, &refused) || refused.Response == nil {
		return res, err
	}
	text := peek(refused.Response)
	refused.Response.Body.Close()
	refused.Response.Body = io.NopCloser(strings.NewReader(text)) // note looks at it, too
	switch refused.Response.StatusCode {
	case http.StatusUnauthorized, http.StatusNotFound:
		return refused.Response, fmt.Errorf("%w: %w", ErrNoAccess, err)
	case http.StatusForbidden:
		if !strings.Contains(strings.ToLower(text), "rate limit") {
			return refused.Response, fmt.Errorf("%w: %w", ErrNoAccess, err)
		}
	}
	return refused.Response, err
}

// peek reads the start of a body and puts it back.
func peek(res *http.Response) string {
	head, err := io.ReadAll(io.LimitReader(res.Body, peekBytes))
	if err != nil {
		head = append(head, ' ') // whoever reads on sees the error
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), res.Body), res.Body}
	return string(head)
}

// discard lets the connection be used again.
func discard(res *http.Response) {
	if res != nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, peekBytes))
		res.Body.Close()
	}
}

func closeBody(req *http.Request) error {
	if req.Body == nil {
		return nil
	}
	return req.Body.Close()
}

// pauses grow and differ, so that servers do not come back all at once.
func pauses(first, longest time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier = first, longest, 2
	b.RandomizationFactor = 0.1
	b.Reset()
	return b
}

// sleep waits for a time or for the context.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var discardLog = slog.New(slog.DiscardHandler)
