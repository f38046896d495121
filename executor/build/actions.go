package build

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/executor/buildcontext"
)

// Actions builds the images of Dockerfile actions into a registry, where the
// places of jobs take them from: in a cluster nothing else reaches every node.
type Actions struct {
	Builder  *Builder
	Registry *registry.Client
	// Bases has the logins for base images; nil: the builder's, with which images are
	// pushed.
	Bases *registry.Client
	// Repository is what the names of images begin with: HOST or HOST/PREFIX.
	Repository string
	// Nodes is the same as the nodes of the cluster write it; empty: Repository.
	Nodes string
	// Args are build arguments for all, such as proxies.
	Args map[string]string
}

var _ executor.Builder = (*Actions)(nil)

// Build makes the image unless its like is there: the tag comes from whose action
// it is and from every byte of its context. Jobs get the image by its digest.
func (a *Actions) Build(ctx context.Context, spec executor.BuildSpec, log func(line string)) (executor.Image, error) {
	op := fmt.Sprintf("build the image of %q", spec.Repository)
	if log == nil {
		log = func(string) {}
	}
	folder, err := buildcontext.Read(spec.Context, spec.Dockerfile)
	if err != nil {
		return executor.Image{}, executor.Errorf(op, executor.Invalid, "%w", err)
	}
	sum, err := folder.Sum(spec.Repository, spec.Platform)
	if err != nil {
		return executor.Image{}, executor.Errorf(op, executor.Failed, "%w", err)
	}
	name, tag := "drydock-action/"+imageName(spec.Repository), sum[:32]
	repository := strings.TrimSuffix(a.Repository, "/") + "/" + name
	if !spec.Rebuild {
		found, err := a.Registry.Resolve(ctx, repository+":"+tag)
		if err == nil {
			log(fmt.Sprintf("The image is there: %s:%s", repository, tag))
			return a.image(name, found.Digest.String(), spec.Platform), nil
		}
		// Some registries refuse to tell of what is not there yet; the push will say.
		if !executor.IsKind(err, executor.NotFound) && executor.ReasonOf(err) != registry.WrongCredentials {
			return executor.Image{}, err
		}
	}
	request := Request{
		Name: spec.Repository, Context: spec.Context, Dockerfile: spec.Dockerfile, NoCache: spec.Rebuild, Args: a.Args, Registry: a.Bases,
		CacheNamespace: sum, // what one action leaves in a cache, others must not run
		Output:         Output{Push: repository, Tags: []string{tag}},
		Progress:       func(e Event) { tellEvent(e, log) },
	}
	if spec.Platform != "" {
		request.Platforms = []string{spec.Platform}
	}
	result, err := a.Builder.Build(ctx, request)
	if err != nil {
		return executor.Image{}, err
	}
	return a.image(name, result.Digest.String(), spec.Platform), nil
}

func (a *Actions) image(name, digest, platform string) executor.Image {
	nodes := a.Nodes
	if nodes == "" {
		nodes = a.Repository
	}
	return executor.Image{Ref: strings.TrimSuffix(nodes, "/") + "/" + name + "@" + digest, Platform: platform}
}

// ErrNotOurs tells that an image was not made by Build.
var ErrNotOurs = errors.New("the image is not one of a Dockerfile action")

// ImageConfig tells the entrypoint and the command of an image that Build made.
func (a *Actions) ImageConfig(ctx context.Context, img executor.Image) (entrypoint, cmd []string, err error) {
	nodes := a.Nodes
	if nodes == "" {
		nodes = a.Repository
	}
	rest, ok := strings.CutPrefix(img.Ref, strings.TrimSuffix(nodes, "/")+"/drydock-action/")
	if !ok {
		return nil, nil, ErrNotOurs
	}
	c, err := a.Registry.Config(ctx, strings.TrimSuffix(a.Repository, "/")+"/drydock-action/"+rest, img.Platform)
	return c.Config.Entrypoint, c.Config.Cmd, err
}

// tellEvent leaves out what the builder does for itself.
func tellEvent(e Event, log func(string)) {
	if strings.HasPrefix(e.Name, "[internal]") && e.Kind != Failed {
		return
	}
	if line, ok := e.Words(); ok {
		log(line)
	}
}

var odd = regexp.MustCompile(`[^a-z0-9]+`)

// imageName makes owner/repo/path usable in an image's name. What it takes away
// does not matter: the digest is over the name as it is.
func imageName(s string) string {
	var out []string
	for part := range strings.SplitSeq(strings.ToLower(s), "/") {
		if part = strings.Trim(odd.ReplaceAllString(part, "-"), "-"); part != "" {
			out = append(out, strings.TrimRight(part[:min(len(part), 60)], "-"))
		}
	}
	if len(out) == 0 {
		return "local"
	}
	return strings.Join(out[:min(len(out), 3)], "/")
}
