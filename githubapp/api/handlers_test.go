package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/store"
)

func itoa(n int) string { return strconv.Itoa(n) }

// readOnly is a jar that forgets nothing.
type readOnly struct{ http.CookieJar }

func (readOnly) SetCookies(*url.URL, []*http.Cookie) {}

// status asks for a stream and only looks at how it begins.
func (w *world) status(client *http.Client, method, path string, headers []string) int {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, w.http.URL+path, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func TestRun(t *testing.T) {
	w := start(t)
	client, _ := w.browser("writer")
	_, body, h := w.do(client, "GET", "/api/v1/runs/1", "")
	var r api.Run
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, j := range r.Jobs {
		got += fmt.Sprintf("%s<%s %s %s; ", j.ID, strings.Join(j.Needs, "+"), j.State, j.Conclusion)
	}
	const want = "build< completed failure; test<build completed skipped; deploy/a<test completed skipped; deploy/b<deploy/a completed skipped; done<deploy/b completed skipped; "
	if got != want {
		t.Errorf("jobs\n got %s\nwant %s", got, want)
	}
	b := r.Jobs[0]
	if len(b.Steps) != 1 || b.Steps[0].ExitCode != 2 || b.Steps[0].Seconds != 1.5 || b.Executor != "docker" || !b.Summary {
		t.Errorf("build: %+v", b)
	}
	if len(r.Annotations) != 1 || r.Annotations[0].Message != "bad <b>thing</b>" {
		t.Errorf("annotations: %+v", r.Annotations)
	}
	if fmt.Sprint(r.Can) != "[rerun]" {
		t.Errorf("can: %v", r.Can)
	}
	for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options"} {
		if h.Get(name) == "" {
			t.Errorf("no header %s", name)
		}
	}
	_, body, _ = w.do(client, "GET", "/api/v1/runs/1/summaries", "")
	if strings.Contains(body, "u003cscript") && strings.Contains(strings.Split(body, `"html"`)[1], "script") || !strings.Contains(body, "u003ch1") {
		t.Errorf("summaries: %s", body)
	}
}

// TestVisible: lists hold only what the caller may see, however deep they page.
func TestVisible(t *testing.T) {
	w := start(t)
	for i := range 70 {
		run := store.Run{Installation: 1, Repository: 9 + store.RepositoryID(i%2), RepositoryName: []string{"octo/app", "octo/hidden"}[i%2], Workflow: "w.yml", Name: "W", Event: "push", State: store.Queued}
		if _, err := w.store.CreateRuns(t.Context(), store.Settlement{}, []store.NewRun{{Run: run}}); err != nil {
			t.Fatal(err)
		}
	}
	for login, want := range map[string]int{"reader": 36, "owner": 72, "stranger": 0} {
		client, _ := w.browser(login)
		seen, before, pages := map[store.RunID]bool{}, store.RunID(0), 0
		for {
			_, body, _ := w.do(client, "GET", fmt.Sprintf("/api/v1/runs?limit=10&before=%d", before), "")
			var page struct {
				Runs []api.Run
				Next store.RunID
			}
			if err := json.Unmarshal([]byte(body), &page); err != nil {
				t.Fatal(err)
			}
			for _, r := range page.Runs {
				if seen[r.ID] || login == "reader" && r.RepositoryID != 9 {
					t.Errorf("%s was given run %d of %s", login, r.ID, r.Repository)
				}
				seen[r.ID] = true
			}
			if pages++; page.Next == 0 || pages > 20 {
				break
			}
			before = page.Next
		}
		if len(seen) != want {
			t.Errorf("%s sees %d runs, want %d", login, len(seen), want)
		}
	}
	client, _ := w.browser("owner")
	for query, want := range map[string]int{
		"repository=octo/app": 36, "repository=octo/none": 0, "workflow=CI": 2, "workflow=ci.yml": 2, "state=completed": 1, "conclusion=failure": 1,
		"branch=main": 2, "actor=writer": 2, "q=secret": 1, "event=schedule": 0, "workflow=W&repository=octo/hidden": 35,
	} {
		_, body, _ := w.do(client, "GET", "/api/v1/runs?limit=100&"+query, "")
		if got := strings.Count(body, `"workflow":`); got != want {
			t.Errorf("%s: %d runs, want %d", query, got, want)
		}
	}
}

func TestActions(t *testing.T) {
	w := start(t)
	for _, c := range []struct {
		who, path, body string
		status          int
		did             string
	}{
		{"writer", "/runs/1/cancel", `{"force":true,"reason":"why"}`, 202, `cancel 1 by writer/13 "why" true`},
		{"writer", "/runs/1/rerun", `{}`, 202, "rerun 1 all  by writer"},
		{"writer", "/runs/1/rerun", `{"what":"job","job":"build"}`, 202, "rerun 1 job build by writer"},
		{"writer", "/runs/1/rerun", `{"what":"job"}`, 400, ""},
		{"writer", "/runs/1/rerun", `{"what":"some"}`, 400, ""},
		{"writer", "/runs/1/rerun", `{"wat":"all"}`, 400, ""},
		{"writer", "/runs/1/rerun", `{} {}`, 400, ""},
		{"writer", "/runs/1/rerun", `{"what":"` + strings.Repeat("x", 300<<10) + `"}`, 413, ""},
		{"writer", "/runs/1/approve", `{"sha":"head","verdict":"approved"}`, 202, `approved 1 "" head by writer`},
		{"writer", "/runs/1/approve", `{"sha":"old","verdict":"approved"}`, 409, `approved 1 "" old by writer`},
		{"writer", "/runs/1/approve", `{"verdict":"approved"}`, 400, ""},
		{"writer", "/runs/1/approve", `{"sha":"head","verdict":"fine"}`, 400, ""},
		{"reader", "/runs/1/approve", `{"sha":"head","verdict":"approved"}`, 403, ""},
		// Reviewers of an environment need not be able to push; who can push need not be one.
		{"reader", "/runs/1/approve", `{"sha":"head","verdict":"rejected","environment":"prod"}`, 202, `rejected 1 "prod" head by reader`},
		{"writer", "/runs/1/approve", `{"sha":"head","verdict":"approved","environment":"prod"}`, 403, `approved 1 "prod" head by writer`},
		{"writer", "/repositories/octo/app/dispatch", `{"workflow":"ci.yml","ref":"main","inputs":{"a":"b"}}`, 201, `dispatch ci.yml of octo/app at "main" by writer map[a:b]`},
		{"writer", "/repositories/octo/none/dispatch", `{"workflow":"ci.yml"}`, 404, ""},
	} {
		client, csrf := w.browser(c.who)
		status, body, _ := w.do(client, "POST", "/api/v1"+c.path, c.body, "Drydock-CSRF", csrf)
		if did := w.taken(); status != c.status || did != c.did {
			t.Errorf("%s %s %.60s: status %d (%s), did %q", c.who, c.path, c.body, status, body, did)
		}
	}
}

func TestSignIn(t *testing.T) {
	w := start(t)
	// A way back leads nowhere else.
	for back, want := range map[string]string{"/runs/1?x=y": "/runs/1?x=y", "https://evil.example/": "/", "//evil.example": "/", "/\\evil.example": "/", "": "/", "javascript:alert(1)": "/"} {
		client, _ := w.browser("")
		client.Transport = asLogin{"writer"}
		last := ""
		client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			last = r.URL.String()
			return nil
		}
		w.do(client, "GET", "/auth/login?back="+url.QueryEscape(back), "")
		if last != w.http.URL+want {
			t.Errorf("back to %q: went to %q", back, last)
		}
	}
	// A callback of a sign-in that somebody else began is refused.
	victim, _ := w.browser("")
	if status, _, _ := w.do(victim, "GET", "/auth/callback?code=writer&state=x", ""); status != 400 {
		t.Errorf("foreign callback: %d", status)
	}
	// The token of the machine, in a browser; not from elsewhere.
	client, _ := w.browser("")
	if status, _, h := w.do(client, "POST", "/auth/local", `{"token":"`+localToken+`"}`); status != 204 || !strings.Contains(h.Get("Set-Cookie"), "HttpOnly; SameSite=Lax") {
		t.Errorf("sign in with the token: %d, %s", status, h.Get("Set-Cookie"))
	}
	if status, _, _ := w.do(client, "GET", "/api/v1/deliveries", ""); status != 200 {
		t.Errorf("after the token: %d", status)
	}
	if status, _, _ := w.do(client, "GET", "/api/v1/deliveries", "", "X-Forwarded-For", "203.0.113.9"); status != 401 {
		t.Errorf("session of the token through a proxy: %d", status)
	}
	client, csrf := w.browser("writer")
	w.do(client, "POST", "/auth/logout", "", "Drydock-CSRF", csrf)
	if status, _, _ := w.do(client, "GET", "/api/v1/runs", ""); status != 401 {
		t.Errorf("after sign-out: %d", status)
	}
}

// TestExpiry: a session ends by itself.
func TestExpiry(t *testing.T) {
	began := time.Now()
	var hours atomic.Int64 // an answer is measured after it was given
	w := start(t, func(o *api.Options) {
		o.Now = func() time.Time { return began.Add(time.Duration(hours.Load()) * time.Hour) }
	})
	client, _ := w.browser("reader")
	hours.Store(7)
	if status, _, _ := w.do(client, "GET", "/api/v1/runs", ""); status != 200 {
		t.Errorf("after 7 hours: %d", status)
	}
	hours.Store(9)
	if status, _, _ := w.do(client, "GET", "/api/v1/runs", ""); status != 401 {
		t.Errorf("after 9 hours: %d", status)
	}
}

func TestFiles(t *testing.T) {
	w := start(t)
	client, _ := w.browser("reader")
	for path, want := range map[string]string{
		"/api/v1/runs/1/artifacts/a%22%0d%0ab%2f..":     `attachment; filename="a---b-...zip"`,
		"/api/v1/runs/1/attempts/1/log?job=%3Cbuild%3E": `attachment; filename="run-1-1--build-.txt"`,
	} {
		status, _, h := w.do(client, "GET", path, "")
		if status != 200 || h.Get("Content-Disposition") != want || !strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox;") || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, status, h)
		}
	}
	if _, text, _ := w.do(client, "GET", "/api/v1/runs/1/attempts/1/log?job=build", ""); !strings.Contains(text, "hello\n") {
		t.Errorf("log: %q", text)
	}
	if status, _, _ := w.do(client, "GET", "/api/v1/runs/1/artifacts/missing", ""); status != 404 {
		t.Errorf("missing artifact: %d", status)
	}
	_, page, h := w.do(client, "GET", "/api/v1/runs/1/attempts/1/events?job=build", "")
	if strings.Count(page, "\n") != 7 || h.Get("Drydock-Next") != "1" || h.Get("Drydock-Ended") != "false" {
		t.Errorf("events: %d lines, %v", strings.Count(page, "\n"), h)
	}
	if _, _, h = w.do(client, "GET", "/api/v1/runs/1/attempts/1/events?job=build&after=1", ""); h.Get("Drydock-Ended") != "true" {
		t.Errorf("the end: %v", h)
	}
	for path, want := range map[string]int{
		"/api/v1/runs/1/attempts/2/events": 404, "/api/v1/runs/1/attempts/x/events": 404, "/api/v1/runs/x": 400, "/api/v1/runs/-1": 400, "/api/v1/runs/99": 404,
		"/api/v1/runs/1/attempts/1/events?after=x": 400, "/api/v1/runs?limit=x": 400, "/api/v1/runs/1?attempt=9": 404,
	} {
		if status, body, _ := w.do(client, "GET", path, ""); status != want || !strings.Contains(body, `"error":{"code":`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}
