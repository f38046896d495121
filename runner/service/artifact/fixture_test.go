package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/runner/service/token"
)

// service is the artifacts' part of the server, over HTTP.
type service struct {
	*Service
	t      *testing.T
	url    string
	tokens *token.Issuer
	root   string
}

func serve(t *testing.T, change ...func(*Options)) *service {
	t.Helper()
	root := t.TempDir()
	return serveAt(t, root, change...)
}

// serveAt serves what is kept in root, as a process that starts anew.
func serveAt(t *testing.T, root string, change ...func(*Options)) *service {
	t.Helper()
	store, err := blob.NewFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	uploads, err := blob.NewUploads(blob.UploadOptions{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Store: store, Uploads: uploads, URLs: blob.NewURLs(blob.URLOptions{})}
	for _, c := range change {
		c(&o)
	}
	s := New(o)
	tokens := token.NewIssuer()
	private, mux := http.NewServeMux(), http.NewServeMux()
	s.Register(private)
	mux.Handle("/", tokens.Require(private))
	mux.Handle(blob.URLPath, blob.NewHandler(o.URLs, map[string]blob.Class{URLClass: s.Class()}, nil))
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		uploads.Close()
		store.Close()
	})
	return &service{Service: s, t: t, url: server.URL, tokens: tokens, root: root}
}

// job is one job with its token.
type job struct {
	*service
	grant  token.Grant
	bearer string
}

func (s *service) job(change ...func(*token.Grant)) job {
	s.t.Helper()
	g := token.Grant{Run: "4711", Attempt: 1, Job: "build", Repository: "Octo/Demo", Ref: "refs/heads/main", Expires: time.Now().Add(time.Hour)}
	for _, c := range change {
		c(&g)
	}
	bearer, err := s.tokens.Issue(g)
	if err != nil {
		s.t.Fatal(err)
	}
	return job{s, g, bearer}
}

func named(name string) func(*token.Grant)  { return func(g *token.Grant) { g.Job = name } }
func inRun(run string) func(*token.Grant)   { return func(g *token.Grant) { g.Run = run } }
func attempt(n int) func(*token.Grant)      { return func(g *token.Grant) { g.Attempt = n } }
func ofRepo(repo string) func(*token.Grant) { return func(g *token.Grant) { g.Repository = repo } }
func (j job) ids(f map[string]any) map[string]any {
	f["workflow_run_backend_id"], f["workflow_job_run_backend_id"] = j.grant.RunBackendID(), j.grant.JobBackendID()
	return f
}

type reply struct {
	status int
	header http.Header
	body   []byte
	json   map[string]any
}

// send sends a request and reads the whole answer, without following a redirection.
func (s *service) send(method, url string, header http.Header, body []byte) reply {
	s.t.Helper()
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, values := range header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	got := reply{status: response.StatusCode, header: response.Header, body: text}
	if response.Header.Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(text, &got.json); err != nil {
			s.t.Fatalf("%s %s answers %q: %v", method, url, text, err)
		}
	}
	return got
}

func (j job) call(method, path string, body []byte, header ...string) reply {
	j.t.Helper()
	h := http.Header{"Authorization": {"Bearer " + j.bearer}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	if !strings.HasPrefix(path, "http") {
		path = j.url + path
	}
	return j.send(method, path, h, body)
}

// twirp calls a method with the job's own ids.
func (j job) twirp(method string, message map[string]any) reply {
	j.t.Helper()
	text, err := json.Marshal(j.ids(message))
	if err != nil {
		j.t.Fatal(err)
	}
	return j.call("POST", TwirpPath+method, text, "Content-Type", "application/json")
}

func sum(content string) string {
	s := sha256.Sum256([]byte(content))
	return "sha256:" + hex.EncodeToString(s[:])
}

// create reserves a name and gives the URL to upload to.
func (j job) create(name string, more ...any) string {
	j.t.Helper()
	message := map[string]any{"name": name, "version": 7}
	for i := 0; i < len(more); i += 2 {
		message[more[i].(string)] = more[i+1]
	}
	got := j.twirp("CreateArtifact", message)
	if got.status != 200 || got.json["ok"] != true {
		j.t.Fatalf("CreateArtifact %q: %d %s", name, got.status, got.body)
	}
	return got.json["signed_upload_url"].(string)
}

func (s *service) put(url, content string) {
	s.t.Helper()
	if got := s.send("PUT", url, http.Header{"x-ms-blob-type": {"BlockBlob"}}, []byte(content)); got.status != 201 {
		s.t.Fatalf("PUT: %d %s", got.status, got.body)
	}
}

// upload makes an artifact and gives its id.
func (j job) upload(name, content string, more ...any) string {
	j.t.Helper()
	j.put(j.create(name, more...), content)
	got := j.twirp("FinalizeArtifact", map[string]any{"name": name, "size": len(content), "hash": sum(content)})
	if got.status != 200 || got.json["ok"] != true {
		j.t.Fatalf("FinalizeArtifact %q: %d %s", name, got.status, got.body)
	}
	return got.json["artifact_id"].(string)
}

// names are the artifacts that the job sees.
func (j job) names(filter ...any) []string {
	j.t.Helper()
	message := map[string]any{}
	for i := 0; i < len(filter); i += 2 {
		message[filter[i].(string)] = filter[i+1]
	}
	got := j.twirp("ListArtifacts", message)
	if got.status != 200 {
		j.t.Fatalf("ListArtifacts: %d %s", got.status, got.body)
	}
	names := []string{}
	for _, a := range got.json["artifacts"].([]any) {
		names = append(names, a.(map[string]any)["name"].(string))
	}
	return names
}

// download reads the content by name.
func (j job) download(name string) reply {
	j.t.Helper()
	got := j.twirp("GetSignedArtifactURL", map[string]any{"name": name})
	if got.status != 200 {
		return got
	}
	return j.send("GET", got.json["signed_url"].(string), nil, nil)
}

// refused checks an error of the service.
func (got reply) refused(t *testing.T, status int, code, msg string) {
	t.Helper()
	text, _ := got.json["msg"].(string)
	if got.status != status || got.json["code"] != code || !strings.Contains(text, msg) {
		t.Errorf("answer = %d %s, want %d %s with %q", got.status, got.body, status, code, msg)
	}
}
