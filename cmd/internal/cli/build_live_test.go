package cli

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/drydock-ci/drydock/githubapp/pipeline/tree/treetest"
)

// The sample monorepo, built by the engine's BuildKit and pushed to a registry.
func TestBuildConference(t *testing.T) {
	if os.Getenv("DRYDOCK_TEST_DOCKER") != "1" {
		t.Skip("needs a Docker engine: set DRYDOCK_TEST_DOCKER=1")
	}
	t.Chdir(".") // what -C changes is undone
	var uploads atomic.Int64
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/blobs/uploads") {
			uploads.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")

	r := treetest.New(t)
	r.Copy(filepath.Join("..", "..", "..", "examples", "monorepo"))
	for _, file := range []string{"drydock.yaml", "services/admin/Dockerfile"} {
		src, err := os.ReadFile(filepath.Join(r.Dir, file))
		if err != nil {
			t.Fatal(err)
		}
		r.Write(map[string]string{file: strings.ReplaceAll(string(src), "localhost:5000", host)})
	}
	first := r.Commit("The conference")
	home := t.TempDir()
	drydock := func(args ...string) (string, int) {
		t.Helper()
		var out bytes.Buffer
		env := append(os.Environ(), "XDG_STATE_HOME="+home, "XDG_CACHE_HOME="+home, "XDG_CONFIG_HOME="+home)
		code := Main(append([]string{"drydock", "-C", r.Dir}, args...), strings.NewReader(""), &out, &out, env)
		return out.String(), code
	}
	digest := func(service, tag string) string {
		t.Helper()
		ref, err := name.ParseReference(host + "/conference/" + service + ":" + tag)
		if err != nil {
			t.Fatal(err)
		}
		d, err := remote.Head(ref)
		if err != nil {
			t.Fatalf("%s: %v", ref, err)
		}
		return d.Digest.String()
	}

	if out, code := drydock("build", "--since", "0000000000000000000000000000000000000000", "-v"); code != 0 {
		t.Fatalf("first push: exit %d\n%s", code, out)
	}
	for _, service := range []string{"agenda", "c4p", "notifications", "gateway", "tickets", "assets", "frontend", "admin"} {
		if digest(service, first[:7]) != digest(service, "main") {
			t.Errorf("%s: two tags, two images", service)
		}
	}

	// The working copy is pushed only when a commit names it.
	r.Write(map[string]string{"internal/talk/talk.go": "// Package talk has changed.\npackage talk\n\ntype Talk struct{ Title, Speaker string; Minutes int }\n\nfunc (Talk) Valid() bool { return true }\n"})
	if out, code := drydock("build", "--since", first); code != exitUsage || !strings.Contains(out, "commit it") {
		t.Errorf("uncommitted: exit %d\n%s", code, out)
	}
	second := r.Commit("Talks")
	if out, code := drydock("build", "--since", first, "-v"); code != 0 {
		t.Fatalf("shared package: exit %d\n%s", code, out)
	}
	for service, same := range map[string]bool{"agenda": false, "c4p": false, "notifications": false, "gateway": true, "tickets": true, "assets": true, "frontend": true, "admin": true} {
		if got := digest(service, second[:7]) == digest(service, first[:7]); got != same {
			t.Errorf("%s keeps its image: %v, want %v", service, got, same)
		}
	}

	// Nothing affected: all are re-tagged, nothing is uploaded.
	r.Write(map[string]string{"README.md": "changed"})
	third := r.Commit("README")
	uploads.Store(0)
	if out, code := drydock("build", "--since", second); code != 0 || uploads.Load() != 0 {
		t.Errorf("README: exit %d, %d uploads\n%s", code, uploads.Load(), out)
	}
	if digest("agenda", third[:7]) != digest("agenda", second[:7]) {
		t.Error("agenda was not re-tagged")
	}

	// An older commit gives the same image again.
	images := t.TempDir()
	if out, code := drydock("build", "agenda", "--commit", first, "--output", "oci:"+images); code != 0 {
		t.Fatalf("--commit: exit %d\n%s", code, out)
	}
	path, err := layout.FromPath(filepath.Join(images, "agenda"))
	if err != nil {
		t.Fatal(err)
	}
	index, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 || manifest.Manifests[0].Digest.String() != digest("agenda", first[:7]) {
		t.Errorf("the same commit gives another image: %+v, %v", manifest, err)
	}

	// A service that fails does not stop the others.
	r.Write(map[string]string{"services/frontend/Dockerfile": "FROM scratch\nCOPY nosuch /\n", "services/tickets/ticket.txt": "new"})
	fourth := r.Commit("Broken")
	out, code := drydock("build", "--since", third)
	if code != exitJobFailed || !strings.Contains(out, "frontend") {
		t.Errorf("a broken service: exit %d\n%s", code, out)
	}
	if digest("tickets", fourth[:7]) == digest("tickets", third[:7]) {
		t.Error("tickets was not built beside the broken one")
	}
}
