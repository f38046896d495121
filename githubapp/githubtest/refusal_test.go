package githubtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestKeys: only a right and fresh token of the App is taken.
func TestKeys(t *testing.T) {
	g := New(t)
	v := visitor{t, g}
	now := time.Now()
	for name, change := range map[string]func(*jwt.RegisteredClaims){
		"another issuer": func(c *jwt.RegisteredClaims) { c.Issuer = "1" },
		"no issuer":      func(c *jwt.RegisteredClaims) { c.Issuer = "" },
		"from tomorrow":  func(c *jwt.RegisteredClaims) { c.IssuedAt = jwt.NewNumericDate(now.Add(24 * time.Hour)) },
		"without iat":    func(c *jwt.RegisteredClaims) { c.IssuedAt = nil },
		"over":           func(c *jwt.RegisteredClaims) { c.ExpiresAt = jwt.NewNumericDate(now.Add(-time.Second)) },
		"without exp":    func(c *jwt.RegisteredClaims) { c.ExpiresAt = nil },
		"too long":       func(c *jwt.RegisteredClaims) { c.ExpiresAt = jwt.NewNumericDate(now.Add(20 * time.Minute)) },
	} {
		if out := v.do(401, "GET /app", jwtOf(t, g, change), ""); out["message"] == "" {
			t.Errorf("%s: no message", name)
		}
	}
	good := jwtOf(t, g, nil)
	v.do(200, "GET /app", good, "")
	v.do(200, "GET /app", jwtOf(t, g, func(c *jwt.RegisteredClaims) { c.Issuer = g.App().ClientID }), "")
	parts := strings.Split(good, ".")
	v.do(401, "GET /app", parts[0]+"."+parts[1]+"."+strings.Repeat("A", len(parts[2])), "")
	v.do(401, "GET /app", "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0."+parts[1]+".", "")
	hmac, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{Issuer: "4711", IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute))}).
		SignedString(g.App().PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	v.do(401, "GET /app", hmac, "")
}

// TestPermissions asks as each kind of caller.
func TestPermissions(t *testing.T) {
	g := New(t)
	v := visitor{t, g}
	open := g.Repository("octo/open", Files{"f": "1"})
	hidden := g.Repository("octo/hidden", Files{"f": "1"})
	hidden.SetPrivate(true)
	g.Repository("other/open", Files{"f": "1"})
	g.Repository("other/hidden", Files{"f": "1"}).SetPrivate(true)
	hidden.Collaborator("reader", "read")
	hidden.Collaborator("writer", "write")
	open.Collaborator("writer", "write")
	key := jwtOf(t, g, nil)
	access := fmt.Sprintf("POST /app/installations/%d/access_tokens", g.Installation("octo").ID)
	token := func(body string) string { return v.do(201, access, key, body)["token"].(string) }
	who := map[string]string{
		"nobody": "", "all": token(`{}`), "narrow": token(fmt.Sprintf(`{"repository_ids":[%d]}`, open.ID)), "contents": token(`{"permissions":{"contents":"read"}}`),
		"writes": token(`{"permissions":{"contents":"write"}}`), "reader": v.signIn("reader"), "writer": v.signIn("writer"), "stranger": v.signIn("stranger"), "app": key,
	}
	sha := open.Head("main")
	check := fmt.Sprintf(`{"name":"x","head_sha":%q}`, sha)
	for _, c := range []struct{ request, body, want string }{
		{"GET /repos/octo/open/contents/f", "", "nobody 200 all 200 narrow 200 contents 200 stranger 200 app 401"},
		{"GET /repos/octo/hidden/contents/f", "", "nobody 404 all 200 narrow 404 contents 200 reader 200 writer 200 stranger 404"},
		{"GET /repos/octo/hidden/pulls", "", "nobody 404 all 200 narrow 404 contents 403 reader 200 stranger 404"},
		{"GET /repos/octo/open/pulls", "", "nobody 200 contents 200"},
		{"GET /repos/octo/open/branches/main/protection", "", "nobody 401 contents 403 all 404 reader 403"},
		{"GET /repos/other/open/contents/f", "", "all 200 nobody 200"},
		{"GET /repos/other/hidden/contents/f", "", "all 404 nobody 404 reader 404"},
		{"POST /repos/octo/open/check-runs", check, "nobody 401 contents 403 reader 403 writer 403 narrow 201 all 201"},
		{"POST /repos/octo/hidden/check-runs", check, "nobody 404 contents 403 narrow 404 stranger 404"},
		{"POST /repos/other/open/check-runs", check, "nobody 401 all 403"},
		{"POST /repos/octo/open/dispatches", `{"event_type":"x"}`, "nobody 401 contents 403 writes 204 writer 204 reader 403 stranger 403"},
		{"GET /app", "", "nobody 401 all 401 writer 401 app 200"},
		{"GET /user", "", "nobody 401 all 403 reader 200"},
		{"GET /installation/repositories", "", "all 200 reader 403"},
	} {
		f := strings.Fields(c.want)
		for i := 0; i < len(f); i += 2 {
			status := 0
			fmt.Sscan(f[i+1], &status)
			t.Run(c.request+" as "+f[i], func(t *testing.T) { visitor{t, g}.do(status, c.request, who[f[i]], c.body) })
		}
	}
	g.Advance(61 * time.Minute)
	v.do(401, "GET /repos/octo/open", who["all"], "")
	if g.Tokens() != 0 {
		t.Errorf("%d tokens are alive", g.Tokens())
	}
}

// TestLostInstallation: its tokens are dead at once.
func TestLostInstallation(t *testing.T) {
	g := New(t)
	v := visitor{t, g}
	repo := g.Repository("octo/demo", Files{"f": "1"})
	key := jwtOf(t, g, nil)
	access := fmt.Sprintf("POST /app/installations/%d/access_tokens", g.Installation("octo").ID)
	token := v.do(201, access, key, "")["token"].(string)
	g.Suspend("octo", true)
	v.do(401, "GET /repos/octo/demo", token, "")
	v.do(403, access, key, "")
	g.Suspend("octo", false)
	v.do(200, "GET /repos/octo/demo", token, "")
	repo.Delete()
	v.do(404, "GET /repos/octo/demo", token, "")
	g.Uninstall("octo")
	v.do(401, "GET /repos/octo/demo", token, "")
	v.do(404, access, key, "")
	var events []string
	g.Settle()
	for _, d := range g.Deliveries() {
		events = append(events, d.Event+"."+d.Action)
	}
	if got := strings.Join(events, " "); got != "installation.suspend installation.unsuspend repository.deleted installation.deleted" {
		t.Errorf("delivered %q", got)
	}
}

// TestCheckLimits are GitHub's.
func TestCheckLimits(t *testing.T) {
	g := New(t)
	v := visitor{t, g}
	repo := g.Repository("octo/demo", Files{"f": "1"})
	sha := repo.Head("main")
	token := v.do(201, fmt.Sprintf("POST /app/installations/%d/access_tokens", g.Installation("octo").ID), jwtOf(t, g, nil), "")["token"].(string)
	note := `{"path":"f","start_line":1,"end_line":1,"annotation_level":"notice","message":"m"}`
	notes := func(n int) string { return strings.TrimSuffix(strings.Repeat(note+",", n), ",") }
	text := strings.Repeat("x", 65535)
	for _, c := range []struct {
		status int
		rest   string
	}{
		{201, `"output":{"title":"t","summary":"s","annotations":[` + notes(50) + `]}`},
		{422, `"output":{"title":"t","summary":"s","annotations":[` + notes(51) + `]}`},
		{201, `"output":{"title":"t","summary":"` + text + `","text":"` + text + `"}`},
		{422, `"output":{"title":"t","summary":"` + text + `x"}`},
		{422, `"output":{"title":"t","summary":"s","text":"` + text + `x"}`},
		{422, `"output":{"title":"t"}`},
		{422, `"output":{"summary":"s","annotations":[{"path":"f","start_line":0,"end_line":1,"annotation_level":"notice","message":"m"}]}`},
		{422, `"output":{"summary":"s","annotations":[{"path":"f","start_line":1,"end_line":1,"annotation_level":"error","message":"m"}]}`},
		{422, `"output":{"summary":"s","annotations":[{"path":"f","start_line":1,"end_line":2,"start_column":1,"annotation_level":"notice","message":"m"}]}`},
		{422, `"status":"completed"`},
		{422, `"status":"done"`},
		{422, `"conclusion":"great"`},
		{201, `"conclusion":"success"`},
		{422, `"actions":[{"label":"a","description":"d","identifier":"` + strings.Repeat("i", 21) + `"}]`},
	} {
		v.do(c.status, "POST /repos/octo/demo/check-runs", token, fmt.Sprintf(`{"name":"x","head_sha":%q,%s}`, sha, c.rest))
	}
	// Annotations add up; a run that begins again has no conclusion.
	id := g.CheckRuns(repo, sha)[0].ID
	path := fmt.Sprintf("PATCH /repos/octo/demo/check-runs/%d", id)
	v.do(200, path, token, `{"output":{"title":"t","summary":"s","annotations":[`+notes(50)+`]}}`)
	v.do(200, path, token, `{"conclusion":"failure"}`)
	v.do(200, path, token, `{"status":"in_progress"}`)
	if k := g.CheckRuns(repo, sha)[0]; len(k.Annotations) != 100 || k.Conclusion != "" || k.Status != "in_progress" {
		t.Errorf("%d annotations, %s %q", len(k.Annotations), k.Status, k.Conclusion)
	}
	if out := v.do(200, fmt.Sprintf("GET /repos/octo/demo/check-runs/%d/annotations?per_page=100", id), token, ""); len(out[""].([]any)) != 100 {
		t.Error("not all annotations are listed")
	}
	v.do(400, path, token, `{"status":`)
	raw, _ := json.Marshal(strings.Repeat("n", 3))
	v.do(422, "POST /repos/octo/demo/check-runs", token, fmt.Sprintf(`{"name":%s,"head_sha":"main"}`, raw))
}

// TestHearing: what an App may not see, it is not told of.
func TestHearing(t *testing.T) {
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{}, "push check_suite.requested pull_request.opened issue_comment.created"},
		{Options{Events: []string{"issue_comment"}}, "check_suite.requested issue_comment.created"},
		{Options{Permissions: map[string]string{"metadata": "read", "contents": "read"}}, "push"},
		{Options{Permissions: map[string]string{"metadata": "read", "checks": "read"}, Events: []string{"push"}}, ""},
		{Options{Permissions: map[string]string{"metadata": "read", "pull_requests": "read"}}, "pull_request.opened"},
	} {
		g := New(t, c.options)
		repo := g.Repository("octo/demo", Files{"f": "1"})
		repo.Fork("mallory").Commit("fix", Files{"f": "3"}, "Three")
		got := receiver(t, g)
		repo.Commit("main", Files{"f": "2"}, "Two")
		pull := repo.PullRequest(Pull{Head: "mallory:fix"})
		repo.Comment(pull.Number, "hello", "alice")
		if n := names(got()); n != c.want {
			t.Errorf("%+v: heard %q, want %q", c.options, n, c.want)
		}
	}
}
