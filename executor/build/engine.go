package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	buildkit "github.com/moby/buildkit/client"
	digest "github.com/opencontainers/go-digest"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build/registry"
)

// enginePacks tells whether the engine's BuildKit gives OCI layouts away as any other:
// it does where containerd keeps the images, as a new Docker 29 has it (docker/buildx:
// driver/docker).
func (b *Builder) enginePacks(ctx context.Context) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.packs != nil {
		return *b.packs, nil
	}
	e, err := b.engine(ctx)
	if err != nil {
		return false, err
	}
	info, err := e.Info(ctx)
	if err != nil {
		return false, engineFailed("ask the Docker engine how it keeps images", err)
	}
	packs := slices.Contains(info.DriverStatus, [2]string{"driver-type", "io.containerd.snapshotter.v1"})
	b.packs = &packs
	return packs, nil
}

// buildInEngine lets a Docker engine build whose BuildKit gives no OCI layout away,
// only images in its own store: each platform is built there, and saved.
func (b *Builder) buildInEngine(ctx context.Context, c *buildkit.Client, r *Request, w *watcher, l registry.Layout) (Result, error) {
	switch {
	case r.attests():
		return Result{}, &executor.Error{
			Op: r.op(), Kind: executor.Unsupported, Err: errors.New("the Docker engine's builder makes no attestations: it does not keep images in containerd's store"),
			Hint: "give the address of a buildkitd in BUILDKIT_HOST",
		}
	case r.Tar != nil && len(r.Platforms) > 1:
		return Result{}, executor.Errorf(r.op(), executor.Unsupported, "the Docker engine builds one platform after the other, and a tar can be read once: use a folder")
	}
	e, err := b.engine(ctx)
	if err != nil {
		return Result{}, err
	}
	b.sweepDrafts(ctx, e, time.Now())
	platforms := r.Platforms
	if len(platforms) == 0 {
		platforms = []string{""}
	}
	var saved []string
	var meta map[string]string
	for _, p := range platforms {
		one := *r
		if p != "" {
			one.Platforms = []string{p}
		}
		// A name keeps the image from being swept while it is saved. The label makes
		// it an image of its own: the engine mixes up who takes the last name of one
		// away when another build has just made the same.
		name := draftName(time.Now())
		one.Labels = maps.Clone(r.Labels)
		if one.Labels == nil {
			one.Labels = map[string]string{}
		}
		one.Labels[draftLabel] = name
		opt, err := b.solveOpt(&one)
		if err != nil {
			return Result{}, err
		}
		opt.Exports = []buildkit.ExportEntry{{Type: "moby", Attrs: map[string]string{"name": name}}}
		if meta, err = b.solve(ctx, c, nil, &one, opt, w); err != nil {
			return Result{}, err
		}
		file := filepath.Join(l.Dir, fmt.Sprintf("%d.tar", len(saved)))
		if err := save(ctx, e, name, file); err != nil {
			return Result{}, err
		}
		saved = append(saved, file)
	}
	root, err := repack(l, saved, r.Epoch)
	if err != nil {
		return Result{}, executor.Errorf(r.op(), executor.Failed, "%w", err)
	}
	return b.deliver(ctx, r, w, l, root, meta)
}

// buildForEngine makes an image that stays in the engine's store.
func (b *Builder) buildForEngine(ctx context.Context, c *buildkit.Client, r *Request, w *watcher) (Result, error) {
	opt, err := b.solveOpt(r)
	if err != nil {
		return Result{}, err
	}
	opt.Exports = []buildkit.ExportEntry{{Type: "moby", Attrs: map[string]string{"name": strings.Join(r.Output.Load, ",")}}}
	meta, err := b.solve(ctx, c, nil, r, opt, w)
	if err != nil {
		return Result{}, err
	}
	return Result{Digest: digest.Digest(cmp.Or(meta["containerimage.digest"], meta["containerimage.config.digest"])), Platforms: r.Platforms, Metadata: plainMetadata(meta)}, nil
}

// save writes the image of that name to a file, and takes the name away.
func save(ctx context.Context, e Engine, name, file string) (err error) {
	op := "save an image of the Docker engine"
	defer func() {
		bg, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if _, rerr := e.ImageRemove(bg, name, image.RemoveOptions{}); rerr != nil && err == nil {
			err = engineFailed(op, fmt.Errorf("taking its name away: %w", rerr))
		}
	}()
	r, err := e.ImageSave(ctx, []string{name})
	if err == nil {
		defer r.Close()
		var f *os.File
		if f, err = os.Create(file); err == nil {
			_, err = io.Copy(f, r)
			err = errors.Join(err, f.Close())
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return engineFailed(op, err)
	}
	return nil
}

// engineFailed gives an error of the engine's client its kind.
func engineFailed(op string, err error) error {
	kind := executor.Failed
	switch {
	case client.IsErrConnectionFailed(err):
		kind = executor.Unavailable
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		kind = executor.Lost
	}
	return executor.Errorf(op, kind, "%w", err)
}
