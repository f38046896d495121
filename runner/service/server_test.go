package service

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/service/artifact"
	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/runner/service/oidc"
)

func TestIDTokenPathIsTheEngines(t *testing.T) {
	if got := "/" + runner.RESTPath + "/"; got != artifact.APIPath {
		t.Errorf("the engine asks at %q, the service is at %q", got, artifact.APIPath)
	}
	at, err := url.Parse("http://x/" + runner.IDTokenPath)
	if err != nil || at.Path != oidc.RequestPath || at.RawQuery != oidc.RequestQuery {
		t.Errorf("the engine asks %q, the service is at %q?%s (%v)", runner.IDTokenPath, oidc.RequestPath, oidc.RequestQuery, err)
	}
}

func TestTokenIsDeadWhenItsJobEnds(t *testing.T) {
	s, at := serve(t)
	one, two := open(t, s, message(github(nil, withDefault))), open(t, s, message(github(nil, withDefault)))
	path := at + "_apis/pipelines/workflows/4711/artifacts"
	if got := status(t, path, one.Token); got != 200 {
		t.Fatalf("status %d", got)
	}
	one.Close()
	one.Close()
	if got := status(t, path, one.Token); got != 401 {
		t.Errorf("after the job: status %d", got)
	}
	if got := status(t, path, two.Token); got != 200 {
		t.Errorf("the other job: status %d", got)
	}
	if got := status(t, at+"nothing", two.Token); got != 404 {
		t.Errorf("unknown path: status %d", got)
	}
	if got := status(t, at+"nothing", "x"); got != 401 {
		t.Errorf("unknown path without a token: status %d", got)
	}
}

func TestUploadsEndWithTheirJob(t *testing.T) {
	s, at := serve(t)
	e := open(t, s, message(github(nil, withDefault)))
	body := `{"workflow_run_backend_id":"4711","workflow_job_run_backend_id":"build","name":"a"}`
	request, err := http.NewRequest(http.MethodPost, at+"twirp/github.actions.results.api.v1.ArtifactService/CreateArtifact", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+e.Token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var created struct {
		URL string `json:"signed_upload_url"`
	}
	if err := json.NewDecoder(response.Body).Decode(&created); err != nil {
		t.Fatal(err)
	}
	put := func() (int, string) {
		request, err := http.NewRequest(http.MethodPut, created.URL, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("x-ms-blob-type", "BlockBlob")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode, response.Header.Get("x-ms-request-id")
	}
	if got, id := put(); got != 201 || id == "" {
		t.Fatalf("PUT while the job runs: %d, x-ms-request-id %q", got, id)
	}
	e.Close()
	if got, _ := put(); got != 404 {
		t.Errorf("PUT after the job: %d", got)
	}
}

func TestServeEndsWithItsConnection(t *testing.T) {
	s, _ := serve(t)
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() { s.Serve(ours); close(done) }()
	fmt.Fprint(theirs, "GET /.well-known/openid-configuration HTTP/1.1\r\nHost: job:80\r\nConnection: close\r\n\r\n")
	answer, err := io.ReadAll(theirs)
	if err != nil || !strings.Contains(string(answer), `"http://job:80"`) {
		t.Errorf("answer = %q (%v)", answer, err)
	}
	<-done

	// A connection that says nothing, or nonsense, ends too.
	ours, theirs = net.Pipe()
	done = make(chan struct{})
	go func() { s.Serve(ours); close(done) }()
	go io.Copy(io.Discard, theirs)
	fmt.Fprint(theirs, "\x00\x01\x02 nonsense\r\n\r\n")
	<-done

	// One that is open when the server closes.
	ours, theirs = net.Pipe()
	defer theirs.Close()
	done = make(chan struct{})
	go func() { s.Serve(ours); close(done) }()
	fmt.Fprint(theirs, "GET / HTTP/1.1\r\n")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-done
	// And one that comes later.
	ours, theirs = net.Pipe()
	s.Serve(ours)
	if _, err := theirs.Read(make([]byte, 1)); err == nil {
		t.Error("a closed server reads on")
	}
}

func TestNothingHappensBeforeTheFirstUse(t *testing.T) {
	s, at := serve(t)
	e := open(t, s, message(github(nil, withDefault), mayIDToken))
	defer e.Close()
	count := func() (n int) {
		for range s.keeper.store.List(t.Context(), "") {
			n++
		}
		return n
	}
	if n := count(); n != 0 {
		t.Errorf("a server that nobody uses has made %d blobs", n)
	}
	status(t, at+"nothing", e.Token)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if count() == 1 { // the note of the first clean-up
			return
		}
	}
	t.Error("the first use did not start the clean-up")
}

func TestArtifactsInAStoreOfTheirOwn(t *testing.T) {
	artifacts, err := blob.NewFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer artifacts.Close()
	s, at := serve(t, func(o *Options) { o.Artifacts = artifacts })
	e := open(t, s, message(github(nil, withDefault)))
	post := func(path, body string) {
		request, err := http.NewRequest(http.MethodPost, at+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+e.Token)
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode/100 != 2 {
			t.Errorf("POST %s: %d", path, response.StatusCode)
		}
	}
	post("_apis/pipelines/workflows/4711/artifacts", `{"Type":"actions_storage","Name":"a"}`)
	found := 0
	for info, err := range artifacts.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(info.Key, "artifact-ids/") {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%d artifacts are numbered in their own store, want 1", found)
	}
	post("_apis/artifactcache/caches", `{"key":"k","version":"v"}`)
}

func TestNewWithoutAStore(t *testing.T) {
	if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "no store") {
		t.Errorf("New = %v", err)
	}
}
