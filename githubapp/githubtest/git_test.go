package githubtest

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// gitIn runs git as a stranger's machine would.
func gitIn(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "maintenance.auto=false"}, args...)...) // it would go on when the test has ended
	cmd.Dir = dir
	cmd.Env = gitEnv()
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func withToken(address, token string) string {
	return strings.Replace(address, "://", "://x-access-token:"+token+"@", 1)
}

// TestGit clones, fetches and pushes as people and jobs do.
func TestGit(t *testing.T) {
	g := New(t)
	v := visitor{t, g}
	repo := g.Repository("octo/demo", Files{"f": "1\n", "big/run.sh": "#!/bin/sh\necho hi\n"})
	repo.SetPrivate(true)
	got := receiver(t, g)
	key := jwtOf(t, g, nil)
	access := fmt.Sprintf("POST /app/installations/%d/access_tokens", g.Installation("octo").ID)
	token := func(body string) string { return v.do(201, access, key, body)["token"].(string) }
	reads, writes, other := token(`{"permissions":{"contents":"read"}}`), token(`{"permissions":{"contents":"write"}}`), token(`{"permissions":{"checks":"write"}}`)
	dir := t.TempDir()
	for name, address := range map[string]string{"nobody": repo.CloneURL(), "another scope": withToken(repo.CloneURL(), other), "a wrong token": withToken(repo.CloneURL(), "ghs_no")} {
		if out, err := gitIn(t, dir, "clone", address, "refused"); err == nil {
			t.Errorf("%s cloned: %s", name, out)
		}
	}
	work := filepath.Join(dir, "work")
	if out, err := gitIn(t, dir, "clone", "--filter=blob:none", withToken(repo.CloneURL(), reads), "work"); err != nil {
		t.Fatal(out)
	}
	if info, err := os.Stat(filepath.Join(work, "big/run.sh")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("the script: %v, %v", info, err)
	}
	for _, args := range [][]string{
		{"config", "user.email", "101+octocat@users.noreply.github.com"}, {"config", "user.name", "octocat"}, {"checkout", "-q", "-b", "topic"},
		{"commit", "-q", "--allow-empty", "-m", "Empty"}, {"tag", "-a", "-m", "x", "v1"},
	} {
		if out, err := gitIn(t, work, args...); err != nil {
			t.Fatal(args, out)
		}
	}
	if out, err := gitIn(t, work, "push", "origin", "topic"); err == nil {
		t.Errorf("pushed with a token that reads: %s", out)
	}
	if _, err := gitIn(t, work, "remote", "set-url", "origin", withToken(repo.CloneURL(), writes)); err != nil {
		t.Fatal(err)
	}
	if out, err := gitIn(t, work, "push", "origin", "topic:refs/pull/7/head"); err == nil {
		t.Errorf("pushed to a hidden reference: %s", out)
	}
	if n := names(got()); n != "" {
		t.Errorf("refused pushes told of %q", n)
	}
	if out, err := gitIn(t, work, "push", "origin", "topic", "v1"); err != nil {
		t.Fatal(out)
	}
	all := got()
	if n := names(all); n != "push create check_suite.requested push create" {
		t.Errorf("heard %q", n)
	}
	if sender := all[0].body["sender"].(map[string]any); sender["login"] != "drydock-test[bot]" || sender["type"] != "Bot" {
		t.Errorf("sender %v", sender)
	}
	// A second push that comes too late, and one by force.
	if out, err := gitIn(t, work, "push", "origin", "HEAD~1:main", "--force"); err != nil {
		t.Fatal(out)
	}
	repo.Push("topic", Files{"f": "2\n"}, "Overtake")
	if _, err := gitIn(t, work, "commit", "-q", "--allow-empty", "-m", "Late"); err != nil {
		t.Fatal(err)
	}
	got()
	if out, err := gitIn(t, work, "push", "origin", "topic"); err == nil {
		t.Errorf("not refused: %s", out)
	}
	if out, err := gitIn(t, work, "push", "--force", "origin", "topic"); err != nil {
		t.Fatal(out)
	}
	if all := got(); names(all)[:4] != "push" || all[0].body["forced"] != true || len(all[0].body["commits"].([]any)) != 1 {
		t.Errorf("forced push: %v", names(all))
	}
	repo.PullRequest(Pull{Head: "topic"})
	merge := repo.Head("refs/pull/1/merge")
	for _, what := range []string{"refs/pull/1/merge", merge} {
		fresh := t.TempDir()
		if out, err := gitIn(t, fresh, "init", "-q"); err != nil {
			t.Fatal(out)
		}
		if out, err := gitIn(t, fresh, "fetch", "-q", "--depth=1", withToken(repo.CloneURL(), reads), what); err != nil {
			t.Errorf("fetch %s: %s", what, out)
		}
		if sha, _ := gitIn(t, fresh, "rev-parse", "FETCH_HEAD"); sha != merge {
			t.Errorf("fetched %s, want %s", sha, merge)
		}
	}
	repo.DeleteBranch("topic")
	if n := names(got()); !strings.Contains(n, "delete push pull_request.closed") {
		t.Errorf("heard %q", n)
	}
	if err := repo.PushRefs("stranger", "main:refs/heads/x"); err == nil {
		t.Error("a stranger pushed")
	}
}

// TestConflict: the merge reference stays where it was.
func TestConflict(t *testing.T) {
	g := New(t)
	repo := g.Repository("octo/demo", Files{"f": "1\n"})
	repo.Push("topic", Files{"f": "2\n"}, "Two")
	pull := repo.PullRequest(Pull{Head: "topic"})
	before := pull.MergeCommit()
	repo.Push("main", Files{"f": "3\n"}, "Three")
	if before == "" || pull.MergeCommit() != "" || repo.Head("refs/pull/1/merge") != before {
		t.Errorf("merge %q, before %q", pull.MergeCommit(), before)
	}
	_, c := client(t, g, "octo")
	shown, _, err := c.PullRequests.Get(t.Context(), "octo", "demo", 1)
	if err != nil || shown.GetMergeable() || shown.GetMergeableState() != "dirty" {
		t.Errorf("shown %v, %v", shown.GetMergeableState(), err)
	}
}

// TestArchive follows the link to the files of a commit.
func TestArchive(t *testing.T) {
	g := New(t)
	repo := g.Repository("octo/action", Files{"action.yml": "name: x\n"})
	resp, err := http.Get(g.URL() + "/api/v3/repos/octo/action/tarball/main")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	z, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(resp.Status, err)
	}
	r, found := tar.NewReader(z), false
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		found = found || h.Name == "octo-action-"+repo.Head("main")[:7]+"/action.yml"
	}
	if !found {
		t.Error("no action.yml")
	}
}

// TestOddNames are kept as they are.
func TestOddNames(t *testing.T) {
	g := New(t)
	name := "a b/ü \"quoted\" #1?&%41.txt"
	repo := g.Repository("octo/demo", Files{"f": "1"})
	sha := repo.Push("odd/näme#1", Files{name: "x"}, "Odd \"message\"\n\n<b>&</b>")
	_, c := client(t, g, "octo")
	file, _, _, err := c.Repositories.GetContents(t.Context(), "octo", "demo", name, nil)
	if err == nil {
		t.Errorf("main has %v", file)
	}
	commit, _, err := c.Repositories.GetCommit(t.Context(), "octo", "demo", sha, nil)
	if err != nil || len(commit.Files) != 1 || commit.Files[0].GetFilename() != name || commit.GetCommit().GetMessage() != "Odd \"message\"\n\n<b>&</b>" {
		t.Errorf("commit %v, %v", commit, err)
	}
	branch, _, err := c.Repositories.GetBranch(t.Context(), "octo", "demo", "odd/näme#1", 0)
	if err != nil || branch.GetCommit().GetSHA() != sha {
		t.Errorf("branch %v, %v", branch, err)
	}
	raw, _, err := c.Git.GetTree(t.Context(), "octo", "demo", sha, true)
	if err != nil || len(raw.Entries) != 3 {
		t.Errorf("tree %v, %v", raw, err)
	}
}

// BenchmarkPush is a push through git over HTTP, with its webhook.
func BenchmarkPush(b *testing.B) {
	g := New(b)
	repo := g.Repository("octo/demo", Files{"f": "1"})
	for i := 0; b.Loop(); i++ {
		repo.Push("main", Files{"f": fmt.Sprint(i)}, "Next")
	}
}

// BenchmarkCommit is the same without git's wire.
func BenchmarkCommit(b *testing.B) {
	g := New(b)
	repo := g.Repository("octo/demo", Files{"f": "1"})
	for i := 0; b.Loop(); i++ {
		repo.Commit("main", Files{"f": fmt.Sprint(i)}, "Next")
	}
}

// BenchmarkContents reads a file through the API.
func BenchmarkContents(b *testing.B) {
	g := New(b)
	g.Repository("octo/demo", Files{"f": "1"})
	for b.Loop() {
		resp, err := http.Get(g.URL() + "/api/v3/repos/octo/demo/contents/f")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
			b.Fatal(resp.Status, err)
		}
		resp.Body.Close()
	}
}

// FuzzCommands: a push that was made up is read without harm.
func FuzzCommands(f *testing.F) {
	line := zeroSHA + " " + strings.Repeat("a", 40) + " refs/heads/main\x00 report-status"
	f.Add([]byte(fmt.Sprintf("%04x%s0000PACK", len(line)+4, line)))
	f.Add([]byte("0003"))
	f.Add([]byte("ffff"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, m := range commands(in) {
			if len(m.before) != 40 || len(m.after) != 40 || m.ref == "" {
				t.Errorf("%+v", m)
			}
		}
	})
}

// BenchmarkDeliver is a webhook, signed, sent and answered.
func BenchmarkDeliver(b *testing.B) {
	g := New(b)
	repo := g.Repository("octo/demo", Files{"f": "1"})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	g.SetWebhook(server.URL)
	for b.Loop() {
		repo.Emit("watch", "started", nil, "alice")
	}
	g.Settle()
}

// TestSameAgain: what is done twice has the same names twice.
func TestSameAgain(t *testing.T) {
	clock := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	round := func() string {
		g := New(t, Options{Now: func() time.Time { return clock }})
		repo := g.Repository("octo/demo", Files{"f": "1", "d/e": "2"})
		repo.Push("topic", Files{"f": "2"}, "Two")
		repo.Fork("mallory").Commit("fix", Files{"g": "3"}, "Three")
		repo.PullRequest(Pull{Head: "topic"})
		repo.PullRequest(Pull{Head: "mallory:fix"})
		repo.Release("v1", false, "")
		var out strings.Builder
		for _, d := range g.Deliveries() {
			fmt.Fprintln(&out, d.ID, d.GUID, strings.ReplaceAll(strings.ReplaceAll(string(d.Payload), g.URL(), "URL"), strings.TrimPrefix(g.URL(), "http://"), "HOST"))
		}
		return out.String()
	}
	if first, second := round(), round(); first != second || first == "" {
		t.Errorf("first\n%s\nthen\n%s", first, second)
	}
}
