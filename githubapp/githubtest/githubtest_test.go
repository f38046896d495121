package githubtest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/drydock-ci/drydock/githubapp/auth"
)

// heard is what a receiver of webhooks got.
type heard struct {
	event, guid string
	body        map[string]any
}

// receiver is a server that checks and keeps deliveries.
func receiver(t *testing.T, g *GitHub) func() []heard {
	t.Helper()
	var mu sync.Mutex
	var all []heard
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mac := hmac.New(sha256.New, []byte(g.App().WebhookSecret))
		mac.Write(raw)
		if r.Header.Get("X-Hub-Signature-256") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
			t.Error("a wrong signature")
		}
		h := heard{r.Header.Get("X-GitHub-Event"), r.Header.Get("X-GitHub-Delivery"), nil}
		if err := json.Unmarshal(raw, &h.body); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, h)
	}))
	t.Cleanup(server.Close)
	g.SetWebhook(server.URL)
	return func() []heard {
		g.Settle()
		mu.Lock()
		defer mu.Unlock()
		got := all
		all = nil
		return got
	}
}

// names are "push", "pull_request.opened".
func names(all []heard) string {
	var out []string
	for _, h := range all {
		name := h.event
		if action, has := h.body["action"].(string); has {
			name += "." + action
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

// client is the App's own code as an installation.
func client(t *testing.T, g *GitHub, login string) (*auth.App, *github.Client) {
	t.Helper()
	app, err := auth.New(auth.Options{AppID: g.App().ID, PrivateKey: g.App().PrivateKey, Address: g.URL()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := app.Installation(g.Installation(login).ID)
	if err != nil {
		t.Fatal(err)
	}
	return app, c
}

// TestPushToCheck goes the whole way: git push, webhook, reads, check run.
func TestPushToCheck(t *testing.T) {
	g := New(t)
	repo := g.Repository("octo/demo", Files{"README.md": "hello\n", ".github/workflows/ci.yml": "on: push\n"})
	got := receiver(t, g)
	before := repo.Head("main")
	sha := repo.Push("main", Files{"a/b.txt": "one\n", "README.md": Deleted}, "Add one")
	if repo.Head("main") != sha || sha == before {
		t.Fatalf("main is at %s, pushed %s on %s", repo.Head("main"), sha, before)
	}
	all := got()
	if names(all) != "push check_suite.requested" {
		t.Fatalf("heard %q", names(all))
	}
	push := all[0].body
	commits := push["commits"].([]any)
	one := commits[0].(map[string]any)
	if push["before"] != before || push["after"] != sha || push["ref"] != "refs/heads/main" || len(commits) != 1 ||
		one["added"].([]any)[0] != "a/b.txt" || one["removed"].([]any)[0] != "README.md" || push["forced"] != false {
		t.Errorf("push payload %v", push)
	}

	ctx := context.Background()
	app, c := client(t, g, "octo")
	if checked, err := app.Check(ctx); err != nil || checked.Slug != g.App().Slug {
		t.Fatalf("check: %+v, %v", checked, err)
	}
	file, _, _, err := c.Repositories.GetContents(ctx, "octo", "demo", "a/b.txt", &github.RepositoryContentGetOptions{Ref: sha})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := file.GetContent(); err != nil || text != "one\n" {
		t.Errorf("content %q, %v", text, err)
	}
	_, dir, _, err := c.Repositories.GetContents(ctx, "octo", "demo", ".github/workflows", nil)
	if err != nil || len(dir) != 1 || dir[0].GetPath() != ".github/workflows/ci.yml" {
		t.Errorf("directory %v, %v", dir, err)
	}
	run, _, err := c.Checks.CreateCheckRun(ctx, "octo", "demo", github.CreateCheckRunOptions{Name: "build", HeadSHA: sha, Status: github.String("in_progress")})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Checks.UpdateCheckRun(ctx, "octo", "demo", run.GetID(), github.UpdateCheckRunOptions{
		Name: "build", Conclusion: github.String("success"), Status: github.String("completed"),
		Output: &github.CheckRunOutput{Title: github.String("ok"), Summary: github.String("fine"), Annotations: make([]*github.CheckRunAnnotation, 0)},
	})
	if err != nil {
		t.Fatal(err)
	}
	runs := g.CheckRuns(repo, sha)
	if len(runs) != 1 || runs[0].Conclusion != "success" || runs[0].Summary != "fine" || runs[0].Requests != 2 {
		t.Errorf("check runs %+v", runs)
	}
	g.Rerequest(run.GetID(), "alice")
	g.RequestAction(run.GetID(), "alice", "cancel")
	if n := names(got()); n != "check_run.created check_run.completed check_run.rerequested check_run.requested_action" {
		t.Errorf("heard %q", n)
	}
}

// TestPullRequest opens one from a fork, pushes to it and merges it.
func TestPullRequest(t *testing.T) {
	g := New(t)
	repo := g.Repository("octo/demo", Files{"f": "1\n2\n3\n"})
	got := receiver(t, g)
	fork := repo.Fork("mallory")
	fork.Push("fix", Files{"f": "1\n2\n3\n4\n"}, "Fix")
	pull := repo.PullRequest(Pull{Head: "mallory:fix", Title: "A fix"})
	second := fork.Push("fix", Files{"g": "new\n"}, "More")
	main := repo.Push("main", Files{"h": "main\n"}, "Go on")
	all := got()
	if names(all) != "pull_request.opened pull_request.synchronize push check_suite.requested" {
		t.Fatalf("heard %q", names(all))
	}
	head := all[0].body["pull_request"].(map[string]any)["head"].(map[string]any)
	if head["repo"].(map[string]any)["full_name"] != "mallory/demo" || head["label"] != "mallory:fix" || all[1].body["after"] != second {
		t.Errorf("head %v, synchronize to %v", head, all[1].body["after"])
	}
	merge := repo.Head("refs/pull/1/merge")
	if merge == "" || merge != pull.MergeCommit() || repo.Head(merge+"^1") != main || repo.Head(merge+"^2") != second {
		t.Errorf("merge commit %s", merge)
	}
	if text, _ := repo.File(merge, "f"); text != "1\n2\n3\n4\n" {
		t.Errorf("merged file %q", text)
	}
	ctx := context.Background()
	_, c := client(t, g, "octo")
	files, _, err := c.PullRequests.ListFiles(ctx, "octo", "demo", 1, nil)
	if err != nil || len(files) != 2 || files[0].GetFilename() != "f" || files[0].GetAdditions() != 1 || files[1].GetStatus() != "added" {
		t.Errorf("files %v, %v", files, err)
	}
	sha := pull.Merge()
	if repo.Head("main") != sha {
		t.Error("main was not moved")
	}
	all = got()
	if names(all) != "pull_request.closed push check_suite.requested" || all[0].body["pull_request"].(map[string]any)["merged"] != true {
		t.Errorf("heard %q", names(all))
	}
}
