package api_test

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/api"
)

// access is the table of who gets which status from which route. The columns
// are the callers of TestRights, in their order.
const access = `
route                                                     nobody stranger reader writer operator owner bearer badtoken nocsrf foreign local proxied wronghost
GET  /api/v1/me                                           200 200 200 200 200 200 200 200 200 200 200 200 421
GET  /api/v1/runs                                         401 200 200 200 200 200 200 401 200 200 200 401 421
GET  /api/v1/watch                                        401 200 200 200 200 200 200 401 200 200 200 401 421
GET  /api/v1/runs/1                                       401 404 200 200 404 200 200 401 200 200 200 401 421
GET  /api/v1/runs/2                                       401 404 404 404 404 200 404 401 404 404 200 401 421
GET  /api/v1/runs/1/watch                                 401 404 200 200 404 200 200 401 200 200 200 401 421
GET  /api/v1/runs/1/summaries                             401 404 200 200 404 200 200 401 200 200 200 401 421
GET  /api/v1/runs/1/attempts/1/events?job=build           401 404 200 200 404 200 200 401 200 200 200 401 421
GET  /api/v1/runs/2/attempts/1/events?job=build           401 404 404 404 404 200 404 401 404 404 200 401 421
GET  /api/v1/runs/1/attempts/1/log?job=build              401 404 200 200 404 200 200 401 200 200 200 401 421
GET  /api/v1/runs/1/artifacts                             401 404 200 200 404 200 200 401 200 200 200 401 421
GET  /api/v1/runs/1/artifacts/dist                        401 404 200 200 404 200 200 401 200 200 200 401 421
GET  /api/v1/runs/2/artifacts/dist                        401 404 404 404 404 200 404 401 404 404 200 401 421
POST /api/v1/runs/1/cancel                                401 404 403 202 404 202 202 401 403 403 202 401 421
POST /api/v1/runs/2/cancel                                401 404 404 404 404 202 404 401 403 403 202 401 421
POST /api/v1/runs/1/rerun                                 401 404 403 202 404 202 202 401 403 403 202 401 421
POST /api/v1/runs/1/approve                               401 404 403 202 404 202 202 401 403 403 202 401 421
GET  /api/v1/repositories                                 401 200 200 200 200 200 200 401 200 200 200 401 421
GET  /api/v1/repositories/octo/app/workflows              401 404 200 200 404 200 200 401 200 200 200 401 421
GET  /api/v1/repositories/octo/hidden/workflows           401 404 404 404 404 200 404 401 404 404 200 401 421
POST /api/v1/repositories/octo/app/dispatch               401 404 403 201 404 201 201 401 403 403 201 401 421
GET  /api/v1/repositories/octo/app/services               401 404 200 200 404 200 200 401 200 200 200 401 421
GET  /api/v1/repositories/octo/hidden/services            401 404 404 404 404 200 404 401 404 404 200 401 421
GET  /api/v1/repositories/octo/app/services/web           401 404 200 200 404 200 200 401 200 200 200 401 421
GET  /api/v1/repositories/octo/hidden/services/web        401 404 404 404 404 200 404 401 404 404 200 401 421
GET  /api/v1/repositories/octo/app/services/web/diff?from=1&to=2 401 404 200 200 404 200 200 401 200 200 200 401 421
GET  /api/v1/services                                     401 200 200 200 200 200 200 401 200 200 200 401 421
GET  /api/v1/deliveries                                   401 403 403 403 200 403 403 401 403 403 200 401 421
GET  /api/v1/deliveries/d-1                               401 403 403 403 200 403 403 401 403 403 200 401 421
GET  /api/v1/queue                                        401 403 403 403 200 403 403 401 403 403 200 401 421
GET  /auth/login                                          302 302 302 302 302 302 302 302 302 302 302 302 421
GET  /auth/callback                                       400 400 400 400 400 400 400 400 400 400 400 400 421
POST /auth/local                                          401 401 401 401 401 401 401 401 401 403 401 401 421
POST /auth/logout                                         401 204 204 204 204 204 204 401 403 403 204 401 421
GET  /healthz                                             200 200 200 200 200 200 200 200 200 200 200 200 200
GET  /readyz                                              200 200 200 200 200 200 200 200 200 200 200 200 200
GET  /metrics                                             200 200 200 200 200 200 200 200 200 200 200 403 403
GET  /api/v1/nothing                                      404 404 404 404 404 404 404 404 404 404 404 404 421
POST /api/v1/runs                                         404 404 404 404 404 404 404 404 404 404 404 404 421
`

var bodies = map[string]string{
	"cancel": `{}`, "rerun": `{"what":"failed"}`, "approve": `{"sha":"head","verdict":"approved"}`, "dispatch": `{"workflow":".github/workflows/ci.yml"}`,
	"local": `{"token":"guess"}`,
}

func TestRights(t *testing.T) {
	w := start(t)
	type caller struct {
		client  *http.Client
		headers []string
	}
	callers := map[string]caller{}
	for _, login := range []string{"stranger", "reader", "writer", "operator", "owner"} {
		client, csrf := w.browser(login)
		callers[login] = caller{client, []string{"Drydock-CSRF", csrf, "Sec-Fetch-Site", "same-origin"}}
	}
	nobody, _ := w.browser("")
	writer, csrf := w.browser("writer")
	callers["nobody"] = caller{nobody, nil}
	callers["bearer"] = caller{nobody, []string{"Authorization", "Bearer ghp_of-writer"}}
	callers["badtoken"] = caller{nobody, []string{"Authorization", "Bearer ghp_of-nobody"}}
	callers["nocsrf"] = caller{writer, []string{"Drydock-CSRF", csrf[1:]}}
	callers["foreign"] = caller{writer, []string{"Drydock-CSRF", csrf, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}}
	callers["local"] = caller{nobody, []string{"Authorization", "Bearer " + localToken}}
	callers["proxied"] = caller{nobody, []string{"Authorization", "Bearer " + localToken, "X-Forwarded-For", "203.0.113.9"}}
	callers["wronghost"] = caller{nobody, []string{"Authorization", "Bearer " + localToken, "Host", "evil.example"}}

	rows := strings.Split(strings.TrimSpace(access), "\n")
	names := strings.Fields(rows[0])[1:]
	for _, row := range rows[1:] {
		f := strings.Fields(row)
		method, path := f[0], f[1]
		body := bodies[path[strings.LastIndex(path, "/")+1:]]
		for i, name := range names {
			c := callers[name]
			client := *c.client
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			if path == "/auth/logout" { // the others still need the session
				client.Jar = readOnly{c.client.Jar}
			}
			var status int
			if strings.HasSuffix(path, "/watch") { // goes on for ever
				status = w.status(&client, method, path, c.headers)
			} else {
				status, _, _ = w.do(&client, method, path, body, c.headers...)
			}
			if want := f[2+i]; want != itoa(status) {
				t.Errorf("%s %s by %s: status %d, want %s", method, path, name, status, want)
			}
		}
	}

	// Every route has its row.
	for _, r := range api.Routes() {
		pattern := regexp.MustCompile("^" + regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(r.Path, "[^/?]+") + `(\?.*)?$`)
		if !slices.ContainsFunc(rows, func(row string) bool {
			f := strings.Fields(row)
			return f[0] == r.Method && pattern.MatchString(f[1])
		}) {
			t.Errorf("%s %s: there is no row for it", r.Method, r.Path)
		}
	}
}

// TestTokens: what other programs were given by a person opens nothing here.
func TestTokens(t *testing.T) {
	w := start(t)
	nobody, _ := w.browser("")
	for token, want := range map[string]int{
		"ghp_of-writer": 200, "github_pat_of-writer": 200, "ghu_of-writer": 200,
		"gho_of-writer": 401, "ghs_of-writer": 401, "ghu_other_of-writer": 401, "x_of-writer": 401, "ghu_of-nobody": 401,
	} {
		if status, _, body := w.do(nobody, http.MethodGet, "/api/v1/runs/1", "", "Authorization", "Bearer "+token); status != want {
			t.Errorf("%s: status %d, want %d: %s", token, status, want, body)
		}
	}
}

// TestDocumented holds docs/api.md against the routes.
func TestDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range api.Routes() {
		row := regexp.MustCompile(`\| ` + "`" + r.Method + " " + regexp.QuoteMeta(r.Path) + "` \\| " + r.Need + ` \|`)
		if !row.Match(data) {
			t.Errorf("docs/api.md has no row | `%s %s` | %s | ...", r.Method, r.Path, r.Need)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z]+) (/[^`]*)`").FindAllStringSubmatch(string(data), -1) {
		if !slices.ContainsFunc(api.Routes(), func(r api.Route) bool { return r.Method == m[1] && r.Path == m[2] }) {
			t.Errorf("docs/api.md tells of %s %s, which does not exist", m[1], m[2])
		}
	}
}
