package docker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/registry"
	"github.com/drydock-ci/drydock/executor"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func env(kv map[string]string) func(string) string { return func(k string) string { return kv[k] } }

func TestCandidates(t *testing.T) {
	home := t.TempDir()
	hosts := func(o Options) []string {
		t.Helper()
		o.Home = home
		cs, err := New(o).candidates()
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, c := range cs {
			out = append(out, c.host)
		}
		return out
	}
	guesses := hosts(Options{Getenv: env(map[string]string{"XDG_RUNTIME_DIR": "/run/user/7"})})
	for _, want := range []string{"unix:///var/run/docker.sock", "unix:///run/user/7/docker.sock", "unix:///run/user/7/podman/podman.sock", "unix:///run/podman/podman.sock"} {
		if !slices.Contains(guesses, want) {
			t.Errorf("%q lacks %s", guesses, want)
		}
	}
	if got := hosts(Options{Getenv: env(map[string]string{"DOCKER_HOST": "tcp://h:1"})}); !slices.Equal(got, []string{"tcp://h:1"}) {
		t.Errorf("got %q", got)
	}
	if got := hosts(Options{Host: "ssh://h", Getenv: env(map[string]string{"DOCKER_HOST": "tcp://h:1"})}); !slices.Equal(got, []string{"ssh://h"}) {
		t.Errorf("got %q", got)
	}
	sum := sha256.Sum256([]byte("far"))
	write(t, filepath.Join(home, ".docker/contexts/meta", hex.EncodeToString(sum[:]), "meta.json"),
		`{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far:2376","SkipTLSVerify":false}}}`)
	write(t, filepath.Join(home, ".docker/config.json"), `{"currentContext":"far"}`)
	if got := hosts(Options{Getenv: env(nil)}); !slices.Equal(got, []string{"tcp://far:2376"}) {
		t.Errorf("got %q", got)
	}
	if got := hosts(Options{Getenv: env(map[string]string{"DOCKER_CONTEXT": "default"})}); len(got) < 3 {
		t.Errorf("got %q", got)
	}
	_, err := New(Options{Home: home, Getenv: env(map[string]string{"DOCKER_CONTEXT": "near"})}).candidates()
	if err == nil || !strings.Contains(err.Error(), `docker context "near"`) {
		t.Errorf("got %v", err)
	}
}

func TestNoEngine(t *testing.T) {
	home := t.TempDir()
	for name, tc := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"socket":  {map[string]string{"DOCKER_HOST": "unix://" + home + "/none.sock"}, []string{"none.sock (DOCKER_HOST): no such socket", "start Docker"}},
		"refused": {map[string]string{"DOCKER_HOST": "tcp://127.0.0.1:1"}, []string{"tcp://127.0.0.1:1 (DOCKER_HOST): "}},
		"scheme":  {map[string]string{"DOCKER_HOST": "ftp://h"}, []string{`scheme "ftp" is not supported: use unix, tcp or ssh`}},
		"text":    {map[string]string{"DOCKER_HOST": "h"}, []string{`"h" is not an address`}},
	} {
		_, err := New(Options{Home: home, Getenv: env(tc.env)}).Probe(context.Background())
		for _, want := range tc.want {
			if !executor.IsKind(err, executor.Unavailable) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", name, err, want)
			}
		}
	}
}

// TestTLS talks to an engine over TCP with certificates.
func TestTLS(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/version"):
			_, _ = w.Write([]byte(`{"Version":"20.10","Os":"linux","Arch":"arm64"}`))
		case strings.HasSuffix(r.URL.Path, "/info"):
			_, _ = w.Write([]byte(`{"SecurityOptions":["name=seccomp","name=selinux"]}`))
		}
	}))
	defer srv.Close()
	home := t.TempDir()
	write(t, filepath.Join(home, "ca.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})))
	kv := map[string]string{"DOCKER_HOST": "tcp://" + srv.Listener.Addr().String(), "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": home}
	caps, err := New(Options{Home: home, Getenv: env(kv)}).Probe(context.Background())
	if err != nil || caps.Arch != "arm64" || !caps.Remote || len(caps.Notes) != 2 {
		t.Errorf("%+v, %v", caps, err)
	}
	kv["DOCKER_CERT_PATH"] = t.TempDir() // without the authority
	if _, err := New(Options{Home: home, Getenv: env(kv)}).Probe(context.Background()); !executor.IsKind(err, executor.Unavailable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
}

func TestLogin(t *testing.T) {
	home := t.TempDir()
	bin := t.TempDir()
	write(t, filepath.Join(bin, "docker-credential-test"), "#!/bin/sh\nread k\ncase $k in *helped*) echo '{\"Username\":\"<token>\",\"Secret\":\"tok\"}';; *) echo 'credentials not found'; exit 1;; esac\n")
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	b64 := base64.StdEncoding.EncodeToString([]byte("user:pa:ss"))
	write(t, filepath.Join(home, ".docker/config.json"),
		`{"auths":{"https://registry.test/v2/":{"auth":"`+b64+`"},"other.test":{}},"credHelpers":{"helped.test":"test"}}`)
	x := New(Options{Home: home, Getenv: env(nil)})
	for _, tc := range []struct {
		img  executor.Image
		want registry.AuthConfig
	}{
		{executor.Image{Ref: "registry.test/a/b:1"}, registry.AuthConfig{Username: "user", Password: "pa:ss", ServerAddress: "registry.test"}},
		{executor.Image{Ref: "helped.test/a"}, registry.AuthConfig{IdentityToken: "tok", ServerAddress: "helped.test"}},
		{executor.Image{Ref: "registry.test.evil/a"}, registry.AuthConfig{}},
		{executor.Image{Ref: "other.test/a"}, registry.AuthConfig{}},
		{executor.Image{Ref: "alpine"}, registry.AuthConfig{}},
		{executor.Image{Ref: "registry.test/a", Credentials: &executor.Credentials{Username: "u", Password: "p"}}, registry.AuthConfig{Username: "u", Password: "p", ServerAddress: "registry.test"}},
	} {
		head, err := x.login(context.Background(), tc.img)
		if err != nil {
			t.Errorf("%s: %v", tc.img.Ref, err)
			continue
		}
		got, err := registry.DecodeAuthConfig(head)
		if err != nil || *got != tc.want {
			t.Errorf("%s: %+v, %v, want %+v", tc.img.Ref, *got, err, tc.want)
		}
	}
	x.opts.NoUserLogins = true
	if head, err := x.login(context.Background(), executor.Image{Ref: "registry.test/a"}); head != "" || err != nil {
		t.Errorf("a server used its user's login: %q %v", head, err)
	}
	if _, err := askHelper(context.Background(), "../evil", "x"); err == nil {
		t.Error("a helper may not be a path")
	}
}

func TestSurroundings(t *testing.T) {
	x := New(Options{Proxy: map[string]string{"http_proxy": "p", "no_proxy": "n", "https_proxy": ""}, CACert: []byte("x"), Getenv: env(nil)})
	got := x.surroundings([]string{"NO_PROXY=mine", "SSL_CERT_FILE=/mine"}, true)
	if !slices.Contains(got, "http_proxy=p") || !slices.Contains(got, "HTTP_PROXY=p") || !slices.Contains(got, "CURL_CA_BUNDLE="+caTarget) || len(got) != 2+len(caVariables)-1 {
		t.Errorf("got %q", got)
	}
	if got := x.surroundings(nil, false); len(got) != 4 {
		t.Errorf("got %q", got)
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[string]string{
		"build (ubuntu, 1.2)": "build-ubuntu-1-2", "": "job", "--": "job", "ÄÖ": "job", "A_b": "a-b", strings.Repeat("x", 99): strings.Repeat("x", 40),
	} {
		if got := safe(in, 40); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if a, b := newName("a"), newName("a"); a == b || !strings.HasPrefix(a, "drydock-a-") {
		t.Errorf("%q %q", a, b)
	}
	for in, want := range map[string]string{"Octo/Repo.js": "octo/repo-js", "": "local", "../..": "local", "a/b/c/d": "a/b/c", "./x": "x"} {
		if got := repositoryTag(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestStream(t *testing.T) {
	frame := func(kind byte, text string) []byte {
		n := len(text)
		return append([]byte{kind, 0, 0, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, text...)
	}
	in := slices.Concat(frame(1, "ab\x00"), frame(2, "warn"), frame(1, ""), frame(1, "cd"), frame(2, strings.Repeat("e", 9000)), frame(1, "!"))
	s := &stream{r: bytes.NewReader(in)}
	var got []byte
	buf := make([]byte, 2)
	var err error
	for err == nil {
		var n int
		n, err = s.Read(buf)
		got = append(got, buf[:n]...)
	}
	if string(got) != "ab\x00cd!" || !strings.HasPrefix(err.Error(), "the helper's stream ended: warneee") || len(err.Error()) > maxText+100 {
		t.Errorf("%q, %.80v", got, err)
	}
	if _, err := (&stream{r: bytes.NewReader([]byte{9, 0, 0, 0, 0, 0, 0, 1, 1})}).Read(buf); err == nil {
		t.Error("an unknown frame is no error")
	}
}
