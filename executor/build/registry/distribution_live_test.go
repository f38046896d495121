package registry

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor/executortest"
)

// distribution starts Debian's docker-registry.
func distribution(t testing.TB) *url.URL {
	t.Helper()
	if os.Getenv("DRYDOCK_TEST_DOCKER") != "1" {
		t.Skip("needs docker-registry: set DRYDOCK_TEST_DOCKER=1")
	}
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skip("needs the package docker-registry")
	}
	address := "127.0.0.1:" + executortest.Port(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yml")
	write(t, file, fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s, secret: x}\n", dir, address))
	var out bytes.Buffer
	cmd := exec.Command(program, "serve", file)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	u := &url.URL{Scheme: "http", Host: address}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		q, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, u.String()+"/v2/", http.NoBody)
		if resp, err := http.DefaultClient.Do(q); err == nil {
			resp.Body.Close()
			return u
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("docker-registry does not come: %s", out.String())
		}
	}
}

// cutting lets the first uploads through to half, and counts the bytes of all.
type cutting struct {
	next http.Handler
	cuts atomic.Int64
	sent atomic.Int64
}

func (c *cutting) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.Method != http.MethodPatch || q.ContentLength < 1<<20 {
		c.next.ServeHTTP(w, q)
		return
	}
	left := q.ContentLength + 1
	if c.cuts.Add(-1) >= 0 {
		left = q.ContentLength / 2
	}
	q.Body = &cut{q.Body, left, &c.sent}
	c.next.ServeHTTP(w, q) // the proxy gives up when the body does
}

// cut ends a body with an error after left bytes.
type cut struct {
	io.ReadCloser
	left int64
	sent *atomic.Int64
}

func (c *cut) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	c.sent.Add(int64(n))
	return n, err
}

// TestDistribution pushes to the registry that most run, through a proxy that cuts
// off uploads. Its version 2 tells nothing of an upload that was cut off: such a
// layer is sent from the start, and no other is (see TestResume for more).
func TestDistribution(t *testing.T) {
	c := &cutting{}
	to := distribution(t)
	quiet := log.New(io.Discard, "", 0)
	c.next = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // it tells addresses of uploads by it
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     quiet,
	}
	s := httptest.NewUnstartedServer(c)
	s.Config.ErrorLog = quiet
	s.Start()
	defer s.Close()
	c.cuts.Store(3)
	l, root := example(t, 8<<20)
	host := s.Listener.Addr().String()
	cl := client(t, Options{NoUserLogins: true})
	cl.pause = 50 * time.Millisecond
	if err := cl.Push(t.Context(), l, root, host+"/team/app", []string{"v1"}, nil); err != nil {
		t.Fatal(err)
	}
	if sent := c.sent.Load(); sent > 29<<20 { // two layers of 8 MiB, and three halves
		t.Errorf("%d bytes were sent of %d", sent, 16<<20)
	}
	if got, err := cl.Resolve(t.Context(), host+"/team/app:v1"); err != nil || got.Digest != root.Digest {
		t.Errorf("%v, %v", got, err)
	}
	if err := cl.Retag(t.Context(), host+"/team/app", root.Digest, "v2"); err != nil {
		t.Error(err)
	}
}
