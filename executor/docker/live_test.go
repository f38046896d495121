package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/drydock-ci/drydock/executor"
)

// The live tests need an engine and the permission to use it:
// DRYDOCK_TEST_DOCKER=1.

const (
	testImage = "drydock-test/busybox:1"
	userImage = "drydock-test/busybox-user:1" // the same, USER app
)

// buildHelper builds the helper once for all tests.
var buildHelper = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "drydock-docker-test-*")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "drydock-helper")
	cmd := exec.Command("go", "build", "-o", path, "github.com/drydock-ci/drydock/cmd/drydock-helper")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	if os.Getenv(holdVariable) != "" {
		os.Exit(hold())
	}
	code := m.Run()
	if os.Getenv("DRYDOCK_TEST_DOCKER") == "1" {
		if path, err := buildHelper(); err == nil {
			os.RemoveAll(filepath.Dir(path))
		}
	}
	os.Exit(code)
}

// live gives a back end on the real engine. What a test leaves behind is an
// error of that test.
func live(t testing.TB, o Options) (*Executor, executor.Labels) {
	t.Helper()
	if os.Getenv("DRYDOCK_TEST_DOCKER") != "1" {
		t.Skip("needs a Docker engine: set DRYDOCK_TEST_DOCKER=1")
	}
	path, err := buildHelper()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DRYDOCK_HELPER", path)
	if o.HelperCache == "" {
		o.HelperCache = t.TempDir()
	}
	x := New(o)
	c, err := x.connection(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := makeImages(c.api.(*client.Client)); err != nil {
		t.Fatal(err)
	}
	owner := executor.OwnerID("test-" + newName("x")[10:])
	t.Cleanup(func() {
		swept, err := x.Sweep(context.Background(), owner, nil)
		if err != nil {
			t.Error(err)
		}
		for _, r := range swept.Removed {
			t.Errorf("left behind: %s", r)
		}
	})
	return x, executor.Labels{Owner: owner, Run: "run-1", Job: "build"}
}

var makeImages = func() func(*client.Client) error {
	var once sync.Once
	var err error
	return func(c *client.Client) error {
		once.Do(func() {
			for ref, changes := range map[string][]string{testImage: nil, userImage: {"USER app"}} {
				if _, ierr := c.ImageInspect(context.Background(), ref); ierr == nil {
					continue
				}
				if err = importBusybox(c, ref, changes); err != nil {
					return
				}
			}
		})
		return err
	}
}()

func importBusybox(c *client.Client, ref string, changes []string) error {
	bin, err := os.ReadFile("/usr/bin/busybox")
	if err != nil {
		return fmt.Errorf("needs the package busybox-static: %w", err)
	}
	list, err := exec.Command("/usr/bin/busybox", "--list").Output()
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	file := func(h tar.Header, data string) {
		h.Size = int64(len(data))
		if err == nil {
			err = w.WriteHeader(&h)
		}
		if err == nil {
			_, err = w.Write([]byte(data))
		}
	}
	for _, d := range []string{"bin", "etc", "dev", "proc", "sys", "root", "home", "usr", "var"} {
		file(tar.Header{Typeflag: tar.TypeDir, Name: d + "/", Mode: 0o755}, "")
	}
	file(tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, "")
	file(tar.Header{Typeflag: tar.TypeDir, Name: "home/app/", Mode: 0o755, Uid: 1000, Gid: 1000}, "")
	file(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, string(bin))
	for applet := range strings.FieldsSeq(string(list)) {
		if applet != "busybox" {
			file(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox", Mode: 0o777}, "")
		}
	}
	file(tar.Header{Typeflag: tar.TypeReg, Name: "etc/passwd", Mode: 0o644},
		"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
	file(tar.Header{Typeflag: tar.TypeReg, Name: "etc/group", Mode: 0o644}, "root:x:0:\napp:x:1000:\nnogroup:x:65534:\n")
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return err
	}
	r, err := c.ImageImport(context.Background(), image.ImportSource{Source: &buf, SourceName: "-"}, ref, image.ImportOptions{
		Changes: append([]string{"ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", `CMD ["/bin/sh"]`}, changes...),
	})
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

// create makes a place and closes it at the end of the test.
func create(t testing.TB, x *Executor, spec executor.Spec) *environment {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if spec.Image.Ref == "" {
		spec.Image.Ref = testImage
	}
	spec.Image.Pull = executor.PullNever
	e, err := x.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e.(*environment)
}

// sh runs a script and gives its output and exit code.
func sh(t testing.TB, e executor.Environment, script string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var mu sync.Mutex
	var out bytes.Buffer
	exit, err := executor.Run(ctx, e, executor.Command{
		ID: executor.ProcessID(newName("p")), Argv: []string{"sh", "-c", script}, Dir: "/",
	}, func(_ int64, b []byte) {
		mu.Lock()
		defer mu.Unlock()
		out.Write(b)
	}, executor.DefaultStop)
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return strings.TrimSpace(out.String()), exit.Code
}

// want runs a script that must print exactly that.
func want(t testing.TB, e executor.Environment, script, output string) {
	t.Helper()
	if got, code := sh(t, e, script); got != output || code != 0 {
		t.Errorf("%s: got %q, exit %d, want %q", script, got, code, output)
	}
}
