package action

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestOverHTTP speaks git's own protocol over HTTP, as with GitHub: with a
// private repository, a stale token, and a redirect that must not carry one.
func TestOverHTTP(t *testing.T) {
	srv := newServer(t)
	open := srv.commit("acme/open", map[string]string{"action.yml": nodeAction})
	secret := srv.commit("acme/secret", map[string]string{"action.yml": nodeAction, "secret": ""})
	execPath, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Stderr: io.Discard,
		Path:   filepath.Join(strings.TrimSpace(string(execPath)), "git-http-backend"),
		Env:    []string{"GIT_PROJECT_ROOT=" + srv.root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}
	good := "Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:good"))
	var leaked, failures atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			leaked.Add(1)
		}
		http.NotFound(w, r)
	}))
	defer other.Close()
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth := r.Header.Get("Authorization")
		switch {
		case strings.HasPrefix(r.URL.Path, "/acme/moved"):
			http.Redirect(w, r, strings.Replace(other.URL, "127.0.0.1", "localhost", 1)+r.URL.Path+"?"+r.URL.RawQuery, http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/acme/flaky") && failures.Add(1) < 3:
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case auth != "" && auth != good, strings.HasPrefix(r.URL.Path, "/acme/secret") && auth != good:
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			http.Error(w, "no", http.StatusUnauthorized)
		default:
			r.URL.Path = strings.Replace(r.URL.Path, "/acme/flaky", "/acme/open", 1)
			backend.ServeHTTP(w, r)
		}
	}))
	defer ts.Close()
	for _, c := range []struct {
		token, uses, sha string
		kind             ErrorKind
	}{
		{"", "acme/open@main", open, ""},
		{"", "acme/open@" + open, open, ""},
		{"good", "acme/secret@main", secret, ""},
		{"stale", "acme/open@main", open, ""},
		{"", "acme/secret@main", "", KindDenied},
		{"stale", "acme/secret@main", "", KindDenied},
		{"good", "acme/none@main", "", KindNotFound},
		{"good", "acme/open@" + secret, "", KindNotFound},
		{"good", "acme/moved@main", "", KindNotFound},
		{"", "acme/flaky@main", open, ""},
	} {
		store := NewStore(Options{Dir: t.TempDir(), ServerURL: ts.URL, Token: func(context.Context) string { return c.token }})
		r, err := store.Resolve(t.Context(), mustRef(t, c.uses))
		switch {
		case c.kind != "" && !IsKind(err, c.kind), c.kind == "" && (err != nil || r.SHA != c.sha):
			t.Errorf("%s with token %q: %+v, %v; want %s %s", c.uses, c.token, r, err, c.sha, c.kind)
		case err != nil && (strings.Contains(err.Error(), "good") || strings.Contains(err.Error(), "stale")):
			t.Errorf("the error names the token: %v", err)
		}
	}
	if leaked.Load() > 0 {
		t.Error("the token went to another host")
	}
}
