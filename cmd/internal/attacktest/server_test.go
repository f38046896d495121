package attacktest

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

	"github.com/drydock-ci/drydock/runner/action"
)

// TestTokenStaysWithItsServer_CVE_2026_40161: the token for the forge reaches
// no server that the forge, or who answers in its place, sends git on to; not
// even one that then speaks git.
func TestTokenStaysWithItsServer_CVE_2026_40161(t *testing.T) {
	f := newForge(t)
	sha := f.commit("acme/act", map[string]string{"action.yml": manifest})
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Stderr: io.Discard, Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + f.root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:for-the-forge"))
	// Whether the other server asks who is there, and whether the forge does.
	for _, c := range []struct{ asks, forgeAsks bool }{{false, true}, {true, true}, {true, false}} {
		var leaked, asked, own atomic.Int32
		elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			switch {
			case r.Header.Get("Authorization") != "":
				leaked.Add(1)
			case c.asks:
				w.Header().Set("WWW-Authenticate", `Basic realm="the forge"`)
				http.Error(w, "who is there", http.StatusUnauthorized)
				return
			}
			backend.ServeHTTP(w, r)
		}))
		defer elsewhere.Close()
		forge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c.forgeAsks && r.Header.Get("Authorization") != want {
				w.Header().Set("WWW-Authenticate", `Basic realm="the forge"`)
				http.Error(w, "who is there", http.StatusUnauthorized)
				return
			}
			own.Add(1)
			http.Redirect(w, r, strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)+r.URL.RequestURI(), http.StatusFound)
		}))
		defer forge.Close()
		git := &action.Git{ServerURL: forge.URL, Token: func(context.Context) string { return "for-the-forge" }}
		_, _ = git.Commit(t.Context(), "acme/act", "main")
		_ = git.Fetch(t.Context(), "acme/act", action.Commit{SHA: sha, Name: "refs/heads/main"}, filepath.Join(t.TempDir(), "git"))
		if own.Load() == 0 || asked.Load() == 0 {
			t.Fatalf("the forge was asked %d times with its token, the other server %d times", own.Load(), asked.Load())
		}
		if n := leaked.Load(); n > 0 {
			t.Errorf("%+v: the other server was given the token %d times", c, n)
		}
	}
}
