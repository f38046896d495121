package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	digest "github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/drydock-ci/drydock/executor"
)

var manifestTypes = strings.Join([]string{
	ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageManifest,
	"application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.docker.distribution.manifest.v2+json",
}, ", ")

// Resolved is what a reference points to now.
type Resolved struct {
	Digest    digest.Digest
	MediaType string
	Size      int64              // bytes: this manifest, and of an image what it names
	Platforms []ocispec.Platform // of an index
}

// Resolve tells what HOST/NAME:TAG or HOST/NAME@DIGEST is. What is not there is
// an error of kind executor.NotFound.
func (c *Client) Resolve(ctx context.Context, ref string) (Resolved, error) {
	op := fmt.Sprintf("look up %q", ref)
	repo, what, err := c.parse(ref)
	if err != nil {
		return Resolved{}, err
	}
	r, err := c.open(ctx, repo, transport.PullScope)
	if err != nil {
		return Resolved{}, fail(ctx, op, err)
	}
	data, mediaType, err := r.manifest(ctx, what)
	if err != nil {
		return Resolved{}, fail(ctx, op, err)
	}
	out := Resolved{Digest: digest.FromBytes(data), MediaType: mediaType, Size: int64(len(data))}
	var doc document
	if err := json.Unmarshal(data, &doc); err != nil {
		return out, executor.Errorf(op, executor.Failed, "reading its manifest: %w", err)
	}
	for _, m := range doc.Manifests {
		if m.Platform != nil && m.Platform.OS != "unknown" {
			out.Platforms = append(out.Platforms, *m.Platform)
		}
	}
	for _, l := range doc.Layers {
		out.Size += l.Size
	}
	if doc.Config != nil {
		out.Size += doc.Config.Size
	}
	return out, nil
}

// Retag lets tags point to an image that is there already, without sending any
// layer. An error tells which tag was not moved; those before it were.
func (c *Client) Retag(ctx context.Context, repository string, d digest.Digest, tags ...string) error {
	op := fmt.Sprintf("tag %s in %q", d, repository)
	repo, err := c.parseRepository(repository)
	if err != nil {
		return err
	}
	if err := checkTags(op, tags); err != nil {
		return err
	}
	r, err := c.open(ctx, repo, transport.PushScope)
	if err != nil {
		return fail(ctx, op, err)
	}
	data, mediaType, err := r.verified(ctx, d)
	if err != nil {
		return fail(ctx, op, err)
	}
	return r.tag(ctx, d, data, mediaType, tags)
}

// parse reads a reference to an image.
func (c *Client) parse(ref string) (name.Repository, string, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return name.Repository{}, "", executor.Errorf(fmt.Sprintf("read the image name %q", ref), executor.Invalid, "%w", err)
	}
	repo, err := c.parseRepository(parsed.Context().Name())
	return repo, parsed.Identifier(), err
}

var tagForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`) // distribution: spec, "Pulling manifests"

func checkTags(op string, tags []string) error {
	for _, t := range tags {
		if !tagForm.MatchString(t) {
			return executor.Errorf(op, executor.Invalid, "%q is no tag: up to 128 letters, digits, and _ . - after the first", t)
		}
	}
	return nil
}

// tag moves tags, one after the other, and looks at each.
func (r *repository) tag(ctx context.Context, d digest.Digest, data []byte, mediaType string, tags []string) error {
	for _, t := range tags {
		op := fmt.Sprintf("move tag %q of %q", t, r.name.Name())
		if err := r.putManifest(ctx, t, data, mediaType); err != nil {
			return fail(ctx, op, err)
		}
		got, _, err := r.manifest(ctx, t)
		if err != nil {
			return fail(ctx, op, err)
		}
		if found := d.Algorithm().FromBytes(got); found != d {
			return &executor.Error{
				Op: op, Kind: executor.Failed, Reason: DigestMismatch, Err: fmt.Errorf("it points to %s, not to %s", found, d),
				Hint: "somebody else pushed at the same time, or the registry's tags cannot be changed",
			}
		}
	}
	return nil
}

// verified reads a manifest by its digest, and checks that it has it.
func (r *repository) verified(ctx context.Context, d digest.Digest) ([]byte, string, error) {
	if err := d.Validate(); err != nil {
		return nil, "", &executor.Error{Kind: executor.Invalid, Err: err}
	}
	data, mediaType, err := r.manifest(ctx, d.String())
	if err != nil {
		return nil, "", err
	}
	if found := d.Algorithm().FromBytes(data); found != d {
		return nil, "", &executor.Error{
			Kind: executor.Failed, Reason: DigestMismatch, Err: fmt.Errorf("the registry answers with %s for %s", found, d),
			Hint: "the registry, or a proxy before it, changes or mixes up what it stores",
		}
	}
	return data, mediaType, nil
}

func (r *repository) manifest(ctx context.Context, what string) (data []byte, mediaType string, err error) {
	err = r.retry(ctx, func() error {
		resp, err := r.send(ctx, http.MethodGet, r.url("manifests", what), nil, http.Header{"Accept": {manifestTypes}}, http.StatusOK)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		mediaType = resp.Header.Get("Content-Type")
		data, err = io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
		if err == nil && len(data) > maxDocument {
			err = errors.New("its manifest is too long")
		}
		return err
	})
	return data, mediaType, err
}

// has tells whether a blob ("blobs") or a manifest ("manifests") is there.
func (r *repository) has(ctx context.Context, kind string, d digest.Digest) (bool, error) {
	resp, err := r.send(ctx, http.MethodHead, r.url(kind, d.String()), nil, http.Header{"Accept": {manifestTypes + ", */*"}}, http.StatusOK, http.StatusNotFound)
	if err != nil {
		return false, err
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK, nil
}

func (r *repository) putManifest(ctx context.Context, what string, data []byte, mediaType string) error {
	return r.retry(ctx, func() error {
		resp, err := r.send(ctx, http.MethodPut, r.url("manifests", what), bytes.NewReader(data), http.Header{"Content-Type": {mediaType}},
			http.StatusCreated, http.StatusOK, http.StatusAccepted)
		if err == nil {
			resp.Body.Close()
		}
		return err
	})
}

func (r *repository) url(kind, what string) string {
	return r.base + "/v2/" + r.name.RepositoryStr() + "/" + kind + "/" + what
}

// send makes one request; an answer other than want is an error.
func (r *repository) send(ctx context.Context, method, address string, body io.Reader, header http.Header, want ...int) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		q.Header[k] = v
	}
	return r.do(q, want...)
}

func (r *repository) do(q *http.Request, want ...int) (*http.Response, error) {
	resp, err := r.http.Do(q)
	var told *url.Error
	if errors.As(err, &told) { // a query may be signed
		told.URL, _, _ = strings.Cut(told.URL, "?")
	}
	if err != nil {
		return nil, err
	}
	if err := transport.CheckError(resp, want...); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}
