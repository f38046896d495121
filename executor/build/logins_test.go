package build

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/moby/buildkit/session/auth"

	"github.com/drydock-ci/drydock/executor/build/registry"
)

// TestTokenAuthority: a builder takes the tokens of a build for no other, whatever
// login both have.
func TestTokenAuthority(t *testing.T) {
	b := &Builder{opts: Options{Registry: anonymous(t)}}
	one, other := b.logins(&Request{}).(*logins), b.logins(&Request{}).(*logins)
	key, err := one.GetTokenAuthority(t.Context(), &auth.GetTokenAuthorityRequest{Host: "registry.test"})
	if err != nil || len(key.PublicKey) != ed25519.PublicKeySize {
		t.Fatalf("%v, %v", key, err)
	}
	for l, want := range map[*logins]bool{one: true, other: false} {
		answer, err := l.VerifyTokenAuthority(t.Context(), &auth.VerifyTokenAuthorityRequest{Host: "registry.test", Payload: []byte("payload")})
		if err != nil || string(answer.Signed[ed25519.SignatureSize:]) != "payload" {
			t.Fatalf("%v, %v", answer, err)
		}
		if got := ed25519.Verify(key.PublicKey, []byte("payload"), answer.Signed[:ed25519.SignatureSize]); got != want {
			t.Errorf("the key is that of the other: %t", got)
		}
	}
}

// guarded is a registry whose realm gives tokens for a repository to who logs in.
func guarded(t testing.TB, realm func() string) (host string, maker *httptest.Server, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	maker = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked.Add(1)
		name, password, _ := q.BasicAuth()
		fmt.Fprintf(w, `{"token": %q}`, fmt.Sprint(name, " ", password, " ", strings.Join(q.URL.Query()["scope"], " ")))
	}))
	t.Cleanup(maker.Close)
	next := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		parts := strings.SplitN(strings.TrimPrefix(q.URL.Path, "/v2/"), "/", 3)
		want := "Bearer robot hunter2"
		if len(parts) == 3 {
			want += " repository:" + parts[0] + "/" + parts[1] + ":"
		}
		if got := q.Header.Get("Authorization"); !strings.HasPrefix(got, want) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm()+`",service="images"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, q)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), maker, asked
}

// userLogin is Docker's configuration with a login at host.
func userLogin(t testing.TB, host string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), fmt.Appendf(nil, `{"auths": {%q: {"username": "robot", "password": "hunter2"}}}`, host), 0o600); err != nil {
		t.Fatal(err)
	}
	t.(*testing.T).Setenv("DOCKER_CONFIG", dir)
}

// TestFetchToken: the realm is asked for the builder, within what the registry's
// client may reach and has logins for.
func TestFetchToken(t *testing.T) {
	_, maker, asked := guarded(t, func() string { return "" })
	userLogin(t, "registry.test")
	fetch := func(o registry.Options, scopes ...string) (string, error) {
		t.Helper()
		c, err := registry.New(o)
		if err != nil {
			t.Fatal(err)
		}
		l := (&Builder{}).logins(&Request{Registry: c}).(*logins)
		answer, err := l.FetchToken(t.Context(), &auth.FetchTokenRequest{Host: "registry.test", Realm: maker.URL, Service: "images", Scopes: scopes})
		return answer.GetToken(), err
	}
	team := func(repository string) bool { return strings.HasPrefix(repository, "registry.test/team/") }
	for scope, want := range map[string]string{"repository:team/app:pull": "robot hunter2 repository:team/app:pull", "repository:other/app:pull": "  repository:other/app:pull"} {
		if got, err := fetch(registry.Options{UserLogins: team}, scope); err != nil || got != want {
			t.Errorf("%s: the token %q, %v", scope, got, err)
		}
	}
	before := asked.Load()
	if got, err := fetch(registry.Options{PublicOnly: true}, "repository:team/app:pull"); err == nil || asked.Load() != before {
		t.Errorf("a realm on the own machine was asked: %q, %v", got, err)
	}
	c, err := registry.New(registry.Options{UserLogins: team})
	if err != nil {
		t.Fatal(err)
	}
	l := (&Builder{}).logins(&Request{Registry: c}).(*logins)
	if got, err := l.Credentials(t.Context(), &auth.CredentialsRequest{Host: "registry.test"}); err != nil || got.Username != "" || got.Secret != "" {
		t.Errorf("the builder was given %v, %v", got, err)
	}
	if c, err = registry.New(registry.Options{}); err != nil {
		t.Fatal(err)
	}
	l = (&Builder{}).logins(&Request{Registry: c}).(*logins)
	if got, err := l.Credentials(t.Context(), &auth.CredentialsRequest{Host: "registry.test"}); err != nil || got.Username != "robot" || got.Secret != "hunter2" {
		t.Errorf("a registry without tokens: %v, %v", got, err)
	}
}
