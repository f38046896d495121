package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build"
	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/dockerfile"
)

// imageBuilder is pipeline.Builder over BuildKit and registries. Every image is made
// into a layout of its own first; what is pushed is that.
type imageBuilder struct {
	build    *build.Builder
	registry *registry.Client
	lookup   func(string) (string, bool)
	folder   string // for layouts
	keep     string // folder for layouts that the user wants; empty: none
	load     bool   // into the engine
	pushes   bool   // what is built is published before what needs it is built
	jobs     *serviceJobs

	mu    sync.Mutex
	roots map[string]ocispec.Descriptor // by service
}

func (b *imageBuilder) layout(r pipeline.Request) registry.Layout {
	folder := b.folder
	if b.keep != "" {
		folder = b.keep
	}
	return registry.Layout{Dir: filepath.Join(folder, r.Service.Name.Text)}
}

// Build makes the image into its layout.
func (b *imageBuilder) Build(ctx context.Context, r pipeline.Request, log io.Writer) (pipeline.Image, error) {
	if r.Service.Build.Workflow.Given() {
		return b.buildByJob(ctx, r, log)
	}
	request, err := b.request(ctx, r, log)
	if err != nil {
		return pipeline.Image{}, err
	}
	request.Output.Layout = b.layout(r).Dir
	if b.load {
		for _, tag := range r.Tags {
			request.Output.Load = append(request.Output.Load, r.Service.Image.Text+":"+tag)
		}
	}
	request.Progress = func(e build.Event) {
		switch e.Kind {
		case build.Log:
			fmt.Fprintln(log, e.Line)
		case build.Failed:
			fmt.Fprintf(log, "%s: %s\n", e.Name, e.Line)
		case build.Cached:
			fmt.Fprintf(log, "%s (cached)\n", e.Name)
		case build.Started:
			fmt.Fprintln(log, e.Name)
		}
	}
	made, err := b.build.Build(ctx, request)
	if err != nil {
		return pipeline.Image{}, err
	}
	root, err := b.layout(r).Root()
	if err != nil {
		return pipeline.Image{}, err
	}
	b.mu.Lock()
	b.roots[r.Service.Name.Text] = root
	b.mu.Unlock()
	return pipeline.Image{Name: r.Service.Image.Text, Digest: made.Digest.String(), Size: made.Size, Platforms: made.Platforms}, nil
}

// request is what the declaration says, in BuildKit's terms.
func (b *imageBuilder) request(ctx context.Context, r pipeline.Request, log io.Writer) (build.Request, error) {
	s := r.Service
	q := build.Request{Name: s.Name.Text, Epoch: r.Epoch, Contexts: map[string]string{}}
	for _, p := range s.Build.Platforms {
		q.Platforms = append(q.Platforms, p.Text)
	}
	if s.Build.Ko.Given() {
		var err error
		q.Context, q.Platforms, err = b.compile(ctx, r, log)
		return q, err
	}
	q.Context = filepath.Join(r.Folder, filepath.FromSlash(s.Build.Context.Text))
	q.Dockerfile = filepath.Join(r.Folder, filepath.FromSlash(s.Build.Dockerfile.Text))
	q.Target = s.Build.Target.Text
	q.Args, q.Secrets, q.SSH = map[string]string{}, map[string][]byte{}, map[string]string{}
	for _, arg := range s.Build.Args {
		q.Args[arg.Name.Text] = arg.Value.Text
	}
	for _, secret := range s.Build.Secrets {
		value, ok := b.lookup(secret.Value.Text)
		if !ok {
			return q, fmt.Errorf("secret %q of service %q is not there: set the variable %s", secret.Name.Text, q.Name, secret.Value.Text)
		}
		q.Secrets[secret.Name.Text] = []byte(value)
	}
	for _, id := range s.Build.SSH {
		agent, ok := b.lookup("SSH_AUTH_SOCK")
		if !ok {
			return q, fmt.Errorf("service %q asks for the ssh agent %q: start one, or set SSH_AUTH_SOCK", q.Name, id.Text)
		}
		q.SSH[id.Text] = agent
	}
	return q, b.needs(r, &q, log)
}

// needs gives the builder the images of this run in place of what the registry has
// under the names that the Dockerfile says.
func (b *imageBuilder) needs(r pipeline.Request, q *build.Request, log io.Writer) error {
	if len(r.Needs) == 0 {
		return nil
	}
	src, err := os.ReadFile(q.Dockerfile)
	if err != nil {
		return err
	}
	read, err := dockerfile.Analyze(src, dockerfile.Options{Target: q.Target, Args: q.Args, Platforms: q.Platforms})
	if err != nil {
		return err
	}
	for _, image := range read.Images {
		named, err := reference.ParseNormalizedNamed(image.Name)
		if err != nil {
			continue // the builder says what is wrong with it
		}
		made, ok := r.Needs[named.Name()]
		switch {
		case !ok:
		case !b.pushes:
			fmt.Fprintf(log, "%s is what the registry has: the image that this run made of it is not pushed\n", image.Name)
		default:
			// BuildKit looks for the name without :latest (moby/buildkit: frontend/dockerui).
			q.Contexts[strings.TrimSuffix(reference.FamiliarString(named), ":latest")] = "docker-image://" + made.Name + "@" + made.Digest
		}
	}
	return nil
}

// Push sends the layout.
func (b *imageBuilder) Push(ctx context.Context, r pipeline.Request, image pipeline.Image, log io.Writer) error {
	if r.Service.Build.Workflow.Given() { // its job has pushed it; some tags may be left
		return b.Retag(ctx, r, image, log)
	}
	b.mu.Lock()
	root, ok := b.roots[r.Service.Name.Text]
	b.mu.Unlock()
	if !ok {
		return fmt.Errorf("push %q: nothing was built", image.Name)
	}
	return b.registry.Push(ctx, b.layout(r), root, image.Name, r.Tags, func(p registry.Progress) {
		if p.State == registry.Sent {
			fmt.Fprintf(log, "sent %s (%d bytes)\n", p.Digest, p.Size)
		}
	})
}

// Retag moves tags in the registry.
func (b *imageBuilder) Retag(ctx context.Context, r pipeline.Request, image pipeline.Image, _ io.Writer) error {
	resolved, err := b.registry.Resolve(ctx, image.Name+"@"+image.Digest)
	if err != nil {
		return err
	}
	return b.registry.Retag(ctx, image.Name, resolved.Digest, r.Tags...)
}

// publishedImages is the ledger of a laptop: the registry knows what the commit that
// the change is compared with was published as, by that commit's own tag.
type publishedImages struct {
	registry *registry.Client
	tags     map[string]string // of that commit, by service: HOST/NAME:TAG; without one nothing is known
	names    map[string]string // of images, by service
}

// Last asks the registry.
func (p *publishedImages) Last(ctx context.Context, service string) (pipeline.Image, bool, error) {
	ref, ok := p.tags[service]
	if !ok {
		return pipeline.Image{}, false, nil
	}
	found, err := p.registry.Resolve(ctx, ref)
	var failed *executor.Error
	switch {
	case errors.As(err, &failed) && failed.Kind == executor.NotFound:
		return pipeline.Image{}, false, nil
	case err != nil:
		return pipeline.Image{}, false, err
	}
	return pipeline.Image{Name: p.names[service], Digest: found.Digest.String(), Size: found.Size}, true, nil
}

// Record has nothing to do: the tags are the record.
func (p *publishedImages) Record(context.Context, pipeline.Request, pipeline.Image) error { return nil }

// newImageBuilder connects nothing yet.
func (a *app) newImageBuilder(p *parts, folder string, o buildOptions) (*imageBuilder, error) {
	client, err := registry.New(registry.Options{Log: p.log})
	if err != nil {
		return nil, err
	}
	address, _ := a.lookup("BUILDKIT_HOST") // as buildctl has it
	made, err := build.New(build.Options{
		Address: address, Registry: client, Log: p.log,
		Engine: func(ctx context.Context) (build.Engine, error) { return p.docker.Client(ctx) },
	})
	if err != nil {
		return nil, err
	}
	b := &imageBuilder{build: made, registry: client, lookup: a.lookup, folder: folder, load: o.load, pushes: o.push(), roots: map[string]ocispec.Descriptor{}}
	if b.keep, err = o.layouts(a.dir); err != nil {
		return nil, err
	}
	return b, nil
}

// close ends the connection and removes what nobody asked to keep.
func (b *imageBuilder) close() {
	_ = b.build.Close()
	_ = os.RemoveAll(b.folder)
}
