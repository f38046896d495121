package cli

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
)

// letterbox keeps what is sent to it.
type letterbox struct {
	*httptest.Server
	mu      sync.Mutex
	letters []letter
}

type letter struct {
	header http.Header
	body   []byte
}

func newLetterbox(t *testing.T) *letterbox {
	b := &letterbox{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.letters = append(b.letters, letter{q.Header.Clone(), body})
	}))
	t.Cleanup(b.Close)
	return b
}

// empty gives what came since it was asked last.
func (b *letterbox) empty() []letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.letters
	b.letters = nil
	return all
}

// runHelm runs the real program.
func runHelm(t *testing.T, args ...string) string {
	t.Helper()
	program := os.Getenv("DRYDOCK_TEST_HELM")
	if program == "" {
		found, _ := filepath.Glob(filepath.Join(home, "../../../bin/tools/helm-*"))
		if len(found) == 0 {
			t.Skip("needs helm: run make helm, or set DRYDOCK_TEST_HELM")
		}
		program = found[0]
	}
	cmd := exec.Command(program, args...)
	folder := t.TempDir()
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+folder, "HELM_CONFIG_HOME="+folder, "HELM_DATA_HOME="+folder)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// home is the package's folder, wherever the tests go.
var home, _ = os.Getwd()

// A push brings the chart to the registry and the word to whom it concerns; without
// one nobody gets anything.
func TestBuildPublishes(t *testing.T) {
	y := newYard(t)
	box, g := newLetterbox(t), githubtest.New(t)
	g.Repository("octo/deploy", githubtest.Files{"f": "1"})
	y.Write(map[string]string{
		"drydock.yaml": `services:
  web:
    path: web
    image: HOST/shop/web
    chart: deploy
    notify:
      - {webhook: "` + box.URL + `/in?key=4711", secret: HOOK_SECRET}
      - {dispatch: octo/deploy, event-type: roll-out}
  other:
    path: other
    image: HOST/shop/other
    chart: {path: broken, repository: HOST/shop/charts}
    notify: {webhook: "` + box.URL + `"}
`,
		"web/Dockerfile": "FROM scratch\nCOPY data.txt /\n", "web/data.txt": "1",
		"other/Dockerfile": "FROM scratch\nCOPY data.txt /\n", "other/data.txt": "1",
		"deploy/Chart.yaml":         "apiVersion: v2\nname: front\nversion: 0.0.0\n",
		"deploy/values.yaml":        "image:\n  repository: \"\" # the service's\n  tag: \"\"\n  digest: \"\"\n",
		"deploy/templates/web.yaml": "image: {{ .Values.image.repository }}:{{ .Values.image.tag }}@{{ .Values.image.digest }}\napp: {{ .Chart.AppVersion }}\n",
		"broken/Chart.yaml":         "apiVersion: v2\nname: other\nversion: 0.0.0\ntype: nosuch\n",
	})
	y.replaceHost("drydock.yaml")
	sha := y.Commit("Charts")
	y.Git("tag", "web/v1.4.0")

	// Missing secrets are missed before anything is published.
	out, code := y.drydock("build", "--since", firstPush)
	for _, want := range []string{`drydock.yaml:7: service "web": the secret "HOOK_SECRET" of its webhook is not there`, `drydock.yaml:8: service "web": there is no token to tell "octo/deploy" with`} {
		if code != exitUsage || !strings.Contains(out, want) {
			t.Errorf("exit %d, does not say %q:\n%s", code, want, out)
		}
	}
	token := g.UserToken("octo")
	y.env = []string{"HOOK_SECRET=canary-4711", "GITHUB_TOKEN=" + token, "DRYDOCK_GITHUB_API_URL=" + g.URL() + "/api/v3"}
	if out, code := y.drydock("build", "web", "--no-push"); code != 0 {
		t.Errorf("--no-push: exit %d\n%s", code, out)
	}
	if all := box.empty(); len(all) != 0 || len(g.Deliveries()) != 0 || y.head("shop/charts/front", "1.4.0") != nil || y.head("shop/web", "1.4.0") != nil {
		t.Errorf("something was published: %d events, %d dispatches", len(all), len(g.Deliveries()))
	}

	out, code = y.drydock("build", "--since", firstPush, "-v")
	if code != exitJobFailed || !strings.Contains(out, "broken/Chart.yaml:4: helm refuses the chart") {
		t.Errorf("exit %d\n%s", code, out)
	}
	for _, secret := range []string{"canary-4711", "key=4711", token} {
		if strings.Contains(out, secret) {
			t.Errorf("%q is in the log\n%s", secret, out)
		}
	}
	image, pushed := y.head("shop/web", "1.4.0"), y.head("shop/charts/front", "1.4.0")
	if image == nil || pushed == nil {
		t.Fatalf("image %v, chart %v\n%s", image, pushed, out)
	}
	if y.head("shop/charts/other", "1.4.0") != nil {
		t.Error("a chart that helm refuses was pushed")
	}

	// Helm has it.
	folder := t.TempDir()
	runHelm(t, "pull", "oci://"+y.registry+"/shop/charts/front", "--version", "1.4.0", "--plain-http", "-d", folder)
	rendered := runHelm(t, "template", filepath.Join(folder, "front-1.4.0.tgz"))
	for _, want := range []string{"image: " + y.registry + "/shop/web:1.4.0@" + image.Digest.String() + "\n", "app: 1.4.0\n"} {
		if !strings.Contains(rendered, want) {
			t.Errorf("helm template does not give %q:\n%s", want, rendered)
		}
	}

	// The webhook has heard of the one that was published, signed.
	all := box.empty()
	if len(all) != 1 {
		t.Fatalf("%d events\n%s", len(all), out)
	}
	mac := hmac.New(sha256.New, []byte("canary-4711"))
	mac.Write(all[0].body)
	if got, want := all[0].header.Get("X-Hub-Signature-256"), "sha256="+hex.EncodeToString(mac.Sum(nil)); got != want {
		t.Errorf("signature %q, want %q", got, want)
	}
	var event struct {
		Type string
		Data struct {
			CustomData struct{ Service, Digest, Commit, Chart, Version string }
		}
	}
	if err := json.Unmarshal(all[0].body, &event); err != nil {
		t.Fatal(err)
	}
	chart := "oci://" + y.registry + "/shop/charts/front:1.4.0@" + pushed.Digest.String()
	if d := event.Data.CustomData; event.Type != "dev.cdevents.artifact.published.0.3.0" || d.Service != "web" || d.Digest != image.Digest.String() || d.Commit != sha || d.Chart != chart || d.Version != "1.4.0" {
		t.Errorf("event: %s", all[0].body)
	}
	g.Settle()
	if deliveries := g.Deliveries(); len(deliveries) != 1 || deliveries[0].Event != "repository_dispatch" || deliveries[0].Action != "roll-out" || !strings.Contains(string(deliveries[0].Payload), image.Digest.String()) {
		t.Errorf("dispatches: %+v", deliveries)
	}
}
