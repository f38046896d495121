package images

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

// Published is the ledger of those who keep none: the registry knows what a commit
// was published as, by the tags that name the commit.
type Published struct {
	registry *registry.Client
	tags     map[string]string // of that commit, by service: HOST/NAME:TAG; without one nothing is known
	names    map[string]string // of images, by service
}

// NewPublished is the ledger of what a commit was published as; base "" is a commit
// that nobody knows.
func NewPublished(ctx context.Context, client *registry.Client, r *tree.Repository, services *declaration.Services, base string) (*Published, error) {
	p := &Published{registry: client, tags: map[string]string{}, names: map[string]string{}}
	if base == "" {
		return p, nil
	}
	versions, err := pipeline.NewVersions(ctx, r, base, "", 0)
	if err != nil {
		return nil, err
	}
	for _, s := range services.List {
		tags, err := versions.Tags(s)
		if err != nil {
			return nil, err
		}
		p.names[s.Name.Text] = s.Image.Text
		if i := slices.IndexFunc(tags, func(tag string) bool { return strings.Contains(tag, base[:7]) }); i >= 0 {
			p.tags[s.Name.Text] = s.Image.Text + ":" + tags[i]
		}
	}
	return p, nil
}

// Last asks the registry.
func (p *Published) Last(ctx context.Context, service string) (pipeline.Image, bool, error) {
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
func (p *Published) Record(context.Context, pipeline.Request, pipeline.Image) error { return nil }
