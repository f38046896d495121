package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/docker/docker/client"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/archive"
	"github.com/drydock-ci/drydock/executor/build/registry"
)

// load brings the image of one platform into the engine, in the form that every
// engine reads.
func (b *Builder) load(ctx context.Context, r *Request, l registry.Layout, content registry.Content) error {
	op := fmt.Sprintf("load image %q", r.Output.Load[0])
	e, err := b.engine(ctx)
	if err != nil {
		return err
	}
	if len(content.Platforms) != 1 {
		return &executor.Error{Op: op, Kind: executor.Unsupported, Reason: BadPlatform, Err: fmt.Errorf("it is for %d platforms", len(content.Platforms)), Hint: "build it for one"}
	}
	h, err := v1.NewHash(content.Manifests[0].Digest.String()) // what attests it comes after it
	if err != nil {
		return executor.Errorf(op, executor.Failed, "%w", err)
	}
	img, err := layout.Path(l.Dir).Image(h)
	if err != nil {
		return executor.Errorf(op, executor.Failed, "%w", err)
	}
	refs := map[name.Reference]v1.Image{}
	for _, text := range r.Output.Load {
		ref, err := name.NewTag(text)
		if err != nil {
			return executor.Errorf(op, executor.Invalid, "%w", err)
		}
		refs[ref] = img
	}
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(tarball.MultiRefWrite(refs, pw)) }()
	defer pr.Close()
	resp, err := e.ImageLoad(ctx, pr, client.ImageLoadWithQuiet(true))
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		err = errors.Join(err, resp.Body.Close())
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return engineFailed(op, err)
	}
	return nil
}

// writeTar writes the layout as one file, whole or not at all.
func writeTar(ctx context.Context, r *Request, l registry.Layout) (err error) {
	op := fmt.Sprintf("write %q", r.Output.Tar)
	f, err := os.CreateTemp(filepath.Dir(r.Output.Tar), ".drydock-*")
	if err != nil {
		return executor.Errorf(op, executor.Failed, "%w", err)
	}
	defer os.Remove(f.Name()) // once renamed it is not there
	err = archive.PackPaths(ctx, f, l.Dir, layoutFiles, archive.PackOptions{})
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), r.Output.Tar)
	}
	if err != nil {
		return executor.Errorf(op, executor.Failed, "%w", err)
	}
	return nil
}

// layoutFiles are what a layout consists of; BuildKit leaves more there.
var layoutFiles = []string{"blobs", "index.json", "oci-layout"}

// keep puts the layout where it was asked for, in the place of one from before.
func keep(r *Request, l registry.Layout) error {
	op := fmt.Sprintf("write the image to %q", r.Output.Layout)
	to := r.Output.Layout
	if entries, err := os.ReadDir(to); err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(to, "oci-layout")); err != nil {
			return &executor.Error{Op: op, Kind: executor.Refused, Err: errors.New("the folder holds something that is no OCI layout"), Hint: "name another, or empty it"}
		}
	}
	err := os.MkdirAll(to, 0o755)
	for _, part := range layoutFiles {
		if err == nil {
			err = os.RemoveAll(filepath.Join(to, part))
		}
		if err == nil {
			err = move(filepath.Join(l.Dir, part), filepath.Join(to, part))
		}
	}
	if err != nil {
		return executor.Errorf(op, executor.Failed, "%w", err)
	}
	return nil
}

// move renames, or copies to another file system.
func move(from, to string) error {
	if os.Rename(from, to) == nil {
		return nil
	}
	fi, err := os.Stat(from)
	if err != nil {
		return err
	}
	if fi.IsDir() {
		return os.CopyFS(to, os.DirFS(from))
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}
