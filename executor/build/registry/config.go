package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/containerd/platforms"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	digest "github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/drydock-ci/drydock/executor"
)

// Config is the configuration of an image: of an index the one for platform
// (os/arch; empty: the first that is there).
func (c *Client) Config(ctx context.Context, ref, platform string) (ocispec.Image, error) {
	op := fmt.Sprintf("read the configuration of %q", ref)
	repo, what, err := c.parse(ref)
	if err != nil {
		return ocispec.Image{}, err
	}
	r, err := c.open(ctx, repo, transport.PullScope)
	if err != nil {
		return ocispec.Image{}, fail(ctx, op, err)
	}
	var doc document
	data, _, err := r.manifest(ctx, what)
	if err == nil {
		err = json.Unmarshal(data, &doc)
	}
	if err == nil && len(doc.Manifests) > 0 {
		var d digest.Digest
		if d, err = choose(doc.Manifests, platform); err == nil {
			doc = document{}
			if data, _, err = r.verified(ctx, d); err == nil {
				err = json.Unmarshal(data, &doc)
			}
		}
	}
	if err == nil && doc.Config == nil {
		err = errors.New("it has none")
	}
	var out ocispec.Image
	if err == nil {
		out, err = r.config(ctx, doc.Config.Digest)
	}
	return out, fail(ctx, op, err)
}

// Host is the registry of an image, as Options have it.
func Host(ref string) (string, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return "", executor.Errorf(fmt.Sprintf("read the image name %q", ref), executor.Invalid, "%w", err)
	}
	return parsed.Context().RegistryStr(), nil
}

func choose(list []ocispec.Descriptor, platform string) (digest.Digest, error) {
	want := platforms.All
	if platform != "" {
		p, err := platforms.Parse(platform)
		if err != nil {
			return "", &executor.Error{Kind: executor.Invalid, Err: err}
		}
		want = platforms.Only(p)
	}
	for _, d := range list {
		if d.Platform != nil && d.Platform.OS != "unknown" && want.Match(*d.Platform) {
			return d.Digest, nil
		}
	}
	return "", &executor.Error{Kind: executor.NotFound, Err: fmt.Errorf("it is not made for %q", platform)}
}

func (r *repository) config(ctx context.Context, d digest.Digest) (out ocispec.Image, err error) {
	if err := d.Validate(); err != nil {
		return out, err
	}
	err = r.retry(ctx, func() error {
		resp, err := r.send(ctx, http.MethodGet, r.url("blobs", d.String()), nil, nil, http.StatusOK)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument))
		if err != nil {
			return err
		}
		if d.Algorithm().FromBytes(data) != d {
			return &executor.Error{Kind: executor.Failed, Reason: DigestMismatch, Err: errors.New("its content has another digest")}
		}
		return json.Unmarshal(data, &out)
	})
	return out, err
}
