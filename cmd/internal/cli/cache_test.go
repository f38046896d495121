package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/runner/service/cache"
	"github.com/drydock-ci/drydock/runner/service/token"
)

// save saves a cache as a job would, with the first protocol.
func save(t *testing.T, mux http.Handler, repository, ref, key, content string) {
	t.Helper()
	g := token.Grant{Run: "1", Attempt: 1, Job: "build", Repository: repository, Ref: ref, CacheRead: true, CacheWrite: true, Expires: time.Now().Add(time.Hour)}
	do := func(method, path, body, contentRange string) []byte {
		t.Helper()
		r := httptest.NewRequestWithContext(token.NewContext(t.Context(), g), method, "http://services/_apis/artifactcache/"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if contentRange != "" {
			r.Header.Set("Content-Type", "application/octet-stream")
			r.Header.Set("Content-Range", contentRange)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		return w.Body.Bytes()
	}
	var reserved struct{ CacheID json.Number }
	body, err := json.Marshal(map[string]any{"key": key, "version": "v1", "cacheSize": len(content)})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(do("POST", "caches", string(body), ""), &reserved); err != nil {
		t.Fatal(err)
	}
	do("PATCH", "caches/"+reserved.CacheID.String(), content, fmt.Sprintf("bytes 0-%d/*", len(content)-1))
	do("POST", "caches/"+reserved.CacheID.String(), fmt.Sprintf(`{"size":%d}`, len(content)), "")
}

func TestCacheCommand(t *testing.T) {
	t.Chdir(".") // -C moves the whole program
	home := t.TempDir()
	repo := filepath.Join(home, "demo")
	for _, args := range [][]string{{"init", "-q", "-b", "main", repo}, {"-C", repo, "remote", "add", "origin", "https://github.com/octo/Demo.git"}} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
	}
	run := func(env string, args ...string) (string, string, int) {
		t.Helper()
		var out, errs bytes.Buffer
		if args[0] != "__complete" {
			args = append(args, "-C", repo)
		}
		code := Main(append([]string{"drydock"}, args...), strings.NewReader(""), &out, &errs, []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), env})
		return out.String(), errs.String(), code
	}
	if out, errs, code := run("", "cache", "list"); code != 0 || out != "" || !strings.Contains(errs, "no such caches") {
		t.Errorf("nothing cached: %d %q %q", code, out, errs)
	}
	if out, _, code := run("", "cache", "list", "--json"); code != 0 || !strings.Contains(out, `"caches": []`) {
		t.Errorf("nothing cached: %d %q", code, out)
	}
	if out, errs, code := run("", "cache", "prune"); code != 0 || out != "removed 0 caches, 0 B\n" {
		t.Errorf("nothing to prune: %d %q %q", code, out, errs)
	}

	folder, err := blob.NewFolder(filepath.Join(home, ".cache", "drydock", "caches"))
	if err != nil {
		t.Fatal(err)
	}
	uploads, err := blob.NewUploads(blob.UploadOptions{Store: folder})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	cache.New(cache.Options{Store: folder, Uploads: uploads, URLs: blob.NewURLs(blob.URLOptions{})}).Register(mux)
	save(t, mux, "octo/demo", "refs/heads/main", "npm-1", "12345")
	save(t, mux, "octo/demo", "refs/heads/side", "npm-1", "123")
	save(t, mux, "octo/demo", "refs/pull/7/merge", "go-1\x1b[31m", "1")
	save(t, mux, "octo/other", "refs/heads/main", "npm-1", "1234567")
	if err := uploads.Close(); err != nil {
		t.Fatal(err)
	}
	if err := folder.Close(); err != nil {
		t.Fatal(err)
	}

	list := func(args ...string) []cacheRow {
		t.Helper()
		out, errs, code := run("", append([]string{"cache", "list", "--json"}, args...)...)
		var answer struct{ Caches []cacheRow }
		if err := json.Unmarshal([]byte(out), &answer); code != 0 || err != nil {
			t.Fatalf("%s: %d %v %s", args, code, err, errs)
		}
		return answer.Caches
	}
	for _, test := range []struct {
		args string
		want int
	}{{"", 3}, {"--all", 4}, {"--ref main", 1}, {"--ref refs/pull/7/merge", 1}, {"--key npm-", 2}, {"--key x", 0}} {
		if got := list(strings.Fields(test.args)...); len(got) != test.want {
			t.Errorf("list %s: %d caches, want %d", test.args, len(got), test.want)
		}
	}
	out, _, _ := run("", "cache", "list")
	for _, want := range []string{"KEY ", "npm-1", "side", "5 B", "3 caches, 9 B in all"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "\x1b") || strings.Contains(out, "other") {
		t.Errorf("a key reaches the terminal as it is, or another repository's does:\n%q", out)
	}

	if _, errs, code := run("", "cache", "rm", "npm-2"); code != exitUsage || !strings.Contains(errs, "did you mean npm-1?") {
		t.Errorf("rm of a wrong key: %d %q", code, errs)
	}
	if out, errs, code := run("", "cache", "rm", "npm-1", "--ref", "side"); code != 0 || out != "removed 1 cache, 3 B\n" {
		t.Errorf("rm of one ref's: %d %q %q", code, out, errs)
	}
	if out, errs, code := run("", "cache", "rm", "npm-1", "npm-*", "--json"); code != 0 || strings.Count(out, `"key"`) != 1 {
		t.Errorf("rm: %d %q %q", code, out, errs)
	}
	if got := list("--all"); len(got) != 2 {
		t.Errorf("%d caches are left, want the pull request's and the other repository's", len(got))
	}
	if out, _, code := run("", "__complete", "cache", "rm", "-C="+repo, ""); code != 0 || !strings.Contains(out, "go-1") {
		t.Errorf("completion: %d %q", code, out)
	}
	time.Sleep(10 * time.Millisecond)
	if out, errs, code := run("DRYDOCK_CACHE_MAX_AGE=1ms", "cache", "prune"); code != 0 || out != "removed 2 caches, 8 B\n" {
		t.Errorf("prune: %d %q %q", code, out, errs)
	}
	if got := list("--all"); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}
