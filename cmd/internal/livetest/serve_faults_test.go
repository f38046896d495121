package livetest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/setup"
)

// TestServeRefuses: a server that cannot be says why in one line, at once.
func TestServeRefuses(t *testing.T) {
	w := newWorld(t)
	var front *url.URL
	late := 10 * time.Minute // how far GitHub's clock is ahead, for those who ask through the front
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.Host = r.In.Host
			r.Out.URL.Scheme, r.Out.URL.Host = front.Scheme, front.Host
		},
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set("Date", time.Now().Add(late).UTC().Format(http.TimeFormat))
			return nil
		},
	})
	t.Cleanup(proxy.Close)
	gh := githubtest.New(t)
	front, _ = url.Parse(gh.URL())
	app := gh.App()
	right := setup.Credentials{
		ID: app.ID, Slug: app.Slug, ClientID: app.ClientID, Server: gh.URL(), PrivateKey: app.PrivateKey, WebhookSecrets: [][]byte{[]byte(app.WebhookSecret)},
	}
	if err := setup.Save(w.state("app"), right); err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other := right
	other.PrivateKey = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := setup.Save(w.state("other"), other); err != nil {
		t.Fatal(err)
	}
	if err := setup.Save(w.state("open"), right); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(w.state("open", "private-key.pem"), 0o644); err != nil {
		t.Fatal(err)
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	w.env = append(w.env, "DRYDOCK_GITHUB_SERVER_URL="+gh.URL(), "DRYDOCK_GITHUB_API_URL="+gh.URL()+"/api/v3", "DRYDOCK_SERVER_LISTEN="+freePort(t))
	environment := w.env
	for _, c := range []struct {
		name, words string
		code        int
		env         []string
		ahead       time.Duration
	}{
		{"no App", `there is no GitHub App: make one with "drydock app create"`, 2, []string{"DRYDOCK_APP_FOLDER=" + w.state("none")}, 0},
		{"wrong key", "see that app.id and the private key belong together", 2, []string{"DRYDOCK_APP_FOLDER=" + w.state("other")}, 0},
		{"open key", "private-key.pem\": everybody can read it (mode 0644): chmod 600 it", 2, []string{"DRYDOCK_APP_FOLDER=" + w.state("open")}, 0},
		{"port in use", "address already in use: set server.listen", 4, []string{"DRYDOCK_SERVER_LISTEN=" + busy.Addr().String()}, 0},
		{"no database", "connection refused: see that the database runs and database_url is right", 4, []string{"DRYDOCK_DATABASE_URL=postgres://me:hunter2hunter2@127.0.0.1:1/drydock"}, 0},
		{"wrong clock", "from GitHub's: set it", 2, []string{"DRYDOCK_GITHUB_SERVER_URL=" + proxy.URL}, late},
	} {
		gh.Advance(c.ahead)
		w.env = append(environment[:len(environment):len(environment)], c.env...)
		r := w.program("serve").wait()
		gh.Advance(-c.ahead)
		r.wantCode(c.code)
		if !strings.Contains(r.err, c.words) || strings.Contains(r.err, "hunter2") || strings.Count(r.err, "\n") != 1 || r.took > time.Minute {
			t.Errorf("%s: after %s: %s", c.name, r.took, r.err)
		}
	}
}

// TestServeDrains: on SIGTERM a job that ends in time is waited for, one that takes
// longer goes on without a server, and the next start takes it up: no step is ended.
func TestServeDrains(t *testing.T) {
	w := newWorld(t)
	s := serve(t, w, "DRYDOCK_PLATFORMS=ubuntu-latest="+bash)
	repo := s.gh.Repository("octo/demo", nil)
	sha := repo.Push("main", githubtest.Files{".github/workflows/ci.yml": `
name: CI
on: push
jobs:
  long:
    runs-on: ubuntu-latest
    steps: [{run: 'for i in $(seq 32); do echo "line $i"; sleep 0.5; done'}]
`}, "add ci")
	log := func() string {
		var runs struct{ Runs []struct{ ID int64 } }
		if s.get("/api/v1/runs", &runs); len(runs.Runs) == 0 {
			return ""
		}
		return string(s.get(fmt.Sprintf("/api/v1/runs/%d/attempts/1/log?job=long", runs.Runs[0].ID), nil))
	}
	s.eventually("the step runs", func() bool { return strings.Contains(log(), "line 3\n") })
	s.stop(syscall.SIGTERM) // with --drain 1s
	said, err := os.ReadFile(s.log)
	if err != nil || !strings.Contains(string(said), "1 jobs go on in their places; the next start takes them up") {
		t.Errorf("the server says: %s (%v)", said, err)
	}
	s.start()
	if c := s.completed(repo, sha, 1)["CI / long (push)"]; c.Conclusion != "success" {
		t.Errorf("check run: %+v", c)
	}
	text := log()
	for i := 1; i <= 32; i++ {
		if n := strings.Count(text, fmt.Sprintf("line %d\n", i)); n != 1 {
			t.Errorf("line %d is there %d times:\n%s", i, n, text)
		}
	}
}

// TestServeRights: who may read a repository at GitHub sees its runs, by a token of
// GitHub; others see nothing of it.
func TestServeRights(t *testing.T) {
	w := newWorld(t)
	s := serve(t, w, "DRYDOCK_PLATFORMS=ubuntu-latest="+bash)
	repo := s.gh.Repository("octo/demo", nil)
	repo.SetPrivate(true)
	s.gh.User("mona")
	s.gh.User("hubot")
	repo.Collaborator("mona", "read")
	sha := repo.Push("main", githubtest.Files{".github/workflows/ci.yml": "on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo}]}}\n"}, "add ci")
	s.completed(repo, sha, 1)
	for login, want := range map[string]int{"mona": 1, "hubot": 0} {
		s.bearer = s.gh.UserToken(login)
		var runs struct{ Runs []struct{ ID int64 } }
		if s.get("/api/v1/runs", &runs); len(runs.Runs) != want {
			t.Errorf("%s sees %d runs, want %d", login, len(runs.Runs), want)
		}
	}
}
