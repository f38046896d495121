package registry

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	digest "github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// atOnce is how many layers of one image are sent at the same time.
const atOnce = 4

// Progress is one blob on its way.
type Progress struct {
	Digest digest.Digest
	Size   int64 // bytes
	State  State
}

// State of a blob.
type State string

// The states.
const (
	Sending State = "sending"
	Sent    State = "sent"
	There   State = "there" // the registry had it
)

// Push sends the image whose descriptor is root, and lets tags point to it. Tags
// are moved when everything is there and was read back; an error tells the first
// one that was not. Without tags the image can be had by its digest. Progress may
// be nil; it is called from several goroutines. A blob that the registry has may be
// missing in the layout.
func (c *Client) Push(ctx context.Context, l Layout, root ocispec.Descriptor, repository string, tags []string, progress func(Progress)) error {
	op := fmt.Sprintf("push to %q", repository)
	if progress == nil {
		progress = func(Progress) {}
	}
	repo, err := c.parseRepository(repository)
	if err != nil {
		return err
	}
	if err := checkTags(op, tags); err != nil {
		return err
	}
	content, err := l.Content(root)
	if err != nil {
		return err
	}
	r, err := c.open(ctx, repo, transport.PushScope)
	if err != nil {
		return fail(ctx, op, err)
	}
	// A registry takes no manifest without what it names: who has this one has all.
	var there bool
	err = c.retry(ctx, func() (err error) { there, err = r.has(ctx, "manifests", root.Digest); return err })
	if err != nil {
		return fail(ctx, op, err)
	}
	if there {
		for _, b := range content.Blobs {
			progress(Progress{b.Digest, b.Size, There})
		}
	} else if err := r.sendAll(ctx, l, content, progress); err != nil {
		return fail(ctx, op, err)
	}
	for _, m := range content.Manifests {
		if _, _, err := r.verified(ctx, m.Digest); err != nil {
			return fail(ctx, "read back what was pushed to \""+repository+"\"", err)
		}
	}
	if len(tags) == 0 {
		return nil
	}
	data, err := l.Document(root)
	if err != nil {
		return err
	}
	return r.tag(ctx, root.Digest, data, content.Manifests[len(content.Manifests)-1].MediaType, tags)
}

// Has logs in to push to a repository, and tells of blobs whether they are there.
func (c *Client) Has(ctx context.Context, repository string) (func(context.Context, digest.Digest) bool, error) {
	repo, err := c.parseRepository(repository)
	if err != nil {
		return nil, err
	}
	r, err := c.open(ctx, repo, transport.PushScope)
	if err != nil {
		return nil, fail(ctx, fmt.Sprintf("push to %q", repository), err)
	}
	return func(ctx context.Context, d digest.Digest) bool {
		there, err := r.has(ctx, "blobs", d)
		return err == nil && there
	}, nil
}

// sendAll sends blobs, several at once, then manifests.
func (r *repository) sendAll(ctx context.Context, l Layout, content Content, progress func(Progress)) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, b := range content.Blobs {
		g.Go(func() error { return r.sendBlob(gctx, l, b, progress) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, m := range content.Manifests {
		data, err := l.Document(m)
		if err != nil {
			return err
		}
		if err := r.putManifest(ctx, m.Digest.String(), data, m.MediaType); err != nil {
			return err
		}
	}
	return nil
}

func (r *repository) sendBlob(ctx context.Context, l Layout, b ocispec.Descriptor, progress func(Progress)) error {
	var there bool
	err := r.retry(ctx, func() (err error) { there, err = r.has(ctx, "blobs", b.Digest); return err })
	if err != nil {
		return err
	}
	if there {
		progress(Progress{b.Digest, b.Size, There})
		return nil
	}
	progress(Progress{b.Digest, b.Size, Sending})
	if err := (&upload{repo: r, path: l.Path(b.Digest), blob: b}).run(ctx); err != nil {
		return err
	}
	progress(Progress{b.Digest, b.Size, Sent})
	return nil
}
