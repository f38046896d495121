package githubtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"sync"
	"time"
)

// App is the GitHub App, as its owner sees it.
type App struct {
	ID            int64
	Slug          string
	Name          string
	PrivateKey    []byte // PEM
	WebhookSecret string
	ClientID      string
	ClientSecret  string

	owner string
	key   *rsa.PublicKey
	made  time.Time
}

// Installation is the App on one account.
type Installation struct {
	ID      int64
	account *Account

	permissions map[string]string
	selected    map[int64]bool // nil: all repositories of the account
	created     time.Time
	suspended   time.Time
}

func defaultPermissions() map[string]string {
	return map[string]string{
		"metadata": "read", "actions": "write", "administration": "read", "attestations": "write", "checks": "write", "contents": "write", "deployments": "write",
		"discussions": "write", "environments": "read", "issues": "write", "members": "read", "merge_queues": "read", "packages": "write", "pages": "write",
		"pull_requests": "write", "security_events": "write", "statuses": "write",
	}
}

// appKey is made once: a key costs a tenth of a second.
var appKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newApp() (App, error) {
	key, err := appKey()
	if err != nil {
		return App{}, err
	}
	return App{
		ID: 4711, Slug: "drydock-test", Name: "Drydock test",
		PrivateKey:    pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		WebhookSecret: secretText("webhook", 0), ClientID: "Iv23githubtest4711", ClientSecret: secretText("client", 0),
		owner: "drydock-owner", key: &key.PublicKey, made: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}, nil
}

// secretText looks like a secret and is the same in each run.
func secretText(kind string, n int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "githubtest %s %d", kind, n))
	return hex.EncodeToString(sum[:20])
}

// Installation is the App on an account, which is made if need be.
func (g *GitHub) Installation(login string) *Installation {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.install(g.account(login, "Organization"), nil)
}

// install finds or makes an installation. A new one is told by webhook only if
// somebody did it.
func (g *GitHub) install(a *Account, by *Account) *Installation {
	for _, i := range g.installations {
		if i.account == a {
			return i
		}
	}
	i := &Installation{ID: g.id("installation"), account: a, permissions: map[string]string{}, created: g.now()}
	for name, level := range g.o.Permissions {
		i.permissions[name] = level
	}
	g.installations = append(g.installations, i)
	if by != nil {
		g.emitInstallation(i, "created", by)
	}
	return i
}

func (g *GitHub) installation(id int64) *Installation {
	for _, i := range g.installations {
		if i.ID == id {
			return i
		}
	}
	return nil
}

// installationOf is the one that covers a repository, suspended or not.
func (g *GitHub) installationOf(r *Repository) *Installation {
	for _, i := range g.installations {
		if i.account == r.owner && i.covers(r) {
			return i
		}
	}
	return nil
}

func (i *Installation) covers(r *Repository) bool {
	return r.owner == i.account && (i.selected == nil || i.selected[r.ID]) && !r.deleted
}

// covered are the repositories of an installation, by id.
func (g *GitHub) covered(i *Installation) []*Repository {
	var all []*Repository
	for _, r := range g.repositories {
		if i.covers(r) {
			all = append(all, r)
		}
	}
	sort.Slice(all, func(a, b int) bool { return all[a].ID < all[b].ID })
	return all
}

func (g *GitHub) appJSON(a *App) object {
	owner := g.account(a.owner, "Organization")
	return object{
		"id": a.ID, "slug": a.Slug, "node_id": nodeID("Integration", a.ID), "client_id": a.ClientID, "owner": g.userJSON(owner), "name": a.Name,
		"description": "", "external_url": g.url, "html_url": g.web("apps/%s", a.Slug),
		"created_at": stamp(a.made), "updated_at": stamp(a.made), "permissions": g.o.Permissions, "events": g.appEvents(),
	}
}

func (g *GitHub) appEvents() []string {
	if g.o.Events == nil {
		return []string{"check_run", "check_suite", "create", "delete", "issue_comment", "issues", "pull_request", "push", "release", "repository_dispatch", "workflow_dispatch"}
	}
	return g.o.Events
}

func (g *GitHub) installationJSON(i *Installation) object {
	kind := i.account.kind
	page := g.web("settings/installations/%d", i.ID)
	if kind == "Organization" {
		page = g.web("organizations/%s/settings/installations/%d", i.account.Login, i.ID)
	}
	var by any
	if !i.suspended.IsZero() {
		by = g.userJSON(i.account)
	}
	return object{
		"id": i.ID, "node_id": nodeID("Installation", i.ID), "client_id": g.app.ClientID, "account": g.userJSON(i.account), "repository_selection": selection(i.selected != nil),
		"access_tokens_url": g.api("app/installations/%d/access_tokens", i.ID), "repositories_url": g.api("installation/repositories"),
		"html_url": page, "app_id": g.app.ID, "app_slug": g.app.Slug, "target_id": i.account.ID, "target_type": kind,
		"permissions": i.permissions, "events": g.appEvents(), "created_at": stamp(i.created), "updated_at": stamp(i.created),
		"single_file_name": nil, "has_multiple_single_files": false, "single_file_paths": []string{},
		"suspended_by": by, "suspended_at": stampOrNull(i.suspended),
	}
}

func selection(some bool) string {
	if some {
		return "selected"
	}
	return "all"
}

func (c *call) appShow() answer { return ok(c.gh.appJSON(&c.gh.app)) }

func (c *call) installationsList() answer {
	var all []any
	for _, i := range c.gh.installations {
		all = append(all, c.gh.installationJSON(i))
	}
	return list(all, "")
}

// installationAsked is the one of the path.
func (c *call) installationAsked() (*Installation, *answer) {
	id, _ := strconv.ParseInt(c.r.PathValue("installation_id"), 10, 64)
	if i := c.gh.installation(id); i != nil {
		return i, nil
	}
	return nil, notFound()
}

func (c *call) installationShow() answer {
	i, bad := c.installationAsked()
	if bad != nil {
		return *bad
	}
	return ok(c.gh.installationJSON(i))
}

// repositoryInstallation is GET /repos/{owner}/{repo}/installation.
func (c *call) repositoryInstallation() answer {
	r := c.gh.find(c.r.PathValue("owner") + "/" + c.r.PathValue("repo"))
	if r == nil {
		return *notFound()
	}
	i := c.gh.installationOf(r)
	if i == nil {
		return *notFound()
	}
	return ok(c.gh.installationJSON(i))
}

func (c *call) accountInstallation() answer {
	for _, i := range c.gh.installations {
		if login := c.r.PathValue("account"); i.account.is(login) {
			return ok(c.gh.installationJSON(i))
		}
	}
	return *notFound()
}

// createToken is POST /app/installations/{installation_id}/access_tokens.
// GitHub docs: rest/apps/apps#create-an-installation-access-token-for-an-app
func (c *call) createToken() answer {
	i, bad := c.installationAsked()
	if bad != nil {
		return *bad
	}
	if !i.suspended.IsZero() {
		return fail(http.StatusForbidden, "This installation has been suspended")
	}
	var in struct {
		Repositories  []string          `json:"repositories"`
		RepositoryIDs []int64           `json:"repository_ids"`
		Permissions   map[string]string `json:"permissions"`
	}
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	t := &token{installation: i, permissions: i.permissions, expires: c.gh.now().Add(time.Hour)}
	out := object{}
	if n := len(in.Repositories) + len(in.RepositoryIDs); n > 0 {
		if n > 500 {
			return unprocessable("Too many repositories: there may be 500")
		}
		t.repositories = map[int64]bool{}
		var chosen []any
		for _, r := range c.gh.covered(i) {
			if slices.Contains(in.RepositoryIDs, r.ID) || slices.Contains(in.Repositories, r.Name) {
				t.repositories[r.ID] = true
				chosen = append(chosen, r.json(shapeSmall))
			}
		}
		if len(chosen) != n {
			return unprocessable("There is at least one repository that does not exist or is not accessible to the parent installation.")
		}
		out["repositories"] = chosen
	}
	if in.Permissions != nil {
		t.permissions = map[string]string{"metadata": "read"}
		for name, level := range in.Permissions {
			if !atLeast(i.permissions[name], level) {
				return unprocessable("The permissions requested are not granted to this installation.")
			}
			t.permissions[name] = level
		}
	}
	out["token"], out["expires_at"] = c.gh.addToken("ghs_", t), stamp(t.expires)
	out["permissions"], out["repository_selection"] = t.permissions, selection(t.repositories != nil || i.selected != nil)
	return answer{status: http.StatusCreated, body: out}
}

// revokeToken is DELETE /installation/token.
func (c *call) revokeToken() answer {
	delete(c.gh.tokens, c.who.token)
	return answer{status: http.StatusNoContent}
}

func (c *call) installationRepositories() answer {
	var all []any
	for _, r := range c.gh.covered(c.who.installation) {
		if c.who.repositories == nil || c.who.repositories[r.ID] {
			all = append(all, r.json(shapeSmall))
		}
	}
	a := list(all, "repositories")
	a.extra = object{"repository_selection": selection(c.who.repositories != nil || c.who.installation.selected != nil)}
	return a
}

// suspend is PUT and DELETE /app/installations/{installation_id}/suspended.
func (c *call) suspend() answer {
	i, bad := c.installationAsked()
	if bad != nil {
		return *bad
	}
	c.gh.suspend(i, c.r.Method == http.MethodPut, c.gh.account(c.gh.app.owner, "Organization"))
	return answer{status: http.StatusNoContent}
}

func (c *call) uninstall() answer {
	i, bad := c.installationAsked()
	if bad != nil {
		return *bad
	}
	c.gh.uninstall(i, c.gh.account(c.gh.app.owner, "Organization"))
	return answer{status: http.StatusNoContent}
}
