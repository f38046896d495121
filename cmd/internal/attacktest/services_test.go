package attacktest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// forScripts lets run: steps use the services as actions do.
func (d *desk) forScripts(e *runner.Engine, _ *runner.Job) {
	e.Services, e.ServicesForScripts = d, true
}

// who is a job as its forge describes it.
type who struct {
	repository, ref, event, base, run, job string
	head                                   string // repository that a pull request comes from; "" none
	idToken                                bool
	cacheMode                              string
}

// client speaks to the services as the actions of a job do.
type client struct {
	t     *testing.T
	base  string
	token string
	end   func()
	run   string
}

// as opens the services for a job.
func (d *desk) as(t *testing.T, w who) *client {
	t.Helper()
	set := func(s *string, otherwise string) {
		if *s == "" {
			*s = otherwise
		}
	}
	set(&w.repository, "octo/demo")
	set(&w.ref, "refs/heads/main")
	set(&w.event, "push")
	set(&w.run, "4711")
	set(&w.job, "build")
	event := object("repository", object("default_branch", "main", "full_name", w.repository))
	if w.head != "" {
		event = event.With("pull_request", object("head", object("repo", object("full_name", w.head))))
	}
	j := &plan.Job{ID: w.job}
	if w.idToken {
		j.Permissions = &workflow.Permissions{Scopes: map[string]string{"id-token": "write"}}
	}
	if w.cacheMode != "" {
		j.CacheMode = workflow.Str(w.cacheMode)
	}
	gh := github(map[string]string{"repository": w.repository, "ref": w.ref, "event_name": w.event, "base_ref": w.base, "run_id": w.run}, event)
	ends, err := d.Open(t.Context(), &runner.Job{Run: "r", Leg: plan.Leg{
		ID: plan.LegID(w.job), Name: w.job, Job: j, Source: plan.Source{Path: ".github/workflows/ci.yml"},
		Contexts: map[string]expr.Value{"github": gh},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, base: d.base, token: ends.Token, end: ends.Close, run: w.run}
}

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

// straight follows no redirect.
var straight = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// do asks with the job's token unless link is signed.
func (c *client) do(method, link string, body io.Reader, header ...string) (int, string) {
	c.t.Helper()
	if !strings.HasPrefix(link, "http") {
		link = c.base + link
	}
	r, err := http.NewRequest(method, link, body)
	if err != nil {
		c.t.Fatal(err)
	}
	if !strings.Contains(link, "/blob/") {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return c.send(r)
}

func (c *client) send(r *http.Request) (int, string) {
	c.t.Helper()
	answer, err := straight.Do(r)
	if err != nil {
		c.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

const (
	cacheTwirp    = "twirp/github.actions.results.api.v1.CacheService/"
	artifactTwirp = "twirp/github.actions.results.api.v1.ArtifactService/"
)

// call is a method of twirp.
func (c *client) call(method string, fields map[string]any) (int, map[string]any) {
	c.t.Helper()
	if strings.HasPrefix(method, artifactTwirp) {
		if _, ok := fields["workflow_run_backend_id"]; !ok {
			fields["workflow_run_backend_id"] = c.run
		}
		fields["workflow_job_run_backend_id"] = "build"
	}
	body, err := json.Marshal(fields)
	if err != nil {
		c.t.Fatal(err)
	}
	status, text := c.do(http.MethodPost, method, bytes.NewReader(body))
	answer := map[string]any{}
	if status == http.StatusOK {
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			c.t.Fatalf("%s: %q: %v", method, text, err)
		}
	}
	return status, answer
}

func text(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}

// saveCache tells whether the services took the entry.
func (c *client) saveCache(key, version, content string) bool {
	c.t.Helper()
	_, a := c.call(cacheTwirp+"CreateCacheEntry", map[string]any{"key": key, "version": version})
	link := text(a, "signed_upload_url")
	if link == "" {
		return false
	}
	if status, _ := c.do(http.MethodPut, link, strings.NewReader(content), "x-ms-blob-type", "BlockBlob"); status != http.StatusCreated {
		return false
	}
	_, a = c.call(cacheTwirp+"FinalizeCacheEntryUpload", map[string]any{"key": key, "version": version, "size_bytes": len(content)})
	ok, _ := a["ok"].(bool)
	return ok
}

func (c *client) cacheLink(key, version string, restore ...string) string {
	c.t.Helper()
	_, a := c.call(cacheTwirp+"GetCacheEntryDownloadURL", map[string]any{"key": key, "version": version, "restore_keys": restore})
	return text(a, "signed_download_url")
}

// cached is what the job restores, "" for a miss; both protocols must agree.
func (c *client) cached(key, version string, restore ...string) string {
	c.t.Helper()
	q := url.Values{"keys": {strings.Join(append([]string{key}, restore...), ",")}, "version": {version}}
	old, _ := c.do(http.MethodGet, "_apis/artifactcache/cache?"+q.Encode(), nil)
	link := c.cacheLink(key, version, restore...)
	if (old == http.StatusOK) != (link != "") {
		c.t.Errorf("the protocols do not agree about %q: version 1 answers %d, version 2 %q", key, old, link)
	}
	if link == "" {
		return ""
	}
	status, content := c.do(http.MethodGet, link, nil)
	if status != http.StatusOK {
		c.t.Errorf("GET %s: %d", link, status)
	}
	return content
}

// upload tells how the creation of an artifact was answered.
func (c *client) upload(name, content string) int {
	c.t.Helper()
	status, a := c.call(artifactTwirp+"CreateArtifact", map[string]any{"name": name, "version": 4})
	link := text(a, "signed_upload_url")
	if link == "" {
		return status
	}
	if status, body := c.do(http.MethodPut, link, strings.NewReader(content), "x-ms-blob-type", "BlockBlob"); status != http.StatusCreated {
		c.t.Fatalf("PUT %s: %d %s", link, status, body)
	}
	status, _ = c.call(artifactTwirp+"FinalizeArtifact", map[string]any{"name": name, "size": len(content)})
	return status
}
