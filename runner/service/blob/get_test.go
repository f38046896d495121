package blob

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestGetAndHead(t *testing.T) {
	for name, open := range kinds(t) {
		t.Run(name, func(t *testing.T) { testGet(t, open(t)) })
	}
}

func testGet(t *testing.T, s *site) {
	for _, b := range []struct{ key, text string }{{"done/ten", "0123456789"}, {"done/empty", ""}} {
		if _, err := s.store.Put(t.Context(), b.key, strings.NewReader(b.text), int64(len(b.text))); err != nil {
			t.Fatal(err)
		}
	}
	link := s.sign("ten", Read)
	for _, c := range []struct {
		name, link   string
		headers      []string
		status       int
		body, crange string
	}{
		{"all", link, nil, 200, "0123456789", ""},
		{"middle", link, []string{"Range", "bytes=2-4"}, 206, "234", "bytes 2-4/10"},
		{"from", link, []string{"Range", "bytes=7-"}, 206, "789", "bytes 7-9/10"},
		{"all as a range", link, []string{"Range", "bytes=0-"}, 206, "0123456789", "bytes 0-9/10"},
		{"last", link, []string{"Range", "bytes=-3"}, 206, "789", "bytes 7-9/10"},
		{"more than there is", link, []string{"Range", "bytes=8-100"}, 206, "89", "bytes 8-9/10"},
		{"suffix longer", link, []string{"Range", "bytes=-100"}, 206, "0123456789", "bytes 0-9/10"},
		{"x-ms-range wins", link, []string{"Range", "bytes=0-0", "x-ms-range", "bytes=5-6"}, 206, "56", "bytes 5-6/10"},
		{"behind", link, []string{"Range", "bytes=10-"}, 416, "", "bytes */10"},
		{"no suffix", link, []string{"Range", "bytes=-0"}, 416, "", "bytes */10"},
		{"reversed", link, []string{"Range", "bytes=5-2"}, 400, "", ""},
		{"several", link, []string{"Range", "bytes=0-1,4-5"}, 400, "", ""},
		{"unit", link, []string{"Range", "lines=0-1"}, 400, "", ""},
		{"huge", link, []string{"Range", "bytes=99999999999999999999-"}, 400, "", ""},
		{"negative", link, []string{"Range", "bytes=--1"}, 400, "", ""},
		{"no blob", s.sign("none", Read), nil, 404, "", ""},
		{"no id", s.sign("missing", Read), nil, 404, "", ""},
		{"empty", s.sign("empty", Read), nil, 200, "", ""},
		{"range of empty", s.sign("empty", Read), []string{"Range", "bytes=0-"}, 416, "", "bytes */0"},
	} {
		g := do(t, http.MethodGet, c.link, nil, c.headers...)
		if g.status != c.status || g.header.Get("Content-Range") != c.crange || c.status < 300 && g.body != c.body {
			t.Errorf("%s: %+v", c.name, g)
		}
		h := do(t, http.MethodHead, c.link, nil, c.headers...)
		if h.status != c.status || h.body != "" {
			t.Errorf("HEAD %s: %+v", c.name, h)
		}
		if c.status < 300 && (h.header.Get("Content-Length") != g.header.Get("Content-Length") || h.header.Get("ETag") == "" ||
			h.header.Get("Last-Modified") == "" || h.header.Get("X-Ms-Blob-Type") != "BlockBlob" || h.header.Get("Accept-Ranges") != "bytes") {
			t.Errorf("HEAD %s: %+v", c.name, h)
		}
		if c.status >= 400 && (!strings.Contains(g.body, "<Error><Code>") || g.header.Get("X-Ms-Error-Code") == "" || h.header.Get("X-Ms-Error-Code") == "") {
			t.Errorf("%s: no error in the body or header: %+v", c.name, g)
		}
	}
	tag := do(t, http.MethodHead, link, nil).header.Get("ETag")
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{[]string{"If-Match", tag, "Range", "bytes=1-"}, 206}, {[]string{"If-Match", `"other"`}, 412}, {[]string{"If-Match", "*"}, 200},
		{[]string{"If-None-Match", tag}, 304}, {[]string{"If-None-Match", `"other"`}, 200},
		{[]string{"If-Range", tag, "Range", "bytes=1-"}, 206}, {[]string{"If-Range", `"other"`, "Range", "bytes=1-"}, 200},
	} {
		if g := do(t, http.MethodGet, link, nil, c.headers...); g.status != c.status {
			t.Errorf("%v: %+v", c.headers, g)
		}
	}
}

// peers.md, Gitea GHSA-82g9-637c-2fx2: URLs that are signed, and expire.
func TestSignedURLTamperAndExpiry(t *testing.T) {
	s := newSite(t, newFolder(t), 0)
	for _, key := range []string{"done/one", "done/two"} {
		if _, err := s.store.Put(t.Context(), key, strings.NewReader(key), -1); err != nil {
			t.Fatal(err)
		}
	}
	link := s.sign("one", Read)
	edit := func(change func(u *url.URL, q url.Values)) string {
		u, _ := url.Parse(link)
		q := u.Query()
		change(u, q)
		u.RawQuery = q.Encode()
		return u.String()
	}
	other := newSite(t, s.store, 0)
	for name, bad := range map[string]string{
		"other blob":     strings.Replace(link, "/one/", "/two/", 1),
		"other class":    strings.Replace(link, "/test/", "/best/", 1),
		"no signature":   edit(func(_ *url.URL, q url.Values) { q.Del("sig") }),
		"no query":       link[:strings.IndexByte(link, '?')],
		"later":          edit(func(_ *url.URL, q url.Values) { q.Set("se", "99999999999") }),
		"other verb":     edit(func(_ *url.URL, q url.Values) { q.Set("sp", "w") }),
		"both verbs":     edit(func(_ *url.URL, q url.Values) { q.Set("sp", "rw") }),
		"signature":      edit(func(_ *url.URL, q url.Values) { q.Set("sig", strings.Repeat("0", 64)) }),
		"traversal":      strings.Replace(link, "/one/", "/..%2fone/", 1),
		"deeper":         strings.Replace(link, "/data", "/x/data", 1),
		"newline":        strings.Replace(link, "/one/", "/one%0ar/", 1),
		"other key":      strings.Replace(other.sign("one", Read), other.server.URL, s.server.URL, 1),
		"signed for put": s.sign("one", Write),
	} {
		if g := do(t, http.MethodGet, bad, nil); g.status != http.StatusForbidden || strings.Contains(g.body, "done/") {
			t.Errorf("%s: %+v", name, g)
		}
	}
	if g := do(t, http.MethodPut, link, strings.NewReader("x")); g.status != http.StatusForbidden {
		t.Errorf("put by a URL for reading: %+v", g)
	}
	// The clients add parameters of their own.
	if g := do(t, http.MethodGet, link+"&comp=x&timeout=3", nil); g.status != http.StatusOK {
		t.Errorf("untouched: %+v", g)
	}
	s.now = s.now.Add(59 * time.Minute)
	if g := do(t, http.MethodGet, link, nil); g.status != http.StatusOK {
		t.Errorf("before the end: %+v", g)
	}
	s.now = s.now.Add(2 * time.Minute)
	if g := do(t, http.MethodGet, link, nil); g.status != http.StatusForbidden || !strings.Contains(g.body, "not valid any more") {
		t.Errorf("after the end: %+v", g)
	}
}

func TestSignRefusesHostsThatAreNone(t *testing.T) {
	u := NewURLs(URLOptions{})
	for host, want := range map[string]string{
		"localhost:80": "http://localhost:80/", "10.1.2.3:8080": "http://10.1.2.3:8080/", "[::1]:9": "http://[::1]:9/", "a.b-c_d": "http://a.b-c_d/",
		"": "", "a/b": "", "a b": "", "a?x": "", "user@host": "", "a:b": "", "evil\r\nx": "",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		link, err := u.Sign(r, "cache", "1", Read, time.Hour)
		if (err == nil) != (want != "") || !strings.HasPrefix(link, want) {
			t.Errorf("host %q: %q, %v", host, link, err)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if link, err := NewURLs(URLOptions{Base: "https://cache.example/"}).Sign(r, "cache", "1", Read, time.Hour); err != nil || !strings.HasPrefix(link, "https://cache.example/blob/cache/1/data?") {
		t.Errorf("with a base: %q, %v", link, err)
	}
	for _, id := range []string{"", "a/b", "..", "a\n", "a?b"} {
		if _, err := u.Sign(r, "cache", id, Read, time.Hour); err == nil {
			t.Errorf("id %q was signed", id)
		}
	}
}

func TestParseContentRange(t *testing.T) {
	for text, want := range map[string][3]int64{
		"bytes 0-9/*": {0, 10, -1}, "bytes 5-5/6": {5, 1, 6}, " bytes 0-0/* ": {0, 1, -1},
	} {
		first, length, total, err := ParseContentRange(text)
		if err != nil || [3]int64{first, length, total} != want {
			t.Errorf("%q: %d %d %d %v", text, first, length, total, err)
		}
	}
	for _, text := range []string{"", "bytes", "bytes 0-9", "bytes 9-0/*", "bytes 0-9/9", "bytes -9/*", "bytes 0-/*", "bytes a-b/*", "0-9/*", "bytes 0-9/x",
		"bytes +1-2/*", "bytes 0-9223372036854775807/*", "bytes 0-18446744073709551616/*"} {
		if _, _, _, err := ParseContentRange(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
