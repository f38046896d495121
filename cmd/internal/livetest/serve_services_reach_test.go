package livetest

import (
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

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
)

// tokenRegistry gives nothing without a token, and a token for any repository to the
// one user that it knows.
func tokenRegistry(t *testing.T) (address string) {
	t.Helper()
	next := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/token" {
			user, password, _ := q.BasicAuth()
			fmt.Fprintf(w, `{"token": %q}`, user+" "+password+" "+strings.Join(q.URL.Query()["scope"], " "))
			return
		}
		parts, token := strings.Split(q.URL.Path, "/"), q.Header.Get("Authorization") // /v2/OWNER/NAME/...
		if !strings.HasPrefix(token, "Bearer operator hunter2-hunter2 ") || len(parts) > 4 && !strings.Contains(token, "repository:"+parts[2]+"/"+parts[3]+":") {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+s.URL+`/token",service="images"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, q)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// TestServeServicesReach: what a repository's Dockerfiles name leads into nobody's
// network, and opens no image that the operator's login opens for others.
func TestServeServicesReach(t *testing.T) {
	w := newWorld(t)
	address := tokenRegistry(t)
	var asked atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(inside.Close)
	if err := os.MkdirAll(filepath.Join(w.home, ".docker"), 0o700); err != nil {
		t.Fatal(err)
	}
	config := fmt.Appendf(nil, `{"auths": {%q: {"username": "operator", "password": "hunter2-hunter2"}}}`, address)
	if err := os.WriteFile(filepath.Join(w.home, ".docker", "config.json"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	operator := remote.WithAuth(&authn.Basic{Username: "operator", Password: "hunter2-hunter2"})
	for _, image := range []string{"/conference/base:1", "/other/private:1"} {
		ref, err := name.ParseReference(address + image)
		if err != nil {
			t.Fatal(err)
		}
		made, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}})
		if err == nil {
			err = remote.Write(ref, made, operator)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	left := address + "/other/left:1" // by another repository's job
	docker(t, "tag", "drydock-test/busybox:1", left)
	t.Cleanup(func() { _, _ = dockerTry("rmi", left) })

	files := githubtest.Files{"drydock.yaml": "services:\n"}
	services := map[string]struct{ dockerfile, refused string }{
		"own":      {"FROM " + address + "/conference/base:1\nCOPY Dockerfile /\n", ""},
		"another":  {"FROM " + address + "/other/private:1\nCOPY Dockerfile /\n", "log in to the registry"},
		"left":     {"FROM " + left + "\nCOPY Dockerfile /\n", "log in to the registry"},
		"loopback": {"FROM scratch\nADD " + inside.URL + "/ /x\n", "denied by policy"},
		"unnamed":  {"FROM " + inside.Listener.Addr().String() + "/app/base:1\n", "denied by policy"},
	}
	for service, s := range services {
		files["drydock.yaml"] += "  " + service + ": {path: " + service + ", image: " + address + "/conference/" + service + "}\n"
		files[service+"/Dockerfile"] = s.dockerfile
	}
	files["drydock.yaml"] += "  elsewhere: {path: own, image: " + address + "/other/own}\n"
	s := serve(t, w, "DRYDOCK_PLATFORMS=ubuntu-latest="+bash, "DRYDOCK_SERVER_PLAIN_REGISTRIES="+address, "DRYDOCK_SERVER_IMAGES=octo/demo="+address+"/conference")
	repo := s.gh.Repository("octo/demo", nil)
	sha := repo.Push("main", files, "Try everything")
	checks := s.completed(repo, sha, len(services)+1)
	for service, want := range services {
		check := checks["Services / "+service+" (push)"]
		if (check.Conclusion == "success") != (want.refused == "") || !strings.Contains(check.Summary, want.refused) {
			t.Errorf("%s: %s: %s", service, check.Conclusion, check.Summary)
		}
	}
	if check := checks["Services / elsewhere (push)"]; check.Conclusion != "failure" {
		t.Errorf("an image of others was pushed: %s: %s", check.Conclusion, check.Summary)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests came through", n)
	}
}
