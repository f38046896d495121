package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
)

const imageDigest = "sha256:0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427"

// harbour is a registry, a repository's folder and what charts it.
type harbour struct {
	t       *testing.T
	host    string
	folder  string
	charter *Charter
	uploads atomic.Int32
}

func newHarbour(t *testing.T) *harbour {
	t.Helper()
	h := &harbour{t: t, folder: t.TempDir()}
	registered := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPost {
			h.uploads.Add(1)
		}
		registered.ServeHTTP(w, q)
	}))
	t.Cleanup(server.Close)
	h.host = strings.TrimPrefix(server.URL, "http://")
	client, err := registry.New(registry.Options{NoUserLogins: true})
	if err != nil {
		t.Fatal(err)
	}
	h.charter = New(Options{Registry: client, Folder: t.TempDir()})
	return h
}

// write makes the chart's files; a content that begins with "-> " is a symlink.
func (h *harbour) write(files map[string]string) {
	h.t.Helper()
	for name, content := range files {
		full := filepath.Join(h.folder, "deploy", name)
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		if target, link := strings.CutPrefix(content, "-> "); link && err == nil {
			err = os.Symlink(target, full)
		} else if err == nil {
			err = os.WriteFile(full, []byte(content), 0o644)
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *harbour) request(version string, tags ...string) pipeline.Request {
	src := "services:\n  web:\n    path: web\n    chart: deploy\n    image: " + h.host + "/shop/web\n"
	all, found := declaration.Parse("drydock.yaml", []byte(src))
	if err := found.Err(); err != nil {
		h.t.Fatal(err)
	}
	return pipeline.Request{
		Service: all.Lookup("web"), Folder: h.folder, Commit: strings.Repeat("a1", 20), Version: version, Tags: tags,
		Epoch: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func (h *harbour) chart(version string, tags ...string) (reference, log string, err error) {
	var out bytes.Buffer
	image := pipeline.Image{Name: h.host + "/shop/web", Digest: imageDigest}
	reference, err = h.charter.Chart(h.t.Context(), h.request(version, tags...), image, &out)
	return reference, out.String(), err
}

// runHelm runs the real program.
func runHelm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	program := os.Getenv("DRYDOCK_TEST_HELM")
	if program == "" {
		found, _ := filepath.Glob("../../../bin/tools/helm-*")
		if len(found) == 0 {
			t.Skip("needs helm: run make helm, or set DRYDOCK_TEST_HELM")
		}
		program = found[0]
	}
	cmd := exec.Command(program, args...)
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// example is a chart with all that is packed or left out.
func example() map[string]string {
	return map[string]string{
		"Chart.yaml": `apiVersion: v2
# The shop's front.
name: front
description: The shop
version: 0.0.0   # the service's, when it is packed
home: https://shop.example/
maintainers:
  - {name: Ann, email: ann@shop.example}
dependencies:
  - {name: cache, version: 1.x.x, repository: "https://charts.example"}
  - {name: queue, version: 2.0.0, repository: "https://charts.example"}
`,
		"values.yaml": `# What runs.
image:
  repository: shop/web  # replaced
  tag:
  digest: ''
  pullPolicy: Always

replicas:   3
`,
		".helmignore":                   "*.md\n/drafts/\n",
		"README.md":                     "left out",
		"drafts/templates/no.yaml":      "left out",
		"templates/.hidden.yaml":        "left out",
		"templates/deployment.yaml":     "image: {{ .Values.image.repository }}:{{ .Values.image.tag }}@{{ .Values.image.digest }}\napp: {{ .Chart.AppVersion }}\nversion: {{ .Chart.Version }}\nreplicas: {{ .Values.replicas }}\n",
		"templates/again.yaml":          "-> ../shared/again.yaml",
		"shared/again.yaml":             "again: true\n",
		"charts/cache/Chart.yaml":       "apiVersion: v2\nname: cache\nversion: 1.2.3\n",
		"charts/cache/templates/c.yaml": "cache: {{ .Chart.Version }}\n",
		"charts/queue-2.0.0.tgz":        packed("queue/Chart.yaml", "apiVersion: v2\nname: queue\nversion: 2.0.0\n", "queue/templates/q.yaml", "queue: {{ .Chart.Version }}\n"),
	}
}

// packed is an archive of files.
func packed(files ...string) string {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		_ = w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))})
		_, _ = w.Write([]byte(files[i+1]))
	}
	_, _ = w.Close(), z.Close()
	return out.String()
}

// Helm pulls what was pushed, by tag and by digest, and renders it.
func TestChart(t *testing.T) {
	h := newHarbour(t)
	h.write(example())
	reference, said, err := h.chart("1.4.0", "abc1234", "main", "1.4.0")
	if err != nil {
		t.Fatal(err)
	}
	prefix := "oci://" + h.host + "/shop/charts/front:1.4.0@sha256:"
	if !strings.HasPrefix(reference, prefix) {
		t.Errorf("reference %q, want %s...", reference, prefix)
	}
	for _, want := range []string{"image.tag: 1.4.0", "image.digest: " + imageDigest, "packed front 1.4.0: "} {
		if !strings.Contains(said, want) {
			t.Errorf("the log does not say %q:\n%s", want, said)
		}
	}
	to := t.TempDir()
	if out, err := runHelm(t, "pull", reference, "--plain-http", "-d", to); err != nil {
		t.Fatalf("helm pull: %v\n%s", err, out)
	}
	if out, err := runHelm(t, "pull", "oci://"+h.host+"/shop/charts/front", "--version", "1.4.0", "--plain-http", "--untar", "-d", to); err != nil {
		t.Fatalf("helm pull --untar: %v\n%s", err, out)
	}
	archives, _ := filepath.Glob(filepath.Join(to, "*.tgz"))
	if len(archives) != 1 {
		t.Fatalf("archives: %q", archives)
	}
	out, err := runHelm(t, "template", archives[0])
	if err != nil {
		t.Fatalf("helm template: %v\n%s", err, out)
	}
	for _, want := range []string{
		"image: " + h.host + "/shop/web:1.4.0@" + imageDigest + "\n", "app: 1.4.0\n", "version: 1.4.0\n", "replicas: 3\n",
		"again: true\n", "cache: 1.2.3\n", "queue: 2.0.0\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("helm template gives no %q:\n%s", want, out)
		}
	}
	values, err := os.ReadFile(filepath.Join(to, "front/values.yaml"))
	want := "# What runs.\nimage:\n  repository: \"" + h.host + "/shop/web\"  # replaced\n  tag: \"1.4.0\"\n  digest: \"" + imageDigest + "\"\n  pullPolicy: Always\n\nreplicas:   3\n"
	if err != nil || string(values) != want {
		t.Errorf("values.yaml: %v\n%s\nwant\n%s", err, values, want)
	}
	about, _ := os.ReadFile(filepath.Join(to, "front/Chart.yaml"))
	for _, want := range []string{"# The shop's front.\n", "version: \"1.4.0\"   # the service's", "\nappVersion: \"1.4.0\"\n"} {
		if !strings.Contains(string(about), want) {
			t.Errorf("Chart.yaml does not have %q:\n%s", want, about)
		}
	}
	for _, left := range []string{"README.md", "drafts", "templates/.hidden.yaml"} {
		if _, err := os.Stat(filepath.Join(to, "front", left)); err == nil {
			t.Errorf("%s was packed", left)
		}
	}
	for name, content := range example() {
		if now, err := os.ReadFile(filepath.Join(h.folder, "deploy", name)); !strings.HasPrefix(content, "-> ") && (err != nil || string(now) != content) {
			t.Errorf("%s in the repository was changed: %v", name, err)
		}
	}
}

// The manifest says where the chart comes from; what is pushed twice is the same.
func TestReproducible(t *testing.T) {
	first, second := newHarbour(t), newHarbour(t)
	second.host = first.host
	first.write(example())
	one, _, err := first.chart("1.4.0", "abc1234")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"templates/again.yaml", "values.yaml", "Chart.yaml"} { // in another order, later
		content := example()[name]
		second.write(map[string]string{name: content})
	}
	rest := example()
	for _, name := range []string{"templates/again.yaml", "values.yaml", "Chart.yaml"} {
		delete(rest, name)
	}
	second.write(rest)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(second.folder, "deploy/values.yaml"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(second.folder, "deploy/values.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	uploads := first.uploads.Load()
	two, _, err := second.chart("1.4.0", "abc1234")
	if err != nil || one != two {
		t.Errorf("the same files give %q and %q: %v", one, two, err)
	}
	if n := first.uploads.Load() - uploads; n != 0 {
		t.Errorf("%d uploads of what is there", n)
	}
	_, at, _ := strings.Cut(one, "@")
	answer, err := http.Get("http://" + first.host + "/v2/shop/charts/front/manifests/" + at)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var manifest ocispec.Manifest
	if err := json.NewDecoder(answer.Body).Decode(&manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Config.MediaType != configType || len(manifest.Layers) != 1 || manifest.Layers[0].MediaType != archiveType {
		t.Errorf("manifest: %+v", manifest)
	}
	for key, want := range map[string]string{
		ocispec.AnnotationTitle: "front", ocispec.AnnotationVersion: "1.4.0", ocispec.AnnotationRevision: strings.Repeat("a1", 20),
		ocispec.AnnotationCreated: "2026-01-02T03:04:05Z", ocispec.AnnotationAuthors: "Ann (ann@shop.example)", ocispec.AnnotationURL: "https://shop.example/",
		imagesAnnotation: "- name: web\n  image: " + first.host + "/shop/web:abc1234@" + imageDigest + "\n",
	} {
		if got := manifest.Annotations[key]; got != want {
			t.Errorf("annotation %s is %q, want %q", key, got, want)
		}
	}
}

// The archive tells nothing of who packed it and when.
func TestArchive(t *testing.T) {
	h := newHarbour(t)
	h.write(example())
	f, err := open(h.folder, "deploy")
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	var out bytes.Buffer
	if err := f.pack(t.Context(), &out, "front", h.request("1.4.0").Epoch); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	if !z.ModTime.IsZero() || z.Name != "" {
		t.Errorf("gzip header: %+v", z.Header)
	}
	var names []string
	for r := tar.NewReader(z); ; {
		one, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, one.Name)
		if one.Typeflag != tar.TypeReg || one.Mode != 0o644 || one.Uid != 0 || one.Gid != 0 || one.Uname+one.Gname != "" || !one.ModTime.Equal(h.request("1.4.0").Epoch) {
			t.Errorf("%+v", one)
		}
	}
	if len(names) != 9 || names[0] != "front/Chart.yaml" || !slices.IsSorted(names[1:]) {
		t.Errorf("files: %q", names)
	}
}

// Values that have a key for the registry get the name in two parts.
func TestValues(t *testing.T) {
	tests := []struct{ name, values, want string }{
		{"registry apart", "image:\n  registry: docker.io\n  repository: a/b\n", "image:\n  registry: \"HOST\"\n  repository: \"shop/web\"\n"},
		{"only what is there", "image: {tag: x}\n", "image: {tag: \"abc1234\"}\n"},
		{"no mapping", "image: HOST/shop/web:1\n", "image: HOST/shop/web:1\n"},
		{"nothing", "# empty\n", "# empty\n"},
		{"anchors and tags", "image:\n  tag: &t !!str \"1\"\n  other: *t\n", "image:\n  tag: &t !!str \"abc1234\"\n  other: *t\n"},
		{"windows", "image:\r\n  tag: 'it''s' # old\r\n", "image:\r\n  tag: \"abc1234\" # old\r\n"},
		{"letters before it", "ünïcode: {ä: ö}\nimage: {ö: ä, tag: ~}\n", "ünïcode: {ä: ö}\nimage: {ö: ä, tag: \"abc1234\"}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarbour(t)
			h.write(map[string]string{"Chart.yaml": "apiVersion: v2\nname: web\n", "values.yaml": tt.values})
			f, err := open(h.folder, "deploy")
			if err != nil {
				t.Fatal(err)
			}
			defer f.close()
			if _, err := f.prepare(h.request("1.0.0", "abc1234", "main"), pipeline.Image{Name: h.host + "/shop/web", Digest: imageDigest}, io.Discard); err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(string(f.lookup("values.yaml").data), h.host, "HOST"); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestChartIsNoImage: a chart does not take the place of a service's image.
func TestChartIsNoImage(t *testing.T) {
	h := newHarbour(t)
	h.write(map[string]string{"Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n"})
	src := "services:\n  web:\n    path: web\n    chart: {path: deploy, repository: " + h.host + "/shop}\n    image: " + h.host + "/shop/api\n" +
		"  other: {path: other, image: " + h.host + "/shop/web}\n"
	all, found := declaration.Parse("drydock.yaml", []byte(src))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	h.charter.Services = all
	r := h.request("1.2.3")
	r.Service = all.Lookup("web")
	_, err := h.charter.Chart(t.Context(), r, pipeline.Image{Name: h.host + "/shop/api", Digest: imageDigest}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), `which is the image of service "other"`) || h.uploads.Load() != 0 {
		t.Errorf("%v, %d uploads", err, h.uploads.Load())
	}
}
