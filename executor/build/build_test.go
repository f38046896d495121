package build

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	buildkit "github.com/moby/buildkit/client"
	digest "github.com/opencontainers/go-digest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build/registry"
)

func TestAddress(t *testing.T) {
	for _, tt := range []struct {
		o  Options
		ok bool
	}{
		{Options{Address: "unix:///run/b.sock"}, true},
		{Options{Address: "tcp://127.0.0.1:1"}, true},
		{Options{Address: "tcp://localhost:1"}, true},
		{Options{Address: "tcp://[::1]:1"}, true},
		{Options{Address: "tcp://builder:1234", Plain: true}, true},
		{Options{Address: "tcp://builder:1234", TLS: &TLS{}}, true},
		{Options{Address: "tcp://builder:1234"}, false},
		{Options{Address: "tcp://10.0.0.1:1"}, false},
		{Options{Address: "tcp://localhost"}, false},
		{Options{Address: "unix://"}, false},
		{Options{Address: "ssh://x"}, false},
		{Options{Address: "builder:1234"}, false},
		{Options{Address: "%"}, false},
	} {
		if err := checkAddress(tt.o); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.o.Address, err)
		}
	}
	if _, err := New(Options{}); !executor.IsKind(err, executor.Invalid) {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	dir := folder(t, "Dockerfile", "FROM scratch\n", "sub/x", "")
	for name, tt := range map[string]struct {
		r      Request
		reason executor.Reason
		text   string
	}{
		"good":              {Request{Context: dir, Platforms: []string{"linux/arm64", "linux/amd64", "linux/amd64"}, Output: Output{Push: "a/b", Tags: []string{"1"}}}, "", ""},
		"nothing":           {Request{}, "", "context"},
		"no folder":         {Request{Context: dir + "/Dockerfile"}, "", "no folder"},
		"outside":           {Request{Context: dir, Dockerfile: "../Dockerfile"}, OutsideContext, "absolute"},
		"no Dockerfile":     {Request{Context: dir + "/sub"}, BadDockerfile, "there is no Dockerfile"},
		"a folder":          {Request{Context: dir, Dockerfile: "sub"}, BadDockerfile, "there is no Dockerfile"},
		"platform":          {Request{Context: dir, Platforms: []string{"amd64"}}, BadPlatform, "linux/amd64"},
		"provenance":        {Request{Context: dir, Provenance: "mid"}, "", "min nor max"},
		"load two":          {Request{Context: dir, Platforms: []string{"linux/arm64", "linux/amd64"}, Output: Output{Load: []string{"a"}}}, BadPlatform, "one platform"},
		"tags alone":        {Request{Context: dir, Output: Output{Tags: []string{"1"}}}, "", "repository"},
		"relative contexts": {Request{Context: dir, Contexts: map[string]string{"a": "../b"}}, "", "absolute"},
	} {
		tt.r.Name = "agenda"
		err := tt.r.check()
		if name == "good" {
			if err != nil {
				t.Error(err)
			}
			want := map[string]string{"filename": "Dockerfile", "platform": "linux/amd64,linux/arm64", "build-arg:SOURCE_DATE_EPOCH": "315532800"}
			if diff := cmp.Diff(want, tt.r.frontendAttrs()); diff != "" {
				t.Error(diff)
			}
			continue
		}
		if err == nil || executor.ReasonOf(err) != tt.reason || !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), "agenda") {
			t.Errorf("%s: %q, %v", name, executor.ReasonOf(err), err)
		}
	}
}

// TestClassify has what cannot be made to happen in a test; the rest is in TestFaults.
func TestClassify(t *testing.T) {
	for text, want := range map[string]struct {
		kind   executor.ErrorKind
		reason executor.Reason
	}{
		`process "/bin/sh -c make" did not complete successfully: cannot allocate memory`:                                      {executor.Failed, executor.OutOfMemory},
		`process "/bin/sh -c x" did not complete successfully: exit code: 1: exec format error`:                                {executor.Unsupported, BadPlatform},
		`failed to resolve source metadata for docker.io/library/x:1: no match for platform in manifest: not found`:            {executor.Unsupported, BadPlatform},
		`failed to resolve source metadata for r.test/x:1: failed to authorize: 401 Unauthorized`:                              {executor.Refused, registry.WrongCredentials},
		`failed to resolve source metadata for r.test/x:1: pull access denied, insufficient_scope: authorization failed`:       {executor.Refused, registry.WrongCredentials},
		`failed to copy: write /var/lib/buildkit/x: no space left on device`:                                                   {executor.Failed, DiskFull},
		`failed to resolve source metadata for r.test/x:1: failed to do request: Head "https://r.test/v2/": dial tcp: timeout`: {executor.Failed, ""},
		// The engine of Docker 20.10.
		`failed to solve with frontend dockerfile.v0: failed to create LLB definition: r.test/x:1: not found`:                                 {executor.NotFound, ""},
		`failed to solve with frontend dockerfile.v0: failed to create LLB definition: no match for platform in manifest sha256:1: not found`: {executor.Unsupported, BadPlatform},
		`executor failed running [/bin/sh -c exit 3]: exit code: 3`:                                                                           {executor.Failed, StepFailed},
		`executor failed running [/bin/sh -c fill it]: exit code: 137`:                                                                        {executor.Failed, executor.OutOfMemory},
		`something new`: {executor.Failed, ""},
	} {
		got := classify(nil, fmt.Errorf("failed to solve: %w", errors.New(text)))
		if got.Kind != want.kind || got.Reason != want.reason || strings.Contains(got.Error(), "failed to solve") {
			t.Errorf("%s: %s, %q", text, got.Kind, got.Reason)
		}
	}
	for text, kind := range map[string]executor.ErrorKind{
		"connection error: desc = dial tcp: connection refused": executor.Unavailable, "error reading from server: EOF": executor.Lost,
	} {
		if got := classify(nil, status.Error(codes.Unavailable, text)); got.Kind != kind {
			t.Errorf("%s: %s", text, got.Kind)
		}
	}
}

// TestEvents: lines in pieces, secrets over several of them, states told once.
func TestEvents(t *testing.T) {
	var got []string
	w := newWatcher(&Request{
		Secrets:  map[string][]byte{"a": []byte("hunter22\n"), "b": []byte("first line\nsecond line"), "c": []byte("x")},
		Progress: func(e Event) { got = append(got, fmt.Sprintf("%s %s %q %s", e.ID, e.Kind, e.Name, e.Line)) },
	})
	now := time.Now()
	status := make(chan *buildkit.SolveStatus)
	done := make(chan struct{})
	go func() { defer close(done); w.follow(status) }()
	vertex := func(id, name string) *buildkit.Vertex { return &buildkit.Vertex{Digest: digest.Digest(id), Name: name} }
	begun := vertex("1", "RUN echo hunter22")
	begun.Started = &now
	ended := vertex("1", begun.Name)
	ended.Started, ended.Completed = &now, &now
	cached := vertex("2", "COPY a b")
	cached.Started, cached.Completed, cached.Cached = &now, &now, true
	failed := vertex("3", "RUN x")
	failed.Started, failed.Completed, failed.Error = &now, &now, "hunter22 is wrong"
	open := vertex("4", "RUN y")
	open.Started = &now
	log := func(id, text string) []*buildkit.VertexLog {
		return []*buildkit.VertexLog{{Vertex: digest.Digest(id), Data: []byte(text)}}
	}
	for _, s := range []*buildkit.SolveStatus{
		{Vertexes: []*buildkit.Vertex{begun}},
		{Vertexes: []*buildkit.Vertex{begun}, Logs: log("1", "the pass is hun")},
		{Logs: log("1", "ter22\r\nsecond line\nx marks\n\xff\nrest")},
		{Logs: []*buildkit.VertexLog{{Vertex: "1", Stream: 2, Data: []byte("of another stream")}}},
		{Logs: log("9", "of nothing\n")},
		{Vertexes: []*buildkit.Vertex{ended, cached, failed, cached, open}},
	} {
		status <- s
	}
	close(status)
	<-done
	want := []string{
		`1 started "RUN echo ***" `, `1 log "RUN echo ***" the pass is ***`, `1 log "RUN echo ***" ***`, `1 log "RUN echo ***" x marks`,
		`1 log "RUN echo ***" ` + "\uFFFD", `1 log "RUN echo ***" rest`, `1 log "RUN echo ***" of another stream`, `1 finished "RUN echo ***" `, `2 cached "COPY a b" `,
		`3 started "RUN x" `, `3 failed "RUN x" *** is wrong`, `4 started "RUN y" `, `4 failed "RUN y" it was not brought to an end`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := w.hideError(errors.New("a hunter22 b")); err.Error() != "a *** b" || errors.Unwrap(err) == nil {
		t.Error(err)
	}
}

func TestClampTar(t *testing.T) {
	var in, out bytes.Buffer
	tw := tar.NewWriter(&in)
	long := strings.Repeat("d/", 80) + "f"
	old := DefaultEpoch.Add(-time.Hour)
	for _, h := range []*tar.Header{
		{Name: "new", ModTime: time.Now(), AccessTime: time.Now(), Size: 3, Mode: 0o4755, Format: tar.FormatPAX},
		{Name: "old", ModTime: old, Typeflag: tar.TypeSymlink, Linkname: "new"},
		{Name: long, ModTime: time.Now(), PAXRecords: map[string]string{"SCHILY.xattr.user.x": "y"}, Format: tar.FormatPAX},
	} {
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			_, _ = tw.Write([]byte("abc"))
		}
	}
	_ = tw.Close()
	if err := clampTar(&out, &in, DefaultEpoch); err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(&out)
	var got []string
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d %d %v %o %q %q", len(h.Name), h.ModTime.Unix(), h.AccessTime.IsZero(), h.Mode, h.Linkname, h.PAXRecords["SCHILY.xattr.user.x"]))
	}
	want := []string{`3 315532800 true 4755 "" ""`, `3 315529200 true 0 "new" ""`, `161 315532800 true 0 "" "y"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
