package registry

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	digest "github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/drydock-ci/drydock/executor"
)

// maxDocument bounds a manifest or an index (distribution: 4 MiB).
const maxDocument = 4 << 20

// Layout is an OCI image layout in a folder of this machine.
type Layout struct{ Dir string }

// Root is the image that the layout's index names last.
func (l Layout) Root() (ocispec.Descriptor, error) {
	var index ocispec.Index
	data, err := os.ReadFile(filepath.Join(l.Dir, ocispec.ImageIndexFile))
	if err == nil {
		err = json.Unmarshal(data, &index)
	}
	if err == nil && len(index.Manifests) == 0 {
		err = fmt.Errorf("its index names no image")
	}
	if err != nil {
		return ocispec.Descriptor{}, executor.Errorf(fmt.Sprintf("read the image in %q", l.Dir), executor.Failed, "%w", err)
	}
	return index.Manifests[len(index.Manifests)-1], nil
}

// Path of a blob.
func (l Layout) Path(d digest.Digest) string {
	return filepath.Join(l.Dir, ocispec.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

// Document reads a manifest, an index or a configuration, and checks it.
func (l Layout) Document(d ocispec.Descriptor) ([]byte, error) {
	op := fmt.Sprintf("read %s of the image in %q", d.Digest, l.Dir)
	if err := d.Digest.Validate(); err != nil {
		return nil, executor.Errorf(op, executor.Invalid, "%w", err)
	}
	f, err := os.Open(l.Path(d.Digest))
	if err != nil {
		return nil, executor.Errorf(op, executor.Failed, "%w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	switch {
	case err != nil:
		return nil, executor.Errorf(op, executor.Failed, "%w", err)
	case len(data) > maxDocument:
		return nil, executor.Errorf(op, executor.Invalid, "it is larger than %d MiB", maxDocument>>20)
	case d.Digest.Algorithm().FromBytes(data) != d.Digest:
		return nil, &executor.Error{Op: op, Kind: executor.Failed, Reason: DigestMismatch, Err: fmt.Errorf("its content has another digest")}
	}
	return data, nil
}

// Content is all that an image is made of, in the order in which a registry wants
// it: blobs, then manifests, each after what it names, the image itself last.
type Content struct {
	Blobs     []ocispec.Descriptor
	Manifests []ocispec.Descriptor
	Platforms []ocispec.Platform // of its manifests; attestations have none
	Size      int64              // bytes, everything once
}

// document has the fields of a manifest and of an index.
type document struct {
	MediaType string               `json:"mediaType"`
	Config    *ocispec.Descriptor  `json:"config"`
	Layers    []ocispec.Descriptor `json:"layers"`
	Manifests []ocispec.Descriptor `json:"manifests"`
}

// Content walks the image whose descriptor is root.
func (l Layout) Content(root ocispec.Descriptor) (Content, error) {
	w := walk{layout: l, seen: map[digest.Digest]bool{}}
	err := w.manifest(root, 0)
	return w.Content, err
}

type walk struct {
	Content
	layout Layout
	seen   map[digest.Digest]bool
}

func (w *walk) manifest(d ocispec.Descriptor, depth int) error {
	if w.seen[d.Digest] {
		return nil
	}
	if depth > 3 {
		return executor.Errorf(fmt.Sprintf("read the image in %q", w.layout.Dir), executor.Invalid, "its indexes are nested too deep")
	}
	w.seen[d.Digest] = true
	data, err := w.layout.Document(d)
	if err != nil {
		return err
	}
	var doc document
	if err := json.Unmarshal(data, &doc); err != nil {
		return executor.Errorf(fmt.Sprintf("read %s of the image in %q", d.Digest, w.layout.Dir), executor.Invalid, "%w", err)
	}
	for _, m := range doc.Manifests {
		if err := w.manifest(m, depth+1); err != nil {
			return err
		}
	}
	if doc.Config != nil {
		w.blob(*doc.Config)
		if p, ok := w.platform(d, *doc.Config); ok {
			w.Platforms = append(w.Platforms, p)
		}
	}
	for _, b := range doc.Layers {
		w.blob(b)
	}
	if d.MediaType == "" {
		d.MediaType = doc.MediaType
	}
	d.Size = int64(len(data))
	w.Manifests = append(w.Manifests, d)
	w.Size += d.Size
	return nil
}

func (w *walk) blob(d ocispec.Descriptor) {
	if !w.seen[d.Digest] && len(d.URLs) == 0 { // with addresses: it may not be given on
		w.seen[d.Digest] = true
		w.Blobs = append(w.Blobs, d)
		w.Size += d.Size
	}
}

// platform of a manifest, by its descriptor or else by its configuration.
func (w *walk) platform(d, config ocispec.Descriptor) (ocispec.Platform, bool) {
	if d.Platform != nil {
		return *d.Platform, d.Platform.OS != "" && d.Platform.OS != "unknown"
	}
	data, err := w.layout.Document(config)
	var p ocispec.Platform
	if err != nil || json.Unmarshal(data, &p) != nil {
		return p, false
	}
	return p, p.OS != "" && p.OS != "unknown"
}
