package images

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/drydock-ci/drydock/executor/build/registry"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// programs writes a program for each platform, and data.
func programs(t *testing.T, platforms ...string) (list []goProgram, data string) {
	t.Helper()
	dir := t.TempDir()
	for _, text := range platforms {
		file := filepath.Join(dir, strings.ReplaceAll(text, "/", "-"))
		if err := os.WriteFile(file, []byte("program for "+text), 0o700); err != nil {
			t.Fatal(err)
		}
		list = append(list, goProgram{platformOf(text), file})
	}
	data = filepath.Join(dir, "kodata")
	if err := os.MkdirAll(filepath.Join(data, "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"z": "last", "b/a": "first"} {
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("b/a", filepath.Join(data, "link")); err != nil {
		t.Fatal(err)
	}
	return list, data
}

func TestAssemble(t *testing.T) {
	var digests []string
	for range 2 {
		list, data := programs(t, "linux/amd64", "linux/arm/v7")
		to := t.TempDir()
		if err := assemble(to, "web", list, data, epoch); err != nil {
			t.Fatal(err)
		}
		root, err := registry.Layout{Dir: to}.Root()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, root.Digest.String())
		hash, err := v1.NewHash(root.Digest.String())
		if err != nil {
			t.Fatal(err)
		}
		top, err := layout.ImageIndexFromPath(to)
		if err != nil {
			t.Fatal(err)
		}
		index, err := top.ImageIndex(hash)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := index.IndexManifest()
		if err != nil || len(manifest.Manifests) != 2 {
			t.Fatalf("%+v, %v", manifest, err)
		}
		for i, want := range []string{"linux/amd64", "linux/arm/v7"} {
			if got := manifest.Manifests[i].Platform.String(); got != want {
				t.Errorf("platform %q, want %q", got, want)
			}
			image, err := index.Image(manifest.Manifests[i].Digest)
			if err != nil {
				t.Fatal(err)
			}
			wantImage(t, image, want)
		}
	}
	if digests[0] != digests[1] {
		t.Errorf("the same programs gave %v", digests)
	}
}

func wantImage(t *testing.T, image v1.Image, platform string) {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got := config.Platform().String(); got != platform {
		t.Errorf("platform of the configuration %q, want %q", got, platform)
	}
	want := v1.Config{User: "65532", Entrypoint: []string{"/ko-app/web"}, Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/ko-app", "KO_DATA_PATH=/var/run/ko"}}
	if diff := cmp.Diff(want, config.Config); diff != "" {
		t.Error(diff)
	}
	if !config.Created.Time.Equal(epoch) {
		t.Errorf("created %s", config.Created)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, layer := range layers {
		r, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for files := tar.NewReader(r); ; {
			h, err := files.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			content, _ := io.ReadAll(files)
			got = append(got, strings.TrimSpace(fmt.Sprintf("%s %o %s", h.Name, h.Mode, content)))
			if !h.ModTime.Equal(epoch) || h.Uid != 0 {
				t.Errorf("%s: %s, of %d", h.Name, h.ModTime, h.Uid)
			}
		}
	}
	if diff := cmp.Diff([]string{
		"ko-app/ 755", "ko-app/web 555 program for " + platform,
		"var/ 755", "var/run/ 755", "var/run/ko/ 755", "var/run/ko/b/ 755",
		"var/run/ko/b/a 444 first", "var/run/ko/link 444 first", "var/run/ko/z 444 last",
	}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAssembleOne(t *testing.T) {
	list, _ := programs(t, "linux/arm64")
	to := t.TempDir()
	if err := assemble(to, "web", list, "", epoch); err != nil {
		t.Fatal(err)
	}
	root, err := registry.Layout{Dir: to}.Root()
	if err != nil || root.Platform == nil || root.Platform.Architecture != "arm64" || !strings.Contains(root.MediaType, "image.manifest") {
		t.Errorf("%+v, %v", root, err)
	}
}

// TestLayerIsBounded: what is too large is refused before it is read.
func TestLayerIsBounded(t *testing.T) {
	list, data := programs(t, "linux/amd64")
	if err := os.Truncate(filepath.Join(data, "z"), maxLayer); err != nil {
		t.Fatal(err)
	}
	if err := assemble(t.TempDir(), "web", list, data, epoch); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
}

// TestDataStaysInside: what a link of kodata leads to elsewhere gets into no image.
func TestDataStaysInside(t *testing.T) {
	for name, target := range map[string]string{"a file": "/etc/passwd", "above": "../linux-amd64", "a folder": "b"} {
		t.Run(name, func(t *testing.T) {
			list, data := programs(t, "linux/amd64")
			if err := os.Symlink(target, filepath.Join(data, "odd")); err != nil {
				t.Fatal(err)
			}
			if err := assemble(t.TempDir(), "web", list, data, epoch); err == nil {
				t.Error("it is in the image")
			}
		})
	}
}
