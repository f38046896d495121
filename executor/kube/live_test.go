package kube

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/executortest"
)

// The live tests need a cluster with the images below, and the permission to
// use it: DRYDOCK_TEST_KUBE=1 and KUBECONFIG.
const (
	helperImage = "docker.io/drydock-test/helper:1"
	testImage   = "drydock-test/busybox:1"
	userImage   = "drydock-test/busybox-user:1" // the same, USER app
)

// requests counts what the API server is asked.
type requests struct {
	next http.RoundTripper
	n    *atomic.Int64
	log  *sync.Map
}

func (r requests) RoundTrip(q *http.Request) (*http.Response, error) {
	r.n.Add(1)
	r.log.Store(r.n.Load(), q.Method+" "+q.URL.Path)
	return r.next.RoundTrip(q)
}

// live gives a back end on the real cluster. What a test leaves behind is an
// error of that test.
func live(t testing.TB, o Options) (*Executor, executor.Labels) {
	t.Helper()
	if os.Getenv("DRYDOCK_TEST_KUBE") != "1" {
		t.Skip("needs a cluster: set DRYDOCK_TEST_KUBE=1 and KUBECONFIG")
	}
	if o.HelperImage == "" {
		o.HelperImage = helperImage
	}
	if os.Getenv("DRYDOCK_TEST_LOG") != "" {
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	x, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	owner := executor.OwnerID("test/" + random())
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

// create makes a place and closes it at the end of the test.
func create(t testing.TB, x *Executor, spec executor.Spec) *environment {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	if spec.Image.Ref == "" {
		spec.Image.Ref = testImage
	}
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

func TestConformance(t *testing.T) {
	for name, spec := range map[string]executor.Spec{
		"machine":   {Name: "conformance", Kind: executor.Machine, Image: executor.Image{Ref: testImage}, Containers: true},
		"container": {Name: "conformance", Kind: executor.Container, Image: executor.Image{Ref: testImage}, Containers: true},
		"user":      {Name: "conformance", Kind: executor.Machine, Image: executor.Image{Ref: userImage}, Containers: true},
	} {
		t.Run(name, func(t *testing.T) {
			executortest.Run(t, func(t *testing.T) (executor.Executor, executor.Spec) {
				x, _ := live(t, Options{})
				return x, spec
			})
		})
	}
}
