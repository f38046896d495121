package livetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/setup"
)

// served is `drydock serve` beside a GitHub.
type served struct {
	*world
	gh   *githubtest.GitHub
	url  string
	cmd  *exec.Cmd
	log  string // file
	done chan error

	bearer string // who asks the API; "": somebody on this machine
}

// serve starts the server in a world, as an operator would: with the App's
// credentials in its folder and settings in the environment.
func serve(t testing.TB, w *world, settings ...string) *served {
	t.Helper()
	address := freePort(t)
	s := &served{world: w, gh: githubtest.New(t), url: "http://" + address, log: filepath.Join(w.home, "serve.log")}
	app := s.gh.App()
	if err := setup.Save(w.state("app"), setup.Credentials{
		ID: app.ID, Slug: app.Slug, ClientID: app.ClientID, Server: s.gh.URL(),
		PrivateKey: app.PrivateKey, WebhookSecrets: [][]byte{[]byte(app.WebhookSecret)}, ClientSecret: app.ClientSecret,
	}); err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, "DRYDOCK_GITHUB_SERVER_URL="+s.gh.URL(), "DRYDOCK_GITHUB_API_URL="+s.gh.URL()+"/api/v3",
		"DRYDOCK_SERVER_LISTEN="+address, "DRYDOCK_SERVER_URL="+s.url, "DRYDOCK_LOG_LEVEL=info", "DRYDOCK_SERVER_NAME=one", "DRYDOCK_PULL=never")
	w.env = append(w.env, settings...)
	w.ownerFile = w.state("server", "owner")
	s.run()
	s.gh.SetWebhook(s.url + "/webhook")
	return s
}

// another starts a server more, of the same App, folder and database.
func (s *served) another(name string) *served {
	s.t.Helper()
	address, w := freePort(s.t), *s.world
	w.env = append(slices.Clone(w.env), "DRYDOCK_SERVER_LISTEN="+address, "DRYDOCK_SERVER_NAME="+name)
	more := &served{world: &w, gh: s.gh, url: "http://" + address, log: filepath.Join(w.home, "serve-"+name+".log")}
	more.run()
	return more
}

// run starts the program until the test ends.
func (s *served) run() {
	t := s.t
	t.Helper()
	s.start()
	t.Cleanup(func() {
		s.stop(syscall.SIGTERM)
		if t.Failed() {
			data, _ := os.ReadFile(s.log)
			t.Logf("the server's log:\n%s", data)
		}
	})
}

// start starts the program and waits until it is ready.
func (s *served) start() {
	s.t.Helper()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(binary, "serve", "--drain", "1s")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.home, s.environ(), log, log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.cmd, s.done = cmd, make(chan error, 1)
	go func() { s.done <- cmd.Wait() }()
	s.eventually("the server is ready", func() bool {
		select {
		case err := <-s.done:
			data, _ := os.ReadFile(s.log)
			s.t.Fatalf("the server ended: %v\n%s", err, data)
		default:
		}
		res, err := http.Get(s.url + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// stop ends the program with a signal and waits.
func (s *served) stop(signal os.Signal) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(signal)
	select {
	case <-s.done:
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		<-s.done
		s.t.Error("the server does not stop")
	}
	s.cmd = nil
}

// eventually waits for something that has to happen.
func (s *served) eventually(what string, happened func() bool) {
	s.t.Helper()
	for end := time.Now().Add(6 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if happened() {
			return
		}
	}
	s.t.Fatalf("it does not happen that %s", what)
}

func (s *served) token() string {
	s.t.Helper()
	if s.bearer != "" {
		return s.bearer
	}
	data, err := os.ReadFile(s.state("server", "token"))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// get asks the API.
func (s *served) get(path string, into any) []byte {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token())
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		s.t.Fatalf("GET %s: %d %s (%v)", path, res.StatusCode, data, err)
	}
	if into != nil {
		if err := json.Unmarshal(data, into); err != nil {
			s.t.Fatalf("GET %s: %v: %s", path, err, data)
		}
	}
	return data
}

// peek asks the API and takes any answer.
func (s *served) peek(path string) []byte {
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token())
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	data, _ := io.ReadAll(res.Body)
	return data
}

// newestLog is that of a job of the newest run; "": there is none yet.
func (s *served) newestLog(job string) string {
	s.t.Helper()
	var runs struct{ Runs []struct{ ID int64 } }
	if s.get("/api/v1/runs", &runs); len(runs.Runs) == 0 {
		return ""
	}
	return string(s.peek(fmt.Sprintf("/api/v1/runs/%d/attempts/1/log?job=%s", runs.Runs[0].ID, job)))
}

// checks are the check runs of a commit by name, the newest of a name.
func (s *served) checks(r *githubtest.Repository, sha string) map[string]githubtest.CheckRun {
	all := map[string]githubtest.CheckRun{}
	for _, c := range s.gh.CheckRuns(r, sha) {
		all[c.Name] = c
	}
	return all
}

// completed waits until so many check runs of a commit are completed.
func (s *served) completed(r *githubtest.Repository, sha string, n int) map[string]githubtest.CheckRun {
	s.t.Helper()
	var all map[string]githubtest.CheckRun
	s.eventually(fmt.Sprintf("%d check runs of %s are completed", n, sha[:7]), func() bool {
		all = s.checks(r, sha)
		done := 0
		for _, c := range all {
			if c.Status == "completed" {
				done++
			}
		}
		return done >= n
	})
	return all
}
