package cli

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/drydock-ci/drydock/githubapp/pipeline/tree/treetest"
)

// yard is a repository, a registry and a home folder for `drydock build`.
type yard struct {
	*treetest.Repository
	t        *testing.T
	registry string // HOST:PORT
	home     string
	env      []string
}

func newYard(t *testing.T) *yard {
	t.Helper()
	if os.Getenv("DRYDOCK_TEST_DOCKER") != "1" {
		t.Skip("needs a Docker engine: set DRYDOCK_TEST_DOCKER=1")
	}
	t.Chdir(".") // what -C changes is undone
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return &yard{Repository: treetest.New(t), t: t, registry: strings.TrimPrefix(server.URL, "http://"), home: t.TempDir()}
}

// drydock runs a command line in the repository.
func (y *yard) drydock(args ...string) (string, int) {
	y.t.Helper()
	var out bytes.Buffer
	env := append(os.Environ(), "XDG_STATE_HOME="+y.home, "XDG_CACHE_HOME="+y.home, "XDG_CONFIG_HOME="+y.home)
	code := Main(append([]string{"drydock", "-C", y.Dir}, args...), strings.NewReader(""), &out, &out, append(env, y.env...))
	return out.String(), code
}

// head asks the registry for a tag; nil: there is none.
func (y *yard) head(image, tag string) *v1.Descriptor {
	y.t.Helper()
	ref, err := name.ParseReference(y.registry + "/" + image + ":" + tag)
	if err != nil {
		y.t.Fatal(err)
	}
	d, err := remote.Head(ref)
	if err != nil {
		return nil
	}
	return d
}

const firstPush = "0000000000000000000000000000000000000000"

// A test that fails stops its service, and no other.
func TestBuildTests(t *testing.T) {
	y := newYard(t)
	y.Write(map[string]string{
		"drydock.yaml": `services:
  good:
    path: good
    test: {image: drydock-test/busybox:1, run: "echo \"testing $SERVICE_NAME\"; test -f data.txt; test \"$(cat ../shared.txt)\" = shared"}
    image: HOST/good
  bad:
    path: bad
    test: {image: drydock-test/busybox:1, run: "echo almost; exit 3"}
    image: HOST/bad
  flow:
    path: flow
    test: {workflow: .github/workflows/test.yml, job: unit}
    image: HOST/flow
  broken:
    path: flow
    test: {workflow: .github/workflows/test.yml, job: lint}
    image: HOST/broken
  nojob:
    path: flow
    test: {workflow: .github/workflows/test.yml, job: nosuch}
    image: HOST/nojob
`,
		"shared.txt":    "shared",
		"good/data.txt": "1", "good/Dockerfile": "FROM scratch\nCOPY data.txt /\n",
		"bad/data.txt": "1", "bad/Dockerfile": "FROM scratch\nCOPY data.txt /\n",
		"flow/data.txt": "1", "flow/Dockerfile": "FROM scratch\nCOPY data.txt /\n",
		".secrets":   "TOKEN=canary-4711\n",
		".gitignore": ".secrets\n",
		".github/workflows/test.yml": `on: workflow_dispatch
jobs:
  unit:
    runs-on: ubuntu-latest
    container: drydock-test/busybox:1
    steps:
      - uses: actions/checkout@v4
      - run: test -f flow/data.txt && echo "unit of $SERVICE_IMAGE with ${{ secrets.TOKEN }}"
  lint:
    runs-on: ubuntu-latest
    container: drydock-test/busybox:1
    steps:
      - name: look
        run: exit 1
`,
	})
	y.replaceHost("drydock.yaml")
	sha := y.Commit("Tests")
	out, code := y.drydock("build", "--since", firstPush, "-v")
	if code != exitJobFailed {
		t.Errorf("exit %d, want %d", code, exitJobFailed)
	}
	for _, want := range []string{"testing good", "almost", "unit of " + y.registry + "/flow with ***", `job "test of bad"`, `step "look"`, `has no job "nosuch"`} {
		if !strings.Contains(out, want) {
			t.Errorf("the output does not say %q", want)
		}
	}
	if strings.Contains(out, "canary-4711") {
		t.Error("the secret is in the log")
	}
	for image, want := range map[string]bool{"good": true, "flow": true, "bad": false, "broken": false, "nojob": false} {
		if got := y.head(image, sha[:7]) != nil; got != want {
			t.Errorf("%s was pushed: %v, want %v", image, got, want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}

	// The files of a commit are tested, not those of the working copy.
	y.Write(map[string]string{"good/data.txt": "2", "shared.txt": "changed"})
	y.Commit("Break it")
	if out, code := y.drydock("build", "good", "--commit", sha, "--no-push", "-v"); code != 0 {
		t.Errorf("--commit: exit %d\n%s", code, out)
	}
	if out, code := y.drydock("build", "good", "--no-push"); code != exitJobFailed {
		t.Errorf("working copy: exit %d\n%s", code, out)
	}
}

func (y *yard) replaceHost(file string) {
	y.t.Helper()
	src, err := os.ReadFile(y.Dir + "/" + file)
	if err != nil {
		y.t.Fatal(err)
	}
	y.Write(map[string]string{file: strings.ReplaceAll(string(src), "HOST/", y.registry+"/")})
}

// A workflow's job builds and pushes by itself; tags that it left out follow.
func TestBuildByJob(t *testing.T) {
	y := newYard(t)
	y.Write(map[string]string{
		"drydock.yaml": `platforms: {ubuntu-latest: host}
services:
  legacy:
    path: legacy
    watch: lib/**
    build: {workflow: .github/workflows/legacy.yml, job: image}
    image: HOST/legacy
  lazy:
    path: legacy
    build: {workflow: .github/workflows/legacy.yml, job: lazy}
    image: HOST/lazy
`,
		"legacy/manifest.json": "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"," +
			"\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":2},\"layers\":[]}",
		".github/workflows/legacy.yml": `on: push
jobs:
  image:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: |
          image="${SERVICE_IMAGE#*/}" registry="${SERVICE_IMAGE%%/*}"
          at=$(curl -fsS -X POST -D- -o /dev/null "http://$registry/v2/$image/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
          printf '{}' | curl -fsS -X PUT --data-binary @- -H 'Content-Type: application/octet-stream' "http://$registry$at?digest=sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
          curl -fsS -X PUT --data-binary @legacy/manifest.json -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' "http://$registry/v2/$image/manifests/${SERVICE_TAGS%%,*}"
  lazy:
    runs-on: ubuntu-latest
    steps: [{run: "true"}]
`,
	})
	y.replaceHost("drydock.yaml")
	sha := y.Commit("Legacy")
	out, code := y.drydock("build", "legacy", "-v")
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	commit, branch := y.head("legacy", sha[:7]), y.head("legacy", "main")
	if commit == nil || branch == nil || commit.Digest != branch.Digest {
		t.Errorf("tags: %v, %v\n%s", commit, branch, out)
	}
	if out, code := y.drydock("build", "legacy", "--no-push"); code != exitJobFailed || !strings.Contains(out, "pushes by itself") {
		t.Errorf("--no-push: exit %d\n%s", code, out)
	}
	if out, code := y.drydock("build", "lazy"); code != exitJobFailed || !strings.Contains(out, "has not pushed") {
		t.Errorf("a job that pushes nothing: exit %d\n%s", code, out)
	}
}
