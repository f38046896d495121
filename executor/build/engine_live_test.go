package build

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/google/go-cmp/cmp"
	digest "github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/drydock-ci/drydock/executor"
)

// TestEngine: the Docker engine's own BuildKit builds for two platforms; what it
// saves is pushed, twice with the same digest, and nothing stays behind.
func TestEngine(t *testing.T) {
	c, host := docker(t), host(t)
	own := &saving{Engine: c}
	b, err := New(Options{Engine: func(context.Context) (Engine, error) { return own, nil }, Registry: anonymous(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if info, err := b.Probe(t.Context()); err != nil || !info.Engine || len(info.Platforms) == 0 {
		t.Errorf("%+v, %v", info, err)
	}
	var first Result
	for i := range 2 {
		var e told
		res, err := b.Build(t.Context(), Request{
			Context: clone(t, time.Now().Add(-time.Duration(i)*time.Hour)), Platforms: []string{"linux/amd64", "linux/arm64"}, NoCache: true,
			Output: Output{Push: host + "/agenda", Tags: []string{"v1"}}, Progress: e.add,
		})
		if err != nil {
			t.Fatalf("%v: %s", err, &e)
		}
		if i == 0 {
			first = res
		} else if res.Digest != first.Digest {
			t.Errorf("%s, before %s", res.Digest, first.Digest)
		}
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, first.Platforms); diff != "" {
		t.Error(diff)
	}
	all := images(t, host+"/agenda:v1")
	for arch, tool := range map[string]string{"amd64": "x", "arm64": "y"} {
		if diff := cmp.Diff(map[string]string{"data/a.txt": "hello\n", "bin/tool": tool}, files(t, all["linux/"+arch])); diff != "" {
			t.Errorf("%s: %s", arch, diff)
		}
	}
	packs, err := b.enginePacks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if made, left := own.drafts(t); made != map[bool]int{false: 4}[packs] || len(left) > 0 {
		t.Errorf("of %d drafts %q are left in the engine", made, left)
	}
	_, err = b.Build(t.Context(), Request{Context: clone(t, time.Now()), Provenance: "min"})
	if packs && err != nil || !packs && !executor.IsKind(err, executor.Unsupported) {
		t.Error(err)
	}
	_, err = b.Build(t.Context(), Request{Context: folder(t, "Dockerfile", "FROM scratch\nCOPY ../x /\n")})
	if executor.ReasonOf(err) != OutsideContext {
		t.Error(err)
	}
}

// TestDockerfilesAlike: Dockerfiles of one context, size and time, in folders of
// their own, as git checks them out, are not taken for each other.
func TestDockerfilesAlike(t *testing.T) {
	inEngine, err := New(Options{Engine: engineOf(docker(t)), Registry: anonymous(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer inEngine.Close()
	for name, b := range map[string]*Builder{"engine": inEngine, "buildkitd": shared(t, Options{})} {
		top, digests := folder(t, "a/Dockerfile", "FROM scratch\nCOPY a/x /\n", "b/Dockerfile", "FROM scratch\nCOPY b/x /\n", "a/x", "1", "b/x", "2"), map[digest.Digest]bool{}
		now := time.Now()
		for _, one := range []string{"a", "b"} {
			file := filepath.Join(top, one, "Dockerfile")
			if err := os.Chtimes(file, now, now); err != nil {
				t.Fatal(err)
			}
			res, err := b.Build(t.Context(), Request{Context: top, Dockerfile: file, Output: Output{Layout: filepath.Join(t.TempDir(), one)}})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			digests[res.Digest] = true
		}
		if len(digests) != 2 {
			t.Errorf("%s: both gave %v", name, digests)
		}
	}
}

// TestCacheNamespace: what a build leaves in a cache mount only those of its namespace
// find, whatever its arguments say.
func TestCacheNamespace(t *testing.T) {
	inEngine, err := New(Options{Engine: engineOf(docker(t)), Registry: anonymous(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer inEngine.Close()
	host := host(t)
	image, id := base(t, host), fmt.Sprint("cache-", time.Now().UnixNano())
	for name, b := range map[string]*Builder{"engine": inEngine, "buildkitd": shared(t, Options{})} {
		find := func(namespace, word string) string {
			var e told
			dir := folder(t, "Dockerfile", "FROM "+image+"\nRUN --mount=type=cache,id="+id+",target=/c : "+id+"; cat /c/word; echo "+word+" > /c/word\n") // the id of a mount does not make another step
			_, err := b.Build(t.Context(), Request{
				Context: dir, CacheNamespace: namespace, Args: map[string]string{namespaceArg: "first"}, Progress: e.add,
			})
			if err != nil {
				t.Fatalf("%s: %v: %s", name, err, &e)
			}
			return e.String()
		}
		find("first", "of-the-first")
		if text := find("second", "of-the-second"); strings.Contains(text, `"of-the-first"`) {
			t.Errorf("%s: another namespace finds it: %s", name, text)
		}
		if text := find("first", "again"); !strings.Contains(text, `"of-the-first"`) {
			t.Errorf("%s: its own does not: %s", name, text)
		}
	}
}

// TestEngineTwins: builds of the same at the same time do not take each other's image.
func TestEngineTwins(t *testing.T) {
	c := docker(t)
	b, err := New(Options{Engine: engineOf(c), Registry: anonymous(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var all errgroup.Group
	digests := make([]digest.Digest, 12)
	for i := range digests {
		all.Go(func() error {
			res, err := b.Build(t.Context(), Request{Context: clone(t, time.Now()), Platforms: []string{"linux/amd64"}})
			digests[i] = res.Digest
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	if len(slices.Compact(digests)) != 1 {
		t.Errorf("%v", digests)
	}
}

// TestFolder: the image is put together in the folder that was asked for.
func TestFolder(t *testing.T) {
	b, err := New(Options{Engine: engineOf(docker(t)), Registry: anonymous(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	at := t.TempDir()
	var within []string
	_, err = b.Build(t.Context(), Request{
		Context: clone(t, time.Now()), Folder: at, Output: Output{Layout: filepath.Join(at, "made")},
		Progress: func(Event) { within, _ = filepath.Glob(filepath.Join(at, "drydock-build-*")) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(at); len(within) != 1 || len(left) != 1 || err != nil {
		t.Errorf("%q in the middle, %v after it, %v", within, left, err)
	}
}

// saving is an engine that notes which images a build has named for itself: others
// may build there at the same time.
type saving struct {
	Engine
	mu    sync.Mutex
	names []string
}

func (s *saving) ImageSave(ctx context.Context, images []string, o ...client.ImageSaveOption) (io.ReadCloser, error) {
	s.mu.Lock()
	s.names = append(s.names, images...)
	s.mu.Unlock()
	return s.Engine.ImageSave(ctx, images, o...)
}

// drafts tells how many there were, and which are left.
func (s *saving) drafts(t testing.TB) (made int, left []string) {
	t.Helper()
	all, err := s.ImageList(t.Context(), image.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, img := range all {
		for _, tag := range img.RepoTags {
			if slices.Contains(s.names, tag) {
				left = append(left, tag)
			}
		}
	}
	return len(s.names), left
}

// TestLoad: the engine has the image under its names, whoever built it.
func TestLoad(t *testing.T) {
	c := docker(t)
	own, err := New(Options{Engine: engineOf(c), Registry: anonymous(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	for name, b := range map[string]*Builder{"engine": own, "buildkitd": shared(t, Options{Engine: engineOf(c)})} {
		repository := "drydock-test/load-" + name + "-" + strings.ToLower(rand.Text())
		names := []string{repository + ":1", repository + ":2"}
		t.Cleanup(func() {
			for _, n := range names {
				_, _ = c.ImageRemove(context.Background(), n, image.RemoveOptions{})
			}
		})
		_, err := b.Build(t.Context(), Request{
			Context: clone(t, time.Now()), Platforms: []string{"linux/amd64"}, Labels: map[string]string{"made-for": repository}, Output: Output{Load: names},
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, n := range names {
			if img, err := c.ImageInspect(t.Context(), n); err != nil || img.Config.Labels["made-for"] != repository || img.Architecture != "amd64" {
				t.Errorf("%s: %+v, %v", n, img, err)
			}
		}
		_, err = b.Build(t.Context(), Request{Context: clone(t, time.Now()), Platforms: []string{"linux/amd64", "linux/arm64"}, Output: Output{Load: names}})
		if executor.ReasonOf(err) != BadPlatform {
			t.Errorf("%s: %v", name, err)
		}
	}
	gone, err := New(Options{Engine: func(context.Context) (Engine, error) { return nil, errors.New("no engine") }, Registry: anonymous(t)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gone.Build(t.Context(), Request{Context: clone(t, time.Now())}); err == nil {
		t.Error("no error")
	}
}
