package service

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// serve starts a server on the loopback and gives its address with a slash.
// Its connections come in by Serve, as those of a job's place do.
func serve(t *testing.T, change ...func(*Options)) (*Server, string) {
	t.Helper()
	store, err := blob.NewFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Store: store}
	for _, c := range change {
		c(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		listener.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		store.Close()
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.Serve(conn)
		}
	}()
	return s, "http://" + listener.Addr().String() + "/"
}

// github is a github context.
func github(fields map[string]string, event expr.Value) expr.Value {
	all := map[string]string{
		"run_id": "4711", "run_attempt": "1", "run_number": "3", "repository": "Octo/Demo", "repository_owner": "Octo",
		"repository_id": "11", "repository_owner_id": "22", "ref": "refs/heads/feature", "sha": "abc", "event_name": "push",
		"workflow_sha": "def", "ref_protected": "false",
	}
	for name, value := range fields {
		all[name] = value
	}
	b := expr.NewObject(false)
	for name, value := range all {
		b.Set(name, expr.String(value))
	}
	return b.Set("event", event).Value()
}

// object makes an event of nested keys and texts.
func object(pairs ...any) expr.Value {
	b := expr.NewObject(false)
	for i := 0; i < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case string:
			b.Set(pairs[i].(string), expr.String(v))
		case expr.Value:
			b.Set(pairs[i].(string), v)
		}
	}
	return b.Value()
}

var withDefault = object("repository", object("default_branch", "main"))

func message(gh expr.Value, change ...func(*plan.Job)) *runner.Job {
	j := &plan.Job{ID: "build"}
	for _, c := range change {
		c(j)
	}
	return &runner.Job{Run: "r1", Leg: plan.Leg{
		ID: "build", Name: "build", Job: j, Source: plan.Source{Path: ".github/workflows/ci.yml"},
		Contexts: map[string]expr.Value{"github": gh},
	}}
}

func mayIDToken(j *plan.Job) {
	j.Permissions = &workflow.Permissions{Scopes: map[string]string{"id-token": "write"}}
}

func text(s string) *workflow.Node { return &workflow.Node{Kind: workflow.String, Text: s} }

func open(t *testing.T, s *Server, job *runner.Job) runner.Endpoints {
	t.Helper()
	e, err := s.Open(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// status asks for path with a token.
func status(t *testing.T, url, bearer string) int {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, url, http.NoBody)
	request.RequestURI = ""
	request.Header.Set("Authorization", "Bearer "+bearer)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}
