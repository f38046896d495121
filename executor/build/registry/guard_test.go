package registry

import (
	"context"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/drydock-ci/drydock/executor"
)

// internal is what nobody may be led to.
func internal(t *testing.T, start func(*httptest.Server)) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte(`{"token": "hunter2"}`))
	}))
	start(s)
	t.Cleanup(s.Close)
	return s, &asked
}

// stranger is a client that takes evil for a registry of the internet, example.com.
func stranger(t *testing.T, evil *httptest.Server, o Options) *Client {
	t.Helper()
	o.PublicOnly, o.CACert = true, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: evil.Certificate().Raw})
	c := client(t, o)
	public := c.public.(*http.Transport)
	if public.Proxy != nil {
		t.Error("a proxy looks names up by itself")
	}
	guarded := public.DialContext
	public.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == "example.com:443" {
			return (&net.Dialer{}).DialContext(ctx, network, evil.Listener.Addr().String())
		}
		return guarded(ctx, network, address)
	}
	return c
}

// TestPublicOnly: a registry that a stranger names leads nobody into the network of
// the server: by its own address, by where its tokens are made, by redirects or by
// where it wants layers.
func TestPublicOnly(t *testing.T) {
	for name, start := range map[string]func(*httptest.Server){"plain": plain, "with TLS": secure} {
		inside, asked := internal(t, start)
		host := inside.Listener.Addr().String()
		ways := map[string]http.HandlerFunc{
			"realm": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("WWW-Authenticate", `Bearer realm="`+inside.URL+`/internal",service="x"`)
				w.WriteHeader(http.StatusUnauthorized)
			},
			"redirect": func(w http.ResponseWriter, q *http.Request) {
				if q.URL.Path != "/v2/" {
					http.Redirect(w, q, inside.URL+"/internal", http.StatusTemporaryRedirect)
				}
			},
			"upload": func(w http.ResponseWriter, q *http.Request) {
				switch {
				case q.Method == http.MethodPost:
					w.Header().Set("Location", inside.URL+"/internal")
					w.WriteHeader(http.StatusAccepted)
				case q.URL.Path != "/v2/":
					w.WriteHeader(http.StatusNotFound)
				}
			},
		}
		for way, answer := range ways {
			evil := httptest.NewTLSServer(answer)
			defer evil.Close()
			for trusted, o := range map[string]Options{"": {}, " and the operator named it": {Private: []string{host}, PlainHTTP: []string{host}}} {
				c := stranger(t, evil, o)
				l, root := example(t, 10)
				_, err := c.Resolve(t.Context(), "example.com/app:1")
				if way == "upload" {
					err = c.Push(t.Context(), l, root, "example.com/app", []string{"1"}, nil)
				}
				if !executor.IsKind(err, executor.Refused) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%s, %s%s: %v", name, way, trusted, err)
				}
				if token, _, err := c.Token(t.Context(), Challenge{Host: "example.com", Realm: inside.URL + "/internal"}); !executor.IsKind(err, executor.Refused) {
					t.Errorf("%s%s: the token %q, %v", name, trusted, token, err)
				}
			}
		}
		c := client(t, Options{PublicOnly: true})
		for _, host := range []string{host, strings.Replace(host, "127.0.0.1", "localhost", 1)} {
			if _, err := c.Resolve(t.Context(), host+"/app:1"); !executor.IsKind(err, executor.Refused) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := asked.Load(); n != 0 {
			t.Errorf("%s: %d requests came through", name, n)
		}
	}
}

// TestPrivate: registries that the operator named work, and lead to each other only.
func TestPrivate(t *testing.T) {
	realm, asked := internal(t, plain)
	s := serve(t, plain, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.Header.Get("Authorization") != "Bearer hunter2" {
				w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm.URL+`/token",service="x"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, q)
		})
	})
	maker := realm.Listener.Addr().String()
	l, root := example(t, 10)
	named := []string{s.host}
	err := client(t, Options{PublicOnly: true, Private: named, PlainHTTP: []string{s.host, maker}, NoUserLogins: true}).Push(t.Context(), l, root, s.host+"/app", nil, nil)
	if !executor.IsKind(err, executor.Refused) || asked.Load() != 0 {
		t.Errorf("a realm that is not named: %v, asked %d times", err, asked.Load())
	}
	named = append(named, maker)
	if err := client(t, Options{PublicOnly: true, Private: named, PlainHTTP: named, NoUserLogins: true}).Push(t.Context(), l, root, s.host+"/app", nil, nil); err != nil {
		t.Error(err)
	}
	err = client(t, Options{PublicOnly: true, Private: named, NoUserLogins: true}).Push(t.Context(), l, root, s.host+"/app", nil, nil)
	if !executor.IsKind(err, executor.Refused) {
		t.Errorf("without TLS, undeclared: %v", err)
	}
}

func TestListed(t *testing.T) {
	all := []string{"registry.test", "Plain.test:5000", "tls.test:443", "10.0.0.1:80"}
	for host, want := range map[string]bool{
		"registry.test": true, "registry.test:5000": true, "plain.test:5000": true, "tls.test": true, "tls.test:443": true, "10.0.0.1:80": true,
		"plain.test": false, "plain.test:50": false, "x.registry.test": false, "registry.test.evil": false, "10.0.0.1": false, "tls.test:444": false, "": false,
	} {
		if got := listed(all, host); got != want {
			t.Errorf("%s: %t", host, got)
		}
	}
}

// dockerConfig is that of this process's user.
func dockerConfig(t *testing.T, config string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "config.json"), config)
	t.Setenv("DOCKER_CONFIG", dir)
	if _, err := os.Stat(filepath.Join(dir, "config.json")); err != nil {
		t.Fatal(err)
	}
}

// TestToken: a builder gets tokens for what the logins are for, and nobody else gets
// the logins.
func TestToken(t *testing.T) {
	var said atomic.Value
	realm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		name, _, _ := q.BasicAuth()
		said.Store(fmt.Sprint(name, " ", q.URL.Query()["scope"], q.FormValue("refresh_token")))
		_, _ = w.Write([]byte(`{"access_token": "t", "expires_in": 300}`))
	}))
	defer realm.Close()
	dockerConfig(t, `{"auths": {"registry.test": {"username": "operator", "password": "p"}, "https://index.docker.io/v1/": {"username": "hub", "password": "p"}}}`)
	below := func(repository string) bool {
		return strings.HasPrefix(repository, "registry.test/team/") || repository == "index.docker.io/team/app"
	}
	for _, tt := range []struct {
		name, host string
		options    Options
		scopes     []string
		want       string
	}{
		{"all are lent", "registry.test", Options{}, []string{"repository:other/app:pull"}, "operator [repository:other/app:pull]"},
		{"none is", "registry.test", Options{NoUserLogins: true}, []string{"repository:team/app:pull"}, " [repository:team/app:pull]"},
		{"this one", "registry.test", Options{UserLogins: below}, []string{"repository:team/app:pull,push", "repository:team/b:pull"}, "operator [repository:team/app:pull,push repository:team/b:pull]"},
		{"another", "registry.test", Options{UserLogins: below}, []string{"repository:other/app:pull"}, " [repository:other/app:pull]"},
		{"one of two", "registry.test", Options{UserLogins: below}, []string{"repository:team/app:pull", "repository:other/app:pull"}, " [repository:team/app:pull repository:other/app:pull]"},
		{"two in one", "registry.test", Options{UserLogins: below}, []string{"repository:team/app:pull repository:other/app:pull"}, " [repository:team/app:pull repository:other/app:pull]"},
		{"no repository", "registry.test", Options{UserLogins: below}, []string{"registry:catalog:*"}, " [registry:catalog:*]"},
		{"nothing", "registry.test", Options{UserLogins: below}, nil, " []"},
		{"Docker Hub", "registry-1.docker.io", Options{UserLogins: below}, []string{"repository:team/app:pull"}, "hub [repository:team/app:pull]"},
		{"another registry", "other.test", Options{}, []string{"repository:team/app:pull"}, " [repository:team/app:pull]"},
		{
			"a declared login", "registry.test", Options{NoUserLogins: true, Logins: map[string]executor.Credentials{"registry.test": {Username: "robot", Password: "p"}}},
			[]string{"repository:other/app:pull"}, "robot [repository:other/app:pull]",
		},
	} {
		token, expires, err := client(t, tt.options).Token(t.Context(), Challenge{Host: tt.host, Realm: realm.URL + "/token", Service: "s", Scopes: tt.scopes})
		if got := said.Load(); err != nil || token != "t" || expires.Seconds() != 300 || got != tt.want {
			t.Errorf("%s: %q, %s, %v: the realm was told %q, want %q", tt.name, token, expires, err, got, tt.want)
		}
	}
	l, err := client(t, Options{UserLogins: below}).Login(t.Context(), "registry.test")
	if err != nil || l.Username != "" || l.Password != "" {
		t.Errorf("the login for all of a registry is lent: %v, %v", l, err)
	}
}

// TestFormStays: what a realm is told in a form is not sent on, and of long refusals
// little is kept.
func TestFormStays(t *testing.T) {
	other, asked := internal(t, plain)
	realm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/long" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(strings.Repeat("x", 1<<20)))
			return
		}
		http.Redirect(w, q, other.URL, http.StatusTemporaryRedirect)
	}))
	defer realm.Close()
	dockerConfig(t, `{"auths": {"registry.test": {"identitytoken": "hunter2"}}}`)
	c := client(t, Options{})
	_, _, err := c.Token(t.Context(), Challenge{Host: "registry.test", Realm: realm.URL, Scopes: []string{"repository:a/b:pull"}})
	if !executor.IsKind(err, executor.Refused) || strings.Contains(err.Error(), "hunter2") || asked.Load() != 0 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
	_, _, err = c.Token(t.Context(), Challenge{Host: "registry.test", Realm: realm.URL + "/long"})
	if err == nil || len(err.Error()) > 2*maxRefusal {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}
