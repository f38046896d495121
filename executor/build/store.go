package build

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/content"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/errdefs"
	digest "github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/drydock-ci/drydock/executor/build/registry"
)

// store is where BuildKit sends an image to: the layout's folder. Layers that nobody
// needs there, as when the image only goes to a registry that has them, are not sent
// at all, as BuildKit's own push would not send them.
type store struct {
	content.Store
	has func(context.Context, digest.Digest) bool // nil: nothing is elsewhere
}

// smallBlob is fetched in any case: it may be a manifest or a configuration, which
// are read here.
const smallBlob = 256 << 10

// store gives the one for the request.
func (b *Builder) store(ctx context.Context, r *Request, l registry.Layout) (content.Store, error) {
	local, err := contentlocal.NewStore(l.Dir)
	if err != nil {
		return nil, err
	}
	s := store{Store: local, has: r.Output.Elsewhere}
	if o := r.Output; o.Push != "" && o.Layout == "" && o.Tar == "" && len(o.Load) == 0 {
		// Before the build: who may not push shall not wait for it.
		if s.has, err = b.opts.Registry.Has(ctx, o.Push); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Writer is asked for every blob.
func (s store) Writer(ctx context.Context, opts ...content.WriterOpt) (content.Writer, error) {
	var o content.WriterOpts
	for _, f := range opts {
		if err := f(&o); err != nil {
			return nil, err
		}
	}
	if s.has != nil && o.Desc.Size > smallBlob && s.has(ctx, o.Desc.Digest) {
		return nil, errdefs.ErrAlreadyExists
	}
	return s.Store.Writer(ctx, opts...)
}

// described is the image that BuildKit has answered with; it is written into the
// layout's index.
func described(l registry.Layout, meta map[string]string) (ocispec.Descriptor, error) {
	var root ocispec.Descriptor
	data, err := base64.StdEncoding.DecodeString(meta["containerimage.descriptor"])
	if err == nil && len(data) == 0 {
		err = errors.New("the builder does not tell what it made: it may be too old")
	}
	if err == nil {
		err = json.Unmarshal(data, &root)
	}
	if err != nil {
		return root, err
	}
	index, err := json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{root},
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(l.Dir, ocispec.ImageIndexFile), index, 0o644)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(l.Dir, ocispec.ImageLayoutFile), []byte(`{"imageLayoutVersion":"`+ocispec.ImageLayoutVersion+`"}`), 0o644)
	}
	return root, err
}
