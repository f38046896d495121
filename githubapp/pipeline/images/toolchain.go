package images

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/executor/build"
)

// toolchain is this machine's Go, to be used elsewhere.
type toolchain struct {
	root     string
	platform string // of its programs
	version  string // the same for the same files
	env      []string
	proxy    build.Proxy
	left     []string // names of what is not in env and proxy, for the login in it
}

// goSettings are what the go tool takes from whoever operates this process, of all
// that it could: nothing else of the environment leaves this machine.
var goSettings = []string{"GOPROXY", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOFLAGS"}

// ownToolchain asks the go tool in PATH.
func ownToolchain(ctx context.Context) (toolchain, error) {
	var t toolchain
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", append([]string{"env", "-json", "GOROOT", "GOHOSTOS", "GOHOSTARCH"}, goSettings...)...)
	cmd.Dir, cmd.Env, cmd.Stderr = string(filepath.Separator), append(os.Environ(), "GOTOOLCHAIN=local"), &stderr // of no module
	out, err := cmd.Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return t, errors.New("this server has no Go: put the go program in its PATH, or declare a Dockerfile")
	case err != nil:
		return t, fmt.Errorf("go env: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	var env map[string]string
	if err := json.Unmarshal(out, &env); err != nil {
		return t, fmt.Errorf("read what go env says: %w", err)
	}
	t.root, t.platform = env["GOROOT"], env["GOHOSTOS"]+"/"+env["GOHOSTARCH"]
	if t.version, err = official(t.root, t.platform); err != nil {
		return t, fmt.Errorf("this server's Go at %q cannot be used in a builder: %w: install one of Go's own releases for Linux", t.root, err)
	}
	t.settings(env)
	t.proxies(os.Getenv)
	return t, nil
}

// official tells whether the toolchain runs with nothing else around it, and what it
// is.
func official(root, platform string) (version string, err error) {
	if !strings.HasPrefix(platform, "linux/") {
		return "", fmt.Errorf("it is for %s", platform)
	}
	for _, name := range []string{"bin", "pkg", "src"} { // distributions have links there
		if info, err := os.Lstat(filepath.Join(root, name)); err != nil || !info.IsDir() {
			return "", fmt.Errorf("%q is no folder of it", name)
		}
	}
	program, err := elf.Open(filepath.Join(root, "bin", "go"))
	if err != nil {
		return "", err
	}
	defer program.Close()
	if libraries, err := program.ImportedLibraries(); err != nil || len(libraries) > 0 {
		return "", fmt.Errorf("its programs need libraries (%s)", strings.Join(libraries, ", "))
	}
	text, err := os.ReadFile(filepath.Join(root, "VERSION"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(text, platform...))
	return "drydock-go-" + hex.EncodeToString(sum[:]), nil
}

// login finds a user and a password in an address, or in one of a list.
var login = regexp.MustCompile(`://[^/?#\s,|@]*@`)

func (t *toolchain) settings(env map[string]string) {
	for _, name := range goSettings {
		value := env[name]
		if login.MatchString(value) {
			t.left = append(t.left, name)
			if name != "GOPROXY" {
				continue
			}
			value = "off" // and no other one: it could have a module of the same name
		}
		if value != "" {
			t.env = append(t.env, name+"="+value)
		}
	}
}

func (t *toolchain) proxies(getenv func(string) string) {
	for name, to := range map[string]*string{"HTTP_PROXY": &t.proxy.HTTP, "HTTPS_PROXY": &t.proxy.HTTPS, "NO_PROXY": &t.proxy.No} {
		value := cmp.Or(getenv(name), getenv(strings.ToLower(name)))
		if login.MatchString(value) || name != "NO_PROXY" && strings.Contains(value, "@") { // a scheme may be left out
			t.left = append(t.left, name)
			continue
		}
		*to = value
	}
	slices.Sort(t.left)
}

// bundles are where systems keep the certificates of authorities that they trust (Go:
// crypto/x509/root_linux.go).
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cacert.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
}

// certificates puts those that this process trusts into a new folder; "": there are none.
func certificates(folder string) (string, error) {
	from := bundles
	if name := os.Getenv("SSL_CERT_FILE"); name != "" {
		from = []string{name}
	}
	for _, name := range from {
		data, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.Mkdir(folder, 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, filepath.Base(bundles[0])), data, 0o600)
		}
		if err != nil {
			return "", fmt.Errorf("take the certificates along: %w", err)
		}
		return folder, nil
	}
	return "", nil
}
