package cache

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/runner/service/token"
)

func TestSearchOrder(t *testing.T) {
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) { testSearchOrder(t, open(t)) })
	}
}

func testSearchOrder(t *testing.T, store blob.Store) {
	s := newSite(t, store, Options{})
	main := s.job()
	for _, key := range []string{"linux-npm-aaa", "linux-npm-bbb", "linux-go-1", "mac-npm-zzz", "linux-npm"} {
		main.save(key, "v1", "main "+key)
	}
	main.save("linux-npm-other-version", "v2", "v2")
	feature := s.job(onRef("refs/heads/feature"))
	feature.save("linux-npm-feature", "v1", "feature")
	pull := s.job(onRef("refs/pull/5/merge", "refs/heads/feature"))
	for _, c := range []struct {
		name string
		job  *job
		keys []string
		want string
	}{
		{"miss", main, []string{"windows"}, ""},
		{"exact", main, []string{"linux-npm-aaa"}, "linux-npm-aaa: main linux-npm-aaa"},
		{"exact before a newer prefix", main, []string{"linux-npm"}, "linux-npm: main linux-npm"},
		{"the key as a prefix, newest", main, []string{"linux-npm-"}, "linux-npm-bbb: main linux-npm-bbb"},
		{"key is longer than the entry's", main, []string{"linux-npm-aaaa"}, ""},
		{"restore key", main, []string{"linux-npm-ccc", "linux-npm-"}, "linux-npm-bbb: main linux-npm-bbb"},
		{"order of restore keys", main, []string{"x", "mac-", "linux-"}, "mac-npm-zzz: main mac-npm-zzz"},
		{"exact restore key", main, []string{"x", "linux-npm-aaa"}, "linux-npm-aaa: main linux-npm-aaa"},
		{"case matters", main, []string{"Linux-npm-aaa"}, ""},
		{"own ref first, by a restore key", feature, []string{"linux-npm-aaa", "linux-npm-f"}, "linux-npm-feature: feature"},
		{"default branch", feature, []string{"linux-go-"}, "linux-go-1: main linux-go-1"},
		{"base of the pull request first", pull, []string{"linux-npm-"}, "linux-npm-feature: feature"},
		{"siblings and children are not read", main, []string{"linux-npm-feature"}, ""},
		{"special characters are not patterns", main, []string{".*", "linux%", "linux_npm"}, ""},
	} {
		if got := c.job.restore("v1", c.keys...); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if got := main.restore("v3", "linux-npm-aaa", "linux"); got != "" {
		t.Errorf("another version: %q", got)
	}
}

func TestNewestPrefixWins(t *testing.T) {
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) {
			j := newSite(t, open(t), Options{}).job()
			for i := range 12 { // "#9" would win over "#10" by name
				key := fmt.Sprintf("index#%d", i)
				j.save(key, "v", key)
				if got := j.restore("v", "index#"); got != key+": "+key {
					t.Fatalf("after %s: %q", key, got)
				}
			}
		})
	}
}

func TestEntriesAreImmutable(t *testing.T) {
	s := newSite(t, newFolder(t, t.TempDir()), Options{})
	a, b := s.job(), s.job(inJob("other"))
	first := a.create("k", "v")
	if again := b.create("k", "v"); again.status != http.StatusConflict || again.text("code") != "already_exists" || !strings.Contains(again.text("msg"), "already exists") {
		t.Errorf("while reserved: %s", again)
	}
	a.put(first.text("signed_upload_url"), "one")
	done := a.finalize("k", "v", 3)
	id, isText := done.fields["entry_id"].(string)
	if done.fields["ok"] != true || !isText || strings.Trim(id, "0123456789") != "" || id == "" {
		t.Fatalf("finalize: %s", done)
	}
	if again := b.create("k", "v"); again.status != http.StatusConflict || again.text("code") != "already_exists" {
		t.Errorf("when saved: %s", again)
	}
	// A client whose answer was lost asks again.
	if again := a.finalize("k", "v", "3"); again.text("entry_id") != id || again.fields["ok"] != true {
		t.Errorf("finalize again: %s", again)
	}
	if other := b.finalize("k", "v", "3"); other.status != http.StatusNotFound {
		t.Errorf("finalize by another job: %s", other)
	}
	if late := (&job{site: s}).send(http.MethodPut, first.text("signed_upload_url"), strings.NewReader("two")); late.status != http.StatusNotFound {
		t.Errorf("put after the end: %s", late)
	}
	if got := b.restore("v", "k"); got != "k: one" {
		t.Errorf("restored %q", got)
	}
	b.save("k", "v2", "another version")
	s.job(onRef("refs/heads/x")).save("k", "v", "another scope")
}

func TestConcurrentCreatorsExactlyOneWins(t *testing.T) {
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, open(t), Options{})
			var won atomic.Int32
			var wg sync.WaitGroup
			for i := range 20 {
				j := s.job(inJob(fmt.Sprint("job", i)))
				wg.Go(func() {
					switch c := j.create("k", "v"); {
					case c.fields["ok"] == true:
						won.Add(1)
						j.put(c.text("signed_upload_url"), "text")
						if f := j.finalize("k", "v", "4"); f.fields["ok"] != true {
							t.Errorf("finalize: %s", f)
						}
					case c.status != http.StatusConflict:
						t.Errorf("create: %s", c)
					}
				})
			}
			wg.Wait()
			if won.Load() != 1 {
				t.Errorf("%d won", won.Load())
			}
		})
	}
}

func TestHundredParallelLookups(t *testing.T) {
	s := newSite(t, newFolder(t, t.TempDir()), Options{})
	j := s.job()
	for i := range 50 {
		j.save(fmt.Sprint("key-", i), "v", "text")
	}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if got := j.restore("v", fmt.Sprint("key-", i%50)); !strings.HasSuffix(got, ": text") {
				t.Errorf("lookup %d: %q", i, got)
			}
			if got := j.restore("v", fmt.Sprint("none-", i), "key-"); got != "key-49: text" {
				t.Errorf("prefix lookup %d: %q", i, got)
			}
		})
	}
	wg.Wait()
}

func TestFinalizeTellsWhatIsWrong(t *testing.T) {
	s := newSite(t, newFolder(t, t.TempDir()), Options{})
	j := s.job()
	for name, c := range map[string]struct {
		put  string
		size any
	}{"truncated": {"abc", "4"}, "longer": {"abcde", 4}, "nothing": {"", "4"}} {
		link := j.create(name, "v").text("signed_upload_url")
		if name != "nothing" {
			j.put(link, c.put)
		}
		got := j.finalize(name, "v", c.size)
		if got.status != http.StatusOK || got.fields["ok"] != false || got.text("message") == "" {
			t.Errorf("%s: %s", name, got)
		}
		if r := j.restore("v", name); r != "" {
			t.Errorf("%s is visible: %q", name, r)
		}
		j.save(name, "v", "now right") // the key is free again
	}
	if got := j.finalize("never begun", "v", 1); got.status != http.StatusNotFound || got.text("code") != "not_found" {
		t.Errorf("never begun: %s", got)
	}
	j.save("empty", "v", "")
	if got := j.restore("v", "empty"); got != "empty: " {
		t.Errorf("empty: %q", got)
	}
}

func TestWireForms(t *testing.T) {
	s := newSite(t, newFolder(t, t.TempDir()), Options{})
	j := s.job()
	post := func(method, body string) reply {
		return j.send(http.MethodPost, TwirpPath+method, strings.NewReader(body), "Content-Type", "application/json")
	}
	c := post("CreateCacheEntry", `{"metadata":{"repositoryId":"1","scope":[]},"key":"k","version":"v","later":{"x":[1]}}`)
	if c.fields["ok"] != true {
		t.Fatalf("create: %s", c)
	}
	j.put(c.text("signed_upload_url"), "abc")
	if f := post("FinalizeCacheEntryUpload", `{"key":"k","version":"v","sizeBytes":"3"}`); f.fields["ok"] != true {
		t.Errorf("camel case: %s", f)
	}
	if d := post("GetCacheEntryDownloadURL", `{"metadata":null,"key":"x","restoreKeys":["k"],"version":"v"}`); d.text("matched_key") != "k" {
		t.Errorf("camel case: %s", d)
	}
	miss := post("GetCacheEntryDownloadURL", `{"key":"x","restore_keys":null,"version":"v"}`)
	if ok, has := miss.fields["ok"]; miss.status != http.StatusOK || !has || ok != false {
		t.Errorf("miss: %s", miss)
	}
	for _, w := range []struct {
		method, body string
		status       int
		code         string
	}{
		{"CreateCacheEntry", `{`, 400, "invalid_argument"},
		{"CreateCacheEntry", `[]`, 400, "invalid_argument"},
		{"CreateCacheEntry", `{"key":1,"version":"v"}`, 400, "invalid_argument"},
		{"CreateCacheEntry", `{"key":"","version":"v"}`, 400, "invalid_argument"},
		{"CreateCacheEntry", `{"key":"k2"}`, 400, "invalid_argument"},
		{"CreateCacheEntry", `{"key":"a,b","version":"v"}`, 400, "invalid_argument"},
		{"CreateCacheEntry", `{"key":"` + strings.Repeat("k", 513) + `","version":"v"}`, 400, "invalid_argument"},
		{"CreateCacheEntry", `{"key":"` + strings.Repeat("k", 2<<20) + `","version":"v"}`, 413, "invalid_argument"},
		{"GetCacheEntryDownloadURL", `{"key":"k","restore_keys":["1","2","3","4","5","6","7","8","9","10"],"version":"v"}`, 400, "invalid_argument"},
		{"GetCacheEntryDownloadURL", `{"key":"k","restore_keys":"x","version":"v"}`, 400, "invalid_argument"},
		{"FinalizeCacheEntryUpload", `{"key":"k","version":"v","size_bytes":"-1"}`, 400, "invalid_argument"},
		{"FinalizeCacheEntryUpload", `{"key":"k","version":"v","size_bytes":{}}`, 400, "invalid_argument"},
		{"DeleteEverything", `{}`, 404, "bad_route"},
		{"", `{}`, 404, "bad_route"},
	} {
		if got := post(w.method, w.body); got.status != w.status || got.text("code") != w.code || got.text("msg") == "" {
			t.Errorf("%s %.60s: %s", w.method, w.body, got)
		}
	}
	if got := j.send(http.MethodGet, TwirpPath+"CreateCacheEntry", nil); got.status != http.StatusNotFound || got.text("code") != "bad_route" {
		t.Errorf("GET: %s", got)
	}
	long := strings.Repeat("ä", 512)
	j.save(long, "v", "512 characters")
	if got := j.restore("v", long); got != long+": 512 characters" {
		t.Errorf("long key: %q", got)
	}
}

func TestReservationOfACrashedClientExpires(t *testing.T) {
	s := newSite(t, newFolder(t, t.TempDir()), Options{})
	first := s.job().create("k", "v")
	other := s.job(inJob("other"))
	s.clock.Store(int64(reservationIdle - time.Minute))
	s.job().put(first.text("signed_upload_url"), "late, but alive")
	if got := other.create("k", "v"); got.status != http.StatusConflict {
		t.Errorf("still alive: %s", got)
	}
	s.clock.Store(int64(3 * reservationIdle))
	other.save("k", "v", "the other's")
	if got := other.restore("v", "k"); got != "k: the other's" {
		t.Errorf("restored %q", got)
	}
}

func TestAbandonEndsWhatTheJobBegan(t *testing.T) {
	s := newSite(t, newFolder(t, t.TempDir()), Options{})
	a, b := s.job(), s.job(inJob("other"))
	link := a.create("k", "v").text("signed_upload_url")
	kept := b.create("k2", "v").text("signed_upload_url")
	s.service.Abandon(t.Context(), a.grant)
	if got := (&job{site: s}).send(http.MethodPut, link, strings.NewReader("x")); got.status != http.StatusNotFound {
		t.Errorf("put after the job's end: %s", got)
	}
	b.put(kept, "x")
	if got := b.finalize("k2", "v", 1); got.fields["ok"] != true {
		t.Errorf("another job's: %s", got)
	}
	b.save("k", "v", "free again")
}

func TestReadOnlyToken(t *testing.T) {
	s := newSite(t, newFolder(t, t.TempDir()), Options{})
	s.job().save("k", "v", "text")
	reader := s.job(func(g *token.Grant) { g.CacheWrite = false })
	if got := reader.create("new", "v"); got.status != http.StatusOK || got.fields["ok"] != false || !strings.Contains(got.text("message"), "may not write") {
		t.Errorf("create: %s", got)
	}
	if got := reader.restore("v", "k"); got != "k: text" {
		t.Errorf("restore: %q", got)
	}
	blind := s.job(func(g *token.Grant) { g.CacheRead = false })
	if got := blind.restore("v", "k"); got != "" {
		t.Errorf("restore without the right: %q", got)
	}
	if got := s.job(func(g *token.Grant) { g.Ref = "" }).create("new", "v"); got.fields["ok"] != false || got.text("message") == "" {
		t.Errorf("without a ref: %s", got)
	}
}
