package worker

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/drydock-ci/drydock/executor/build/registry"
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

// TestLent: the server's own logins are for the repositories and images that the
// operator names.
func TestLent(t *testing.T) {
	p := Policy{Images: map[string]string{
		"octo/conference": "registry.example/conference/", "acme/*": "registry.example/acme", "hub/*": "team", "hub/full": "docker.io/full", "octo/all": "registry.example:5000", "octo/none": "",
	}}
	for _, tt := range []struct {
		repository, image string
		want              bool
	}{
		{repository: "octo/conference", image: "registry.example/conference/agenda", want: true},
		{repository: "Octo/Conference", image: "registry.example/conference", want: true},
		{repository: "octo/conference", image: "registry.example/conference-two/agenda"},
		{repository: "octo/conference", image: "registry.example/acme/app"},
		{repository: "octo/conference", image: "other.example/conference/agenda"},
		{repository: "octo/other", image: "registry.example/conference/agenda"},
		{repository: "acme/anything", image: "registry.example/acme/app", want: true},
		{repository: "acme2/anything", image: "registry.example/acme/app"},
		{repository: "hub/any", image: "index.docker.io/team/app", want: true},
		{repository: "hub/full", image: "index.docker.io/full/app", want: true},
		{repository: "hub/any", image: "index.docker.io/full/app"},
		{repository: "hub/any", image: "registry.example/team/app"},
		{repository: "octo/all", image: "registry.example:5000/any/app", want: true},
		{repository: "octo/all", image: "registry.example/any/app"},
		{repository: "octo/none", image: "index.docker.io/library/app"},
		{repository: "octo/none", image: "registry.example/app"},
	} {
		if got := p.lent(tt.repository)(tt.image); got != tt.want {
			t.Errorf("%s %s: %t", tt.repository, tt.image, got)
		}
	}
	if (Policy{}).lent("octo/x")("registry.example/x") {
		t.Error("without a word of the operator nobody has them")
	}
}

// TestLentLogins: neither another's images nor a run that publishes nothing get a
// login of the server.
func TestLentLogins(t *testing.T) {
	realm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		name, _, _ := q.BasicAuth()
		fmt.Fprintf(w, `{"token": %q}`, "of "+name)
	}))
	defer realm.Close()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	config := `{"auths": {"registry.example": {"username": "operator", "password": "hunter2"}}}`
	if err := os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &Worker{Options: Options{
		Policy:  Policy{Images: map[string]string{"octo/conference": "registry.example/conference"}},
		Trusted: func(run *store.Run) bool { return run.Zone == "branch" },
	}}
	service := &declaration.Service{Image: declaration.Scalar{Text: "registry.example/conference/agenda"}}
	for _, tt := range []struct {
		name, repository, zone, image, want string
		publish                             bool
	}{
		{name: "its own", repository: "octo/conference", zone: "branch", image: "conference/agenda", publish: true, want: "of operator"},
		{name: "another's", repository: "octo/conference", zone: "branch", image: "other/private", publish: true, want: "of "},
		{name: "it publishes nothing", repository: "octo/conference", zone: "branch", image: "conference/agenda", want: "of "},
		{name: "a pull request", repository: "octo/conference", zone: "pull-request", image: "conference/agenda", publish: true, want: "of "},
		{name: "of nobody whom the operator named", repository: "octo/other", zone: "branch", image: "conference/agenda", publish: true, want: "of "},
	} {
		got, err := w.access(&store.Run{RepositoryName: tt.repository, Zone: tt.zone}, service, nil, Release{Publish: tt.publish})
		if err != nil {
			t.Fatal(err)
		}
		token, _, err := got.Registry.Token(t.Context(), registry.Challenge{Host: "registry.example", Realm: realm.URL, Scopes: []string{"repository:" + tt.image + ":pull"}})
		if err != nil || token != tt.want {
			t.Errorf("%s: %q, %v", tt.name, token, err)
		}
	}
}
