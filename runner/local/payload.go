package local

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"regexp"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/workflow/expr"
)

// id is a number for a name: the same on every machine, and as long as
// GitHub's ids are.
func id(name string) int {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.ToLower(name)))
	return int(h.Sum64()%900_000_000) + 100_000_000
}

func number(n int) expr.Value { return expr.Number(float64(n)) }

func nodeID(kind string, n int) expr.Value {
	return expr.String(base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "0%d:%s%d", len(kind), kind, n)))
}

var noreply = regexp.MustCompile(`^(?:\d+\+)?([A-Za-z0-9-]+)@users\.noreply\.`)

// knownLogin is the login that a GitHub no-reply address tells, or "".
func knownLogin(email string) string {
	if m := noreply.FindStringSubmatch(email); m != nil {
		return m[1]
	}
	return ""
}

// unknownActor is who acts when git knows nobody: the name by which workflows
// tell a run on somebody's own machine (`if: github.actor != 'nektos/act'`).
const unknownActor = "nektos/act"

// login makes a GitHub login of git's user: what a no-reply address says,
// else the name with hyphens, else the address up to its @.
func login(name, email string) string {
	if known := knownLogin(email); known != "" {
		return known
	}
	local, _, _ := strings.Cut(email, "@")
	for _, text := range []string{name, local} {
		text = strings.Map(func(c rune) rune {
			switch {
			case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
				return c
			case c >= 'A' && c <= 'Z':
				return c + 'a' - 'A'
			case c == '\'' || c > 127:
				return -1
			}
			return ' '
		}, text)
		if text = strings.Join(strings.Fields(text), "-"); text != "" {
			return strings.TrimRight(text[:min(len(text), 39)], "-")
		}
	}
	return unknownActor
}

// home is the page of the repository.
func (m *maker) home() string { return m.repo.Server + "/" + m.repo.FullName() }

func (m *maker) user(name string) expr.Value { return m.account(name, "User") }

// account is a user or organization.
func (m *maker) account(name, kind string) expr.Value {
	api := apiURL(m.repo.Server) + "/users/" + name
	b := expr.NewObject(false).
		Set("login", expr.String(name)).
		Set("id", number(id(name))).
		Set("node_id", nodeID(kind, id(name))).
		Set("avatar_url", expr.String(m.repo.Server+"/"+name+".png")).
		Set("gravatar_id", expr.String("")).
		Set("url", expr.String(api)).
		Set("html_url", expr.String(m.repo.Server+"/"+name))
	for _, part := range []string{
		"followers", "following{/other_user}", "gists{/gist_id}", "starred{/owner}{/repo}", "subscriptions",
		"organizations", "repos", "events{/privacy}", "received_events",
	} {
		key, _, _ := strings.Cut(part, "{")
		path := part
		if key == "organizations" {
			path = "orgs"
		}
		b.Set(key+"_url", expr.String(api+"/"+path))
	}
	return b.Set("type", expr.String(kind)).Set("site_admin", expr.Bool(false)).Value()
}

// repositoryLinks are the addresses below a repository's own: key, path.
var repositoryLinks = [][2]string{
	{"forks", "forks"}, {"keys", "keys{/key_id}"}, {"collaborators", "collaborators{/collaborator}"}, {"teams", "teams"},
	{"hooks", "hooks"}, {"issue_events", "issues/events{/number}"}, {"events", "events"}, {"assignees", "assignees{/user}"},
	{"branches", "branches{/branch}"}, {"tags", "tags"}, {"blobs", "git/blobs{/sha}"}, {"git_tags", "git/tags{/sha}"},
	{"git_refs", "git/refs{/sha}"}, {"trees", "git/trees{/sha}"}, {"statuses", "statuses/{sha}"}, {"languages", "languages"},
	{"stargazers", "stargazers"}, {"contributors", "contributors"}, {"subscribers", "subscribers"}, {"subscription", "subscription"},
	{"commits", "commits{/sha}"}, {"git_commits", "git/commits{/sha}"}, {"comments", "comments{/number}"},
	{"issue_comment", "issues/comments{/number}"}, {"contents", "contents/{+path}"}, {"compare", "compare/{base}...{head}"},
	{"merges", "merges"}, {"archive", "{archive_format}{/ref}"}, {"downloads", "downloads"}, {"issues", "issues{/number}"},
	{"pulls", "pulls{/number}"}, {"milestones", "milestones{/number}"}, {"notifications", "notifications{?since,all,participating}"},
	{"labels", "labels{/name}"}, {"releases", "releases{/id}"}, {"deployments", "deployments"},
}

// repository is the full object, in GitHub's order of keys.
func (m *maker) repository(owner, name string) expr.Value {
	full, server := owner+"/"+name, m.repo.Server
	host := server[strings.Index(server, "://")+3:]
	page, api := server+"/"+full, apiURL(server)+"/repos/"+full
	b := expr.NewObject(false).
		Set("id", number(id(server+"/"+full))).
		Set("node_id", nodeID("Repository", id(server+"/"+full))).
		Set("name", expr.String(name)).
		Set("full_name", expr.String(full)).
		Set("private", expr.Bool(!m.o.Public)).
		Set("owner", m.owner(owner)).
		Set("html_url", expr.String(page)).
		Set("description", expr.Value{}).
		Set("fork", expr.Bool(false))
	if m.name == "push" {
		b.Set("url", expr.String(page)) // as GitHub has it in pushes
	} else {
		b.Set("url", expr.String(api))
	}
	for _, link := range repositoryLinks {
		b.Set(link[0]+"_url", expr.String(api+"/"+link[1]))
	}
	now := expr.String(m.o.Now.UTC().Format(time.RFC3339))
	b.Set("created_at", now).Set("updated_at", now).Set("pushed_at", now)
	if m.name == "push" {
		unix := expr.Number(float64(m.o.Now.Unix()))
		b.Set("created_at", unix).Set("pushed_at", unix)
	}
	b.Set("git_url", expr.String("git://"+host+"/"+full+".git")).
		Set("ssh_url", expr.String("git@"+host+":"+full+".git")).
		Set("clone_url", expr.String(page+".git")).
		Set("svn_url", expr.String(page)).
		Set("homepage", expr.Value{})
	for _, key := range []string{"size", "stargazers_count", "watchers_count"} {
		b.Set(key, number(0))
	}
	b.Set("language", expr.Value{})
	for _, key := range []string{"has_issues", "has_projects", "has_downloads", "has_wiki"} {
		b.Set(key, expr.Bool(true))
	}
	b.Set("has_pages", expr.Bool(false)).Set("has_discussions", expr.Bool(false)).
		Set("forks_count", number(0)).Set("mirror_url", expr.Value{}).
		Set("archived", expr.Bool(false)).Set("disabled", expr.Bool(false)).
		Set("open_issues_count", number(0)).Set("license", expr.Value{}).
		Set("allow_forking", expr.Bool(true)).Set("is_template", expr.Bool(false)).
		Set("web_commit_signoff_required", expr.Bool(false)).
		Set("topics", expr.Array()).
		Set("visibility", expr.String(visibility(m.o.Public)))
	for _, key := range []string{"forks", "open_issues", "watchers"} {
		b.Set(key, number(0))
	}
	b.Set("default_branch", expr.String(m.repo.DefaultBranch))
	if m.name == "push" {
		b.Set("stargazers", number(0)).Set("master_branch", expr.String(m.repo.DefaultBranch))
	}
	return b.Value()
}

// owner is the owner's account; in pushes it begins with name and email.
func (m *maker) owner(owner string) expr.Value {
	kind := "Organization"
	if strings.EqualFold(owner, m.actor) || owner == localOwner {
		kind = "User"
	}
	account := m.account(owner, kind)
	if m.name != "push" {
		return account
	}
	b := expr.NewObject(false).Set("name", expr.String(owner)).Set("email", expr.Value{})
	for i, key := range account.Keys() {
		b.Set(key, account.Items()[i])
	}
	return b.Value()
}

func visibility(public bool) string {
	if public {
		return "public"
	}
	return "private"
}
