package attacktest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/drydock-ci/drydock/workflow/plan"
)

// routes are all that a job may ask, by method and path.
var routes = []string{
	"POST " + cacheTwirp + "CreateCacheEntry", "POST " + cacheTwirp + "FinalizeCacheEntryUpload", "POST " + cacheTwirp + "GetCacheEntryDownloadURL",
	"POST " + artifactTwirp + "CreateArtifact", "POST " + artifactTwirp + "FinalizeArtifact", "POST " + artifactTwirp + "ListArtifacts",
	"POST " + artifactTwirp + "GetSignedArtifactURL", "POST " + artifactTwirp + "DeleteArtifact",
	"GET _apis/artifactcache/cache?keys=k&version=v", "GET _apis/artifactcache/caches?key=k", "POST _apis/artifactcache/caches",
	"PATCH _apis/artifactcache/caches/1", "POST _apis/artifactcache/caches/1",
	"POST _apis/pipelines/workflows/4711/artifacts", "PATCH _apis/pipelines/workflows/4711/artifacts?artifactName=a",
	"GET _apis/pipelines/workflows/4711/artifacts",
	"PUT _apis/resources/Containers/1?itemPath=a/b", "GET _apis/resources/Containers/1?itemPath=a", "GET _apis/resources/Containers/1/b",
	"GET _apis/distributedtask/idtoken?api-version=2.0&audience=x",
	"GET _api/repos/octo/demo/actions/runs/4711/artifacts", "GET _api/repos/octo/demo/actions/artifacts/1",
	"GET _api/repos/octo/demo/actions/artifacts/1/zip", "DELETE _api/repos/octo/demo/actions/artifacts/1",
	"GET nothing", "GET ",
}

// TestServicesNeedToken_GO_2026_4890: no route answers who has no live token of
// this very server.
func TestServicesNeedToken_GO_2026_4890(t *testing.T) {
	d := newDesk(t)
	live := d.as(t, who{idToken: true})
	ended := d.as(t, who{})
	ended.end()
	other := newDesk(t).as(t, who{})

	var claims jwt.MapClaims
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(live.token, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	forge := func(method jwt.SigningMethod, key any) string {
		text, err := jwt.NewWithClaims(method, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	parts := strings.Split(live.token, ".")
	claims["sub"] = "repo:octo/demo:ref:refs/heads/main"
	for kind, token := range map[string]string{
		"none": "", "nonsense": "x", "dots": "..", "long": strings.Repeat("a", 30_000),
		"unsigned":       forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"empty key":      forge(jwt.SigningMethodHS256, []byte{}), // act's runtime token
		"zero key":       forge(jwt.SigningMethodHS256, make([]byte, 32)),
		"other method":   forge(jwt.SigningMethodHS512, make([]byte, 32)),
		"cut signature":  parts[0] + "." + parts[1] + ".",
		"other's token":  other.token,
		"job has ended":  ended.token,
		"two tokens":     live.token + " " + live.token,
		"signature swap": parts[0] + "." + parts[1] + "." + strings.Split(other.token, ".")[2],
	} {
		c := *live
		c.token = token
		for _, route := range routes {
			method, path, _ := strings.Cut(route, " ")
			if status, body := c.do(method, path, strings.NewReader("{}")); status != http.StatusUnauthorized {
				t.Errorf("token %q: %s answers %d: %s", kind, route, status, body)
			}
		}
	}
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		if status, _ := live.do(method, path, strings.NewReader("{}")); status == http.StatusUnauthorized {
			t.Errorf("%s refuses the token of a running job", route)
		}
	}
}

// TestTokenKindsByRoute_CVE_2026_24791: what a token may do is what its job may.
func TestTokenKindsByRoute_CVE_2026_24791(t *testing.T) {
	d := newDesk(t)
	plain := d.as(t, who{})
	asking := d.as(t, who{idToken: true})
	fork := d.as(t, who{idToken: true, event: "pull_request", ref: "refs/pull/1/merge", base: "main", head: "evil/demo"})
	const idToken = "_apis/distributedtask/idtoken?api-version=2.0&audience=x"
	for _, c := range []struct {
		who  *client
		what string
		want int
	}{{plain, "without id-token: write", 403}, {fork, "of a fork", 403}, {asking, "with id-token: write", 200}} {
		if status, _ := c.who.do(http.MethodGet, idToken, nil); status != c.want {
			t.Errorf("an identity token for a job %s: %d, want %d", c.what, status, c.want)
		}
	}
	if status := asking.upload("a", "zip"); status != 200 {
		t.Fatalf("upload: %d", status)
	}
	_, a := asking.call(artifactTwirp+"ListArtifacts", map[string]any{})
	list, _ := a["artifacts"].([]any)
	if len(list) != 1 {
		t.Fatalf("%d artifacts", len(list))
	}
	id := text(list[0].(map[string]any), "database_id")

	// Another run of the repository reads, but does not remove; one of another
	// repository does neither, whatever it names.
	neighbour, foreign := d.as(t, who{run: "4712"}), d.as(t, who{repository: "evil/demo", run: "4713"})
	for _, c := range []struct {
		who          *client
		what, method string
		path         string
		want         int
	}{
		{neighbour, "another run", "GET", "_api/repos/octo/demo/actions/artifacts/" + id, 200},
		{neighbour, "another run", "DELETE", "_api/repos/octo/demo/actions/artifacts/" + id, 403},
		{foreign, "another repository", "GET", "_api/repos/octo/demo/actions/artifacts/" + id, 404},
		{foreign, "another repository", "GET", "_api/repos/evil/demo/actions/artifacts/" + id, 404},
		{foreign, "another repository", "GET", "_api/repos/evil/demo/actions/artifacts/" + id + "/zip", 404},
		{foreign, "another repository", "DELETE", "_api/repos/evil/demo/actions/artifacts/" + id, 404},
		{foreign, "another repository", "GET", "_api/repos/octo/demo/actions/runs/4711/artifacts", 404},
		{foreign, "another repository", "GET", "_apis/pipelines/workflows/4711/artifacts", 403},
	} {
		if status, body := c.who.do(c.method, c.path, nil); status != c.want {
			t.Errorf("%s: %s %s answers %d, want %d: %s", c.what, c.method, c.path, status, c.want, body)
		}
	}
	for _, method := range []string{"ListArtifacts", "GetSignedArtifactURL", "DeleteArtifact", "CreateArtifact", "FinalizeArtifact"} {
		if status, _ := neighbour.call(artifactTwirp+method, map[string]any{"workflow_run_backend_id": "4711", "name": "a", "version": 4}); status != 403 {
			t.Errorf("%s in the name of another run: %d, want 403", method, status)
		}
	}
	// A run of the same number in another repository is another run.
	twin := d.as(t, who{repository: "evil/demo", run: "4711"})
	if _, a := twin.call(artifactTwirp+"ListArtifacts", map[string]any{}); fmt.Sprint(a["artifacts"]) != "[]" {
		t.Errorf("another repository sees %v", a["artifacts"])
	}
	if status, _ := twin.call(artifactTwirp+"GetSignedArtifactURL", map[string]any{"name": "a"}); status != 404 {
		t.Errorf("another repository gets a link: %d", status)
	}
}

// TestTokenIsDeadAfterJob: a process that outlives the job, or whoever it sent
// the token to, can do nothing with it. The job runs for real.
func TestTokenIsDeadAfterJob(t *testing.T) {
	d := newDesk(t)
	dir := t.TempDir()
	o := attack{setup: d.forScripts, workflow: job(`
steps:
  - run: |
      umask 077; printf '%s %s' "$ACTIONS_RUNTIME_URL" "$ACTIONS_RUNTIME_TOKEN" > ` + dir + `/taken
      echo "::debug::$ACTIONS_RUNTIME_TOKEN"; echo "$ACTIONS_RUNTIME_TOKEN"
`)}.run(t)
	o.wantConclusion(plan.Success)
	taken, err := os.ReadFile(filepath.Join(dir, "taken"))
	if err != nil {
		t.Fatal(err)
	}
	address, token, _ := strings.Cut(string(taken), " ")
	if len(token) < 100 {
		t.Fatalf("the step had no token: %q", taken)
	}
	o.wantNever(token)
	c := &client{t: t, base: d.base, token: token, run: "4711"}
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		if status, _ := c.do(method, path, strings.NewReader("{}")); status != http.StatusUnauthorized {
			t.Errorf("after the job: %s answers %d", route, status)
		}
	}
	// The port is free by now: somebody else may listen there.
	short := http.Client{Timeout: 2 * time.Second}
	answers := func(address string) string {
		answer, err := short.Get(address)
		if err != nil {
			return ""
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		return fmt.Sprintf("%d %s", answer.StatusCode, body)
	}
	if said := answers(address); said != "" && said == answers(d.base) {
		t.Errorf("after the job its address %s still answers %s", address, said)
	}
}

// TestSignedURLsCannotBeChanged_GHSA_82g9: a link allows one thing on one blob.
func TestSignedURLsCannotBeChanged_GHSA_82g9(t *testing.T) {
	d := newDesk(t)
	mine, theirs := d.as(t, who{}), d.as(t, who{repository: "other/repo"})
	for c, content := range map[*client]string{mine: "mine", theirs: "theirs"} {
		if !c.saveCache("key", "v", content) {
			t.Fatal("not saved")
		}
	}
	good, foreign := mine.cacheLink("key", "v"), theirs.cacheLink("key", "v")
	u, err := url.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	f, err := url.Parse(foreign)
	if err != nil {
		t.Fatal(err)
	}
	change := func(path string, query func(url.Values)) string {
		c := *u
		if path != "" {
			c.Path = path
		}
		q := c.Query()
		if query != nil {
			query(q)
		}
		c.RawQuery = q.Encode()
		return c.String()
	}
	for what, link := range map[string]string{
		"foreign blob":    change(f.Path, nil),
		"other class":     change(strings.Replace(u.Path, "/cache/", "/artifact/", 1), nil),
		"later expiry":    change("", func(q url.Values) { q.Set("se", "9999999999") }),
		"other verb":      change("", func(q url.Values) { q.Set("sp", "w") }),
		"no signature":    change("", func(q url.Values) { q.Del("sig") }),
		"empty signature": change("", func(q url.Values) { q.Set("sig", "") }),
		"cut signature":   change("", func(q url.Values) { q.Set("sig", q.Get("sig")[:10]) }),
		"their signature": change("", func(q url.Values) { q.Set("sig", f.Query().Get("sig")) }),
	} {
		if status, body := mine.do(http.MethodGet, link, nil); status != http.StatusForbidden {
			t.Errorf("%s: GET answers %d: %s", what, status, body)
		}
		if status, _ := mine.do(http.MethodPut, link, strings.NewReader("x"), "x-ms-blob-type", "BlockBlob"); status != http.StatusForbidden {
			t.Errorf("%s: PUT answers %d", what, status)
		}
	}
	if status, _ := mine.do(http.MethodPut, good, strings.NewReader("poison"), "x-ms-blob-type", "BlockBlob"); status != http.StatusForbidden {
		t.Errorf("a link for reading took a PUT: %d", status)
	}
	if _, content := mine.do(http.MethodGet, good, nil); content != "mine" {
		t.Errorf("the entry is %q now", content)
	}
}

// endless counts what is read of a body that does not end.
type endless struct {
	head string
	left int64
	sent atomic.Int64 // it is read on while the answer comes
}

func (e *endless) Read(p []byte) (int, error) {
	if e.head != "" {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	copy(p[:n], bytes.Repeat([]byte("a"), int(n)))
	e.left -= n
	e.sent.Add(n)
	return int(n), nil
}

// TestBodiesAreBounded_GO_2026_5643: no request makes the services hold a body
// or a header of any size (Tekton: unbounded HTTP body).
func TestBodiesAreBounded_GO_2026_5643(t *testing.T) {
	d := newDesk(t)
	c := d.as(t, who{})
	const size = 96 << 20
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		if method != http.MethodPost {
			continue
		}
		body := &endless{head: `{"workflow_run_backend_id":"4711","key":"`, left: size}
		r, err := http.NewRequest(method, c.base+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.token)
		r.Header.Set("Content-Type", "application/json")
		answer, err := straight.Do(r)
		status := 0
		if err == nil { // the connection may be cut instead
			status = answer.StatusCode
			answer.Body.Close()
		}
		if sent := body.sent.Load(); sent > size/2 {
			t.Errorf("%s read %d MiB of a body without end", route, sent>>20)
		}
		if err == nil && (status < 400 || status >= 500) {
			t.Errorf("%s answers %d to it", route, status)
		}
	}
	// The server hangs up while the header is still sent: not each answer comes through.
	answered := false
	for try := 0; try < 20 && !answered; try++ {
		r, err := http.NewRequest(http.MethodGet, c.base+"nothing", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.token)
		r.Header.Set("X-Long", strings.Repeat("a", 1<<20))
		answer, err := straight.Do(r)
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answered = true; answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("a header of 1 MiB is answered %d", answer.StatusCode)
		}
	}
	if !answered {
		t.Error("a header of 1 MiB is never answered")
	}
}
