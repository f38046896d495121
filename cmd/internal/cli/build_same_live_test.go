package cli

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/drydock-ci/drydock/githubapp/pipeline/tree/treetest"
)

// clone is another copy of the repository: its files have the modes that a umask
// leaves them and the times of when.
func (y *yard) clone(umask string, when time.Time) *yard {
	y.t.Helper()
	dir := filepath.Join(y.t.TempDir(), "deep", "er")
	cmd := exec.Command("sh", "-c", `umask "$1" && mkdir -p "${3%/*}" && git clone -q "$2" "$3"`, "sh", umask, y.Dir, dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		y.t.Fatalf("git clone: %v: %s", err, out)
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if err == nil && d.Type() != os.ModeSymlink {
			err = os.Chtimes(path, when, when)
		}
		return err
	})
	if err != nil {
		y.t.Fatal(err)
	}
	other := *y
	other.Repository = &treetest.Repository{Dir: dir}
	return &other
}

// sameServices are of each kind, with files whose modes matter.
var sameServices = map[string]string{
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
	"services/files/tool":                   "#!/bin/sh\n",
	"services/files/sub/data.txt":           "data\n",
	"services/files/link":                   "-> sub/data.txt",
	"services/program/main.go":              "package main\n\nfunc main() { println(\"hello\") }\n",
	"services/program/kodata/page.html":     "<p>\n",
	"services/program/kodata/sub/other.txt": "x\n",
	"services/made/Dockerfile":              "FROM HOST/base:1\nWORKDIR /work/made\nCOPY data.txt .\nRUN sort data.txt > sorted.txt && mkdir more && cp data.txt more/\n",
	"services/made/data.txt":                "b\na\n",
	"go.mod":                                "module example.com/same\n\ngo 1.24\n",
}

// TestBuildSame: clones of a commit give one digest each, whoever made them, when
// and where, with whatever umask, and whatever the builder knew before.
func TestBuildSame(t *testing.T) {
	y, requests := gateYard(t)
	y.base()
	y.Write(sameServices)
	y.replaceHost("drydock.yaml")
	y.replaceHost("services/made/Dockerfile")
	if err := os.Chmod(filepath.Join(y.Dir, "services/files/tool"), 0o755); err != nil {
		t.Fatal(err)
	}
	sha := y.Commit("Services")
	images := []string{"files", "program", "made"}

	digests := func(y *yard, umask int) map[string]string {
		t.Helper()
		defer syscall.Umask(syscall.Umask(umask))
		if out, code := y.drydock("build", "--since", firstPush, "-v"); code != 0 {
			t.Fatalf("exit %d\n%s", code, out)
		}
		all := map[string]string{}
		for _, image := range images {
			if d := y.head(image, sha[:7]); d != nil {
				all[image] = d.Digest.String()
			}
		}
		return all
	}
	engine := digests(y.clone("022", time.Now()), 0o022)
	for image, platforms := range map[string][]string{"files": {"linux/amd64", "linux/arm64"}, "program": {"linux/amd64", "linux/arm64"}} {
		if diff := cmp.Diff(platforms, pulled(t, y.registry+"/"+image+":"+sha[:7])); diff != "" {
			t.Errorf("%s: %s", image, diff)
		}
	}
	requests.writes()
	again := digests(y.clone("077", time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)), 0o077)
	if diff := cmp.Diff(engine, again); diff != "" {
		t.Errorf("by the engine, umask 077, old files: %s", diff)
	}
	if sent := slices.DeleteFunc(requests.writes(), func(line string) bool { return strings.Contains(line, "/manifests/") }); len(sent) > 0 {
		t.Errorf("layers were sent again: %q", sent)
	}

	var first map[string]string
	for i, umask := range []string{"022", "077"} {
		other := y.clone(umask, time.Now().AddDate(-10*i, 0, 0))
		other.env = append(other.env, "BUILDKIT_HOST="+buildkitd(t))
		got := digests(other, 0o022)
		if i == 0 {
			first = got
			if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, pulled(t, y.registry+"/files:"+sha[:7])); diff != "" {
				t.Error(diff)
			}
		} else if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("by another buildkitd: %s", diff)
		}
	}

	// A later commit has the same services, and an older builder's cache.
	y.Write(map[string]string{"README.md": "more"})
	y.Git("add", "-A")
	cmd := exec.Command("git", "-C", y.Dir, "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "More")
	cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=2026-06-01T00:00:00Z")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git commit: %v: %s", err, out)
	}
	sha = y.Git("rev-parse", "HEAD")
	if diff := cmp.Diff(engine, digests(y.clone("022", time.Now()), 0o022)); diff != "" {
		t.Errorf("after another commit: %s", diff)
	}
}

// pulled fetches all that an image consists of, checks it and tells its platforms.
func pulled(t *testing.T, image string) []string {
	t.Helper()
	ref, err := name.ParseReference(image)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
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
		for i, l := range layers {
			checkLayer(t, l, config.RootFS.DiffIDs[i])
		}
	}
	return platforms
}

// checkLayer reads a layer twice: as it is stored, and unpacked.
func checkLayer(t *testing.T, l v1.Layer, want v1.Hash) {
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
