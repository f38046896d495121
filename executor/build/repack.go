package build

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/drydock-ci/drydock/executor/build/registry"
)

// repack makes one OCI layout of images that `docker save` has written, with no
// time newer than epoch in it: the same content then has the same digest.
func repack(l registry.Layout, saved []string, epoch time.Time) (ocispec.Descriptor, error) {
	var images []v1.Image
	for _, file := range saved {
		img, err := tarball.ImageFromPath(file, nil)
		if err == nil {
			img, err = clamp(img, epoch)
		}
		if err != nil {
			return ocispec.Descriptor{}, fmt.Errorf("reading the image that the engine saved: %w", err)
		}
		images = append(images, img)
	}
	path, err := layout.Write(l.Dir, empty.Index)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if len(images) == 1 {
		err = path.AppendImage(images[0])
	} else {
		index := v1.ImageIndex(empty.Index)
		for _, img := range images {
			c, cerr := img.ConfigFile()
			if cerr != nil {
				return ocispec.Descriptor{}, cerr
			}
			index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: c.Platform()}})
		}
		err = path.AppendIndex(index)
	}
	for _, file := range saved {
		os.Remove(file) // the whole folder goes in the end
	}
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return l.Root()
}

// clamp is the image in OCI's media types, and with no time after epoch.
func clamp(img v1.Image, epoch time.Time) (v1.Image, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	out := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	add := []mutate.Addendum{}
	for _, layer := range layers {
		open := func() (io.ReadCloser, error) {
			r, err := layer.Uncompressed()
			if err != nil {
				return nil, err
			}
			pr, pw := io.Pipe()
			go func() {
				defer r.Close()
				pw.CloseWithError(clampTar(pw, r, epoch))
			}()
			return pr, nil
		}
		l, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
		if err != nil {
			return nil, err
		}
		add = append(add, mutate.Addendum{Layer: l})
	}
	if out, err = mutate.Append(out, add...); err != nil {
		return nil, err
	}
	layered, err := out.ConfigFile()
	if err != nil {
		return nil, err
	}
	// What the engine notes about itself is not the image.
	next := &v1.ConfigFile{
		Architecture: config.Architecture, Variant: config.Variant, OS: config.OS, OSVersion: config.OSVersion, OSFeatures: config.OSFeatures,
		Author: config.Author, Created: v1.Time{Time: earlier(config.Created.Time, epoch)}, Config: config.Config,
		RootFS: layered.RootFS, History: config.History,
	}
	next.Config.Image, next.Config.Hostname = "", ""
	delete(next.Config.Labels, draftLabel)
	for i := range next.History {
		next.History[i].Created = v1.Time{Time: earlier(next.History[i].Created.Time, epoch)}
	}
	return mutate.ConfigFile(out, next)
}

func earlier(t, epoch time.Time) time.Time {
	if t.After(epoch) {
		return epoch
	}
	return t.UTC()
}

func clampTar(w io.Writer, r io.Reader, epoch time.Time) error {
	in, out := tar.NewReader(r), tar.NewWriter(w)
	for {
		h, err := in.Next()
		if err == io.EOF {
			return out.Close()
		}
		if err != nil {
			return err
		}
		h.ModTime = earlier(h.ModTime, epoch).Truncate(time.Second)
		h.AccessTime, h.ChangeTime = time.Time{}, time.Time{}
		h.Format = tar.FormatPAX
		for _, k := range []string{"mtime", "atime", "ctime"} {
			delete(h.PAXRecords, k)
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			return err
		}
	}
}
