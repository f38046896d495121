package pipeline

import (
	"context"

	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
	"github.com/drydock-ci/drydock/githubapp/pipeline/version"
)

// Versions are the versions and tags of a commit's services.
type Versions struct {
	facts version.Facts // those that all services share
	tags  []string
	last  func(service string) (tag string, commits int, err error)
}

// NewVersions reads what git knows of a commit. Branch and pull are what is built:
// one of them, or neither.
func NewVersions(ctx context.Context, r *tree.Repository, sha, branch string, pull int) (*Versions, error) {
	v := &Versions{facts: version.Facts{SHA: sha, Branch: branch, PullRequest: pull}}
	var err error
	if v.tags, err = r.Tags(ctx, sha); err != nil {
		return nil, err
	}
	v.last = func(service string) (string, int, error) {
		own, commits, err := r.LastTag(ctx, sha, service+"/v*", service+"-v*")
		if err != nil || own != "" {
			return own, commits, err
		}
		return r.LastTag(ctx, sha, "v[0-9]*", "[0-9]*")
	}
	return v, nil
}

// Of gives a service's version and the tags of its image. The version is that of a
// git tag at the commit, else the next one's pre-release.
func (v *Versions) Of(s *declaration.Service) (string, []string, error) {
	name, facts := s.Name.Text, v.facts
	if tagged, ok := version.Highest(name, v.tags); ok {
		facts.Version = tagged.String()
	} else {
		tag, commits, err := v.last(name)
		if err != nil {
			return "", nil, err
		}
		last, _ := version.Highest(name, []string{tag})
		facts.Next = version.Next(last, commits, facts.SHA).String()
	}
	var templates []string
	for _, t := range s.Tags {
		templates = append(templates, t.Text)
	}
	tags, err := version.Tags(templates, facts)
	if facts.Version != "" {
		return facts.Version, tags, err
	}
	return facts.Next, tags, err
}
