package livetest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
)

// TestServeServicesTags: a run that is not the newest of its branch leaves the
// branch's tag alone, and a pull request moves its own and nothing else.
func TestServeServicesTags(t *testing.T) {
	images := newImageRegistry(t)
	var told atomic.Int32
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		told.Add(1)
	}))
	t.Cleanup(receiver.Close)
	s := serve(t, newWorld(t), "DRYDOCK_SERVER_PREVIEW=true", "DRYDOCK_SERVER_PRIVATE_WEBHOOKS=true", "DRYDOCK_SERVER_PLAIN_REGISTRIES="+images.host)
	s.gh.User("mona")
	repo := s.gh.Repository("octo/demo", nil)
	repo.Collaborator("mona", "write")
	first := repo.Push("main", githubtest.Files{
		"drydock.yaml": `services:
  shop:
    path: shop
    image: ` + images.host + `/shop
    tags: ["${sha}", "${branch}", stable, "pr-${pr}"]
    chart: chart
    notify: {webhook: ` + receiver.URL + `}
`,
		"shop/Dockerfile": "FROM scratch\nCOPY data.txt /\n", "shop/data.txt": "1",
		"chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.0.0\n", "chart/values.yaml": "image: {}\n",
	}, "Open a shop")
	const title = "Services / shop (push)"
	check := s.completed(repo, first, 1)[title]
	old := images.digest("shop", "main")
	if check.Conclusion != "success" || old == "" || old != images.digest("shop", "stable") || told.Load() != 1 {
		t.Fatalf("%s: %s; main is %q, told %d times", check.Conclusion, check.Summary, old, told.Load())
	}
	second := repo.Push("main", githubtest.Files{"shop/data.txt": "2"}, "Sell more")
	s.completed(repo, second, 1)
	now := images.digest("shop", "main")
	if now == "" || now == old {
		t.Fatalf("main is %q, and was %q", now, old)
	}

	s.gh.Rerequest(check.ID, "mona")
	s.eventually("the first push is made again", func() bool {
		check = s.checks(repo, first)[title]
		return check.Status == "completed" && strings.Contains(check.Summary, "left alone")
	})
	if check.Conclusion != "success" || images.digest("shop", first[:7]) != old {
		t.Errorf("made again: %s: %s", check.Conclusion, check.Summary)
	}
	if main, stable := images.digest("shop", "main"), images.digest("shop", "stable"); main != now || stable != now {
		t.Errorf("main is %q and stable %q, want %q", main, stable, now)
	}

	charts, before := len(images.tags("charts/shop")), told.Load()
	repo.Push("topic", githubtest.Files{"shop/data.txt": "3"}, "Sell other things")
	pull := repo.PullRequest(githubtest.Pull{Head: "topic", By: "mona"})
	s.eventually("the pull request is made", func() bool {
		check = s.checks(repo, pull.Head())["Services / shop (pull_request)"]
		return check.Status == "completed"
	})
	if check.Conclusion != "success" || images.digest("shop", "pr-1") == "" {
		t.Errorf("the pull request: %s: %s", check.Conclusion, check.Summary)
	}
	if n := len(images.tags("charts/shop")); n != charts || told.Load() != before || images.digest("shop", "main") != now {
		t.Errorf("a pull request has pushed %d charts, told %d times; main is %q", n-charts, told.Load()-before, images.digest("shop", "main"))
	}
}

// tags are those of a repository.
func (i *imageRegistry) tags(repository string) []string {
	i.t.Helper()
	repo, err := name.NewRepository(i.inner + "/" + repository)
	if err != nil {
		i.t.Fatal(err)
	}
	all, err := remote.List(repo)
	if err != nil {
		i.t.Fatal(err)
	}
	return all
}
