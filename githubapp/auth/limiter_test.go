package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// send sends one request as installation 7, whose token is known already.
func (f *fake) send(app *App, method, path, body string) (int, error) {
	f.t.Helper()
	if _, err := app.InstallationToken(f.t.Context(), 7); err != nil {
		f.t.Fatal(err)
	}
	f.asked()
	c, err := app.Installation(7)
	if err != nil {
		f.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	res, err := c.Client().Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

func TestLimiter(t *testing.T) {
	ok := text(200, `{}`)
	secondary := `{"message":"You have exceeded a secondary rate limit. Please wait."}`
	budget := func(f *fake, status, remaining int, reset time.Duration) func(http.ResponseWriter) {
		return text(status, `{"message":"API rate limit exceeded"}`, "X-RateLimit-Limit", "5000", "X-RateLimit-Remaining", fmt.Sprint(remaining),
			"X-RateLimit-Reset", fmt.Sprint(f.now().Add(reset).Unix()), "X-RateLimit-Resource", "core")
	}
	for _, tc := range []struct {
		name    string
		method  string
		answers func(f *fake) []func(http.ResponseWriter)
		status  int // 0: an error
		limited bool
		tries   int
		least   time.Duration // slept in all
		most    time.Duration
	}{
		{"fine", "GET", func(*fake) []func(http.ResponseWriter) { return []func(http.ResponseWriter){ok} }, 200, false, 1, 0, 0},
		{"retry after", "POST", func(*fake) []func(http.ResponseWriter) {
			return []func(http.ResponseWriter){text(403, secondary, "Retry-After", "17"), ok}
		}, 200, false, 2, 17 * time.Second, 17 * time.Second},
		{"too many requests", "POST", func(*fake) []func(http.ResponseWriter) {
			return []func(http.ResponseWriter){text(429, ``, "Retry-After", "5"), text(429, ``, "Retry-After", "6"), ok}
		}, 200, false, 3, 11 * time.Second, 11 * time.Second},
		{"secondary without a time", "POST", func(*fake) []func(http.ResponseWriter) {
			return []func(http.ResponseWriter){text(403, secondary), text(403, secondary), ok}
		}, 200, false, 3, 150 * time.Second, 220 * time.Second},
		{"secondary for ever", "GET", func(*fake) []func(http.ResponseWriter) {
			return []func(http.ResponseWriter){text(403, secondary)}
		}, 0, true, 4, 7 * 50 * time.Second, 10 * time.Minute},
		{"budget is spent", "POST", func(f *fake) []func(http.ResponseWriter) {
			return []func(http.ResponseWriter){budget(f, 403, 0, time.Minute), ok}
		}, 200, false, 2, 61 * time.Second, 61 * time.Second},
		{"budget is spent for long", "GET", func(f *fake) []func(http.ResponseWriter) {
			return []func(http.ResponseWriter){budget(f, 403, 0, time.Hour)}
		}, 0, true, 1, 0, 0},
		{"forbidden", "GET", func(*fake) []func(http.ResponseWriter) {
			return []func(http.ResponseWriter){text(403, `{"message":"Resource not accessible by integration"}`)}
		}, 403, false, 1, 0, 0},
		{"server error", "GET", func(*fake) []func(http.ResponseWriter) {
			return []func(http.ResponseWriter){text(502, ``), text(500, ``), text(503, ``), ok}
		}, 200, false, 4, 3 * time.Second, 4 * time.Second},
		{"server error for ever", "PATCH", func(*fake) []func(http.ResponseWriter) {
			return []func(http.ResponseWriter){text(502, ``)}
		}, 502, false, maxTries, 13 * time.Second, 18 * time.Second},
		{"server error on what may have worked", "POST", func(*fake) []func(http.ResponseWriter) {
			return []func(http.ResponseWriter){text(502, ``), ok}
		}, 502, false, 1, 0, 0},
		{"connection lost", "PATCH", func(*fake) []func(http.ResponseWriter) {
			return []func(http.ResponseWriter){hangUp, ok}
		}, 200, false, 2, 400 * time.Millisecond, time.Second},
		{"connection lost on what may have worked", "POST", func(*fake) []func(http.ResponseWriter) {
			return []func(http.ResponseWriter){hangUp, ok}
		}, 0, false, 1, 0, 0},
		{"not found", "GET", func(*fake) []func(http.ResponseWriter) {
			return []func(http.ResponseWriter){text(404, ``)}
		}, 404, false, 1, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, app := start(t)
			f.on(tc.method+" /api/v3/x", tc.answers(f)...)
			status, err := f.send(app, tc.method, "/api/v3/x", "the body")
			var limited *RateLimitedError
			if status != tc.status || (err != nil) != (tc.status == 0) || errors.As(err, &limited) != tc.limited {
				t.Errorf("got %d, %v", status, err)
			}
			all := f.asked()
			if len(all) != tc.tries {
				t.Errorf("%d tries, want %d", len(all), tc.tries)
			}
			for _, r := range all {
				if r != tc.method+" /api/v3/x token ghs_full the body" {
					t.Errorf("request %q", r)
				}
			}
			var slept time.Duration
			for _, d := range f.slept {
				slept += d
			}
			if slept < tc.least || slept > tc.most {
				t.Errorf("slept %v, want %v to %v", slept, tc.least, tc.most)
			}
		})
	}
}

// TestLimitHolds shows that one answer keeps the next requests back, too.
func TestLimitHolds(t *testing.T) {
	f, app := start(t)
	headers := func(remaining string) []string {
		return []string{"X-RateLimit-Limit", "5000", "X-RateLimit-Remaining", remaining, "X-RateLimit-Reset", fmt.Sprint(f.now().Add(time.Minute).Unix()), "X-RateLimit-Resource", "core"}
	}
	f.on("GET /api/v3/repos/o/r", text(200, `{"id":9}`, headers("0")...), text(200, `{"id":9}`, headers("4999")...))
	c, err := app.Installation(7)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // go-github must not refuse the second one by itself
		if _, _, err := c.Repositories.Get(t.Context(), "o", "r"); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.slept) != 1 || f.slept[0] != 61*time.Second {
		t.Errorf("slept %v, want until the budget is filled again", f.slept)
	}
	if b := app.Budgets(7); len(b) != 1 || b[0].Resource != "core" || b[0].Remaining != 4999 || b[0].Limit != 5000 {
		t.Errorf("budgets %+v", b)
	}
	if app.Budgets(0) != nil || app.Budgets(99) != nil {
		t.Error("budgets of which GitHub never told")
	}

	// Beyond MaxWait nobody asks GitHub any more; other installations do.
	f.on("GET /api/v3/x", text(403, `{}`, "Retry-After", "3600"))
	if _, err := f.send(app, "GET", "/api/v3/x", ""); err == nil {
		t.Error("no error")
	}
	var limited *RateLimitedError
	if _, err := f.send(app, "GET", "/api/v3/y", ""); !errors.As(err, &limited) || !limited.Secondary || !limited.Until.Equal(f.now().Add(time.Hour)) {
		t.Errorf("got %v", err)
	}
	f.want()
	if _, _, err := app.Client().Apps.GetInstallation(t.Context(), 7); err != nil {
		t.Errorf("the App itself: %v", err)
	}
}

// TestTokenRefreshFails shows that trouble with the token is not the request's.
func TestTokenRefreshFails(t *testing.T) {
	f, app := start(t)
	good := f.answers["POST /api/v3/app/installations/7/access_tokens"][0]
	f.on("POST /api/v3/app/installations/7/access_tokens", text(502, ``), text(403, `{"message":"secondary rate limit"}`, "Retry-After", "3"), good)
	f.on("POST /api/v3/repos/o/r/check-runs", text(201, `{"id":5}`))
	c, err := app.Installation(7)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Client().Post(f.url+"/api/v3/repos/o/r/check-runs", "application/json", strings.NewReader(`{"name":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	all := f.asked()
	if res.StatusCode != 201 || len(all) != 4 || all[3] != `POST /api/v3/repos/o/r/check-runs token ghs_full {"name":"x"}` {
		t.Errorf("got %d after %q", res.StatusCode, all)
	}
}

// TestRedirect shows that nobody but GitHub gets the token.
func TestRedirect(t *testing.T) {
	seen := make(chan string, 1)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header.Get("Authorization") }))
	defer other.Close()
	f, app := start(t)
	f.on("GET /api/v3/x", text(302, ``, "Location", other.URL+"/blob"))
	if status, err := f.send(app, "GET", "/api/v3/x", ""); status != 200 || err != nil {
		t.Errorf("got %d, %v", status, err)
	}
	if got := <-seen; got != "" {
		t.Errorf("the storage service saw %q", got)
	}
}

func TestContextEnds(t *testing.T) {
	f, app := start(t)
	app.options.sleep = sleep
	f.on("GET /api/v3/app", text(403, `{}`, "Retry-After", "60"))
	app.limiter.options.sleep = sleep
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, _, err := app.Client().Apps.Get(ctx, ""); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 50*time.Second { // it was told to wait for a minute
		t.Errorf("got %v after %v", err, time.Since(begun))
	}
}
