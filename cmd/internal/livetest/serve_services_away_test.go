package livetest

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
)

// TestServeServicesAway: a service whose registry is away for longer than one push
// waits is made all the same once it is back, and its check tells of that try alone.
func TestServeServicesAway(t *testing.T) {
	w := newWorld(t)
	var away atomic.Bool
	away.Store(true)
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		if away.Load() && q.Method == http.MethodPost {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		images.ServeHTTP(rw, q)
	}))
	t.Cleanup(front.Close)
	address := front.Listener.Addr().String()
	s := serve(t, w, "DRYDOCK_PLATFORMS=ubuntu-latest="+bash, "DRYDOCK_SERVER_PLAIN_REGISTRIES="+address)
	repo := s.gh.Repository("octo/demo", nil)
	sha := repo.Push("main", githubtest.Files{
		"drydock.yaml":    "services:\n  shop:\n    path: shop\n    image: " + address + "/shop\n",
		"shop/Dockerfile": "FROM scratch\nCOPY data.txt /\n",
		"shop/data.txt":   "1",
	}, "Open a shop")
	said := func() string {
		var runs struct{ Runs []struct{ ID int64 } }
		if s.get("/api/v1/runs", &runs); len(runs.Runs) == 0 {
			return ""
		}
		return string(s.peek(fmt.Sprintf("/api/v1/runs/%d/attempts/1/log?job=shop", runs.Runs[0].ID)))
	}
	s.eventually("a try fails", func() bool { return strings.Contains(said(), "try 1 of 4 failed") })
	away.Store(false)
	check := s.completed(repo, sha, 1)["Services / shop (push)"]
	if check.Conclusion != "success" || !strings.Contains(check.Summary, sha[:7]) || strings.Contains(check.Summary, "in trouble") {
		t.Errorf("%s: %s\n%s", check.Conclusion, check.Summary, said())
	}
	ref, err := name.ParseReference(address + "/shop:" + sha[:7])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Head(ref); err != nil {
		t.Error(err)
	}
}
