package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/webhook"
)

// TestFlow presses the buttons that a person presses, with a GitHub that answers
// one code.
func TestFlow(t *testing.T) {
	gitHub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/api/v3/app-manifests/right/conversions" {
			http.Error(w, `{"message":"Not Found"}`, http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":7,"slug":"dry","html_url":"https://ghe/apps/dry","pem":"KEY","webhook_secret":"hook","client_id":"Iv1","client_secret":"cs"}`)
	}))
	defer gitHub.Close()
	flow, err := NewFlow(Request{Name: `Dry "dock"`, Organization: "octo", URL: "https://ci.example.com/"}, gitHub.URL)
	if err != nil {
		t.Fatal(err)
	}
	type ended struct {
		c   Credentials
		err error
	}
	done := make(chan ended, 1)
	go func() {
		c, err := flow.Wait(t.Context())
		done <- ended{c, err}
	}()

	body := get(t, flow.Page(), http.StatusOK)
	action := html.UnescapeString(regexp.MustCompile(`action="([^"]*)"`).FindStringSubmatch(body)[1])
	text := html.UnescapeString(regexp.MustCompile(`name="manifest" value="([^"]*)"`).FindStringSubmatch(body)[1])
	var m manifest
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	if m.Name != `Dry "dock"` || m.Hook.URL != "https://ci.example.com/webhook" || m.CallbackURLs[0] != "https://ci.example.com/auth/callback" {
		t.Errorf("manifest %+v", m)
	}
	to, err := url.Parse(action)
	if err != nil || !strings.HasPrefix(action, gitHub.URL+"/organizations/octo/settings/apps/new?") {
		t.Fatalf("the form goes to %q (%v)", action, err)
	}
	state := to.Query().Get("state")

	get(t, m.RedirectURL+"?code=right&state=forged", http.StatusForbidden)
	get(t, m.RedirectURL+"?state="+state, http.StatusForbidden)
	get(t, m.RedirectURL+"?code=right&state="+state, http.StatusOK)
	got := <-done
	if got.err != nil || got.c.ID != 7 || string(got.c.PrivateKey) != "KEY" || got.c.ClientSecret != "cs" {
		t.Errorf("got %+v, %v", got.c, got.err)
	}
}

func TestFlowThatFails(t *testing.T) {
	gitHub := httptest.NewServer(http.NotFoundHandler())
	defer gitHub.Close()
	flow, err := NewFlow(Request{Name: "dry", URL: "https://ci.example.com"}, gitHub.URL)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := flow.Wait(t.Context()); done <- err }()
	get(t, flow.Page()+"created?code=old&state="+flow.state, http.StatusBadGateway)
	if err := <-done; err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("an unknown code: %v", err)
	}

	flow, err = NewFlow(Request{Name: "dry", URL: "https://ci.example.com"}, gitHub.URL)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := flow.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody came: %v", err)
	}
}

// TestOtherNames: a page of a stranger whose name points at this machine gets
// nothing.
func TestOtherNames(t *testing.T) {
	flow, err := NewFlow(Request{Name: "dry", URL: "https://ci.example.com"}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer flow.listener.Close()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = "evil.example.com"
	flow.local(http.HandlerFunc(flow.page)).ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), flow.state) {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

func get(t *testing.T, address string, want int) string {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		t.Fatalf("%s: %d, want %d: %s (%v)", address, res.StatusCode, want, body, err)
	}
	return string(body)
}

func TestManifestAsksForWhatTheServerHears(t *testing.T) {
	for _, name := range subscribed() {
		if !slices.Contains(webhook.Events(), name) {
			t.Errorf("%s: the server ignores it", name)
		}
	}
	for _, p := range (Request{ReadOnly: true}).permissions() {
		if p == "write" {
			continue
		}
		if p != "read" {
			t.Errorf("permission %q", p)
		}
	}
	if got := (Request{ReadOnly: true}).permissions()["contents"]; got != "read" {
		t.Errorf("read only: contents: %s", got)
	}
	if got := (Request{}).permissions()["contents"]; got != "write" {
		t.Errorf("contents: %s", got)
	}
}

func TestRequestCheck(t *testing.T) {
	for name, r := range map[string]Request{
		"no name":      {URL: "https://x"},
		"long name":    {Name: strings.Repeat("n", 35), URL: "https://x"},
		"no address":   {Name: "n", URL: "x"},
		"organization": {Name: "n", URL: "https://x", Organization: "a/b"},
	} {
		if r.Check() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestCredentials(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "app")
	if _, err := Load(Files{Folder: folder}); !errors.Is(err, ErrNone) {
		t.Errorf("nothing there: %v", err)
	}
	c := Credentials{ID: 7, Slug: "dry", ClientID: "Iv1", Server: "https://github.com", PrivateKey: []byte("KEY\n"), WebhookSecrets: [][]byte{[]byte("new"), []byte("old")}, ClientSecret: "cs"}
	if err := Save(folder, c); err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, "KEY") || strings.Contains(text, "cs}") {
		t.Errorf("a log shows %s", text)
	}
	got, err := Load(Files{Folder: folder})
	if err != nil || got.ID != 7 || string(got.PrivateKey) != "KEY\n" || len(got.WebhookSecrets) != 2 || string(got.WebhookSecrets[1]) != "old" || got.ClientSecret != "cs" {
		t.Errorf("read back %+v, %v", got, err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 4 {
		t.Fatalf("files %v, %v", entries, err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v (%v)", e.Name(), info.Mode(), err)
		}
	}
	if err := Save(folder, c); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second App over the first: %v", err)
	}
	if err := os.Chmod(filepath.Join(folder, "private-key.pem"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Files{Folder: folder}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that everybody reads: %v", err)
	}
	other := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(other, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(folder, "private-key.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Files{Folder: folder, WebhookSecret: other}); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("an empty secret: %v", err)
	}
}
