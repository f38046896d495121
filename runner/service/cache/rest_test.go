package cache

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/drydock-ci/drydock/runner/service/token"
)

func (j *job) find1(version string, keys ...string) reply {
	j.t.Helper()
	return j.send(http.MethodGet, RESTPath+"cache?keys="+url.QueryEscape(strings.Join(keys, ","))+"&version="+version, nil)
}

func (j *job) reserve1(body string) reply {
	j.t.Helper()
	return j.send(http.MethodPost, RESTPath+"caches", strings.NewReader(body), "Content-Type", "application/json")
}

func (j *job) patch1(id any, crange, body string) reply {
	j.t.Helper()
	return j.send(http.MethodPatch, fmt.Sprintf("%scaches/%.0f", RESTPath, id), strings.NewReader(body),
		"Content-Type", "application/octet-stream", "Content-Range", crange)
}

func (j *job) commit1(id any, body string) reply {
	j.t.Helper()
	return j.send(http.MethodPost, fmt.Sprintf("%scaches/%.0f", RESTPath, id), strings.NewReader(body))
}

func TestVersion1(t *testing.T) {
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, open(t), Options{})
			j := s.job()
			if got := j.find1("v", "k"); got.status != http.StatusNoContent || got.body != "" {
				t.Errorf("miss: %s", got)
			}
			r := j.reserve1(`{"key":"k-1","version":"v","cacheSize":26}`)
			id := r.fields["cacheId"]
			if r.status != http.StatusCreated || id == nil {
				t.Fatalf("reserve: %s", r)
			}
			if again := j.reserve1(`{"key":"k-1","version":"v"}`); again.status != http.StatusConflict || !strings.Contains(again.text("typeKey"), "AlreadyExists") || again.text("message") == "" {
				t.Errorf("reserve again: %s", again)
			}
			const text = "abcdefghijklmnopqrstuvwxyz"
			var wg sync.WaitGroup
			for _, i := range rand.Perm(5) {
				wg.Go(func() {
					from, to := i*5, min(i*5+7, 26) // they overlap
					if got := j.patch1(id, fmt.Sprintf("bytes %d-%d/*", from, to-1), text[from:to]); got.status != http.StatusNoContent {
						t.Errorf("patch: %s", got)
					}
				})
			}
			wg.Wait()
			if got := j.commit1(id, `{"size":26}`); got.status != http.StatusNoContent {
				t.Fatalf("commit: %s", got)
			}
			found := j.find1("v", "x", "k-")
			if found.text("cacheKey") != "k-1" || found.text("scope") != "refs/heads/main" || found.text("cacheVersion") != "v" || found.text("creationTime") == "" {
				t.Errorf("find: %s", found)
			}
			link := found.text("archiveLocation")
			if got := (&job{site: s}).send(http.MethodGet, link, nil); got.body != text {
				t.Errorf("download: %s", got)
			}
			if got := (&job{site: s}).send(http.MethodGet, link, nil, "Range", "bytes=20-"); got.status != http.StatusPartialContent || got.body != text[20:] {
				t.Errorf("download from 20: %s", got)
			}
			if list := j.send(http.MethodGet, RESTPath+"caches?key=k", nil); list.fields["totalCount"] != 1.0 {
				t.Errorf("list: %s", list)
			}
			if got := j.restore("v", "k-1"); got != "k-1: "+text { // both versions share entries
				t.Errorf("by version 2: %q", got)
			}
		})
	}
}

func TestVersion1Errors(t *testing.T) {
	s := newSite(t, newFolder(t, t.TempDir()), Options{MaxEntryBytes: 1000})
	j := s.job()
	reserve := func(key string) any {
		r := j.reserve1(`{"key":"` + key + `","version":"v"}`)
		if r.fields["cacheId"] == nil {
			t.Fatalf("reserve: %s", r)
		}
		return r.fields["cacheId"]
	}
	hole, short, ok, empty := reserve("hole"), reserve("short"), reserve("ok"), reserve("empty")
	j.patch1(hole, "bytes 0-0/*", "a")
	j.patch1(hole, "bytes 2-2/*", "c")
	j.patch1(short, "bytes 0-0/*", "a")
	other, stranger := s.job(inJob("other")), s.job(inRepository("evil/app"))
	for name, c := range map[string]struct {
		got    reply
		status int
	}{
		"hole":              {j.commit1(hole, `{"size":3}`), 400},
		"short":             {j.commit1(short, `{"size":3}`), 400},
		"no size":           {j.commit1(ok, `{}`), 400},
		"size is no number": {j.commit1(ok, `{"size":"x"}`), 400},
		"empty":             {j.commit1(empty, `{"size":0}`), 204},
		"no range":          {j.patch1(ok, "", "a"), 400},
		"range and body":    {j.patch1(ok, "bytes 0-4/*", "a"), 400},
		"reversed range":    {j.patch1(ok, "bytes 4-0/*", "a"), 400},
		"over the limit":    {j.patch1(ok, "bytes 1000-1000/*", "a"), 413},
		"announced size":    {j.reserve1(`{"key":"big","version":"v","cacheSize":1001}`), 400},
		"no key":            {j.reserve1(`{"version":"v"}`), 400},
		"no version":        {j.reserve1(`{"key":"k"}`), 400},
		"no JSON":           {j.reserve1(`key=k`), 400},
		"no keys":           {j.send("GET", RESTPath+"cache?version=v", nil), 400},
		"eleven keys":       {j.find1("v", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"), 400},
		"unknown id":        {j.patch1(float64(12345), "bytes 0-0/*", "a"), 404},
		"id is a path":      {j.send("PATCH", RESTPath+"caches/..%2f..%2fetc", strings.NewReader("a"), "Content-Range", "bytes 0-0/*"), 404},
		"other job writes":  {other.patch1(ok, "bytes 0-0/*", "a"), 404},
		"other job commits": {other.commit1(ok, `{"size":1}`), 404},
		"other repository":  {stranger.patch1(ok, "bytes 0-0/*", "a"), 404},
		"resource":          {j.send("GET", RESTPath+"secrets", nil), 404},
		"method":            {j.send("DELETE", RESTPath+"caches", nil), 405},
		"read-only":         {s.job(func(g *token.Grant) { g.CacheWrite = false }).reserve1(`{"key":"k","version":"v"}`), 403},
	} {
		if c.got.status != c.status || c.status >= 400 && (c.got.text("message") == "" || c.got.text("typeKey") == "") {
			t.Errorf("%s: %s, want %d", name, c.got, c.status)
		}
	}
	if got := j.find1("v", "hole", "short"); got.status != http.StatusNoContent {
		t.Errorf("something is visible: %s", got)
	}
	j.patch1(ok, "bytes 0-1/*", "ok")
	if got := j.commit1(ok, `{"size":2}`); got.status != http.StatusNoContent {
		t.Errorf("after all errors: %s", got)
	}
}
