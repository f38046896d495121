package livetest

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// clone is another copy of the repository: its files have the modes that a umask
// leaves them and the times of when.
func (w *world) clone(umask string, when time.Time) *world {
	w.t.Helper()
	other := *w
	other.repo = filepath.Join(w.t.TempDir(), "deep", "er")
	cmd := exec.Command("sh", "-c", `umask "$1" && mkdir -p "${3%/*}" && git clone -q "$2" "$3"`, "sh", umask, w.repo, other.repo)
	cmd.Env = w.environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("git clone: %v: %s", err, out)
	}
	err := filepath.WalkDir(other.repo, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if err == nil && d.Type() != os.ModeSymlink {
			err = os.Chtimes(path, when, when)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return &other
}

// reproducible are of each kind, with files whose modes matter.
var reproducible = map[string]string{
	"drydock.yaml": `services:
  files:
    path: services/files
    build: {dockerfile: services/files/Dockerfile, platforms: [linux/amd64, linux/arm64]}
    image: HOST/files
  program:
    path: services/program
    build: {ko: services/program, platforms: [linux/amd64, linux/arm64]}
    image: HOST/program
  made:
    path: services/made
    image: HOST/made
`,
	"services/files/Dockerfile":             "FROM scratch\nARG TARGETARCH\nLABEL arch=$TARGETARCH\nCOPY . /files\n",
	"!services/files/tool":                  "#!/bin/sh\n",
	"services/files/sub/data.txt":           "data\n",
	"services/program/main.go":              "package main\n\nfunc main() { println(\"hello\") }\n",
	"services/program/kodata/page.html":     "<p>\n",
	"services/program/kodata/sub/other.txt": "x\n",
	"services/made/Dockerfile":              "FROM HOST/base:1\nWORKDIR /work/made\nCOPY data.txt .\nRUN sort data.txt > sorted.txt && mkdir more && cp data.txt more/\n",
	"services/made/data.txt":                "b\na\n",
	"go.mod":                                "module example.com/same\n\ngo 1.24\n",
}

// TestServicesSame: clones of a commit give one digest each, whoever made them, when
// and where, with whatever umask, and whatever the builder knew before.
func TestServicesSame(t *testing.T) {
	w, r := newWorld(t), newImageRegistry(t)
	r.base("base")
	w.withGo()
	if err := os.MkdirAll(filepath.Join(w.repo, "services/files"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("sub/data.txt", filepath.Join(w.repo, "services/files/link")); err != nil {
		t.Fatal(err)
	}
	sha := w.services(r.host, reproducible)
	all := []string{"files", "program", "made"}

	digests := func(w *world, umask string) map[string]string {
		t.Helper()
		cmd := exec.Command("sh", "-c", `umask "$1" && shift && exec "$@"`, "sh", umask, binary, "build", "--since", firstPush, "-v")
		cmd.Dir, cmd.Env = w.repo, w.environ()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		got := map[string]string{}
		for _, image := range all {
			got[image] = r.digest(image, sha[:7])
		}
		return got
	}
	bothPlatforms := func() {
		t.Helper()
		for _, image := range []string{"files", "program"} {
			if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, r.pulled(image, sha[:7])); diff != "" {
				t.Errorf("%s: %s", image, diff)
			}
		}
	}
	engine := digests(w.clone("022", time.Now()), "022")
	bothPlatforms()
	r.uploads()
	again := digests(w.clone("077", time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)), "077")
	if diff := cmp.Diff(engine, again); diff != "" {
		t.Errorf("by the engine, umask 077, old files: %s", diff)
	}
	if sent := r.uploads(); len(sent) > 0 {
		t.Errorf("layers were sent again: %q", sent)
	}

	var first map[string]string
	for i, umask := range []string{"022", "077"} {
		other := w.clone(umask, time.Now().AddDate(-10*i, 0, 0))
		other.env = append(other.env[:len(other.env):len(other.env)], "BUILDKIT_HOST="+newBuildkitd(t))
		got := digests(other, "022")
		if i == 0 {
			first = got
			bothPlatforms()
		} else if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("by another buildkitd: %s", diff)
		}
	}

	// A later commit has the same services, and an older builder's cache.
	w.env = append(w.env, "GIT_COMMITTER_DATE=2036-06-01T00:00:00Z")
	sha = w.services(r.host, map[string]string{"README.md": "more"})
	if diff := cmp.Diff(engine, digests(w.clone("022", time.Now()), "022")); diff != "" {
		t.Errorf("after another commit: %s", diff)
	}
}

// withGo gives the program the go tool as this machine has it.
func (w *world) withGo() {
	w.t.Helper()
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "GOTOOLCHAIN", "GOSUMDB"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			w.t.Fatal(err)
		}
		w.env = append(w.env, name+"="+strings.TrimSpace(string(out)))
	}
}

// pulled fetches all that an image consists of, checks it and tells its platforms.
func (i *imageRegistry) pulled(image, tag string) []string {
	t := i.t
	t.Helper()
	index, err := remote.Index(i.reference(image, tag))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, d := range manifest.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if got := config.OS + "/" + config.Architecture; got != d.Platform.String() {
			t.Errorf("%s: the index says %s, the configuration %s", image, d.Platform, got)
		}
		platforms = append(platforms, d.Platform.String())
		layers, err := img.Layers()
		if err != nil || len(layers) == 0 {
			t.Fatalf("%s: %d layers, %v", image, len(layers), err)
		}
		for n, l := range layers {
			checkLayer(t, l, config.RootFS.DiffIDs[n])
		}
	}
	return platforms
}

// checkLayer reads a layer twice: as it is stored, and unpacked.
func checkLayer(t testing.TB, l v1.Layer, want v1.Hash) {
	t.Helper()
	stored, err := l.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	if _, err := io.Copy(io.Discard, stored); err != nil { // it is verified as it is read
		t.Errorf("read a layer: %v", err)
	}
	open, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if got, _, err := v1.SHA256(open); err != nil || got != want {
		t.Errorf("a layer is %s, not %s: %v", got, want, err)
	}
}
