package livetest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
)

// TestServeServicesAway: a service whose registry is away for longer than one push
// waits is made all the same once it is back, and its check tells of that try alone.
func TestServeServicesAway(t *testing.T) {
	w := newWorld(t)
	images := newImageRegistry(t)
	images.breaks(func(rw http.ResponseWriter, q *http.Request) bool {
		if q.Method != http.MethodPost {
			return false
		}
		rw.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	s := serve(t, w, "DRYDOCK_PLATFORMS=ubuntu-latest="+bash, "DRYDOCK_SERVER_PLAIN_REGISTRIES="+images.host)
	repo := s.gh.Repository("octo/demo", nil)
	sha := repo.Push("main", githubtest.Files{
		"drydock.yaml":    "services:\n  shop:\n    path: shop\n    image: " + images.host + "/shop\n",
		"shop/Dockerfile": "FROM scratch\nCOPY data.txt /\n",
		"shop/data.txt":   "1",
	}, "Open a shop")
	s.eventually("a try fails", func() bool { return strings.Contains(s.newestLog("shop"), "try 1 of 4 failed") })
	images.breaks(nil)
	check := s.completed(repo, sha, 1)["Services / shop (push)"]
	if check.Conclusion != "success" || !strings.Contains(check.Summary, sha[:7]) || strings.Contains(check.Summary, "in trouble") {
		t.Errorf("%s: %s\n%s", check.Conclusion, check.Summary, s.newestLog("shop"))
	}
	if images.digest("shop", sha[:7]) == "" {
		t.Error("it is not pushed")
	}
}
