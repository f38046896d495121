package cache

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/runner/service/token"
)

// site is a cache service over real HTTP, with the tokens of the real issuer.
type site struct {
	t       testing.TB
	service *Service
	store   blob.Store
	uploads *blob.Uploads
	issuer  *token.Issuer
	server  *httptest.Server
	clock   atomic.Int64 // nanoseconds added to now
}

// stores are what the suite runs against; see blob's for DRYDOCK_TEST_S3.
func stores(t *testing.T) map[string]func(t testing.TB) blob.Store {
	t.Helper()
	all := map[string]func(t testing.TB) blob.Store{
		"folder": func(t testing.TB) blob.Store { return newFolder(t, t.TempDir()) },
		"s3":     fakeS3,
	}
	if text := os.Getenv("DRYDOCK_TEST_S3"); text != "" {
		all["realS3"] = func(t testing.TB) blob.Store {
			f := strings.Fields(text)
			s, err := blob.NewS3(blob.S3Options{Endpoint: f[0], Bucket: f[1], AccessKey: f[2], SecretKey: f[3], PathStyle: true,
				Prefix: fmt.Sprintf("cache-%d-%d", os.Getpid(), time.Now().UnixNano())})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	return all
}

func newFolder(t testing.TB, dir string) *blob.Folder {
	t.Helper()
	f, err := blob.NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func fakeS3(t testing.TB) blob.Store {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("bucket"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	s, err := blob.NewS3(blob.S3Options{Endpoint: server.URL, Bucket: "bucket", Region: "us-east-1", AccessKey: "a", SecretKey: "s", PathStyle: true,
		Transport: server.Client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newSite(t testing.TB, store blob.Store, o Options) *site {
	t.Helper()
	uploads, err := blob.NewUploads(blob.UploadOptions{Store: store, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { uploads.Close() })
	s := &site{t: t, store: store, uploads: uploads, issuer: token.NewIssuer()}
	o.Store, o.Uploads, o.URLs = store, uploads, blob.NewURLs(blob.URLOptions{})
	o.Now = func() time.Time { return time.Now().Add(time.Duration(s.clock.Load())) }
	s.service = New(o)
	api := http.NewServeMux()
	s.service.Register(api)
	mux := http.NewServeMux()
	mux.Handle("/", s.issuer.Require(api))
	mux.Handle(blob.URLPath, blob.NewHandler(o.URLs, map[string]blob.Class{URLClass: s.service.Class()}, nil))
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

// grant is a push to main of octo/app, with changes.
func grant(change ...func(*token.Grant)) token.Grant {
	g := token.Grant{
		Run: "7", Attempt: 1, Job: "build", Repository: "Octo/App", Ref: "refs/heads/main", ReadRefs: []string{"refs/heads/main"},
		CacheRead: true, CacheWrite: true, Expires: time.Now().Add(time.Hour),
	}
	for _, c := range change {
		c(&g)
	}
	return g
}

func onRef(ref string, read ...string) func(*token.Grant) {
	return func(g *token.Grant) { g.Ref, g.ReadRefs = ref, append(read, "refs/heads/main") }
}

func inJob(name string) func(*token.Grant) { return func(g *token.Grant) { g.Job = name } }
func inRepository(name string) func(*token.Grant) {
	return func(g *token.Grant) { g.Repository = name }
}

// job is a client with the token of a grant.
type job struct {
	*site
	grant  token.Grant
	bearer string
}

func (s *site) job(change ...func(*token.Grant)) *job {
	s.t.Helper()
	g := grant(change...)
	bearer, err := s.issuer.Issue(g)
	if err != nil {
		s.t.Fatal(err)
	}
	return &job{site: s, grant: g, bearer: bearer}
}

type reply struct {
	status int
	body   string
	fields map[string]any
}

func (r reply) String() string { return fmt.Sprintf("%d %s", r.status, r.body) }

func (r reply) text(name string) string {
	s, _ := r.fields[name].(string)
	return s
}

func (j *job) send(method, link string, body io.Reader, headers ...string) reply {
	j.t.Helper()
	if strings.HasPrefix(link, "/") {
		link = j.server.URL + link
	}
	r, err := http.NewRequestWithContext(context.Background(), method, link, body)
	if err != nil {
		j.t.Fatal(err)
	}
	if j.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+j.bearer)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		j.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		j.t.Fatal(err)
	}
	got := reply{status: answer.StatusCode, body: string(text)}
	json.Unmarshal(text, &got.fields)
	return got
}

func (j *job) call(method string, body any) reply {
	j.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		j.t.Fatal(err)
	}
	got := j.send(http.MethodPost, TwirpPath+method, bytes.NewReader(text), "Content-Type", "application/json")
	if got.fields == nil {
		j.t.Errorf("%s: the answer is no JSON object: %s", method, got)
	}
	return got
}

type m = map[string]any

func (j *job) create(key, version string) reply {
	j.t.Helper()
	return j.call("CreateCacheEntry", m{"key": key, "version": version})
}

func (j *job) put(link, text string) {
	j.t.Helper()
	if got := (&job{site: j.site}).send(http.MethodPut, link, strings.NewReader(text), "x-ms-blob-type", "BlockBlob"); got.status != http.StatusCreated {
		j.t.Fatalf("put: %s", got)
	}
}

func (j *job) finalize(key, version string, size any) reply {
	j.t.Helper()
	return j.call("FinalizeCacheEntryUpload", m{"key": key, "version": version, "size_bytes": size})
}

// save saves a cache, and fails the test if it cannot.
func (j *job) save(key, version, text string) {
	j.t.Helper()
	if got := j.trySave(key, version, text); got.fields["ok"] != true {
		j.t.Fatalf("save %q: %s", key, got)
	}
}

func (j *job) trySave(key, version, text string) reply {
	j.t.Helper()
	c := j.create(key, version)
	if c.fields["ok"] != true {
		return c
	}
	j.put(c.text("signed_upload_url"), text)
	return j.finalize(key, version, fmt.Sprint(len(text)))
}

// restore gives "matched key: content", or "" for a miss.
func (j *job) restore(version string, keys ...string) string {
	j.t.Helper()
	got := j.call("GetCacheEntryDownloadURL", m{"key": keys[0], "restore_keys": keys[1:], "version": version})
	if got.status != http.StatusOK {
		j.t.Fatalf("restore %q: %s", keys, got)
	}
	if got.fields["ok"] != true {
		return ""
	}
	content := (&job{site: j.site}).send(http.MethodGet, got.text("signed_download_url"), nil)
	if content.status != http.StatusOK {
		j.t.Fatalf("download %q: %s", keys, content)
	}
	return got.text("matched_key") + ": " + content.body
}
