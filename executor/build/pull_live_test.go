package build

import (
	"archive/tar"
	"bytes"
	"io"
	"testing"

	"github.com/docker/docker/api/types/image"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build/registry"
)

// oneFile pushes an image with one file.
func oneFile(t *testing.T, ref, content string) v1.Image {
	t.Helper()
	var layer bytes.Buffer
	tw := tar.NewWriter(&layer)
	_ = tw.WriteHeader(&tar.Header{Name: "from", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))})
	_, _ = tw.Write([]byte(content))
	_ = tw.Close()
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err == nil {
		img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: mustConfig(t, img).RootFS})
	}
	parsed, perr := name.ParseReference(ref)
	if err == nil && perr == nil {
		err = remote.Write(parsed, img, remote.WithAuthFromKeychain(authn.DefaultKeychain))
	}
	if err != nil || perr != nil {
		t.Fatal(err, perr)
	}
	return img
}

// TestPull: a base image is what the registry has now, and what the builder has of it
// for others is not given away.
func TestPull(t *testing.T) {
	c, open := docker(t), host(t)
	realm := ""
	closed, maker, _ := guarded(t, func() string { return realm })
	realm = maker.URL
	userLogin(t, closed)
	oneFile(t, closed+"/other/private:1", "a secret")
	nobody := anonymous(t)
	for kind, b := range both(t, Options{}) {
		push := func(ref string, pull bool, login *registry.Client, contexts map[string]string) error {
			r := Request{Context: folder(t, "Dockerfile", "FROM "+ref+"\nCOPY f /f\n", "f", kind), Pull: pull, Registry: login, Contexts: contexts}
			r.Output = Output{Push: open + "/made", Tags: []string{"1"}}
			_, err := b.Build(t.Context(), r)
			return err
		}
		from := func(ref string, pull bool, login *registry.Client, contexts map[string]string) (map[string]string, error) {
			t.Helper()
			if err := push(ref, pull, login, contexts); err != nil {
				return nil, err
			}
			return files(t, images(t, open+"/made:1")["linux/amd64"]), nil
		}
		want := func(got map[string]string, err error, content string) {
			t.Helper()
			if diff := cmp.Diff(map[string]string{"from": content, "f": kind}, got); err != nil || diff != "" {
				t.Errorf("%s: %v %s", kind, err, diff)
			}
		}
		for _, content := range []string{"first", "second"} {
			made := oneFile(t, open+"/base:1", content)
			got, err := from(open+"/base:1", true, nobody, nil)
			want(got, err, content)
			d, err := made.Digest()
			if err != nil {
				t.Fatal(err)
			}
			if kind == "engine" { // which may be too old for contexts
				continue
			}
			got, err = from("registry.test/base", true, nobody, map[string]string{"registry.test/base": "docker-image://" + open + "/base@" + d.String()})
			want(got, err, content)
		}
		if got, err := from("scratch", true, nobody, nil); err != nil || len(got) != 1 {
			t.Errorf("%s: scratch: %v, %v", kind, got, err)
		}
		mine, err := registry.New(registry.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := from(closed+"/other/private:1", true, mine, nil)
		want(got, err, "a secret")
		if kind == "engine" { // as a job leaves it there
			local := closed + "/other/private:local"
			if err := c.ImageTag(t.Context(), "drydock-test/busybox:1", local); err != nil {
				t.Fatal(err)
			}
			defer func() { _, _ = c.ImageRemove(t.Context(), local, image.RemoveOptions{}) }()
			if err := push(local, false, nobody, nil); err != nil {
				t.Errorf("without Pull it is taken, and the test proves nothing: %v", err)
			}
			if err := push(local, true, nobody, nil); !executor.IsKind(err, executor.Refused) {
				t.Errorf("an image in the engine: %v", err)
			}
		}
		// Who knows the digest gets it: docs/security.md.
		if got, err := from(closed+"/other/private:1", true, nobody, nil); !executor.IsKind(err, executor.Refused) {
			t.Errorf("%s: of somebody else: %v, %v", kind, got, err)
		}
	}
}
