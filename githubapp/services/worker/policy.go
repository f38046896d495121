package worker

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/services"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/trust"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// Policy is what the operator allows services.
type Policy struct {
	// Publish are patterns of branches and tags whose pushes publish: names, or
	// with * as path.Match has it, `refs/tags/v*` in full for tags. Nil: the
	// default branch and all tags.
	Publish []string
	// Preview lets pull requests of the same repository push a tag of their own.
	Preview bool
	// Logins at registries, by host, as names of secrets.
	Logins map[string]Login
	// Images says which repositories (owner/name or owner/*) use the process's own
	// logins, and what the names of their images begin with. Others have none of them:
	// whoever may push to one repository must not replace the images of another.
	Images map[string]string
}

// Login names the secrets of a registry's login.
type Login struct{ Username, Password string }

// Release is what becomes of what a job makes.
type Release struct {
	Publish bool
	Preview int    // the pull request whose tag alone is moved; 0: all tags are
	Why     string // it is not published
	Behind  string // a branch that is elsewhere by now: its tags are left alone
}

// Release decides for a run. The zone comes first: code of strangers publishes
// nothing, whatever else is set.
func (p Policy) Release(run *store.Run, github expr.Value, with services.With) Release {
	switch trust.Zone(run.Zone) {
	case trust.Fork, trust.ForkTarget:
		return Release{Why: "a fork's pull request publishes nothing"}
	case trust.PullRequest:
		if !p.Preview || with.PullRequest == 0 {
			return Release{Why: "pull requests are built and not published (server.preview)"}
		}
		return Release{Publish: true, Preview: with.PullRequest}
	case trust.Branch, trust.Protected, trust.Schedule:
	default:
		return Release{Why: fmt.Sprintf("nobody knows a zone %q", run.Zone)}
	}
	if with.PullRequest != 0 { // a zone that is trusted more than its change
		return Release{Why: "pull requests are built and not published"}
	}
	if with.Publish == "false" {
		return Release{Why: "it was started so"}
	}
	if !p.publishes(run.Ref, defaultBranch(github)) {
		return Release{Why: fmt.Sprintf("%s is not among what is published (server.publish)", strings.TrimPrefix(run.Ref, "refs/"))}
	}
	return Release{Publish: true}
}

func (p Policy) publishes(ref, defaultBranch string) bool {
	if p.Publish == nil {
		return strings.HasPrefix(ref, "refs/tags/") || defaultBranch != "" && ref == "refs/heads/"+defaultBranch
	}
	for _, pattern := range p.Publish {
		if !strings.HasPrefix(pattern, "refs/") {
			pattern = "refs/heads/" + pattern
		}
		if ok, err := path.Match(pattern, ref); err == nil && ok {
			return true
		}
	}
	return false
}

func defaultBranch(github expr.Value) string {
	event, _ := github.Lookup("event")
	repository, _ := event.Lookup("repository")
	name, _ := repository.Lookup("default_branch")
	return name.Text()
}

// versions gives a preview its one tag.
func (r Release) versions(of func(*declaration.Service) (string, []string, error)) func(*declaration.Service) (string, []string, error) {
	if r.Preview == 0 {
		return of
	}
	return func(s *declaration.Service) (string, []string, error) {
		version, _, err := of(s)
		return version, []string{fmt.Sprintf("pr-%d", r.Preview)}, err
	}
}

// lent tells of a repository of images, HOST/NAME, whether the process's own logins
// are for it: whoever may push to repository gets at what the operator gave it, and at
// nothing else that the logins open.
func (p Policy) lent(repository string) func(image string) bool {
	owner, _, _ := strings.Cut(repository, "/")
	var prefixes []string
	for pattern, prefix := range p.Images {
		if strings.EqualFold(pattern, repository) || strings.EqualFold(pattern, owner+"/*") {
			prefixes = append(prefixes, withHost(prefix))
		}
	}
	return func(image string) bool {
		return slices.ContainsFunc(prefixes, func(prefix string) bool { return below(image, prefix) })
	}
}

// withHost completes what images' names begin with, as registry.Options.UserLogins
// has them.
func withHost(prefix string) string {
	host, name, _ := strings.Cut(prefix, "/")
	switch {
	case prefix == "":
		return ""
	case host == "docker.io":
		return "index.docker.io/" + name
	case host == "localhost", strings.ContainsAny(host, ".:"):
		return prefix
	}
	return "index.docker.io/" + prefix
}

// below compares names of images as registries do: agenda is not below age.
func below(name, prefix string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	return prefix != "" && (name == prefix || strings.HasPrefix(name, prefix+"/"))
}

// namespace keeps a repository's cache mounts in builds from all others', and those
// of its pull requests from its branches': what one leaves there another runs.
func (w *Worker) namespace(run *store.Run, with services.With) string {
	mac := hmac.New(sha256.New, w.CacheKey)
	scope := "branches"
	if !w.Trusted(run) {
		scope = fmt.Sprintf("%s %d", run.Zone, with.PullRequest)
	}
	fmt.Fprintf(mac, "%d %s", run.Repository, scope)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Access is what a job may reach.
type Access struct {
	Registry *registry.Client
	Secrets  map[string]string // by name, in capitals
}

// access makes the registry's client of a service: with the process's own logins
// only where the run publishes, its zone is trusted with what the operator has, and for
// images that the operator gave the repository.
func (w *Worker) access(run *store.Run, s *declaration.Service, secrets map[string]string, release Release) (Access, error) {
	logins := map[string]executor.Credentials{}
	used := registriesOf(s)
	for host, login := range w.Policy.Logins {
		name, hasName := secrets[strings.ToUpper(login.Username)]
		password, hasPassword := secrets[strings.ToUpper(login.Password)]
		switch {
		case hasName && hasPassword:
			logins[host] = executor.Credentials{Username: name, Password: password}
		case release.Publish && slices.Contains(used, host):
			return Access{}, fmt.Errorf("log in at %s: the secrets %s and %s are not there: set them with \"drydock secret set\"", host, login.Username, login.Password)
		}
	}
	o := w.Registry
	o.Logins, o.NoUserLogins, o.UserLogins = logins, !release.Publish || !w.Trusted(run), w.Policy.lent(run.RepositoryName)
	client, err := registry.New(o)
	return Access{client, secrets}, err
}

// registriesOf are the hosts that a service is pushed to.
func registriesOf(s *declaration.Service) []string {
	names := []string{s.Image.Text}
	if s.Chart != nil {
		names = append(names, s.ChartRepository())
	}
	var hosts []string
	for _, name := range names {
		host, _, _ := strings.Cut(declaration.FullImage(name), "/")
		hosts = append(hosts, host)
	}
	return hosts
}

// lookup finds a secret by its name.
func (a Access) lookup(name string) (string, bool) {
	value, ok := a.Secrets[strings.ToUpper(name)]
	return value, ok
}
