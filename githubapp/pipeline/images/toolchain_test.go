package images

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/executor/build"
)

// TestOwnToolchain: of the environment the builder gets what is named, without logins.
func TestOwnToolchain(t *testing.T) {
	for _, name := range []string{"GONOPROXY", "GONOSUMDB", "GOPRIVATE", "HTTP_PROXY", "https_proxy", "NO_PROXY", "no_proxy"} {
		t.Setenv(name, "")
	}
	for name, value := range map[string]string{
		"GOPROXY": "https://proxy.test|direct", "GOSUMDB": "off", "GOFLAGS": "-mod=mod", "GOENV": "off", "HTTP_PROXY": "http://proxy.test:3128", "NO_PROXY": "internal.test,@x",
		"GOOGLE_APPLICATION_CREDENTIALS": "canary", "GOAUTH": "netrc", "DRYDOCK_VAULT_KEY": "canary", "HTTPS_PROXY": "http://user:canary@proxy.test",
	} {
		t.Setenv(name, value)
	}
	got, err := ownToolchain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"GOPROXY=https://proxy.test|direct", "GOSUMDB=off", "GOFLAGS=-mod=mod"}, got.env); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(build.Proxy{HTTP: "http://proxy.test:3128", No: "internal.test,@x"}, got.proxy); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"HTTPS_PROXY"}, got.left); diff != "" {
		t.Error(diff)
	}
}

func TestLogins(t *testing.T) {
	for value, want := range map[string]string{
		"":                            "",
		"https://proxy.test,direct":   "GOPROXY=https://proxy.test,direct",
		"https://proxy.test/a@b":      "GOPROXY=https://proxy.test/a@b",
		"https://u:p@proxy.test":      "GOPROXY=off",
		"direct,https://t@proxy.test": "GOPROXY=off",
		"https://a|https://u:p@b":     "GOPROXY=off",
		"off":                         "GOPROXY=off",
	} {
		var tool toolchain
		tool.settings(map[string]string{"GOPROXY": value})
		if got := strings.Join(tool.env, " "); got != want {
			t.Errorf("%q gives %q, want %q", value, got, want)
		}
	}
	var tool toolchain
	tool.settings(map[string]string{"GOSUMDB": "sums https://u:p@sums.test"})
	if len(tool.env) > 0 || len(tool.left) != 1 {
		t.Errorf("%q, left %q", tool.env, tool.left)
	}
	for value, want := range map[string]string{"proxy.test:1": "proxy.test:1", "u:p@proxy.test:1": "", "http://u@proxy.test": "", "http://proxy.test": "http://proxy.test"} {
		var tool toolchain
		tool.proxies(func(name string) string { return map[string]string{"http_proxy": value}[name] })
		if tool.proxy.HTTP != want || want == "" && len(tool.left) != 1 {
			t.Errorf("%q gives %q, want %q", value, tool.proxy.HTTP, want)
		}
	}
}

func TestOfficial(t *testing.T) {
	root, linked := t.TempDir(), t.TempDir()
	for _, name := range []string{"bin", "pkg", "src"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(linked, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "bin/go"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ root, platform, want string }{
		{root, "darwin/arm64", "it is for darwin/arm64"},
		{root, "linux/amd64", "EOF"},
		{linked, "linux/amd64", `"bin" is no folder of it`},
	} {
		if _, err := official(tt.root, tt.platform); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

func TestCertificates(t *testing.T) {
	bundle, to := filepath.Join(t.TempDir(), "mine.pem"), filepath.Join(t.TempDir(), "to")
	t.Setenv("SSL_CERT_FILE", bundle)
	if got, err := certificates(to); got != "" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := os.WriteFile(bundle, []byte("pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := certificates(to); got != to || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if data, err := os.ReadFile(filepath.Join(to, "ca-certificates.crt")); string(data) != "pem" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestNoGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := ownToolchain(t.Context()); err == nil || !strings.Contains(err.Error(), "this server has no Go") {
		t.Error(err)
	}
}
