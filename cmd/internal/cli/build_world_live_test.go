package cli

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// gate stands before a registry: it notes requests, and may answer them itself.
type gate struct {
	next  http.Handler
	fault func(w http.ResponseWriter, r *http.Request) bool // true: it has answered; nil: none

	mu    sync.Mutex
	asked []string // METHOD PATH
}

func newGate(fault func(w http.ResponseWriter, r *http.Request) bool) *gate {
	return &gate{next: registry.New(registry.Logger(log.New(io.Discard, "", 0))), fault: fault}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.asked = append(g.asked, r.Method+" "+r.URL.Path)
	g.mu.Unlock()
	if g.fault == nil || !g.fault(w, r) {
		g.next.ServeHTTP(w, r)
	}
}

// writes are the requests that send something, since the last call.
func (g *gate) writes() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []string
	for _, line := range g.asked {
		if !strings.HasPrefix(line, "GET ") && !strings.HasPrefix(line, "HEAD ") {
			all = append(all, line)
		}
	}
	g.asked = nil
	return all
}

// gateYard is a yard whose registry is behind a gate.
func gateYard(t *testing.T) (*yard, *gate) {
	t.Helper()
	y, g := newYard(t), newGate(nil)
	y.registry = serveGate(t, g)
	return y, g
}

func serveGate(t *testing.T, g *gate) string {
	t.Helper()
	server := httptest.NewUnstartedServer(g)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// base pushes a small image with a shell to the registry and gives its name.
func (y *yard) base() string {
	y.t.Helper()
	file := filepath.Join(y.t.TempDir(), "base.tar")
	if out, err := exec.Command("docker", "save", "-o", file, "drydock-test/busybox:1").CombinedOutput(); err != nil {
		y.t.Fatalf("docker save: %v: %s", err, out)
	}
	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		y.t.Fatal(err)
	}
	ref, err := name.ParseReference(y.registry + "/base:1")
	if err == nil {
		err = remote.Write(ref, img)
	}
	if err != nil {
		y.t.Fatal(err)
	}
	return ref.String()
}

// projectRoot is kept before -C leads elsewhere.
var projectRoot, _ = filepath.Abs("../../..")

// buildkitd starts one that knows nothing yet, and gives its address.
func buildkitd(t *testing.T, more ...string) string {
	t.Helper()
	program := os.Getenv("DRYDOCK_TEST_BUILDKITD")
	if program == "" {
		found, _ := filepath.Glob(filepath.Join(projectRoot, "bin/tools/buildkitd-*"))
		if len(found) == 0 {
			t.Skip("needs buildkitd: run make buildkit, or set DRYDOCK_TEST_BUILDKITD")
		}
		program = found[len(found)-1]
	}
	dir, err := os.MkdirTemp("", "drydock-buildkitd-") //nolint:usetesting // short: a socket's path is limited
	if err != nil {
		t.Fatal(err)
	}
	socket := dir + "/s"
	cmd := exec.Command(program, append([]string{"--addr", "unix://" + socket, "--root", dir + "/root", "--containerd-worker=false", "--oci-worker-gc=false"}, more...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			return "unix://" + socket
		}
		if time.Since(began) > 20*time.Second {
			t.Fatal("buildkitd does not come")
		}
	}
}
