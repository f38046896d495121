package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	buildkit "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/moby/buildkit/session/upload/uploadprovider"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/fsutil"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build/registry"
)

// Build makes the image and brings it where the request says. The error of a
// build that was cancelled is the cause of that.
func (b *Builder) Build(ctx context.Context, r Request) (Result, error) {
	r.Platforms = append([]string(nil), r.Platforms...)
	r.Pull = r.Pull || b.opts.PublicOnly
	if err := r.check(); err != nil {
		return Result{}, err
	}
	c, err := b.client(ctx)
	if err != nil {
		return Result{}, err
	}
	dir, err := os.MkdirTemp(r.Folder, "drydock-build-")
	if err != nil {
		return Result{}, executor.Errorf(r.op(), executor.Failed, "%w", err)
	}
	defer os.RemoveAll(dir)
	layout := registry.Layout{Dir: dir}
	w := newWatcher(&r)
	if err := b.checkSources(ctx, c, &r); err != nil {
		return Result{}, err
	}
	if b.opts.Address == "" {
		packs, err := b.enginePacks(ctx)
		if err != nil {
			return Result{}, err
		}
		if o := r.Output; len(o.Load) > 0 && o.Push == "" && o.Layout == "" && o.Tar == "" && (packs || !r.attests()) {
			return b.buildForEngine(ctx, c, &r, w)
		}
		if !packs {
			return b.buildInEngine(ctx, c, &r, w, layout)
		}
	}
	opt, err := b.solveOpt(&r)
	if err != nil {
		return Result{}, err
	}
	to, err := b.store(ctx, &r, layout)
	if err != nil {
		return Result{}, err
	}
	opt.Exports = []buildkit.ExportEntry{{
		Type: buildkit.ExporterOCI, OutputStore: to,
		Attrs: map[string]string{"tar": "false", "oci-mediatypes": "true", "rewrite-timestamp": "true"},
	}}
	meta, err := b.solve(ctx, c, nil, &r, opt, w)
	if err != nil {
		return Result{}, err
	}
	root, err := described(layout, meta)
	if err != nil {
		return Result{}, executor.Errorf(r.op(), executor.Failed, "%w", err)
	}
	return b.deliver(ctx, &r, w, layout, root, meta)
}

// solve lets BuildKit work, at a definition or, without one, at what the options'
// frontend makes of them. It closes what it was given of the request.
func (b *Builder) solve(ctx context.Context, c *buildkit.Client, d *llb.Definition, r *Request, opt buildkit.SolveOpt, w *watcher) (map[string]string, error) {
	status := make(chan *buildkit.SolveStatus)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.follow(status)
	}()
	resp, err := c.Solve(ctx, d, opt, status)
	<-done
	if err != nil {
		return nil, b.fail(ctx, r.op(), r, w.hideError(err))
	}
	return resp.ExporterResponse, nil
}

// solveOpt is the request as BuildKit takes it, but for what comes out.
func (b *Builder) solveOpt(r *Request) (buildkit.SolveOpt, error) {
	opt := buildkit.SolveOpt{
		Frontend: "dockerfile.v0", FrontendAttrs: r.frontendAttrs(), LocalMounts: map[string]fsutil.FS{},
		CacheImports: caches(r.CacheFrom), CacheExports: caches(r.CacheTo),
		Session:      []session.Attachable{b.logins(r), secretsprovider.FromMap(r.Secrets)},
		SourcePolicy: b.opts.sourcePolicy(),
	}
	folder := func(name, dir string) error {
		f, err := checkout(dir)
		if err != nil {
			return executor.Errorf(r.op(), executor.Invalid, "read the context %q: %w", dir, err)
		}
		opt.LocalMounts[name] = f
		return nil
	}
	if r.Tar != nil {
		up := uploadprovider.New()
		opt.FrontendAttrs["context"] = up.Add(r.Tar)
		opt.Session = append(opt.Session, up)
	} else {
		if err := folder("context", r.Context); err != nil {
			return opt, err
		}
		// Dockerfiles of one context lie in several folders, and two of one size and
		// time would be one to the builder: each folder has its own name.
		at := filepath.Dir(r.Dockerfile)
		key := "dockerfile-" + sharedKey(at)
		opt.FrontendAttrs["dockerfilekey"] = key
		if err := folder(key, at); err != nil {
			return opt, err
		}
		opt.SharedKey = sharedKey(r.Context)
	}
	for name, from := range r.Contexts {
		if strings.Contains(from, "://") {
			continue
		}
		if err := folder(localName(name), from); err != nil {
			return opt, err
		}
	}
	if len(r.SSH) > 0 {
		var agents []sshprovider.AgentConfig
		for id, path := range r.SSH {
			agents = append(agents, sshprovider.AgentConfig{ID: id, Paths: []string{path}})
		}
		ssh, err := sshprovider.NewSSHAgentProvider(agents)
		if err != nil {
			return opt, executor.Errorf(r.op(), executor.Invalid, "its SSH keys: %w", err)
		}
		opt.Session = append(opt.Session, ssh)
	}
	return opt, nil
}

// sharedKey lets the builder keep what it has of a folder until the next build:
// what has the same size and time there is not sent again, so the key is the
// folder's on this machine.
func sharedKey(dir string) string {
	host, _ := os.Hostname()
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	sum := sha256.Sum256([]byte(host + ":" + dir))
	return hex.EncodeToString(sum[:])
}

func caches(all []Cache) []buildkit.CacheOptionsEntry {
	var out []buildkit.CacheOptionsEntry
	for _, c := range all {
		out = append(out, buildkit.CacheOptionsEntry{Type: c.Type, Attrs: c.Attrs})
	}
	return out
}

// Deliver brings an image that was made without a builder into a layout and the
// engine, in place of Build; what is not asked for stays where it is.
func (b *Builder) Deliver(ctx context.Context, l registry.Layout, o Output) (Result, error) {
	root, err := l.Root()
	if err != nil {
		return Result{}, err
	}
	o.Push, o.Tags = "", nil // the registry's client does that by itself
	return b.deliver(ctx, &Request{Output: o}, nil, l, root, nil)
}

// deliver brings the image of a layout to all its targets.
func (b *Builder) deliver(ctx context.Context, r *Request, w *watcher, l registry.Layout, root ocispec.Descriptor, meta map[string]string) (Result, error) {
	content, err := l.Content(root)
	if err != nil {
		return Result{}, err
	}
	out := Result{Digest: root.Digest, MediaType: root.MediaType, Size: content.Size, Metadata: plainMetadata(meta)}
	for _, p := range content.Platforms {
		out.Platforms = append(out.Platforms, platformText(p))
	}
	if r.Output.Push != "" {
		if err := b.opts.Registry.Push(ctx, l, root, r.Output.Push, r.Output.Tags, w.push); err != nil {
			return out, err
		}
	}
	if len(r.Output.Load) > 0 {
		if err := b.load(ctx, r, l, content); err != nil {
			return out, err
		}
	}
	if r.Output.Tar != "" {
		if err := writeTar(ctx, r, l); err != nil {
			return out, err
		}
	}
	if r.Output.Layout != "" {
		if err := keep(r, l); err != nil {
			return out, err
		}
	}
	return out, nil
}

// plainMetadata leaves out what is long and for programs of BuildKit only.
func plainMetadata(meta map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range meta {
		if len(v) < 4096 {
			out[k] = v
		}
	}
	return out
}

func (b *Builder) fail(ctx context.Context, op string, r *Request, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	out := classify(r, err)
	out.Op = op
	if out.Kind == executor.Unavailable {
		out.Err = fmt.Errorf("the image builder at %s: %w", b.where(), out.Err)
	}
	return out
}
