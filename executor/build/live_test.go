package build

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/client"
	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/drydock-ci/drydock/executor/build/registry"
)

// The live tests start buildkitd of their own, as root: `make buildkit` brings it.
func buildkitd(t testing.TB) string {
	t.Helper()
	if os.Getenv("DRYDOCK_TEST_DOCKER") != "1" {
		t.Skip("needs root, a Docker engine and runc: set DRYDOCK_TEST_DOCKER=1")
	}
	program := os.Getenv("DRYDOCK_TEST_BUILDKITD")
	if program == "" {
		if found, _ := filepath.Glob("../../bin/tools/buildkitd-*"); len(found) > 0 {
			program = found[len(found)-1]
		} else {
			t.Skip("needs buildkitd: run make buildkit, or set DRYDOCK_TEST_BUILDKITD")
		}
	}
	return program
}

// daemon is one buildkitd with a state of its own.
type daemon struct {
	*exec.Cmd
	address string
	out     bytes.Buffer
}

// start starts one; more are arguments beside the usual ones.
func start(t testing.TB, address string, more ...string) *daemon {
	t.Helper()
	program := buildkitd(t)
	dir, err := os.MkdirTemp("", "drydock-buildkitd-") //nolint:usetesting // short: a socket's path is limited
	if err != nil {
		t.Fatal(err)
	}
	if address == "" {
		address = "unix://" + dir + "/s"
	}
	d := &daemon{address: address}
	args := append([]string{"--addr", address, "--root", dir + "/root", "--containerd-worker=false", "--oci-worker-gc=false"}, more...)
	d.Cmd = exec.Command(program, args...)
	d.Stdout, d.Stderr = &d.out, &d.out
	d.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.Process.Signal(syscall.SIGTERM)
		_ = d.Wait()
		_ = os.RemoveAll(dir)
	})
	return d
}

// builder waits for the daemon.
func (d *daemon) builder(t testing.TB, o Options) *Builder {
	t.Helper()
	o.Address = d.address
	if o.Registry == nil {
		o.Registry = anonymous(t)
	}
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if _, err = b.Probe(t.Context()); err == nil {
			return b
		}
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("%v: %s", err, d.out.String())
		}
	}
}

var (
	oneDaemon  sync.Once
	theDaemon  *daemon
	leaveFuncs []func()
)

// keeper lets something live as long as all tests.
type keeper struct{ testing.TB }

func (keeper) Cleanup(f func()) { leaveFuncs = append(leaveFuncs, f) }

func TestMain(m *testing.M) {
	code := m.Run()
	for _, f := range leaveFuncs {
		f()
	}
	os.Exit(code)
}

// shared is a builder on the one daemon of all tests.
func shared(t testing.TB, o Options) *Builder {
	t.Helper()
	buildkitd(t)
	oneDaemon.Do(func() { theDaemon = start(keeper{t}, "") })
	return theDaemon.builder(t, o)
}

func anonymous(t testing.TB) *registry.Client {
	t.Helper()
	c, err := registry.New(registry.Options{NoUserLogins: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// docker is the engine of this machine.
func docker(t testing.TB) *client.Client {
	t.Helper()
	if os.Getenv("DRYDOCK_TEST_DOCKER") != "1" {
		t.Skip("needs a Docker engine: set DRYDOCK_TEST_DOCKER=1")
	}
	c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func engineOf(c *client.Client) func(context.Context) (Engine, error) {
	return func(context.Context) (Engine, error) { return c, nil }
}

// host serves a registry.
func host(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)), ggcr.WithReferrersSupport(true)))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// base pushes an image with busybox, for what RUNs.
func base(t testing.TB, host string) string {
	t.Helper()
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Skip("needs the package busybox-static")
	}
	var layer bytes.Buffer
	tw := tar.NewWriter(&layer)
	for _, h := range []*tar.Header{
		{Name: "bin/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o777},
		{Name: "bin/busybox", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(program))},
	} {
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			_, _ = tw.Write(program)
		}
	}
	for _, a := range []string{"sh", "cat", "echo", "sleep", "kill", "ls", "date", "stat", "id", "head"} {
		_ = tw.WriteHeader(&tar.Header{Name: "bin/" + a, Typeflag: tar.TypeSymlink, Linkname: "busybox"})
	}
	_ = tw.Close()
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err == nil {
		img, err = mutate.ConfigFile(img, &v1.ConfigFile{
			OS: "linux", Architecture: "amd64", Config: v1.Config{Env: []string{"PATH=/bin"}}, RootFS: mustConfig(t, img).RootFS,
		})
	}
	ref, rerr := name.ParseReference(host + "/base/busybox:1")
	if err = errors.Join(err, rerr); err == nil {
		err = remote.Write(ref, img)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ref.Name()
}

func mustConfig(t testing.TB, img v1.Image) *v1.ConfigFile {
	t.Helper()
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// folder writes files: name, content, name, content...
func folder(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// images reads what a reference points to, by platform.
func images(t testing.TB, ref string) map[string]v1.Image {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	d, err := remote.Get(parsed)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]v1.Image{}
	if !d.MediaType.IsIndex() {
		img, err := d.Image()
		if err != nil {
			t.Fatal(err)
		}
		c := mustConfig(t, img)
		out[c.OS+"/"+c.Architecture] = img
		return out
	}
	index, err := d.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range m.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		out[d.Platform.OS+"/"+d.Platform.Architecture] = img
	}
	return out
}

// files of an image, name to content; what carries a time after epoch is an error.
func files(t testing.TB, img v1.Image) map[string]string {
	t.Helper()
	out := map[string]string{}
	r := tar.NewReader(mutate.Extract(img))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.ModTime.After(DefaultEpoch) {
			t.Errorf("%s is of %s", h.Name, h.ModTime)
		}
		if h.Typeflag == tar.TypeReg {
			out[strings.TrimPrefix(h.Name, "/")] = string(data)
		}
	}
}

// told gathers events.
type told struct {
	mu  sync.Mutex
	all []Event
}

func (e *told) add(v Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, v)
}

func (e *told) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var b strings.Builder
	for _, v := range e.all {
		fmt.Fprintf(&b, "%s %q %q\n", v.Kind, v.Name, v.Line)
	}
	return b.String()
}
