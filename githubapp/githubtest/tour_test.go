package githubtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-github/v60/github"
)

// visitor makes raw requests and remembers what came of them.
type visitor struct {
	t *testing.T
	g *GitHub
}

// jwtOf is a token of the App itself.
func jwtOf(t *testing.T, g *GitHub, change func(*jwt.RegisteredClaims)) string {
	t.Helper()
	now := time.Now()
	claims := jwt.RegisteredClaims{
		Issuer: fmt.Sprint(g.App().ID), IssuedAt: jwt.NewNumericDate(now.Add(-time.Minute)), ExpiresAt: jwt.NewNumericDate(now.Add(8 * time.Minute)),
	}
	if change != nil {
		change(&claims)
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM(g.App().PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// do asks the API and wants that status.
func (v visitor) do(status int, request, token, body string) map[string]any {
	v.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	req, err := http.NewRequest(method, v.g.URL()+"/api/v3"+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	switch {
	case strings.Contains(token, ":"):
		name, secret, _ := strings.Cut(token, ":")
		req.SetBasicAuth(name, secret)
	case token != "":
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		v.t.Fatalf("%s: %v", request, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		v.t.Fatalf("%s: %d (%v), want %d: %s", request, resp.StatusCode, err, status, text)
	}
	out := map[string]any{}
	if bytes.HasPrefix(text, []byte("[")) {
		var all []any
		if err := json.Unmarshal(text, &all); err != nil {
			v.t.Fatal(err)
		}
		return map[string]any{"": all}
	}
	if len(text) > 0 && strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(text, &out); err != nil {
			v.t.Fatalf("%s: %v: %s", request, err, text)
		}
	}
	return out
}

// page follows nothing: it gives the answer's body and where it leads.
func (v visitor) page(status int, method, address string, values url.Values) (string, *url.URL) {
	v.t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(values.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != status {
		v.t.Fatalf("%s %s: %d, want %d: %s", method, address, resp.StatusCode, status, text)
	}
	to, _ := resp.Location()
	return string(text), to
}

// signIn goes through the pages as a browser does, and gives a person's token.
func (v visitor) signIn(login string) string {
	v.t.Helper()
	app := v.g.App()
	v.g.SignedIn(login)
	_, to := v.page(302, "GET", v.g.URL()+"/login/oauth/authorize?client_id="+app.ClientID+"&state=s&redirect_uri=http%3A%2F%2Flocalhost%2Fback", nil)
	if to.Host != "localhost" || to.Query().Get("state") != "s" {
		v.t.Fatalf("sent to %s", to)
	}
	text, _ := v.page(200, "POST", v.g.URL()+"/login/oauth/access_token", url.Values{
		"client_id": {app.ClientID}, "client_secret": {app.ClientSecret}, "code": {to.Query().Get("code")},
	})
	values, err := url.ParseQuery(text)
	if err != nil || values.Get("access_token") == "" {
		v.t.Fatalf("no token: %s", text)
	}
	return values.Get("access_token")
}

// tour makes a request of each kind, and some that are refused.
func tour(t *testing.T) []observed {
	t.Helper()
	g := New(t)
	var mu sync.Mutex
	var all []observed
	g.observe = func(x exchange) {
		mu.Lock()
		defer mu.Unlock()
		kind := ""
		if bytes.HasPrefix(x.Out, []byte("{")) || bytes.HasPrefix(x.Out, []byte("[")) {
			kind = "json"
		}
		all = append(all, observed{Route: x.Route, Status: x.Status, In: string(x.In), Out: string(x.Out), Kind: kind})
	}
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer hook.Close()
	g.SetWebhook(hook.URL)
	v := visitor{t, g}

	g.User("alice")
	g.Organization("octo", "alice")
	team := g.Team("octo", "ops", "bob")
	repo := g.Repository("octo/demo", Files{"README.md": "hi\n", ".github/workflows/ci.yml": "on: push\n", "run.sh": "#!/bin/sh\n"})
	repo.Collaborator("carol", "maintain")
	repo.Environment(Environment{Name: "staging", Wait: 5 * time.Minute, Reviewers: []string{"alice", "octo/ops"}, Branches: []string{"release/*"}, Tags: []string{"v*"}})
	repo.Environment(Environment{Name: "prod", ProtectedBranches: true, PreventSelfReview: true, Reviewers: []string{"alice"}})
	repo.Environment(Environment{Name: "open"})
	first := repo.Head("main")
	sha := repo.Push("main", Files{"src/a.go": "package a\n", "README.md": Deleted}, "Add a\n\nwith a body")
	repo.Push("topic/one", Files{"src/b.go": "package b\n"}, "Add b")
	repo.Commit("topic/one", Files{"src/c.go": "package c\n"}, "Add c")
	repo.Protect("main")
	repo.Tag("v1", sha)
	fork := repo.Fork("mallory")
	fork.Push("fix", Files{"src/d.go": "package d\n"}, "Add d")
	pull := repo.PullRequest(Pull{Head: "mallory:fix", Body: "text"})
	own := repo.PullRequest(Pull{Head: "topic/one", Draft: true})
	fork.Push("fix", Files{"src/e.go": "package e\n"}, "Add e")
	own.Ready()
	own.Label("bug")
	own.MergeQueue()
	topic := repo.Head("topic/one")
	id := g.Installation("octo").ID

	key := jwtOf(t, g, nil)
	access := fmt.Sprintf("POST /app/installations/%d/access_tokens", id)
	token := v.do(201, access, key, `{}`)["token"].(string)
	small := v.do(201, access, key, fmt.Sprintf(`{"repository_ids":[%d],"permissions":{"contents":"read"}}`, repo.ID))["token"].(string)
	v.do(422, access, key, `{"repository_ids":[1]}`)
	v.do(422, access, key, `{"permissions":{"contents":"admin"}}`)
	for _, r := range []string{
		"GET /app", "GET /app/installations", fmt.Sprintf("GET /app/installations/%d", id), "GET /repos/octo/demo/installation", "GET /orgs/octo/installation",
		"GET /app/hook/config",
	} {
		v.do(200, r, key, "")
	}
	g.Install("dave-user")
	v.do(404, "GET /orgs/nobody/installation", key, "")
	v.do(200, "GET /users/octo/installation", key, "")
	v.do(200, "PATCH /app/hook/config", key, `{"content_type":"json"}`)
	v.do(401, "GET /app", "", "")
	v.do(200, "GET /rate_limit", token, "")
	v.do(200, "GET /meta", token, "")

	const r = "/repos/octo/demo"
	tree := v.do(200, "GET "+r+"/git/trees/main?recursive=1", token, "")["tree"].([]any)
	blob := ""
	for _, line := range tree {
		if l := line.(map[string]any); l["type"] == "blob" {
			blob = l["sha"].(string)
		}
	}
	cmdTag, err := repo.git.git("-c", "user.name=octocat", "-c", "user.email=o@example.com", "tag", "-a", "-m", "annotated", "v2", sha)
	if err != nil {
		t.Fatal(cmdTag, err)
	}
	tagObject, err := repo.git.git("rev-parse", "refs/tags/v2")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"", "/contents/src/a.go", "/contents/src", "/contents", "/contents/run.sh?ref=" + first, "/git/trees/" + sha, "/git/blobs/" + blob, "/git/commits/" + sha,
		"/git/ref/heads/main", "/git/ref/heads/topic/one", "/git/matching-refs/heads/", "/git/tags/" + tagObject, "/commits?path=src", "/commits/topic/one", "/commits/" + topic + "/pulls",
		"/compare/main...topic/one", "/compare/main...mallory:fix", "/branches", "/branches/main", "/branches/topic/one", "/branches/main/protection", "/tags",
		"/collaborators/alice/permission", "/collaborators/carol/permission", "/environments", "/environments/staging", "/environments/staging/deployment-branch-policies",
		"/pulls?state=all", "/pulls/1", "/pulls/2", "/pulls/1/files", "/pulls/1/commits", "/issues?state=all", "/issues/2", "/issues/2/labels",
		"/commits/main/check-suites", "/activity", "/activity?ref=topic/one",
	} {
		v.do(200, "GET "+r+path, token, "")
	}
	for _, path := range []string{
		"/contents/none", "/git/ref/heads/none", "/branches/none", "/branches/topic/one/protection", "/environments/none", "/pulls/99", "/issues/99", "/check-runs/1", "/git/blobs/" + sha,
	} {
		v.do(404, "GET "+r+path, token, "")
	}
	v.do(422, "GET "+r+"/commits/none", token, "")
	v.do(302, "GET "+r+"/tarball/main", token, "")
	v.do(302, "GET "+r+"/zipball/v1", token, "")

	check := v.do(201, "POST "+r+"/check-runs", token, fmt.Sprintf(`{"name":"build","head_sha":%q,"status":"in_progress","external_id":"x","details_url":"http://localhost/1",
		"output":{"title":"t","summary":"s","annotations":[{"path":"a","start_line":1,"end_line":1,"annotation_level":"failure","message":"m"}]},
		"actions":[{"label":"Cancel","description":"Stop it","identifier":"cancel"}]}`, sha))
	run := int64(check["id"].(float64))
	suite := int64(check["check_suite"].(map[string]any)["id"].(float64))
	v.do(200, fmt.Sprintf("PATCH %s/check-runs/%d", r, run), token, `{"status":"completed","conclusion":"success"}`)
	v.do(201, "POST "+r+"/check-runs", token, fmt.Sprintf(`{"name":"other","head_sha":%q,"status":"completed","conclusion":"failure"}`, topic))
	for _, path := range []string{
		fmt.Sprintf("/check-runs/%d", run), fmt.Sprintf("/check-runs/%d/annotations", run), "/commits/main/check-runs", fmt.Sprintf("/check-suites/%d", suite),
		fmt.Sprintf("/check-suites/%d/check-runs", suite),
	} {
		v.do(200, "GET "+r+path, token, "")
	}
	v.do(201, fmt.Sprintf("POST %s/check-runs/%d/rerequest", r, run), token, "")
	v.do(201, fmt.Sprintf("POST %s/check-suites/%d/rerequest", r, suite), token, "")
	v.do(201, "POST "+r+"/check-suites", token, fmt.Sprintf(`{"head_sha":%q}`, first))
	v.do(422, "POST "+r+"/check-runs", token, `{"name":"x","head_sha":"0000000000000000000000000000000000000000"}`)
	v.do(403, "POST "+r+"/check-runs", small, fmt.Sprintf(`{"name":"x","head_sha":%q}`, sha))
	g.RequestAction(run, "alice", "cancel")

	v.do(201, "PUT "+r+"/contents/new.txt", token, `{"message":"new","content":"aGk=","branch":"main"}`)
	v.do(409, "PUT "+r+"/contents/new.txt", token, `{"message":"new","content":"aGk="}`)
	v.do(201, "POST "+r+"/pulls", token, `{"title":"again","head":"topic/one","base":"main"}`)
	v.do(422, "POST "+r+"/pulls", token, `{"title":"again","head":"none","base":"main"}`)
	v.do(201, "POST "+r+"/issues", token, `{"title":"broken","body":"it is"}`)
	v.do(201, "POST "+r+"/issues/4/comments", token, `{"body":"hello"}`)
	v.do(200, "GET "+r+"/issues/4/comments", token, "")
	v.do(200, "POST "+r+"/issues/4/labels", token, `{"labels":["bug"]}`)
	v.do(201, "POST "+r+"/statuses/"+sha, token, `{"state":"success","context":"lint"}`)
	v.do(200, "GET "+r+"/commits/"+sha+"/statuses", token, "")
	v.do(422, "POST "+r+"/statuses/"+sha, token, `{"state":"great"}`)
	v.do(201, "POST "+r+"/git/refs", token, fmt.Sprintf(`{"ref":"refs/heads/made/here","sha":%q}`, first))
	v.do(422, "POST "+r+"/git/refs", token, fmt.Sprintf(`{"ref":"refs/heads/made/here","sha":%q}`, first))
	v.do(200, "PATCH "+r+"/git/refs/heads/made/here", token, fmt.Sprintf(`{"sha":%q}`, sha))
	v.do(422, "PATCH "+r+"/git/refs/heads/made/here", token, fmt.Sprintf(`{"sha":%q}`, first))
	v.do(200, "PATCH "+r+"/git/refs/heads/made/here", token, fmt.Sprintf(`{"sha":%q,"force":true}`, first))
	v.do(204, "DELETE "+r+"/git/refs/heads/made/here", token, "")
	v.do(422, "DELETE "+r+"/git/refs/pull/1/head", token, "")
	release := v.do(201, "POST "+r+"/releases", token, `{"tag_name":"v3","name":"Three"}`)
	ctx := context.Background()
	_, octokit := client(t, g, "octo")
	file := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(file, []byte("asset"), 0o600); err != nil {
		t.Fatal(err)
	}
	opened, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	asset, _, err := octokit.Repositories.UploadReleaseAsset(ctx, "octo", "demo", int64(release["id"].(float64)), &github.UploadOptions{Name: "a.txt"}, opened)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/releases/tags/v3", fmt.Sprintf("/releases/%.0f", release["id"]), fmt.Sprintf("/releases/assets/%d", asset.GetID())} {
		v.do(200, "GET "+r+path, token, "")
	}
	if byID, _, err := octokit.Repositories.GetByID(ctx, repo.ID); err != nil || byID.GetFullName() != "octo/demo" {
		t.Errorf("by its number: %v, %v", byID, err)
	}
	v.do(200, fmt.Sprintf("GET /repositories/%d/contents/src/a.go?ref=main", repo.ID), token, "")
	repo.Release("v4-rc1", true, "alice")
	v.do(200, "GET "+r+"/releases", token, "")
	v.do(204, "POST "+r+"/dispatches", token, `{"event_type":"sample.collected","client_payload":{"a":1}}`)
	v.do(204, "POST "+r+"/actions/workflows/ci.yml/dispatches", token, `{"ref":"main","inputs":{"a":"b"}}`)
	v.do(200, "GET /installation/repositories", token, "")
	v.do(204, "DELETE /installation/token", small, "")
	v.do(401, "GET "+r, small, "")

	user := v.signIn("alice")
	for _, path := range []string{
		"/user", "/users/mallory", "/user/installations", fmt.Sprintf("/user/installations/%d/repositories", id), "/orgs/octo/teams/ops/memberships/bob",
	} {
		v.do(200, "GET "+path, user, "")
	}
	secret := g.App().ClientID + ":" + g.App().ClientSecret
	v.do(200, "POST /applications/"+g.App().ClientID+"/token", secret, fmt.Sprintf(`{"access_token":%q}`, user))
	v.do(204, "DELETE /applications/"+g.App().ClientID+"/token", secret, fmt.Sprintf(`{"access_token":%q}`, user))
	v.do(401, "GET /user", user, "")

	second := g.Repository("octo/old-name", Files{"f": "1"})
	second.Rename("new-name")
	v.do(301, "GET /repos/octo/old-name/contents/f?ref=main", token, "")
	if moved, _, err := octokit.Repositories.Get(ctx, "octo", "old-name"); err != nil || moved.GetName() != "new-name" {
		t.Errorf("the old name leads to %v, %v", moved, err)
	}
	pull.Merge()
	own.Close()
	own.Reopen()
	repo.DeleteBranch("topic/one")
	g.Select("octo", repo)
	g.Repository("octo/second", nil)
	g.Select("octo")
	g.Grant("octo", map[string]string{"contents": "read"})
	g.Settle()
	deliveries := v.do(200, "GET /app/hook/deliveries?per_page=5", key, "")[""].([]any)
	last := int64(deliveries[0].(map[string]any)["id"].(float64))
	v.do(200, fmt.Sprintf("GET /app/hook/deliveries/%d", last), key, "")
	v.do(202, fmt.Sprintf("POST /app/hook/deliveries/%d/attempts", last), key, "")
	v.do(204, fmt.Sprintf("PUT /app/installations/%d/suspended", id), key, "")
	v.do(204, fmt.Sprintf("DELETE /app/installations/%d/suspended", id), key, "")
	v.do(204, fmt.Sprintf("DELETE /app/installations/%d", id), key, "")

	v.do(201, "POST /app-manifests/"+manifestCode(v)+"/conversions", "", "")
	if team == 0 || len(g.Unserved()) > 0 {
		t.Errorf("unserved: %q", g.Unserved())
	}
	g.Settle()
	seen := func() bool { // what is answered is observed a little later
		mu.Lock()
		defer mu.Unlock()
		return slices.ContainsFunc(all, func(o observed) bool { return o.Route == "POST /app-manifests/{code}/conversions" })
	}
	for end := time.Now().Add(time.Minute); !seen() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, d := range g.Deliveries() {
		all = append(all, observed{Webhook: d.Event, Out: string(d.Payload)})
	}
	return all
}

// manifestCode goes through the pages that make an App.
func manifestCode(v visitor) string {
	v.t.Helper()
	text := `{"name":"Dry Dock","url":"http://localhost","hook_attributes":{"url":"http://localhost/webhook"},"redirect_url":"http://localhost/made",
		"default_permissions":{"checks":"write"},"default_events":["push"]}`
	address := v.g.URL() + "/settings/apps/new?state=xyz"
	body, _ := v.page(200, "POST", address, url.Values{"manifest": {text}})
	if !regexp.MustCompile(`action="/settings/apps/new\?state=xyz"`).MatchString(body) {
		v.t.Fatalf("page %s", body)
	}
	_, to := v.page(302, "POST", address, url.Values{"manifest": {text}, "sure": {"1"}})
	if to.Query().Get("state") != "xyz" {
		v.t.Errorf("sent to %s", to)
	}
	return to.Query().Get("code")
}
