package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

func grant() Grant {
	return Grant{
		Run: "4711", Attempt: 1, Job: "build (linux, 1:2)", Repository: "Octo/Demo",
		Ref: "refs/pull/7/merge", ReadRefs: []string{"refs/heads/release", "refs/heads/main", "refs/heads/release", ""},
		CacheRead: true, CacheWrite: true,
		Claims: map[string]any{"sha": "abc"}, Expires: time.Now().Add(time.Hour),
	}
}

// payload is what a client of ours sees: it decodes and never verifies.
func payload(t *testing.T, text string) map[string]any {
	t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("token has %d parts, want 3", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(raw, &body); err != nil {
		t.Fatal(err)
	}
	return body
}

func issue(t *testing.T, i *Issuer, g Grant) string {
	t.Helper()
	text, err := i.Issue(g)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTokenSaysWhatClientsRead(t *testing.T) {
	body := payload(t, issue(t, NewIssuer(), grant()))

	scp, _ := body["scp"].(string)
	if parts := strings.Split(scp, ":"); len(strings.Fields(scp)) != 1 || len(parts) != 3 || parts[0] != "Actions.Results" || parts[1] != "4711" || parts[2] == "" {
		t.Errorf("scp = %q, want one scope of three parts", scp)
	}
	const want = `[{"Scope":"refs/pull/7/merge","Permission":3},{"Scope":"refs/heads/release","Permission":1},{"Scope":"refs/heads/main","Permission":1}]`
	if body["ac"] != want {
		t.Errorf("ac = %v, want the text %s", body["ac"], want)
	}
	now := float64(time.Now().Unix())
	if exp, _ := body["exp"].(float64); exp <= now {
		t.Errorf("exp = %v, want a number in the future", body["exp"])
	}
	if nbf, _ := body["nbf"].(float64); nbf >= now || nbf == 0 {
		t.Errorf("nbf = %v, want a number in the past", body["nbf"])
	}
	for _, name := range []string{"iss", "aud", "iat", "jti", "sub", "orch_id"} {
		if body[name] == nil {
			t.Errorf("claim %q is missing", name)
		}
	}
}

func TestAccessFollowsTheCachePermissions(t *testing.T) {
	for _, test := range []struct {
		name        string
		read, write bool
		want        string
	}{
		{"none", false, false, `[]`},
		{"read only", true, false, `[{"Scope":"refs/heads/x","Permission":1},{"Scope":"refs/heads/main","Permission":1}]`},
		{"write only", false, true, `[{"Scope":"refs/heads/x","Permission":2}]`},
		{"both", true, true, `[{"Scope":"refs/heads/x","Permission":3},{"Scope":"refs/heads/main","Permission":1}]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := grant()
			g.Ref, g.ReadRefs = "refs/heads/x", []string{"refs/heads/x", "refs/heads/main"}
			g.CacheRead, g.CacheWrite = test.read, test.write
			if got := payload(t, issue(t, NewIssuer(), g))["ac"]; got != test.want {
				t.Errorf("ac = %v, want %s", got, test.want)
			}
		})
	}
}

func TestBackendIDsHoldNoSeparator(t *testing.T) {
	seen := map[string]string{}
	for _, job := range []string{"build", "build (1)", "a:b", "a b", "a\nb", "ä", "", strings.Repeat("x", 300), strings.Repeat("x", 301)} {
		id := Grant{Job: job}.JobBackendID()
		if id == "" || strings.ContainsAny(id, ": \n\t") || len(id) > 64 {
			t.Errorf("JobBackendID of %q = %q", job, id)
		}
		if other, ok := seen[id]; ok {
			t.Errorf("jobs %q and %q have the same id %q", job, other, id)
		}
		seen[id] = job
	}
	if id := (Grant{Run: "4711"}).RunBackendID(); id != "4711" {
		t.Errorf("RunBackendID = %q, want a plain id kept", id)
	}
}

func TestIssueRefusesAnUnusableGrant(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Grant)
		want   string
	}{
		{"no run", func(g *Grant) { g.Run = "" }, "names no run"},
		{"no repository", func(g *Grant) { g.Repository = "" }, "names no repository"},
		{"no expiry", func(g *Grant) { g.Expires = time.Time{} }, "has passed"},
		{"past", func(g *Grant) { g.Expires = time.Now().Add(-time.Second) }, "has passed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := grant()
			test.change(&g)
			if _, err := NewIssuer().Issue(g); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Issue = %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestCheckGivesTheGrantBack(t *testing.T) {
	i := NewIssuer()
	want := grant()
	text := issue(t, i, want)
	got, err := i.Check(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if other := issue(t, i, want); other == text {
		t.Error("two tokens for the same grant are the same text")
	}
}

// resign makes a token of the same claims with another algorithm or key.
func resign(t *testing.T, text string, method jwt.SigningMethod, key any) string {
	t.Helper()
	out, err := jwt.NewWithClaims(method, jwt.MapClaims(payload(t, text))).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBadTokens(t *testing.T) {
	i := NewIssuer()
	good := issue(t, i, grant())
	parts := strings.Split(good, ".")
	foreign := issue(t, NewIssuer(), grant())

	forged := payload(t, good)
	forged["ac"] = `[{"Scope":"refs/heads/main","Permission":3}]`
	raw, _ := json.Marshal(forged)

	revoked := issue(t, i, grant())
	i.Revoke(revoked)
	i.Revoke(revoked)
	i.Revoke("nonsense")
	i.Revoke(foreign)

	late := NewIssuer()
	expired := issue(t, late, grant())
	late.now = func() time.Time { return time.Now().Add(2 * time.Hour) }

	for _, test := range []struct {
		name   string
		issuer *Issuer
		token  string
		want   error
	}{
		{"empty", i, "", ErrInvalid},
		{"nonsense", i, "nonsense", ErrInvalid},
		{"dots", i, "..", ErrInvalid},
		{"huge", i, strings.Repeat("a", 1<<20), ErrInvalid},
		{"of another issuer", i, foreign, ErrInvalid},
		{"other claims under the signature", i, parts[0] + "." + base64.RawURLEncoding.EncodeToString(raw) + "." + parts[2], ErrInvalid},
		{"no signature", i, parts[0] + "." + parts[1] + ".", ErrInvalid},
		{"algorithm none", i, resign(t, good, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), ErrInvalid},
		{"algorithm HS512, right key", i, resign(t, good, jwt.SigningMethodHS512, i.key[:]), ErrInvalid},
		{"empty key", i, resign(t, good, jwt.SigningMethodHS256, []byte{}), ErrInvalid},
		{"revoked", i, revoked, ErrRevoked},
		{"expired", late, expired, ErrExpired},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := test.issuer.Check(test.token); !errors.Is(err, test.want) {
				t.Errorf("Check = %v, want %v", err, test.want)
			}
		})
	}
	if _, err := i.Check(good); err != nil {
		t.Errorf("the good token stopped working: %v", err)
	}
}

func TestExpiredGrantsAreDropped(t *testing.T) {
	i := NewIssuer()
	for range 10 {
		issue(t, i, grant())
	}
	later := time.Now().Add(2 * time.Hour)
	i.now = func() time.Time { return later }
	g := grant()
	g.Expires = later.Add(time.Hour)
	issue(t, i, g)
	if len(i.live) != 1 {
		t.Errorf("%d grants are kept, want the live one", len(i.live))
	}
}

func TestRequire(t *testing.T) {
	i := NewIssuer()
	good := issue(t, i, grant())
	dead := issue(t, i, grant())
	i.Revoke(dead)
	server := httptest.NewServer(i.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g, ok := FromContext(r.Context())
		if !ok || g.Run != "4711" {
			t.Errorf("grant in the context = %v, %v", g, ok)
		}
		w.WriteHeader(http.StatusNoContent)
	})))
	defer server.Close()

	for _, test := range []struct {
		name   string
		header []string
		status int
		msg    string
	}{
		{"bearer", []string{"Bearer " + good}, 204, ""},
		{"other case", []string{"bearer  " + good}, 204, ""},
		{"as Octokit", []string{"token " + good}, 204, ""},
		{"missing", nil, 401, "is missing"},
		{"empty", []string{""}, 401, "not of the form"},
		{"bare", []string{good}, 401, "not of the form"},
		{"basic", []string{"Basic " + good}, 401, "not of the form"},
		{"twice", []string{"Bearer " + good, "Bearer " + good}, 401, "more than once"},
		{"revoked", []string{"Bearer " + dead}, 401, "job has ended"},
		{"nonsense", []string{"Bearer x.y.z"}, 401, "not one of this service"},
	} {
		t.Run(test.name, func(t *testing.T) {
			request, err := http.NewRequest(http.MethodGet, server.URL, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			request.Header["Authorization"] = test.header
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != test.status {
				t.Fatalf("status = %d, want %d", response.StatusCode, test.status)
			}
			if test.status != 401 {
				return
			}
			var body struct{ Code, Msg string }
			if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
				t.Fatal(err)
			}
			if body.Code != "unauthenticated" || !strings.Contains(body.Msg, test.msg) {
				t.Errorf("body = %+v, want code unauthenticated and %q", body, test.msg)
			}
		})
	}
}

func FuzzCheck(f *testing.F) {
	i := NewIssuer()
	good, err := i.Issue(grant())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("a.b.c")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := i.Check(text); err == nil && text != good {
			// The last character of base64 may differ without a difference in bytes.
			if strings.HasPrefix(text, good[:len(good)-1]) {
				return
			}
			t.Errorf("Check accepts %q", text)
		}
	})
}

// A token of an earlier start of the program is good again for its job alone.
func TestAdopt(t *testing.T) {
	old := issue(t, NewIssuer(), grant())
	i := NewIssuer()
	if _, err := i.Check(old); !errors.Is(err, ErrInvalid) {
		t.Fatalf("before: %v", err)
	}
	if err := i.Adopt("", grant()); err == nil {
		t.Error("no token was taken over")
	}
	if err := i.Adopt(old, grant()); err != nil {
		t.Fatal(err)
	}
	if g, err := i.Check(old); err != nil || g.Job != grant().Job {
		t.Errorf("%+v, %v", g, err)
	}
	if _, err := i.Check(issue(t, NewIssuer(), grant())); !errors.Is(err, ErrInvalid) {
		t.Errorf("another token: %v", err)
	}
	i.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if _, err := i.Check(old); !errors.Is(err, ErrExpired) {
		t.Errorf("later: %v", err)
	}
	i.now = time.Now
	i.Revoke(old)
	if _, err := i.Check(old); !errors.Is(err, ErrInvalid) {
		t.Errorf("after its end: %v", err)
	}
}
