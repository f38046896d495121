package attacktest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/runner/service"
)

// TestCacheIsolation_GHSA_82g9: a job of another repository neither reads nor
// finishes nor replaces what it did not make.
func TestCacheIsolation_GHSA_82g9(t *testing.T) {
	d := newDesk(t)
	a, b := d.as(t, who{}), d.as(t, who{repository: "evil/demo"})
	if !a.saveCache("deps-1", "v", "of a") {
		t.Fatal("not saved")
	}
	for _, key := range []string{"deps-1", "deps-", "d"} {
		if got := b.cached(key, "v", "deps"); got != "" {
			t.Errorf("another repository reads %q by %q", got, key)
		}
	}
	if !b.saveCache("deps-1", "v", "of b") {
		t.Error("the name is taken in another repository")
	}
	if got := a.cached("deps-1", "v"); got != "of a" {
		t.Errorf("the entry is %q now", got)
	}

	// What one job has reserved, another one of the run does not finish.
	_, created := a.call(cacheTwirp+"CreateCacheEntry", map[string]any{"key": "half", "version": "v"})
	if text(created, "signed_upload_url") == "" {
		t.Fatal("not reserved")
	}
	status, old := a.do(http.MethodPost, "_apis/artifactcache/caches", strings.NewReader(`{"key":"half-1","version":"v"}`))
	number := strings.Trim(strings.TrimPrefix(strings.TrimSpace(old), `{"cacheId":`), "}")
	if status != http.StatusCreated {
		t.Fatalf("reserve: %d %s", status, old)
	}
	for what, c := range map[string]*client{"another job": d.as(t, who{job: "other"}), "another repository": b} {
		if status, _ := c.call(cacheTwirp+"FinalizeCacheEntryUpload", map[string]any{"key": "half", "version": "v", "size_bytes": 0}); status == http.StatusOK {
			t.Errorf("%s finishes a reservation", what)
		}
		if status, _ := c.do(http.MethodPatch, "_apis/artifactcache/caches/"+number, strings.NewReader("evil"), "Content-Range", "bytes 0-3/*"); status != http.StatusNotFound {
			t.Errorf("%s writes into a reservation: %d", what, status)
		}
		if status, _ := c.do(http.MethodPost, "_apis/artifactcache/caches/"+number, strings.NewReader(`{"size":4}`)); status != http.StatusNotFound {
			t.Errorf("%s commits a reservation: %d", what, status)
		}
	}
}

// TestCachePoisoning_Forgejo_503_925: what a pull request saves reaches no
// branch, also when it is closed or runs with the base's rights.
func TestCachePoisoning_Forgejo_503_925(t *testing.T) {
	d := newDesk(t)
	main := d.as(t, who{})
	pull := who{event: "pull_request", ref: "refs/pull/7/merge", base: "main", head: "octo/demo"}
	if !d.as(t, pull).saveCache("tools", "v", "poison") {
		t.Error("a pull request cannot save in its own scope")
	}
	for what, w := range map[string]who{
		"main": {}, "a branch": {ref: "refs/heads/feature"}, "a tag": {ref: "refs/tags/v1"},
		"another pull request": {event: "pull_request", ref: "refs/pull/8/merge", base: "main", head: "octo/demo"},
		"a scheduled run":      {event: "schedule"},
	} {
		w.run = "99"
		if got := d.as(t, w).cached("tools", "v", "to"); got != "" {
			t.Errorf("%s restores %q of a pull request", what, got)
		}
	}
	if !main.saveCache("base", "v", "good") {
		t.Fatal("main cannot save")
	}
	if got := d.as(t, pull).cached("base", "v"); got != "good" {
		t.Errorf("a pull request reads %q of its base", got)
	}

	// Runs of strangers' code under the base's ref read and never write.
	for what, w := range map[string]who{
		"pull_request_target of a fork": {event: "pull_request_target", head: "evil/demo"},
		"closed pull request":           {event: "pull_request", base: "main", head: "octo/demo"}, // its ref is the base
		"closed pull request of a fork": {event: "pull_request", base: "main", head: "evil/demo"},
		"issue comment on a fork":       {event: "issue_comment", head: "evil/demo"},
	} {
		w.run, w.ref = "98", "refs/heads/main"
		c := d.as(t, w)
		if c.saveCache("planted", "v", "poison") {
			t.Errorf("%s writes into the scope of main", what)
		}
		if status, _ := c.do(http.MethodPost, "_apis/artifactcache/caches", strings.NewReader(`{"key":"planted","version":"v"}`)); status != http.StatusForbidden {
			t.Errorf("%s reserves by version 1: %d", what, status)
		}
		if got := c.cached("base", "v"); got != "good" {
			t.Errorf("%s reads %q", what, got)
		}
	}
	if got := main.cached("planted", "v"); got != "" {
		t.Errorf("main restores %q", got)
	}

	// The client's word about its scope is nothing.
	sly := d.as(t, pull)
	_, a := sly.call(cacheTwirp+"CreateCacheEntry", map[string]any{"key": "sly", "version": "v", "scope": "refs/heads/main",
		"metadata": map[string]any{"repository_id": "11", "scope": []any{map[string]any{"scope": "refs/heads/main", "permission": "3"}}}})
	if link := text(a, "signed_upload_url"); link != "" {
		sly.do(http.MethodPut, link, strings.NewReader("poison"), "x-ms-blob-type", "BlockBlob")
		sly.call(cacheTwirp+"FinalizeCacheEntryUpload", map[string]any{"key": "sly", "version": "v", "size_bytes": 6, "scope": "refs/heads/main"})
	}
	if got := main.cached("sly", "v"); got != "" {
		t.Errorf("main restores %q", got)
	}
}

// TestCacheEntriesStay: an entry is what it was, for its version alone.
func TestCacheEntriesStay(t *testing.T) {
	d := newDesk(t)
	c := d.as(t, who{})
	if !c.saveCache("key", "v1", "first") {
		t.Fatal("not saved")
	}
	if c.saveCache("key", "v1", "second") || d.as(t, who{run: "5"}).saveCache("key", "v1", "third") {
		t.Error("an entry was replaced")
	}
	if status, _ := c.call(cacheTwirp+"CreateCacheEntry", map[string]any{"key": "key", "version": "v1"}); status != http.StatusConflict {
		t.Errorf("a second entry is answered %d", status)
	}
	if got := c.cached("key", "v1"); got != "first" {
		t.Errorf("the entry is %q", got)
	}
	if got := c.cached("key", "v2", "ke"); got != "" {
		t.Errorf("version v2 restores %q of v1", got)
	}
	if d.as(t, who{cacheMode: "read"}).saveCache("other", "v1", "x") {
		t.Error("cache-mode: read saves")
	}
}

// TestCacheEvictionCannotBeForced_Cacheract: a pull request that fills the
// store pushes out nothing that branches use.
func TestCacheEvictionCannotBeForced_Cacheract(t *testing.T) {
	d := newDesk(t, func(o *service.Options) { o.CacheMaxBytes = 1000 })
	main := d.as(t, who{})
	if !main.saveCache("deps", "v", strings.Repeat("m", 600)) {
		t.Fatal("not saved")
	}
	pull := d.as(t, who{event: "pull_request", ref: "refs/pull/7/merge", base: "main", head: "octo/demo", run: "5"})
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		pull.saveCache(key, "v", strings.Repeat("p", 300))
	}
	pull.saveCache("large", "v", strings.Repeat("p", 900))
	if got := main.cached("deps", "v"); len(got) != 600 {
		t.Errorf("the entry of main was pushed out (%d bytes)", len(got))
	}
}
