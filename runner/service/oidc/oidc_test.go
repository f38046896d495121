package oidc

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/drydock-ci/drydock/runner/service/token"
)

type service struct {
	*httptest.Server
	tokens *token.Issuer
}

func serve(t *testing.T, o Options) service {
	t.Helper()
	p, tokens := New(o), token.NewIssuer()
	private, public := http.NewServeMux(), http.NewServeMux()
	p.Register(private)
	p.RegisterPublic(public)
	public.Handle("/", tokens.Require(private))
	// As a proxy would publish it below a path.
	public.Handle("/drydock/", http.StripPrefix("/drydock", public))
	server := httptest.NewServer(public)
	t.Cleanup(server.Close)
	return service{server, tokens}
}

func grant() token.Grant {
	return token.Grant{
		Run: "4711", Job: "deploy", Repository: "Octo/Demo", Ref: "refs/heads/main", IDToken: true,
		Claims: map[string]any{
			"repository": "Octo/Demo", "event_name": "push", "ref": "refs/heads/main", "run_id": "4711",
			"iss": "https://token.actions.githubusercontent.com", "aud": "forged", "exp": 4102444800,
		},
		Expires: time.Now().Add(time.Hour),
	}
}

func (s service) bearer(t *testing.T, g token.Grant) string {
	t.Helper()
	text, err := s.tokens.Issue(g)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// get reads a JSON answer, with a token if bearer is not empty.
func (s service) get(t *testing.T, path, bearer string, into any) int {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, s.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("GET %s answers %q: %v", path, text, err)
	}
	return response.StatusCode
}

// verify checks an identity token as a cloud does: with what is published.
func (s service) verify(t *testing.T, text, audience string) jwt.MapClaims {
	t.Helper()
	var discovery struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if status := s.get(t, "/.well-known/openid-configuration", "", &discovery); status != 200 {
		t.Fatalf("discovery: status %d", status)
	}
	at, err := url.Parse(discovery.Keys)
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []jwk }
	s.get(t, at.Path, "", &set)
	body := jwt.MapClaims{}
	_, err = jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience(audience), jwt.WithIssuer(discovery.Issuer), jwt.WithExpirationRequired()).
		ParseWithClaims(text, body, func(parsed *jwt.Token) (any, error) {
			for _, key := range set.Keys {
				if key.Kid != parsed.Header["kid"] {
					continue
				}
				n, err := base64.RawURLEncoding.DecodeString(key.N)
				if err != nil {
					return nil, err
				}
				e, err := base64.RawURLEncoding.DecodeString(key.E)
				return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, err
			}
			return nil, jwt.ErrTokenUnverifiable
		})
	if err != nil {
		t.Fatalf("the token does not verify: %v", err)
	}
	return body
}

type reply struct {
	Count int
	Value string
	Code  string
	Msg   string
}

func TestTokenVerifiesWithThePublishedKey(t *testing.T) {
	for _, test := range []struct {
		name, audience, want string
		options              Options
		issuer               string
	}{
		{"default audience", "", "https://github.com/Octo", Options{}, ""},
		{"chosen audience", "sts.amazonaws.com", "sts.amazonaws.com", Options{}, ""},
		{"audience that needs escapes", "api://AzureAD & co?", "api://AzureAD & co?", Options{}, ""},
		{"configured issuer", "x", "x", Options{Issuer: "https://ci.example.com/drydock/"}, "https://ci.example.com/drydock"},
		{"other forge", "", "https://ghe.example.com/Octo", Options{Server: "https://ghe.example.com/"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, test.options)
			var got reply
			path := RequestPath + "?" + RequestQuery + "&audience=" + url.QueryEscape(test.audience)
			if status := s.get(t, path, s.bearer(t, grant()), &got); status != 200 {
				t.Fatalf("status %d: %s", status, got.Msg)
			}
			if got.Count != len(got.Value) {
				t.Errorf("count = %d, want %d", got.Count, len(got.Value))
			}
			body := s.verify(t, got.Value, test.want)
			want := test.issuer
			if want == "" {
				want = s.URL
			}
			if body["iss"] != want {
				t.Errorf("iss = %v, want %q", body["iss"], want)
			}
			if body["sub"] != "repo:Octo/Demo:ref:refs/heads/main" || body["run_id"] != "4711" {
				t.Errorf("claims = %v", body)
			}
			exp, _ := body["exp"].(float64)
			if left := time.Until(time.Unix(int64(exp), 0)); left < 5*time.Minute || left > 10*time.Minute {
				t.Errorf("the token lives for %s, want between 5 and 10 minutes", left)
			}
		})
	}
}

func TestEveryTokenHasItsOwnID(t *testing.T) {
	s := serve(t, Options{})
	bearer := s.bearer(t, grant())
	seen := map[any]bool{}
	for range 3 {
		var got reply
		s.get(t, RequestPath+"?"+RequestQuery, bearer, &got)
		seen[s.verify(t, got.Value, "https://github.com/Octo")["jti"]] = true
	}
	if len(seen) != 3 {
		t.Errorf("3 tokens have %d ids", len(seen))
	}
}

func TestRefusals(t *testing.T) {
	s := serve(t, Options{})
	good := s.bearer(t, grant())
	without := grant()
	without.IDToken = false
	dead := s.bearer(t, grant())
	s.tokens.Revoke(dead)
	for _, test := range []struct {
		name, query, bearer string
		status              int
		code, msg           string
	}{
		{"no token", "", "", 401, "unauthenticated", "missing"},
		{"dead token", "", dead, 401, "unauthenticated", "job has ended"},
		{"no permission", "", s.bearer(t, without), 403, "permission_denied", "id-token: write"},
		{"long audience", "audience=" + strings.Repeat("a", 2000), good, 400, "invalid_argument", "2000 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got reply
			status := s.get(t, RequestPath+"?"+RequestQuery+"&"+test.query, test.bearer, &got)
			if status != test.status || got.Code != test.code || !strings.Contains(got.Msg, test.msg) {
				t.Errorf("answer = %d %+v, want %d %s with %q", status, got, test.status, test.code, test.msg)
			}
			if got.Value != "" {
				t.Error("a refusal holds a token")
			}
		})
	}
}

func TestSubject(t *testing.T) {
	for _, test := range []struct{ event, environment, ref, want string }{
		{"push", "", "refs/heads/main", "repo:o/r:ref:refs/heads/main"},
		{"push", "", "refs/tags/v1", "repo:o/r:ref:refs/tags/v1"},
		{"pull_request", "", "refs/pull/1/merge", "repo:o/r:pull_request"},
		{"pull_request", "prod", "refs/pull/1/merge", "repo:o/r:environment:prod"},
		{"pull_request_target", "", "refs/heads/main", "repo:o/r:ref:refs/heads/main"},
		{"push", "a:ref:refs/heads/main", "refs/heads/x", "repo:o/r:environment:a%3Aref%3Arefs/heads/main"},
	} {
		if got := Subject("o/r", test.event, test.environment, test.ref); got != test.want {
			t.Errorf("Subject(%q, %q, %q) = %q, want %q", test.event, test.environment, test.ref, got, test.want)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "oidc.pem")
	New(Options{KeyFile: path})
	if _, err := os.Stat(path); err == nil {
		t.Error("a provider that nobody asked has made a key")
	}

	ids := make([]string, 4) // as four processes that start at once
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			_, id, err := (&keys{path: path}).current()
			if err != nil {
				t.Error(err)
			}
			ids[i] = id
		})
	}
	group.Wait()
	for _, id := range ids {
		if id != ids[0] || id == "" {
			t.Fatalf("ids = %q, want all the same", ids)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %#o, want 0600", info.Mode().Perm())
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v (%v), want the key alone", left, err)
	}
}

func TestBadKeyFiles(t *testing.T) {
	for _, test := range []struct {
		name, text string
		mode       os.FileMode
		want       string
	}{
		{"for everybody", "", 0o644, "chmod 600"},
		{"empty", "", 0o600, "holds no PEM block"},
		{"not PEM", "hello", 0o600, "holds no PEM block"},
		{"broken", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0o600, "remove it"},
		{"public", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 0o600, "holds no PEM block"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "oidc.pem")
			if err := errors.Join(os.WriteFile(path, []byte(test.text), test.mode), os.Chmod(path, test.mode)); err != nil { // whatever the umask is
				t.Fatal(err)
			}
			s := serve(t, Options{KeyFile: path})
			var got reply
			if status := s.get(t, RequestPath+"?"+RequestQuery, s.bearer(t, grant()), &got); status != 500 || !strings.Contains(got.Msg, test.want) {
				t.Errorf("answer = %d %q, want 500 with %q", status, got.Msg, test.want)
			}
			if status := s.get(t, "/.well-known/jwks", "", &got); status != 500 || strings.Contains(got.Msg, path) {
				t.Errorf("jwks = %d %q, want 500 without the path", status, got.Msg)
			}
		})
	}
}
