package githubtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-github/v60/github"
)

// TestFaults counts what goes wrong, and that it goes wrong again with the seed.
func TestFaults(t *testing.T) {
	round := func(f Faults) (outcome string) {
		g := New(t)
		g.Repository("octo/demo", Files{"f": "1"})
		g.Faults(f)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // a kept connection is tried twice
		for range 60 {
			resp, err := client.Get(g.URL() + "/api/v3/repos/octo/demo")
			switch {
			case err != nil:
				outcome += "x"
			case resp.StatusCode == 200:
				outcome += "."
			case resp.StatusCode == 403 && resp.Header.Get("Retry-After") == "7":
				outcome += "s"
			default:
				outcome += "5"
			}
			if err == nil {
				resp.Body.Close()
			}
		}
		return outcome
	}
	f := Faults{Seed: 42, Errors: 0.2, Cut: 0.1, Lost: 0.1, Secondary: 0.1, RetryAfter: 7 * time.Second}
	first := round(f)
	for _, kind := range []string{".", "x", "5", "s"} {
		if n := strings.Count(first, kind); n < 2 || n > 45 {
			t.Errorf("%d times %q: %s", n, kind, first)
		}
	}
	if again := round(f); again != first {
		t.Errorf("the seed gave %s, then %s", first, again)
	}
	f.Seed = 43
	if other := round(f); other == first {
		t.Error("another seed gave the same")
	}
	if healthy := round(Faults{}); strings.Trim(healthy, ".") != "" {
		t.Errorf("healthy: %s", healthy)
	}
}

// TestLostAnswer: what was asked has been done.
func TestLostAnswer(t *testing.T) {
	g := New(t)
	repo := g.Repository("octo/demo", Files{"f": "1"})
	_, c := client(t, g, "octo")
	ctx := context.Background()
	if _, _, err := c.Repositories.Get(ctx, "octo", "demo"); err != nil { // has its token now
		t.Fatal(err)
	}
	g.Faults(Faults{Lost: 1, Only: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/check-runs") }})
	short, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, _, err := c.Checks.CreateCheckRun(short, "octo", "demo", github.CreateCheckRunOptions{Name: "x", HeadSHA: repo.Head("main")}); err == nil {
		t.Error("no error")
	}
	if len(g.CheckRuns(repo, "")) == 0 {
		t.Error("nothing was done")
	}
}

// TestHourlyLimit runs an installation dry and lets an hour pass.
func TestHourlyLimit(t *testing.T) {
	g := New(t)
	g.Repository("octo/demo", Files{"f": "1"})
	v := visitor{t, g}
	token := v.do(201, fmt.Sprintf("POST /app/installations/%d/access_tokens", g.Installation("octo").ID), jwtOf(t, g, nil), "")["token"].(string)
	g.Faults(Faults{Hourly: 3})
	c, err := github.NewClient(nil).WithAuthToken(token).WithEnterpriseURLs(g.URL()+"/", g.URL()+"/")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for range 3 {
		if _, _, err := c.Repositories.Get(ctx, "octo", "demo"); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = c.Repositories.Get(ctx, "octo", "demo")
	var limited *github.RateLimitError
	if !errors.As(err, &limited) && !strings.Contains(fmt.Sprint(err), "rate limit") {
		t.Errorf("the fourth: %v", err)
	}
	limits, _, err := c.RateLimit.Get(ctx)
	if err != nil || limits.Core.Remaining != 0 || limits.Core.Limit != 3 {
		t.Errorf("limits %+v, %v", limits, err)
	}
	g.Advance(time.Hour)
	token = v.do(201, fmt.Sprintf("POST /app/installations/%d/access_tokens", g.Installation("octo").ID), jwtOf(t, g, func(c *jwt.RegisteredClaims) {
		c.IssuedAt.Time, c.ExpiresAt.Time = c.IssuedAt.Add(time.Hour), c.ExpiresAt.Add(time.Hour)
	}), "")["token"].(string)
	v.do(200, "GET /repos/octo/demo", token, "")
}

// TestAway: every connection is cut, pushes of the test still work, and webhooks
// come when GitHub is back.
func TestAway(t *testing.T) {
	g := New(t)
	repo := g.Repository("octo/demo", Files{"f": "1"})
	got := receiver(t, g)
	g.Faults(Faults{Away: true})
	repo.Push("main", Files{"g": "2"}, "While away")
	if resp, err := http.Get(g.URL() + "/api/v3/rate_limit"); err == nil {
		resp.Body.Close()
		t.Error("GitHub answered")
	}
	for _, d := range g.Deliveries() {
		if d.Attempted {
			t.Error("a webhook was sent")
		}
	}
	g.Faults(Faults{})
	if n := names(got()); n != "push check_suite.requested" {
		t.Errorf("heard %q", n)
	}
}

// TestWebhookFaults loses, repeats and reorders, and delivers again what was lost.
func TestWebhookFaults(t *testing.T) {
	g := New(t, Options{Permissions: map[string]string{"metadata": "read", "contents": "read"}})
	repo := g.Repository("octo/demo", Files{"f": "1"})
	got := receiver(t, g)
	f := Faults{Seed: 7, LoseWebhooks: 0.2, RepeatWebhooks: 0.2, ReorderWebhooks: 0.2, ForgetWebhooks: 0.1, Away: true}
	g.Faults(f)
	const pushes = 60
	order := map[string]int{}
	for i := range pushes {
		order[repo.Commit("main", Files{"f": fmt.Sprint(i)}, "Next")] = i
	}
	f.Away = false // all go at once: however slow the commits were, some overtake others
	g.Faults(f)
	all := got()
	seen, repeated, overtaken, last := map[string]bool{}, 0, 0, -1
	for _, h := range all {
		if seen[h.guid] {
			repeated++
			continue
		}
		seen[h.guid] = true
		if n := order[h.body["after"].(string)]; n < last {
			overtaken++
		} else {
			last = n
		}
	}
	made := g.Deliveries()
	lost := 0
	for _, d := range made {
		if d.Code == 0 {
			lost++
		}
	}
	if repeated == 0 || overtaken == 0 || lost == 0 || len(made) >= pushes || len(seen) != len(made)-lost {
		t.Errorf("%d made, %d seen, %d lost, %d repeated, %d overtaken", len(made), len(seen), lost, repeated, overtaken)
	}
	g.Faults(Faults{})
	for _, d := range made {
		if d.Code == 0 {
			g.Redeliver(d.ID)
		}
	}
	again := got()
	if len(again) != lost {
		t.Errorf("%d were delivered again, %d were lost", len(again), lost)
	}
	for _, h := range again {
		if seen[h.guid] {
			t.Error("what had come came again")
		}
	}
}

// TestTogether uses everything at once, for the race detector.
func TestTogether(t *testing.T) {
	g := New(t)
	got := receiver(t, g)
	g.Faults(Faults{Seed: 1, RepeatWebhooks: 0.1, ReorderWebhooks: 0.1, Slow: 0.1, Delay: time.Millisecond})
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			repo := g.Repository(fmt.Sprintf("octo/demo%d", i), Files{"f": "1"})
			for n := range 3 {
				repo.Push(fmt.Sprintf("topic%d", n), Files{"f": fmt.Sprint(n)}, "Change")
				repo.PullRequest(Pull{Head: fmt.Sprintf("topic%d", n)})
				repo.Commit("main", Files{"g": fmt.Sprint(n)}, "Go on")
			}
		})
		wait.Go(func() {
			v := visitor{t, g}
			for range 5 {
				v.do(200, "GET /app/hook/deliveries", jwtOf(t, g, nil), "")
				g.Deliveries()
			}
		})
	}
	wait.Wait()
	pushes := 0
	seen := map[string]bool{}
	for _, h := range got() {
		if h.event == "push" && !seen[h.guid] {
			pushes++
		}
		seen[h.guid] = true
	}
	if pushes != 4*6 {
		t.Errorf("%d pushes", pushes)
	}
}
