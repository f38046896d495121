package cache

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/runner/service/token"
)

// The tests here are named after what went wrong in other servers of caches.

// act GO-2026-4890: a cache server that asks nobody who he is.
func TestNoAuth(t *testing.T) {
	s := newSite(t, newFolder(t, t.TempDir()), Options{})
	alive := s.job()
	dead := s.job(inJob("ended"))
	s.issuer.Revoke(dead.bearer)
	foreign := newSite(t, newFolder(t, t.TempDir()), Options{}).job()
	for name, bearer := range map[string]string{
		"none": "", "nonsense": "x.y.z", "cut": alive.bearer[:len(alive.bearer)-2], "of an ended job": dead.bearer, "of another server": foreign.bearer,
	} {
		j := &job{site: s, bearer: bearer}
		for _, route := range []struct{ method, path string }{
			{"POST", TwirpPath + "CreateCacheEntry"}, {"POST", TwirpPath + "FinalizeCacheEntryUpload"}, {"POST", TwirpPath + "GetCacheEntryDownloadURL"},
			{"GET", RESTPath + "cache?keys=k&version=v"}, {"GET", RESTPath + "caches"}, {"POST", RESTPath + "caches"},
			{"PATCH", RESTPath + "caches/1"}, {"POST", RESTPath + "caches/1"},
		} {
			if got := j.send(route.method, route.path, strings.NewReader(`{"key":"k","version":"v"}`)); got.status != http.StatusUnauthorized || got.text("code") != "unauthenticated" {
				t.Errorf("token %s: %s %s: %s", name, route.method, route.path, got)
			}
		}
	}
	// And should the check in front be forgotten, the service itself refuses.
	mux := http.NewServeMux()
	s.service.Register(mux)
	bare := s.server.Config.Handler
	s.server.Config.Handler = mux
	defer func() { s.server.Config.Handler = bare }()
	if got := alive.create("k", "v"); got.status != http.StatusUnauthorized {
		t.Errorf("without the check in front: %s", got)
	}
}

// Gitea GHSA-82g9-637c-2fx2, Forgejo #503: caches shared across repositories.
func TestCrossRepositoryRead(t *testing.T) {
	s := newSite(t, newFolder(t, t.TempDir()), Options{})
	s.job().save("secret-1", "v", "octo's")
	for _, name := range []string{"evil/app", "octo/app2", "octo/ap", "octo", "octo/app/refs", "octo/../octo/app"} {
		evil := s.job(inRepository(name))
		if got := evil.restore("v", "secret-1", "secret", "s"); got != "" {
			t.Errorf("%s reads %q", name, got)
		}
		if got := evil.find1("v", "secret-1"); got.status != http.StatusNoContent {
			t.Errorf("%s finds %s", name, got)
		}
		if got := evil.send(http.MethodGet, RESTPath+"caches?key=", nil); strings.Contains(got.body, "secret") {
			t.Errorf("%s lists %s", name, got)
		}
		evil.save("secret-1", "v", "its own")
	}
	if got := s.job(inRepository("OCTO/APP")).restore("v", "secret-1"); got != "secret-1: octo's" {
		t.Errorf("the same repository in capitals: %q", got)
	}
}

// Forgejo #925: runs of pull requests changed the caches of others.
func TestPullRequestWriteIsolation(t *testing.T) {
	s := newSite(t, newFolder(t, t.TempDir()), Options{})
	main := s.job()
	main.save("base", "v", "of main")
	pull := s.job(onRef("refs/pull/5/merge", "refs/heads/main"), inJob("pull"))
	if got := pull.restore("v", "base"); got != "base: of main" {
		t.Errorf("a pull request reads its base: %q", got)
	}
	pull.save("base", "v", "of the pull request")
	pull.save("deps-1", "v", "of the pull request")
	if got := pull.restore("v", "base"); got != "base: of the pull request" {
		t.Errorf("its own comes first for itself: %q", got)
	}
	for name, j := range map[string]*job{
		"main": main, "another pull request": s.job(onRef("refs/pull/6/merge", "refs/heads/main")),
		"a pull request with a like number": s.job(onRef("refs/pull/5/merge2")), "a branch": s.job(onRef("refs/heads/refs/pull/5/merge")),
	} {
		if got := j.restore("v", "base"); got != "base: of main" {
			t.Errorf("%s reads %q", name, got)
		}
		if got := j.restore("v", "deps-1", "deps-", "d"); got != "" {
			t.Errorf("%s reads %q", name, got)
		}
	}
	// The client's word about scopes counts for nothing.
	got := pull.call("CreateCacheEntry", m{"key": "planted", "version": "v", "scope": "refs/heads/main",
		"metadata": m{"repository_id": "1", "scope": []m{{"scope": "refs/heads/main", "permission": 3}}}})
	pull.put(got.text("signed_upload_url"), "evil")
	if f := pull.finalize("planted", "v", 4); f.fields["ok"] != true {
		t.Fatalf("%s", f)
	}
	if got := main.restore("v", "planted"); got != "" {
		t.Errorf("main reads %q", got)
	}
}

// "Cacheract": a job plants what others restore, in a place that was reserved or
// saved by them, or by a URL that it holds.
func TestPoisoning(t *testing.T) {
	s := newSite(t, newFolder(t, t.TempDir()), Options{})
	good, evil := s.job(), s.job(inJob("evil"), func(g *token.Grant) { g.Run = "8" })
	link := good.create("k", "v").text("signed_upload_url")
	if got := evil.create("k", "v"); got.status != http.StatusConflict {
		t.Errorf("reserve what is reserved: %s", got)
	}
	if got := evil.finalize("k", "v", 0); got.status != http.StatusNotFound {
		t.Errorf("finalize another job's: %s", got)
	}
	good.put(link, "good")
	good.finalize("k", "v", 4)
	restored := good.call("GetCacheEntryDownloadURL", m{"key": "k", "version": "v"}).text("signed_download_url")
	for name, bad := range map[string]string{
		"the upload's URL": link, "the download's URL": restored,
		"the download's URL for writing": strings.Replace(restored, "sp=r", "sp=w", 1),
		"the entry by the upload's URL":  strings.Replace(restored, restored[strings.IndexByte(restored, '?'):], link[strings.IndexByte(link, '?'):], 1),
	} {
		if got := (&job{site: s}).send(http.MethodPut, bad, strings.NewReader("evil")); got.status != http.StatusForbidden && got.status != http.StatusNotFound {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := good.restore("v", "k"); got != "k: good" {
		t.Errorf("restored %q", got)
	}
}

// The token lived on after its job ("Cacheract"): so must no URL for writing.
func TestNothingIsWrittenAfterTheJob(t *testing.T) {
	s := newSite(t, newFolder(t, t.TempDir()), Options{})
	j := s.job()
	link := j.create("k", "v").text("signed_upload_url")
	s.issuer.Revoke(j.bearer)
	s.service.Abandon(t.Context(), j.grant)
	if got := (&job{site: s}).send(http.MethodPut, link, strings.NewReader("evil")); got.status != http.StatusNotFound {
		t.Errorf("put: %s", got)
	}
	if got := j.finalize("k", "v", 4); got.status != http.StatusUnauthorized {
		t.Errorf("finalize: %s", got)
	}
}

func TestSignedURLTamperAndExpiry(t *testing.T) { // all cases: package blob
	s := newSite(t, newFolder(t, t.TempDir()), Options{})
	a, b := s.job(), s.job(inRepository("evil/app"))
	a.save("k", "v", "octo's")
	b.save("k", "v", "evil's")
	url := func(j *job) string {
		return j.call("GetCacheEntryDownloadURL", m{"key": "k", "version": "v"}).text("signed_download_url")
	}
	path, query := strings.Split(url(a), "?")[0], strings.Split(url(b), "?")[1]
	if got := (&job{site: s}).send(http.MethodGet, path+"?"+query, nil); got.status != http.StatusForbidden {
		t.Errorf("another repository's signature: %s", got)
	}
	if got := (&job{site: s}).send(http.MethodGet, strings.Replace(url(a), "&sp=", "0&sp=", 1), nil); got.status != http.StatusForbidden {
		t.Errorf("a longer life: %s", got)
	}
	if got := b.send(http.MethodGet, path, nil); got.status != http.StatusForbidden {
		t.Errorf("a token instead of a signature: %s", got)
	}
}

// act CVE-2023-22726: names of clients as names of files.
func TestTraversal(t *testing.T) {
	dir := t.TempDir()
	s := newSite(t, newFolder(t, filepath.Join(dir, "caches")), Options{})
	names := []string{
		"../../evil", "/etc/evil", `..\..\evil`, "%2e%2e%2fevil", "evil\x00.json", ".", "..", "evil\n", "a/../../../evil", "CON", "evil.json",
		strings.Repeat("../", 100) + "evil", strings.Repeat("e", 512), "https://evil.example/", "${{ evil }}", "$(evil)", "'; evil --",
	}
	for _, name := range names {
		for _, j := range []*job{s.job(), s.job(inRepository(name)), s.job(onRef(name))} {
			j.save(name, name, "text of "+name)
			if got := j.restore(name, name); got != name+": text of "+name {
				t.Errorf("%q: %q", name, got)
			}
		}
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if strings.Contains(strings.ToLower(d.Name()), "evil") || strings.Contains(d.Name(), "CON") {
			t.Errorf("a name of a client became %q", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("outside of the folder: %v", entries)
	}
	for _, path := range []string{"blob/cache/../x/data", "blob/cache/%2e%2e/data", "blob/cache/x/../../data", "blob/..%2f..%2f/etc/passwd"} {
		if got := (&job{site: s}).send(http.MethodGet, "/"+path, nil); got.status != http.StatusForbidden && got.status != http.StatusUnauthorized && got.status != http.StatusNotFound {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// Cache poisoning begins with pushing out what is there: a run that is not
// trusted cannot.
func TestEvictionIsNotForcedByAnUntrustedJob(t *testing.T) {
	dir := t.TempDir()
	s := newSite(t, newFolder(t, dir), Options{MaxBytes: 1000})
	other := s.job(inRepository("octo/other"))
	other.save("k", "v", strings.Repeat("o", 900))
	main := s.job()
	main.save("old", "v", strings.Repeat("m", 300))
	main.save("base", "v", strings.Repeat("m", 300))
	s.setUsed(dir, "old", -48*time.Hour)

	pull := s.job(onRef("refs/pull/5/merge", "refs/heads/main"))
	pull.save("one", "v", strings.Repeat("p", 300))
	pull.save("two", "v", strings.Repeat("p", 300)) // "old" goes: nobody has used it for a day
	if got := main.restore("v", "old"); got != "" {
		t.Errorf("what nobody uses stays: %.9s", got)
	}
	pull.save("three", "v", strings.Repeat("p", 600)) // its own go
	for _, key := range []string{"one", "two"} {
		if got := pull.restore("v", key); got != "" {
			t.Errorf("its own %q stays", key)
		}
	}
	got := pull.trySave("four", "v", strings.Repeat("p", 900))
	if got.fields["ok"] != false || !strings.Contains(got.text("message"), "insufficient usage") {
		t.Errorf("more than there is room for: %s", got)
	}
	if got := main.restore("v", "base"); !strings.HasPrefix(got, "base: m") {
		t.Errorf("main's cache is gone")
	}
	if got := other.restore("v", "k"); !strings.HasPrefix(got, "k: o") {
		t.Errorf("another repository's cache is gone")
	}
}
