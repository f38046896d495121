package worker

import (
	"fmt"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/services"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/trust"
	"github.com/drydock-ci/drydock/workflow/expr"
)

func TestRelease(t *testing.T) {
	github, err := expr.DecodeJSON([]byte(`{"event": {"repository": {"default_branch": "main"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, zone, ref string
		pull            int
		asked           string
		policy          Policy
		publish         bool
		preview         int
	}{
		{name: "the default branch", zone: "branch", ref: "refs/heads/main", publish: true},
		{name: "a protected one", zone: "protected", ref: "refs/heads/main", publish: true},
		{name: "another branch", zone: "branch", ref: "refs/heads/topic"},
		{name: "a tag", zone: "protected", ref: "refs/tags/v1", publish: true},
		{name: "a pattern", zone: "branch", ref: "refs/heads/release/1", policy: Policy{Publish: []string{"release/*"}}, publish: true},
		{name: "no deeper", zone: "branch", ref: "refs/heads/release/1/x", policy: Policy{Publish: []string{"release/*"}}},
		{name: "the default branch is not named", zone: "branch", ref: "refs/heads/main", policy: Policy{Publish: []string{"release/*"}}},
		{name: "tags are named in full", zone: "branch", ref: "refs/tags/v1", policy: Policy{Publish: []string{"v*"}}},
		{name: "tags by pattern", zone: "branch", ref: "refs/tags/v1", policy: Policy{Publish: []string{"refs/tags/v*"}}, publish: true},
		{name: "nothing", zone: "branch", ref: "refs/heads/main", policy: Policy{Publish: []string{}}},
		{name: "started without", zone: "schedule", ref: "refs/heads/main", asked: "false"},
		{name: "started by hand", zone: "schedule", ref: "refs/heads/main", publish: true},
		{name: "a pull request", zone: "pull-request", ref: "refs/pull/3/merge", pull: 3},
		{name: "a preview", zone: "pull-request", ref: "refs/pull/3/merge", pull: 3, policy: Policy{Preview: true}, publish: true, preview: 3},
		{name: "no preview of a fork", zone: "fork", ref: "refs/pull/3/merge", pull: 3, policy: Policy{Preview: true, Publish: []string{"*"}}},
		{name: "a fork's with the base's files", zone: "fork-target", ref: "refs/heads/main", pull: 3, policy: Policy{Preview: true}},
		{name: "a fork's branch of the same name", zone: "fork", ref: "refs/heads/main"},
		{name: "a pull request in a trusted zone", zone: "protected", ref: "refs/heads/main", pull: 3},
		{name: "a zone that nobody knows", zone: "", ref: "refs/heads/main"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.policy.Release(&store.Run{Zone: tt.zone, Ref: tt.ref}, github, services.With{PullRequest: tt.pull, Publish: tt.asked})
			if got.Publish != tt.publish || got.Preview != tt.preview || got.Publish == (got.Why != "") {
				t.Errorf("%+v, want publish %v, preview %d", got, tt.publish, tt.preview)
			}
		})
	}
}

// TestLends: the server's own logins are for the repositories and images that the
// operator names.
// TestNamespace: pull requests have caches of their own, and so has each repository.
func TestNamespace(t *testing.T) {
	w := &Worker{Options: Options{CacheKey: []byte("key"), Trusted: func(r *store.Run) bool { return r.Zone == string(trust.Branch) }}}
	seen := map[string]string{}
	for _, one := range []struct {
		repository store.RepositoryID
		zone       trust.Zone
		pull       int
	}{{1, trust.Branch, 0}, {2, trust.Branch, 0}, {1, trust.PullRequest, 7}, {1, trust.Fork, 7}, {1, trust.Fork, 8}, {2, trust.Fork, 7}} {
		name := w.namespace(&store.Run{Repository: one.repository, Zone: string(one.zone)}, services.With{PullRequest: one.pull})
		if other, ok := seen[name]; ok || len(name) != 32 {
			t.Errorf("%v has %q, as %s", one, name, other)
		}
		seen[name] = fmt.Sprint(one)
	}
	other := &Worker{Options: Options{CacheKey: []byte("another"), Trusted: w.Trusted}}
	if run := (&store.Run{Repository: 1, Zone: string(trust.Branch)}); w.namespace(run, services.With{}) == other.namespace(run, services.With{}) {
		t.Error("it does not depend on the key")
	}
}

func TestLends(t *testing.T) {
	p := Policy{Images: map[string]string{"octo/conference": "registry.example/conference/", "acme/*": "registry.example/acme"}}
	for _, tt := range []struct {
		repository, image, chart string
		want                     bool
	}{
		{repository: "octo/conference", image: "registry.example/conference/agenda", want: true},
		{repository: "Octo/Conference", image: "registry.example/conference", want: true},
		{repository: "octo/conference", image: "registry.example/conference-two/agenda"},
		{repository: "octo/conference", image: "registry.example/acme/app"},
		{repository: "octo/conference", image: "other.example/conference/agenda"},
		{repository: "octo/other", image: "registry.example/conference/agenda"},
		{repository: "acme/anything", image: "registry.example/acme/app", want: true},
		{repository: "acme2/anything", image: "registry.example/acme/app"},
		{repository: "octo/conference", image: "registry.example/conference/agenda", chart: "registry.example/conference/charts", want: true},
		{repository: "octo/conference", image: "registry.example/conference/agenda", chart: "registry.example/charts"},
	} {
		s := &declaration.Service{Image: declaration.Scalar{Text: tt.image}}
		if tt.chart != "" {
			s.Chart = &declaration.Chart{Repository: declaration.Scalar{Text: tt.chart}}
		}
		if got := p.lends(tt.repository, s); got != tt.want {
			t.Errorf("%s %s %s: %t", tt.repository, tt.image, tt.chart, got)
		}
	}
	if (Policy{}).lends("octo/x", &declaration.Service{Image: declaration.Scalar{Text: "registry.example/x"}}) {
		t.Error("without a word of the operator nobody has them")
	}
	if (Policy{Images: map[string]string{"octo/x": ""}}).lends("octo/x", &declaration.Service{Image: declaration.Scalar{Text: "registry.example/x"}}) {
		t.Error("an empty beginning is everything")
	}
}
