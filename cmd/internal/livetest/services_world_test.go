package livetest

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

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// firstPush stands for no commit at all, as in the event of a new branch.
const firstPush = "0000000000000000000000000000000000000000"

// fault answers a request in a registry's place, or tells that it has not.
type fault func(w http.ResponseWriter, r *http.Request) bool

// imageRegistry is a registry that notes what it is asked and can be made to fail. Tests
// look into it by a door without faults.
type imageRegistry struct {
	t     testing.TB
	next  http.Handler
	host  string // where the program reaches it
	inner string // where tests do

	mu    sync.Mutex
	fault fault
	asked []string // METHOD PATH
}

func newImageRegistry(t testing.TB) *imageRegistry {
	t.Helper()
	i := &imageRegistry{t: t, next: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	i.host, i.inner = address(serveQuietly(t, i, (*httptest.Server).Start)), address(serveQuietly(t, i.next, (*httptest.Server).Start))
	return i
}

func serveQuietly(t testing.TB, h http.Handler, start func(*httptest.Server)) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(s)
	t.Cleanup(s.Close)
	return s
}

func address(s *httptest.Server) string { return s.Listener.Addr().String() }

func (i *imageRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.asked = append(i.asked, r.Method+" "+r.URL.Path)
	f := i.fault
	i.mu.Unlock()
	if f == nil || !f(w, r) {
		i.next.ServeHTTP(w, r)
	}
}

// breaks lets requests fail from now on; nil: none.
func (i *imageRegistry) breaks(f fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fault = f
}

// uploads are the requests about layers that send something, since the last call.
func (i *imageRegistry) uploads() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []string
	for _, line := range i.asked {
		if !strings.HasPrefix(line, "GET ") && !strings.HasPrefix(line, "HEAD ") && strings.Contains(line, "/blobs/") {
			all = append(all, line)
		}
	}
	i.asked = nil
	return all
}

// digest is what a tag points to; "": there is none.
func (i *imageRegistry) digest(image, tag string) string {
	i.t.Helper()
	d, err := remote.Head(i.reference(image, tag))
	if err != nil {
		return ""
	}
	return d.Digest.String()
}

func (i *imageRegistry) reference(image, tag string) name.Reference {
	i.t.Helper()
	ref, err := name.ParseReference(i.inner + "/" + image + ":" + tag)
	if err != nil {
		i.t.Fatal(err)
	}
	return ref
}

// base puts a small image with a shell there.
func (i *imageRegistry) base(image string) {
	i.t.Helper()
	file := filepath.Join(i.t.TempDir(), "base.tar")
	docker(i.t, "save", "-o", file, busybox)
	img, err := tarball.ImageFromPath(file, nil)
	if err == nil {
		err = remote.Write(i.reference(image, "1"), img)
	}
	if err != nil {
		i.t.Fatal(err)
	}
}

// services writes files, in which HOST is the registry, and commits them.
func (w *world) services(host string, files map[string]string) (sha string) {
	w.t.Helper()
	for name, content := range files {
		w.file(name, strings.ReplaceAll(content, "HOST/", host+"/"))
	}
	w.commit()
	return strings.TrimSpace(w.git("rev-parse", "HEAD"))
}

// build runs `drydock build` to its end.
func (w *world) build(args ...string) result {
	w.t.Helper()
	return w.program(append([]string{"build"}, args...)...).wait()
}

// newBuildkitd starts one that knows nothing yet, and gives its address.
func newBuildkitd(t testing.TB, more ...string) string {
	t.Helper()
	program := os.Getenv("DRYDOCK_TEST_BUILDKITD")
	if program == "" {
		found, _ := filepath.Glob(filepath.Join(root, "bin/tools/buildkitd-*"))
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
	eventually(t, patience, "buildkitd comes", func() bool { _, err := os.Stat(socket); return err == nil })
	return "unix://" + socket
}
