package registry

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	digest "github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/drydock-ci/drydock/executor"
)

// example is an image for two platforms, with a layer of size bytes each.
func example(t testing.TB, size int64) (Layout, ocispec.Descriptor) {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := random.Image(size, 1)
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	dir := t.TempDir()
	p, err := layout.Write(dir, empty.Index)
	if err == nil {
		err = p.AppendIndex(index)
	}
	if err != nil {
		t.Fatal(err)
	}
	root, err := Layout{dir}.Root()
	if err != nil {
		t.Fatal(err)
	}
	return Layout{dir}, root
}

// server is a registry that counts what it is asked, behind a handler that may
// spoil it.
type server struct {
	*httptest.Server
	host string
	mu   sync.Mutex
	seen []string // METHOD PATH
}

type middleware func(http.Handler) http.Handler

func serve(t testing.TB, start func(*httptest.Server), around ...middleware) *server {
	t.Helper()
	s := &server{}
	h := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))
	for _, m := range around {
		h = m(h)
	}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, q.Method+" "+q.URL.Path)
		s.mu.Unlock()
		h.ServeHTTP(w, q)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(s.Server)
	t.Cleanup(s.Close)
	s.host = s.Listener.Addr().String()
	return s
}

func plain(s *httptest.Server)  { s.Start() }
func secure(s *httptest.Server) { s.StartTLS() }

// count tells how many requests have that method and that in their path.
func (s *server) count(method, part string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, line := range s.seen {
		if strings.HasPrefix(line, method+" ") && strings.Contains(line, part) {
			n++
		}
	}
	return n
}

func client(t testing.TB, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.pause = time.Millisecond
	return c
}

func TestPush(t *testing.T) {
	s := serve(t, plain)
	c := client(t, Options{NoUserLogins: true})
	l, root := example(t, 1000)
	repo := s.host + "/team/agenda"
	var states sync.Map
	push := func(tags ...string) {
		t.Helper()
		if err := c.Push(t.Context(), l, root, repo, tags, func(p Progress) { states.Store(p.Digest, p.State) }); err != nil {
			t.Fatal(err)
		}
	}
	push("v1", "latest")
	ref, _ := name.ParseReference(repo + ":latest")
	index, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil || len(m.Manifests) != 2 {
		t.Fatalf("%v, %v", m, err)
	}
	for _, d := range m.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		layers, err := img.Layers()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range layers {
			if r, err := l.Uncompressed(); err != nil {
				t.Error(err)
			} else if _, err := io.Copy(io.Discard, r); err != nil {
				t.Error(err)
			}
		}
	}
	got, err := c.Resolve(t.Context(), repo+":v1")
	want := Resolved{
		Digest: root.Digest, MediaType: ocispec.MediaTypeImageIndex, Size: root.Size,
		Platforms: []ocispec.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	n := 0
	states.Range(func(_, v any) bool {
		n++
		if v != Sent {
			t.Errorf("state %v", v)
		}
		return true
	})
	if n != 4 || s.count("POST", "uploads") != 4 {
		t.Errorf("%d blobs, %d uploads", n, s.count("POST", "uploads"))
	}
	// The same again sends nothing; neither does a new tag for it.
	push("again")
	if err := c.Retag(t.Context(), repo, root.Digest, "v2", "v3"); err != nil {
		t.Fatal(err)
	}
	if s.count("POST", "uploads") != 4 {
		t.Errorf("%d uploads", s.count("POST", "uploads"))
	}
	if got, err := c.Resolve(t.Context(), repo+":v3"); err != nil || got.Digest != root.Digest {
		t.Errorf("%v, %v", got, err)
	}
	// Before a tag is moved all manifests are there and were read back.
	s.mu.Lock()
	text := strings.Join(s.seen, "\n")
	s.mu.Unlock()
	if back, moved := strings.Index(text, "GET /v2/team/agenda/manifests/"+root.Digest.String()), strings.Index(text, "PUT /v2/team/agenda/manifests/v1"); back < 0 || moved < back {
		t.Errorf("order: %s", text)
	}
	for ref, kind := range map[string]executor.ErrorKind{
		repo + ":nothing": executor.NotFound, s.host + "/other:v1": executor.NotFound, "UPPER CASE": executor.Invalid,
	} {
		if _, err := c.Resolve(t.Context(), ref); !executor.IsKind(err, kind) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if err := c.Retag(t.Context(), repo, digest.FromString("x"), "v9"); !executor.IsKind(err, executor.NotFound) {
		t.Error(err)
	}
	if err := c.Push(t.Context(), l, root, repo, []string{"no/tag"}, nil); !executor.IsKind(err, executor.Invalid) {
		t.Error(err)
	}
}

// basic wants a user and a password.
func basic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if u, p, _ := q.BasicAuth(); u != "ann" || p != "s3cret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}`, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, q)
	})
}

// token wants a token that is given for the password and the scope.
func token(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		scope := "repository:team/agenda:" + map[bool]string{true: "pull", false: "push,pull"}[q.Method == http.MethodGet || q.Method == http.MethodHead]
		if q.URL.Path == "/token" {
			if u, p, _ := q.BasicAuth(); u != "ann" || p != "s3cret" {
				http.Error(w, `{"details":"wrong password"}`, http.StatusUnauthorized)
				return
			}
			fmt.Fprintf(w, `{"token":%q}`, q.FormValue("scope"))
			return
		}
		if got := q.Header.Get("Authorization"); got != "Bearer "+scope && got != "Bearer repository:team/agenda:push,pull" {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="r",scope=%q`, q.Host, scope))
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}`, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, q)
	})
}

func TestLogin(t *testing.T) {
	for kind, ask := range map[string]middleware{"basic": basic, "token": token} {
		t.Run(kind, func(t *testing.T) {
			s := serve(t, plain, ask)
			l, root := example(t, 100)
			logins := func(password string) map[string]executor.Credentials {
				return map[string]executor.Credentials{s.host: {Username: "ann", Password: password}}
			}
			push := func(o Options) error {
				return client(t, o).Push(t.Context(), l, root, s.host+"/team/agenda", []string{"v1"}, nil)
			}
			if err := push(Options{NoUserLogins: true, Logins: logins("s3cret")}); err != nil {
				t.Error(err)
			}
			for what, o := range map[string]Options{"wrong": {NoUserLogins: true, Logins: logins("guess-me")}, "none": {NoUserLogins: true}} {
				err := push(o)
				if !executor.IsKind(err, executor.Refused) || executor.ReasonOf(err) != WrongCredentials {
					t.Errorf("%s: %v", what, err)
				}
				if strings.Contains(fmt.Sprint(err), "guess-me") {
					t.Errorf("the password is in %v", err)
				}
			}
		})
	}
}

// TestUserLogins: Docker's configuration, and a helper that it names.
func TestUserLogins(t *testing.T) {
	s := serve(t, plain, basic)
	l, root := example(t, 100)
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("HOME", dir)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	write(t, filepath.Join(dir, "docker-credential-test"), "#!/bin/sh\nread host\n[ \"$host\" = "+s.host+" ] && echo '{\"Username\":\"ann\",\"Secret\":\"s3cret\"}' || { echo credentials not found in native keychain; exit 1; }\n")
	auth := base64.StdEncoding.EncodeToString([]byte("ann:s3cret"))
	for what, conf := range map[string]string{
		"auths":  fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, s.host, auth),
		"helper": fmt.Sprintf(`{"credHelpers":{%q:"test"}}`, s.host),
		"store":  `{"credsStore":"test"}`,
	} {
		write(t, filepath.Join(dir, "config.json"), conf)
		if err := client(t, Options{}).Push(t.Context(), l, root, s.host+"/app", nil, nil); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := client(t, Options{NoUserLogins: true}).Push(t.Context(), l, root, s.host+"/app", nil, nil); executor.ReasonOf(err) != WrongCredentials {
			t.Errorf("%s: a server took it: %v", what, err)
		}
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestTLS(t *testing.T) {
	s := serve(t, secure)
	l, root := example(t, 100)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := client(t, Options{NoUserLogins: true, CACert: ca}).Push(t.Context(), l, root, s.host+"/app", []string{"v1"}, nil); err != nil {
		t.Error(err)
	}
	err := client(t, Options{NoUserLogins: true}).Push(t.Context(), l, root, s.host+"/app", nil, nil)
	if !executor.IsKind(err, executor.Refused) || !strings.Contains(err.Error(), "trust who signed") {
		t.Errorf("an unknown certificate: %v", err)
	}
	if _, err := New(Options{CACert: []byte("nothing")}); !executor.IsKind(err, executor.Invalid) {
		t.Error(err)
	}
}

// TestPlainHTTP: nothing is sent unencrypted to a host that is not declared, not
// even to one with a private address.
func TestPlainHTTP(t *testing.T) {
	c := client(t, Options{PlainHTTP: []string{"registry.test:5000", "bare"}})
	passed := false
	c.anywhere = trip(func(*http.Request) (*http.Response, error) { passed = true; return nil, io.EOF })
	for host, want := range map[string]bool{
		"localhost:5000": true, "127.0.0.1": true, "[::1]:80": true, "registry.test:5000": true, "bare:80": true, "bare": true,
		"registry.test": false, "10.1.2.3:5000": false, "192.168.0.1": false, "localhost.evil.test": false, "x.local": false,
	} {
		if got := c.mayBePlain(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
		q, _ := http.NewRequest(http.MethodGet, "http://"+host+"/v2/", http.NoBody)
		q = q.WithContext(t.Context())
		passed = false
		resp, err := c.web(host).RoundTrip(q)
		if err == nil {
			resp.Body.Close()
		}
		if passed != want || !want && !errors.Is(err, errPlain) {
			t.Errorf("%s: passed %v, %v", host, passed, err)
		}
	}
}

type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }

// TestDamagedLayout: what is here is checked too.
func TestDamagedLayout(t *testing.T) {
	s := serve(t, plain)
	c := client(t, Options{NoUserLogins: true})
	spoil := map[string]func(l Layout, root ocispec.Descriptor, blob ocispec.Descriptor){
		"manifest": func(l Layout, root, _ ocispec.Descriptor) { write(t, l.Path(root.Digest), "{}") },
		"layer": func(l Layout, _, blob ocispec.Descriptor) {
			write(t, l.Path(blob.Digest), string(bytes.Repeat([]byte("x"), int(blob.Size))))
		},
		"short layer":   func(l Layout, _, blob ocispec.Descriptor) { write(t, l.Path(blob.Digest), "x") },
		"missing layer": func(l Layout, _, blob ocispec.Descriptor) { os.Remove(l.Path(blob.Digest)) },
	}
	for name, f := range spoil {
		l, root := example(t, 500)
		content, err := l.Content(root)
		if err != nil {
			t.Fatal(err)
		}
		f(l, root, content.Blobs[1])
		err = c.Push(t.Context(), l, root, s.host+"/damaged", []string{"v1"}, nil)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if reason := executor.ReasonOf(err); (name == "manifest" || name == "layer") && reason != DigestMismatch {
			t.Errorf("%s: %q, %v", name, reason, err)
		}
	}
	if _, err := c.Resolve(t.Context(), s.host+"/damaged:v1"); !executor.IsKind(err, executor.NotFound) {
		t.Errorf("a tag was moved: %v", err)
	}
}

func TestCancelled(t *testing.T) {
	cause := errors.New("the user said so")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := serve(t, plain, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.Method == http.MethodPatch {
				cancel(cause)
				time.Sleep(10 * time.Millisecond)
			}
			next.ServeHTTP(w, q)
		})
	})
	l, root := example(t, 100)
	if err := client(t, Options{NoUserLogins: true}).Push(ctx, l, root, s.host+"/app", nil, nil); !errors.Is(err, cause) {
		t.Error(err)
	}
}

func FuzzContent(f *testing.F) {
	f.Add([]byte(`{"manifests":[{"digest":"sha256:00","size":1}]}`))
	f.Add([]byte(`{"config":{"digest":"../../etc"},"layers":[{"digest":"sha512:1"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		d := digest.FromBytes(data)
		l := Layout{dir}
		if err := os.MkdirAll(filepath.Dir(l.Path(d)), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, l.Path(d), string(data))
		index, err := json.Marshal(ocispec.Index{Manifests: []ocispec.Descriptor{{Digest: d, Size: int64(len(data))}}})
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "index.json"), string(index))
		root, err := l.Root()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = l.Content(root)
	})
}
