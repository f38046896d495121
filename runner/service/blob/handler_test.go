package blob

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// site is a server over real HTTP, with one class "test" on a store.
type site struct {
	t       testing.TB
	store   Store
	uploads *Uploads
	urls    *URLs
	server  *httptest.Server
	now     time.Time
}

func newSite(t testing.TB, store Store, maxSize int64) *site {
	t.Helper()
	s := &site{t: t, store: store, now: time.Now()}
	uploads, err := NewUploads(UploadOptions{Store: store, Dir: t.TempDir(), MaxSize: maxSize})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { uploads.Close() })
	s.uploads = uploads
	s.urls = NewURLs(URLOptions{Now: func() time.Time { return s.now }})
	resolve := func(_ context.Context, id string) (Content, error) {
		if id == "missing" {
			return Content{}, fs.ErrNotExist
		}
		return Content{Key: "done/" + id, ContentType: "application/zip", Disposition: `attachment; filename="a.zip"`}, nil
	}
	h := NewHandler(s.urls, map[string]Class{"test": {Store: store, Uploads: uploads, Resolve: resolve}}, nil)
	s.server = httptest.NewServer(h)
	t.Cleanup(s.server.Close)
	return s
}

func newFolder(t testing.TB) *Folder {
	t.Helper()
	f, err := NewFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func (s *site) sign(id string, verb Verb) string {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, s.server.URL, nil)
	r.Host = strings.TrimPrefix(s.server.URL, "http://")
	link, err := s.urls.Sign(r, "test", id, verb, time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	return link
}

func (s *site) begin() (UploadID, string) {
	s.t.Helper()
	id, err := s.uploads.Begin("job", 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return id, s.sign(string(id), Write)
}

type reply struct {
	status int
	header http.Header
	body   string
}

func do(t testing.TB, method, link string, body io.Reader, headers ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, link, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Header.Get("X-Ms-Request-Id") == "" {
		t.Errorf("%s %s: no x-ms-request-id", method, link)
	}
	return reply{answer.StatusCode, answer.Header, string(text)}
}

func blockID(n int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "0f9a1c77-66d1-4e9c-8f5e-2f6ad9bb6b29-%012d", n))
}

func (s *site) putBlock(link string, n int, body string) reply {
	return do(s.t, http.MethodPut, link+"&comp=block&blockid="+url.QueryEscape(blockID(n)), strings.NewReader(body))
}

func listOf(numbers ...int) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><BlockList>`)
	for _, n := range numbers {
		fmt.Fprintf(&b, "<Latest>%s</Latest>", blockID(n))
	}
	return b.String() + "</BlockList>"
}

func TestPutBlobAndGet(t *testing.T) {
	s := newSite(t, newFolder(t), 0)
	id, link := s.begin()
	a := do(t, http.MethodPut, link, strings.NewReader("0123456789"), "x-ms-blob-type", "BlockBlob", "x-ms-client-request-id", "mine", "x-ms-version", "2024-11-04")
	if a.status != http.StatusCreated || a.header.Get("ETag") == "" || a.header.Get("Last-Modified") == "" ||
		a.header.Get("X-Ms-Request-Server-Encrypted") != "true" || a.header.Get("X-Ms-Client-Request-Id") != "mine" || a.header.Get("X-Ms-Version") != "2024-11-04" {
		t.Fatalf("put: %+v", a)
	}
	info, err := s.uploads.Commit(t.Context(), id, "done/one", 10, "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882")
	if err != nil || info.Size != 10 || info.Key != "done/one" {
		t.Fatalf("commit: %+v, %v", info, err)
	}
	g := do(t, http.MethodGet, s.sign("one", Read), nil)
	if g.status != http.StatusOK || g.body != "0123456789" || g.header.Get("Content-Type") != "application/zip" ||
		g.header.Get("Content-Disposition") != `attachment; filename="a.zip"` || g.header.Get("Content-Length") != "10" {
		t.Fatalf("get: %+v", g)
	}
	if again := do(t, http.MethodPut, link, bytes.NewReader(nil)); again.status != http.StatusNotFound {
		t.Fatalf("put after commit: %+v", again)
	}
}
