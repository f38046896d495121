package auth

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/drydock-ci/drydock/workflow"
)

// fake is a GitHub that answers as a test says.
type fake struct {
	t   *testing.T
	key *rsa.PrivateKey
	url string

	mu       sync.Mutex
	requests []string                               // METHOD path authorization body
	answers  map[string][]func(http.ResponseWriter) // by "METHOD path"; the last one stays

	clock time.Time
	slept []time.Duration
}

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil
	}
	return key
})

func start(t *testing.T) (*fake, *App) {
	t.Helper()
	f := &fake{t: t, key: testKey(), answers: map[string][]func(http.ResponseWriter){}, clock: time.Now().Truncate(time.Second)}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL
	f.on("GET /api/v3/app/installations/7", text(200, `{"id":7,"permissions":{"metadata":"read","contents":"write","issues":"read","checks":"write","pull_requests":"write"}}`))
	f.on("POST /api/v3/app/installations/7/access_tokens", text(201, fmt.Sprintf(`{"token":"ghs_full","expires_at":%q,"permissions":{"contents":"write"}}`, time.Now().Add(time.Hour).Format(time.RFC3339))))
	app, err := New(Options{
		AppID: 12, PrivateKey: pemOf(f.key), Address: f.url, MaxWait: 10 * time.Minute,
		Now: f.now,
		sleep: func(ctx context.Context, d time.Duration) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.slept, f.clock = append(f.slept, d), f.clock.Add(d)
			return ctx.Err()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f, app
}

func pemOf(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

func (f *fake) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.clock
}

// on sets the answers to a request, in turn; the last one is given ever after.
func (f *fake) on(request string, answers ...func(http.ResponseWriter)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[request] = answers
}

func text(status int, body string, headers ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func hangUp(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	who := r.Header.Get("Authorization")
	if token, ok := strings.CutPrefix(who, "Bearer ey"); ok {
		who = f.app("ey" + token)
	}
	name := r.Method + " " + r.URL.Path
	f.mu.Lock()
	f.requests = append(f.requests, strings.TrimSpace(name+" "+who+" "+string(body)))
	answers := f.answers[name]
	if len(answers) > 1 {
		f.answers[name] = answers[1:]
	}
	f.mu.Unlock()
	if len(answers) == 0 {
		http.NotFound(w, r)
		return
	}
	answers[0](w)
}

// app checks a token of the App as GitHub does.
func (f *fake) app(token string) string {
	var claims jwt.RegisteredClaims
	if _, err := jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return &f.key.PublicKey, nil }, jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithIssuedAt()); err != nil {
		f.t.Error("the App's token: ", err)
	}
	if life := claims.ExpiresAt.Sub(claims.IssuedAt.Time); claims.Issuer != "12" || life > 10*time.Minute {
		f.t.Errorf("the App's token: issuer %q, %v long", claims.Issuer, life)
	}
	return "app"
}

// asked are the requests since the last call, without those for tokens.
func (f *fake) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.requests
	f.requests = nil
	return all
}

func (f *fake) want(requests ...string) {
	f.t.Helper()
	if got := f.asked(); !reflect.DeepEqual(got, requests) {
		f.t.Errorf("requests:\n got %q\nwant %q", got, requests)
	}
}

func TestCheck(t *testing.T) {
	f, app := start(t)
	f.on("GET /api/v3/app", text(200, `{"slug":"drydock","permissions":{"checks":"write"},"events":["push"]}`, "Date", f.now().Add(-90*time.Second).UTC().Format(http.TimeFormat)))
	c, err := app.Check(t.Context())
	if err != nil || c.Slug != "drydock" || c.Permissions["checks"] != "write" || c.Skew != 90*time.Second || len(c.Events) != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
	f.want("GET /api/v3/app app")
	f.on("GET /api/v3/app", text(401, `{"message":"A JSON web token could not be decoded"}`))
	if _, err := app.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "App 12") {
		t.Errorf("got %v", err)
	}
}

func TestInstallation(t *testing.T) {
	f, app := start(t)
	f.on("GET /api/v3/repos/o/r", text(200, `{"id":9}`))
	for range 2 { // one token serves both
		c, err := app.Installation(7)
		if err != nil {
			t.Fatal(err)
		}
		if r, _, err := c.Repositories.Get(t.Context(), "o", "r"); err != nil || r.GetID() != 9 {
			t.Errorf("got %v, %v", r, err)
		}
	}
	f.want("POST /api/v3/app/installations/7/access_tokens app null", "GET /api/v3/repos/o/r token ghs_full", "GET /api/v3/repos/o/r token ghs_full")
	if token, err := app.InstallationToken(t.Context(), 7); err != nil || token != "ghs_full" {
		t.Errorf("got %q, %v", token, err)
	}
	app.Forget(7)
	f.on("POST /api/v3/app/installations/7/access_tokens", text(404, `{"message":"Not Found"}`))
	if _, err := app.InstallationToken(t.Context(), 7); !errors.Is(err, ErrNoAccess) {
		t.Errorf("token of a removed installation: %v", err)
	}
	c, err := app.Installation(7)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Repositories.Get(t.Context(), "o", "r"); !errors.Is(err, ErrNoAccess) {
		t.Errorf("request of a removed installation: %v", err)
	}
	if _, err := app.Installation(0); err == nil {
		t.Error("installation 0 was taken")
	}
}

func TestJobToken(t *testing.T) {
	answer := func(permissions, repositories string) func(http.ResponseWriter) {
		return text(201, `{"token":"ghs_job","expires_at":"2030-01-02T03:04:05Z","permissions":`+permissions+`,"repositories":[`+repositories+`]}`)
	}
	for _, tc := range []struct {
		name    string
		asked   map[string]string
		sent    string // permissions
		answer  func(http.ResponseWriter)
		missing []string
		fails   string
		revoked bool
	}{
		{name: "less than the App has", asked: map[string]string{"contents": "read", "pull-requests": "write"}, sent: `{"contents":"read","metadata":"read","pull_requests":"write"}`,
			answer: answer(`{"contents":"read","metadata":"read","pull_requests":"write"}`, `{"id":9}`)},
		{name: "none at all", asked: nil, sent: `{"metadata":"read"}`, answer: answer(`{"metadata":"read"}`, `{"id":9}`)},
		{name: "none by word", asked: map[string]string{"contents": "none", "id-token": "write", "metadata": "write"}, sent: `{"metadata":"read"}`, answer: answer(`{"metadata":"read"}`, `{"id":9}`)},
		{name: "more than the App has", asked: map[string]string{"issues": "write", "packages": "write", "contents": "write"}, sent: `{"contents":"write","issues":"read","metadata":"read"}`,
			answer: answer(`{"contents":"write","issues":"read","metadata":"read"}`, `{"id":9}`), missing: []string{"issues: write", "packages: write"}},
		{name: "GitHub gives more", asked: map[string]string{"contents": "read"}, sent: `{"contents":"read","metadata":"read"}`,
			answer: answer(`{"contents":"write"}`, `{"id":9}`), fails: "contents: write", revoked: true},
		{name: "GitHub gives another", asked: nil, sent: `{"metadata":"read"}`, answer: answer(`{"checks":"read"}`, `{"id":9}`), fails: "checks: read", revoked: true},
		{name: "another repository", asked: nil, sent: `{"metadata":"read"}`, answer: answer(`{}`, `{"id":8}`), fails: "not that one", revoked: true},
		{name: "two repositories", asked: nil, sent: `{"metadata":"read"}`, answer: answer(`{}`, `{"id":9},{"id":8}`), fails: "2 repositories", revoked: true},
		{name: "refused", asked: nil, sent: `{"metadata":"read"}`, answer: text(422, `{"message":"not granted"}`), fails: "not granted"},
		{name: "gone", asked: nil, sent: `{"metadata":"read"}`, answer: text(404, `{}`), fails: ErrNoAccess.Error()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, app := start(t)
			f.on("POST /api/v3/app/installations/7/access_tokens", tc.answer)
			f.on("DELETE /api/v3/installation/token", text(204, ""))
			got, err := app.JobToken(t.Context(), JobTokenRequest{Installation: 7, Repository: 9, Permissions: tc.asked})
			want := []string{"GET /api/v3/app/installations/7 app", `POST /api/v3/app/installations/7/access_tokens app {"repository_ids":[9],"permissions":` + tc.sent + `}`}
			if tc.revoked {
				want = append(want, "DELETE /api/v3/installation/token Bearer ghs_job")
			}
			f.want(want...)
			if tc.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fails) || got.Value != "" {
					t.Errorf("got %q, %v, want an error with %q", got.Value, err, tc.fails)
				}
				return
			}
			if err != nil || got.Value != "ghs_job" || !got.Expires.Equal(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)) || !reflect.DeepEqual(got.Missing, tc.missing) {
				t.Errorf("got %q until %v, missing %q, %v", got.Value, got.Expires, got.Missing, err)
			}
			for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
				if text := fmt.Sprintf(format, got); strings.Contains(text, "ghs_job") {
					t.Errorf("%s shows the token: %s", format, text)
				}
			}
		})
	}
	f, app := start(t)
	if _, err := app.JobToken(t.Context(), JobTokenRequest{Installation: 7}); err == nil {
		t.Error("a token for all repositories was made")
	}
	f.on("GET /api/v3/app/installations/7", text(200, `{"id":7,"suspended_at":"2026-01-01T00:00:00Z"}`))
	if _, err := app.JobToken(t.Context(), JobTokenRequest{Installation: 7, Repository: 9}); !errors.Is(err, ErrNoAccess) {
		t.Errorf("suspended: %v", err)
	}
}

func TestRevoke(t *testing.T) {
	f, app := start(t)
	for _, tc := range []struct {
		status int
		ok     bool
	}{{204, true}, {401, true}, {403, false}} {
		f.on("DELETE /api/v3/installation/token", text(tc.status, ""))
		err := app.Revoke(t.Context(), "ghs_x")
		if (err == nil) != tc.ok || err != nil && strings.Contains(err.Error(), "ghs_x") {
			t.Errorf("%d: %v", tc.status, err)
		}
	}
}

func TestScopes(t *testing.T) {
	if all := Scopes(workflow.Permissions{All: "read-all"}); all["contents"] != "read" || all["issues"] != "read" || len(all) < 10 {
		t.Errorf("read-all: %v", all)
	}
	if all := Scopes(workflow.Permissions{All: "write-all"}); all["contents"] != "write" {
		t.Errorf("write-all: %v", all)
	}
	if some := Scopes(workflow.Permissions{Scopes: map[string]string{"contents": "read", "issues": "none"}}); !reflect.DeepEqual(some, map[string]string{"contents": "read"}) {
		t.Errorf("some: %v", some)
	}
	if none := Scopes(workflow.Permissions{}); len(none) != 0 {
		t.Errorf("none: %v", none)
	}
}

func TestParseEndpoints(t *testing.T) {
	for address, want := range map[string]Endpoints{
		"":                               {"https://github.com/", "https://api.github.com/", "https://uploads.github.com/"},
		"https://api.github.com":         {"https://github.com/", "https://api.github.com/", "https://uploads.github.com/"},
		"https://octo.ghe.com/":          {"https://octo.ghe.com/", "https://api.octo.ghe.com/", "https://uploads.octo.ghe.com/"},
		"https://GHE.example.com":        {"https://ghe.example.com/", "https://ghe.example.com/api/v3/", "https://ghe.example.com/api/uploads/"},
		"ghe.example.com:8443/api/v3/":   {"https://ghe.example.com:8443/", "https://ghe.example.com:8443/api/v3/", "https://ghe.example.com:8443/api/uploads/"},
		"http://127.0.0.1:80":            {"http://127.0.0.1:80/", "http://127.0.0.1:80/api/v3/", "http://127.0.0.1:80/api/uploads/"},
		"http://ghe.example.com":         {},
		"ftp://ghe.example.com":          {},
		"https://ghe.example.com/owner":  {},
		"https://github.com/owner/repo":  {},
		"https://a:b@ghe.example.com":    {},
		"https://":                       {},
		"https://ghe.example.com/?x=y":   {},
		"https://ghe.example.com/a\x00b": {},
	} {
		got, err := ParseEndpoints(address)
		if got != want || (err == nil) != (want.API != "") {
			t.Errorf("%q: got %+v, %v", address, got, err)
		}
	}
}

func TestNewFails(t *testing.T) {
	key := pemOf(testKey())
	for name, o := range map[string]Options{
		"no id":       {PrivateKey: key},
		"no key":      {AppID: 1},
		"broken key":  {AppID: 1, PrivateKey: key[:100]},
		"bad address": {AppID: 1, PrivateKey: key, Address: "http://example.com"},
	} {
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "BEGIN") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if app, err := New(Options{AppID: 1, PrivateKey: key}); err != nil || app.Endpoints().API != "https://api.github.com/" {
		t.Errorf("got %v", err)
	}
}

func TestRawJSON(t *testing.T) {
	f, app := start(t)
	f.on("GET /api/v3/repos/o/r", text(200, `{"new_field":1}`))
	c, err := app.Installation(7)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Client().Get(f.url + "/api/v3/repos/o/r")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var raw map[string]int
	if err := json.NewDecoder(res.Body).Decode(&raw); err != nil || raw["new_field"] != 1 {
		t.Errorf("got %v, %v", raw, err)
	}
}
