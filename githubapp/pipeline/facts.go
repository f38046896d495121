package pipeline

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
	"github.com/drydock-ci/drydock/githubapp/pipeline/version"
)

// Versions are the versions and tags of a commit's services.
type Versions struct {
	facts version.Facts // those that all services share
	tags  []string
	all   func() ([]string, error) // tags of the repository
	last  func(service string) (lastTag, error)
}

// lastTag is the nearest version before a commit; its name may be empty.
type lastTag struct {
	name    string
	commits int // since
}

// NewVersions reads what git knows of a commit. Branch and pull are what is built:
// one of them, or neither.
func NewVersions(ctx context.Context, r *tree.Repository, sha, branch string, pull int) (*Versions, error) {
	v := &Versions{facts: version.Facts{SHA: sha, Branch: branch, PullRequest: pull}}
	var err error
	if v.tags, err = r.Tags(ctx, sha); err != nil {
		return nil, err
	}
	// Git walks through history for these: once for all services, and for one alone
	// only when there are tags of its own.
	v.all = sync.OnceValues(func() ([]string, error) { return r.AllTags(ctx) })
	shared := sync.OnceValues(func() (lastTag, error) { return nearest(ctx, r, sha, "v[0-9]*", "[0-9]*") })
	v.last = func(service string) (lastTag, error) {
		names, err := v.all()
		if err != nil {
			return lastTag{}, err
		}
		if slices.ContainsFunc(names, func(name string) bool {
			return strings.HasPrefix(name, service+"/v") || strings.HasPrefix(name, service+"-v")
		}) {
			own, err := nearest(ctx, r, sha, service+"/v*", service+"-v*")
			if err != nil || own.name != "" {
				return own, err
			}
		}
		return shared()
	}
	return v, nil
}

// Behind says that the branch is at a newer commit by now, which has its tags.
func (v *Versions) Behind() { v.facts.Behind = true }

func nearest(ctx context.Context, r *tree.Repository, sha string, globs ...string) (lastTag, error) {
	name, commits, err := r.LastTag(ctx, sha, globs...)
	return lastTag{name, commits}, err
}

// Of gives a service's version and the tags of its image. The version is that of a
// git tag at the commit, else the next one's pre-release.
func (v *Versions) Of(s *declaration.Service) (string, []string, error) {
	facts, err := v.of(s, true)
	if err != nil {
		return "", nil, err
	}
	tags, err := version.Tags(templates(s), facts)
	if facts.Version != "" {
		return facts.Version, tags, err
	}
	return facts.Next, tags, err
}

// Tags gives the tags of a service's image alone.
func (v *Versions) Tags(s *declaration.Service) ([]string, error) {
	facts, err := v.of(s, slices.ContainsFunc(templates(s), func(text string) bool { return strings.Contains(text, "${next}") }))
	if err != nil {
		return nil, err
	}
	return version.Tags(templates(s), facts)
}

// of are the facts for one service; next is asked for or left out.
func (v *Versions) of(s *declaration.Service, next bool) (version.Facts, error) {
	name, facts := s.Name.Text, v.facts
	if tagged, ok := version.Highest(name, v.tags); ok {
		facts.Version = tagged.String()
		if version.NeedsReleases(templates(s)) {
			names, err := v.all()
			if err != nil {
				return facts, err
			}
			facts.Releases = version.Of(name, names)
		}
		return facts, nil
	}
	if !next {
		return facts, nil
	}
	tag, err := v.last(name)
	if err != nil {
		return facts, err
	}
	last, _ := version.Highest(name, []string{tag.name})
	facts.Next = version.Next(last, tag.commits, facts.SHA).String()
	return facts, nil
}

func templates(s *declaration.Service) []string {
	var all []string
	for _, t := range s.Tags {
		all = append(all, t.Text)
	}
	return all
}
