package githubtest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestSignIn presses the button of a person, and makes each mistake.
func TestSignIn(t *testing.T) {
	g := New(t)
	v := visitor{t, g}
	g.User("alice")
	g.SetCallbacks("http://localhost/auth/callback")
	app := g.App()
	sum := sha256.Sum256([]byte("verifier"))
	address := g.URL() + "/login/oauth/authorize?" + url.Values{
		"client_id": {app.ClientID}, "redirect_uri": {"http://localhost/auth/callback"}, "state": {"a b"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode()
	body, _ := v.page(200, "GET", address, nil)
	if !strings.Contains(body, `id="as-alice"`) {
		t.Fatalf("page %s", body)
	}
	_, to := v.page(302, "POST", address, url.Values{"as": {"alice"}})
	if to.Path != "/auth/callback" || to.Query().Get("state") != "a b" {
		t.Errorf("sent to %s", to)
	}
	v.page(404, "GET", strings.Replace(address, app.ClientID, "no", 1), nil)
	v.page(400, "GET", strings.Replace(address, "callback", "elsewhere", 1), nil)

	exchange := func(more ...string) url.Values {
		in := url.Values{"client_id": {app.ClientID}, "client_secret": {app.ClientSecret}, "code": {to.Query().Get("code")}, "code_verifier": {"verifier"}}
		for i := 0; i < len(more); i += 2 {
			in.Set(more[i], more[i+1])
		}
		text, _ := v.page(200, "POST", g.URL()+"/login/oauth/access_token", in)
		out, err := url.ParseQuery(text)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for want, change := range map[string][]string{
		"incorrect_client_credentials": {"client_secret", "no"}, "bad_verification_code": {"code", "no"}, "redirect_uri_mismatch": {"redirect_uri", "http://localhost/"},
	} {
		if got := exchange(change...).Get("error"); got != want {
			t.Errorf("%v: %q, want %q", change, got, want)
		}
	}
	if got := exchange("code_verifier", "guess").Get("error"); got != "bad_verification_code" {
		t.Errorf("a wrong verifier: %q", got)
	}
	first := exchange()
	if v.do(200, "GET /user", first.Get("access_token"), "")["login"] != "alice" {
		t.Error("it is somebody else")
	}
	if got := exchange().Get("error"); got != "bad_verification_code" {
		t.Errorf("a code that was used: %q", got)
	}
	g.Advance(9 * time.Hour)
	v.do(401, "GET /user", first.Get("access_token"), "")
	second := exchange("grant_type", "refresh_token", "refresh_token", first.Get("refresh_token"))
	v.do(200, "GET /user", second.Get("access_token"), "")
}

// TestManifest makes an App, which is the one that is installed and heard then.
func TestManifest(t *testing.T) {
	g := New(t)
	v := visitor{t, g}
	before := g.App()
	key := manifestCode(v)
	made := v.do(201, "POST /app-manifests/"+key+"/conversions", "", "")
	v.do(404, "POST /app-manifests/"+key+"/conversions", "", "")
	now := g.App()
	if now.ID == before.ID || made["slug"] != "dry-dock" || made["pem"] != string(now.PrivateKey) || made["webhook_secret"] != now.WebhookSecret {
		t.Errorf("made %v", made)
	}
	if v.do(200, "GET /app", jwtOf(t, g, nil), "")["name"] != "Dry Dock" {
		t.Error("another App")
	}
	g.Organization("octo")
	g.SetWebhook("")
	page := g.URL() + "/apps/dry-dock/installations/new"
	body, _ := v.page(200, "GET", page, nil)
	if !regexp.MustCompile(`id="install-octo"`).MatchString(body) {
		t.Errorf("page %s", body)
	}
	v.page(302, "POST", page, url.Values{"account": {"octo"}})
	if all := v.do(200, "GET /app/installations", jwtOf(t, g, nil), "")[""].([]any); len(all) != 1 {
		t.Errorf("installations %v", all)
	}
	repo := g.Repository("octo/demo", Files{"f": "1"})
	repo.Push("main", Files{"f": "2"}, "Two")
	g.Settle()
	var events []string
	for _, d := range g.Deliveries() {
		events = append(events, d.Event)
	}
	if got := strings.Join(events, " "); got != "installation check_suite" {
		t.Errorf("delivered %q", got)
	}
}

// TestPages: lists are cut and linked, and what is known is not sent again.
func TestPages(t *testing.T) {
	g := New(t)
	repo := g.Repository("octo/demo", Files{"f": "1"})
	for range 45 {
		repo.Issue("One", "", "")
	}
	_, c := client(t, g, "octo")
	seen, next := 0, 1
	for next != 0 {
		req, err := c.NewRequest("GET", "repos/octo/demo/issues?per_page=20&page="+itoa(int64(next)), nil)
		if err != nil {
			t.Fatal(err)
		}
		var page []map[string]any
		resp, err := c.Do(t.Context(), req, &page)
		if err != nil {
			t.Fatal(err)
		}
		seen += len(page)
		next = resp.NextPage
	}
	if seen != 45 {
		t.Errorf("%d issues", seen)
	}
	req, err := c.NewRequest("GET", "repos/octo/demo", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(t.Context(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("If-None-Match", resp.Header.Get("ETag"))
	again, _ := c.Do(t.Context(), req, nil)
	if again == nil || again.StatusCode != 304 {
		t.Errorf("again: %v", again)
	}
	limits, _, err := c.RateLimit.Get(t.Context())
	if err != nil || limits.Core.Remaining != resp.Rate.Remaining {
		t.Errorf("what is known cost something: %+v, %v", limits, err)
	}
}
