package images

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"
	digest "github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/drydock-ci/drydock/executor/build"
	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/dockerfile"
)

// Jobs runs a workflow of the repository, or one job of it and what that needs, and
// gives the outputs of that job.
type Jobs interface {
	Run(ctx context.Context, r pipeline.Request, workflow, job string, log io.Writer) (outputs map[string]string, err error)
}

// Options of New.
type Options struct {
	BuildKit *build.Builder
	Registry *registry.Client
	// Secret finds a secret that a service asks for by its name; the error says what to
	// do. Agent gives the socket of the ssh agent that it may use.
	Secret  func(name string) (string, error)
	Agent   func() (socket string, err error)
	Folder  string // for layouts and contexts; its owner removes it
	Keep    string // for layouts that somebody wants; empty: none
	Load    bool   // into the engine
	Publish bool   // what is built is published before what needs it is built
	Bases   bool   // tell which images were made from which
	// Namespace keeps cache mounts from those of other builders of images; empty: all
	// share them.
	Namespace string
	// GoInBuilder lets BuildKit compile Go programs, too: out of the reach of this
	// machine's files, which what is compiled could name. Common is secret like
	// Namespace, and the same for all: nobody else at the builder can say beforehand
	// what is made for all of them.
	GoInBuilder bool
	Common      string
	Jobs        Jobs // nil: services that a job builds fail
}

// Builder is pipeline.Builder. It may be used for several services at once.
type Builder struct {
	Options

	mu    sync.Mutex
	roots map[string]ocispec.Descriptor // by service
}

// New connects nothing yet.
func New(o Options) *Builder {
	return &Builder{Options: o, roots: map[string]ocispec.Descriptor{}}
}

func (b *Builder) layout(r pipeline.Request) registry.Layout {
	folder := b.Folder
	if b.Keep != "" {
		folder = b.Keep
	}
	return registry.Layout{Dir: filepath.Join(folder, r.Service.Name.Text)}
}

// Build makes the image into its layout.
func (b *Builder) Build(ctx context.Context, r pipeline.Request, log io.Writer) (pipeline.Image, error) {
	if r.Service.Build.Workflow.Given() {
		return b.buildByJob(ctx, r, log)
	}
	out := build.Output{Layout: b.layout(r).Dir, Elsewhere: b.elsewhere(ctx, r)}
	if b.Load {
		for _, tag := range r.Tags {
			out.Load = append(out.Load, r.Service.Image.Text+":"+tag)
		}
	}
	var request build.Request
	var made build.Result
	var err error
	if r.Service.Build.Ko.Given() {
		made, err = b.buildGo(ctx, r, out, log)
	} else if request, err = b.request(r, log); err == nil {
		request.Output, request.Registry, request.Folder = out, b.Registry, b.Folder
		made, err = b.solve(ctx, request, log)
	}
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
	image := pipeline.Image{Name: r.Service.Image.Text, Digest: made.Digest.String(), Size: made.Size, Platforms: made.Platforms}
	if b.Bases {
		image.Bases = b.bases(ctx, r, request)
	}
	return image, nil
}

// elsewhere tells which layers are not needed here: those that the registry has, and
// all when the image goes nowhere.
func (b *Builder) elsewhere(ctx context.Context, r pipeline.Request) func(context.Context, digest.Digest) bool {
	switch {
	case b.Keep != "" || b.Load:
		return nil
	case !b.Publish:
		return func(context.Context, digest.Digest) bool { return true }
	}
	// Not before there is something to ask for. Whoever cannot be asked gets all, and
	// pushing says what is wrong.
	open := sync.OnceValues(func() (func(context.Context, digest.Digest) bool, error) {
		ctx, cancel := context.WithTimeout(ctx, askRegistry)
		defer cancel()
		return b.Registry.Has(ctx, r.Service.Image.Text)
	})
	return func(ctx context.Context, d digest.Digest) bool {
		ctx, cancel := context.WithTimeout(ctx, askRegistry)
		defer cancel()
		has, err := open()
		return err == nil && has(ctx, d)
	}
}

// askRegistry is how long a registry is asked for what it has.
const askRegistry = 5 * time.Second

// solve asks BuildKit, and writes what it says.
func (b *Builder) solve(ctx context.Context, request build.Request, log io.Writer) (build.Result, error) {
	request.Progress = progress(log)
	return b.BuildKit.Build(ctx, request)
}

// bases asks what the images are now that the Dockerfile names. One that the
// registry does not tell has no digest: the build did not fail for it.
func (b *Builder) bases(ctx context.Context, r pipeline.Request, q build.Request) []pipeline.Base {
	if q.Dockerfile == "" { // nothing is below a Go program
		return nil
	}
	read, err := analyze(q)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askRegistry)
	defer cancel()
	var all []pipeline.Base
	for _, image := range read.Images {
		named, err := reference.ParseNormalizedNamed(image.Name)
		if err != nil {
			continue
		}
		base := pipeline.Base{Name: image.Name}
		if made, ok := r.Needs[named.Name()]; ok {
			base.Digest = made.Digest
		} else if found, err := b.Registry.Resolve(ctx, reference.TagNameOnly(named).String()); err == nil {
			base.Digest = found.Digest.String()
		}
		all = append(all, base)
	}
	return all
}

// analyze reads the request's Dockerfile.
func analyze(q build.Request) (*dockerfile.Inputs, error) {
	src, err := os.ReadFile(q.Dockerfile)
	if err != nil {
		return nil, err
	}
	return dockerfile.Analyze(src, dockerfile.Options{Target: q.Target, Args: q.Args, Platforms: q.Platforms})
}

// request is what the declaration says, in BuildKit's terms.
func (b *Builder) request(r pipeline.Request, log io.Writer) (build.Request, error) {
	s := r.Service
	// No time of the commit: what is the same in two commits has one digest, and a
	// builder's cache is as good for the next one.
	q := build.Request{Name: s.Name.Text, Contexts: map[string]string{}, CacheNamespace: b.Namespace}
	for _, p := range s.Build.Platforms {
		q.Platforms = append(q.Platforms, p.Text)
	}
	var err error
	if q.Context, err = inside(r.Folder, s.Build.Context.Text); err != nil {
		return q, fmt.Errorf("the context of service %q: %w", q.Name, err)
	}
	if q.Dockerfile, err = inside(r.Folder, s.Build.Dockerfile.Text); err != nil {
		return q, fmt.Errorf("the Dockerfile of service %q: %w", q.Name, err)
	}
	q.Target, q.Provenance, q.SBOM = s.Build.Target.Text, s.Build.Provenance.Text, s.Build.SBOM.Text
	if s.Build.SBOM.Text == "true" {
		q.SBOM = build.Scanner
	}
	q.Args, q.Secrets, q.SSH = map[string]string{}, map[string][]byte{}, map[string]string{}
	for _, arg := range s.Build.Args {
		q.Args[arg.Name.Text] = arg.Value.Text
	}
	for _, secret := range s.Build.Secrets {
		value, err := b.Secret(secret.Value.Text)
		if err != nil {
			return q, fmt.Errorf("secret %q of service %q is not there: %w", secret.Name.Text, q.Name, err)
		}
		q.Secrets[secret.Name.Text] = []byte(value)
	}
	for _, id := range s.Build.SSH {
		agent, err := b.Agent()
		if err != nil {
			return q, fmt.Errorf("service %q asks for the ssh agent %q: %w", q.Name, id.Text, err)
		}
		q.SSH[id.Text] = agent
	}
	return q, b.needs(r, &q, log)
}

// needs gives the builder the images of this run in place of what the registry has
// under the names that the Dockerfile says.
func (b *Builder) needs(r pipeline.Request, q *build.Request, log io.Writer) error {
	if len(r.Needs) == 0 {
		return nil
	}
	read, err := analyze(*q)
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
		case !b.Publish:
			fmt.Fprintf(log, "%s is what the registry has: the image that this run made of it is not pushed\n", image.Name)
		default:
			// BuildKit looks for the name without :latest (moby/buildkit: frontend/dockerui).
			q.Contexts[strings.TrimSuffix(reference.FamiliarString(named), ":latest")] = "docker-image://" + made.Name + "@" + made.Digest
		}
	}
	return nil
}

// Push sends the layout.
func (b *Builder) Push(ctx context.Context, r pipeline.Request, image pipeline.Image, log io.Writer) error {
	if r.Service.Build.Workflow.Given() { // its job has pushed it; some tags may be left
		return b.Retag(ctx, r, image, log)
	}
	b.mu.Lock()
	root, ok := b.roots[r.Service.Name.Text]
	b.mu.Unlock()
	if !ok {
		return fmt.Errorf("push %q: nothing was built", image.Name)
	}
	return b.Registry.Push(ctx, b.layout(r), root, image.Name, r.Tags, func(p registry.Progress) {
		if p.State == registry.Sent {
			fmt.Fprintf(log, "sent %s (%d bytes)\n", p.Digest, p.Size)
		}
	})
}

// Retag moves tags in the registry.
func (b *Builder) Retag(ctx context.Context, r pipeline.Request, image pipeline.Image, _ io.Writer) error {
	resolved, err := b.Registry.Resolve(ctx, image.Name+"@"+image.Digest)
	if err != nil {
		return err
	}
	return b.Registry.Retag(ctx, image.Name, resolved.Digest, r.Tags...)
}
