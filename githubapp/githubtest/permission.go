package githubtest

import (
	"net/http"
	"strings"
)

// need is what a request takes.
type need struct {
	kind       string // any, app, installation, user, client, repository
	permission string // of a repository's request
	level      string
	public     bool // everybody may, if the repository is public
}

var (
	anybody      = need{kind: "any"}
	theApp       = need{kind: "app"}
	installed    = need{kind: "installation"}
	person       = need{kind: "user"}
	clientSecret = need{kind: "client"} // the App by its client id and secret
	metadata     = need{kind: "repository", permission: "metadata", level: "read", public: true}
	collaborator = need{kind: "repository", permission: "metadata", level: "read"}
)

// reads is a read that the public may do at a public repository.
func reads(permission string) need {
	return need{kind: "repository", permission: permission, level: "read", public: true}
}

// looksInto is a read that takes the permission everywhere.
func looksInto(permission string) need {
	return need{kind: "repository", permission: permission, level: "read"}
}

func writes(permission string) need {
	return need{kind: "repository", permission: permission, level: "write"}
}

// allow checks the caller against a need, and finds the repository of the path.
func (c *call) allow(n need) *answer {
	switch n.kind {
	case "any":
		return nil
	case "app":
		if !c.who.app {
			return refused("A JSON web token could not be decoded")
		}
		return nil
	case "installation":
		if c.who.installation == nil {
			return forbidden()
		}
		return nil
	case "client":
		if !c.who.client {
			return refused("Bad credentials")
		}
		return nil
	case "user":
		if c.who.user == nil {
			if c.who.anonymous() {
				return refused("Requires authentication")
			}
			return forbidden()
		}
		return nil
	}
	if c.who.app {
		return refused("Bad credentials")
	}
	name := c.r.PathValue("owner") + "/" + c.r.PathValue("repo")
	if c.repo = c.gh.find(name); c.repo == nil || c.repo.deleted {
		if r := c.gh.renamed[strings.ToLower(name)]; r != nil && c.gh.mayUse(c.who, r, metadata) == nil {
			return c.elsewhere(r)
		}
		return notFound()
	}
	return c.gh.mayUse(c.who, c.repo, n)
}

// mayUse is nil if the caller may do that at a repository. What one may not see
// is not there. GitHub docs: rest/authentication/permissions-required-for-github-apps
func (g *GitHub) mayUse(w caller, r *Repository, n need) *answer {
	hidden := notFound()
	if !r.private {
		if n.public && n.level == "read" {
			return nil
		}
		hidden = forbidden()
	}
	switch {
	case w.installation != nil:
		if !w.installation.covers(r) || w.repositories != nil && !w.repositories[r.ID] {
			return hidden
		}
		if !atLeast(w.permissions[n.permission], n.level) {
			return forbidden()
		}
	case w.user != nil:
		have := r.access(w.user)
		if have == "none" {
			return notFound()
		}
		want := n.level
		if n.permission == "administration" {
			want = "admin"
		}
		if !atLeast(coarse(have), want) {
			return fail2(http.StatusForbidden, "Must have "+want+" rights to Repository.")
		}
		if w.viaApp {
			i := g.installationOf(r)
			if i == nil || !i.suspended.IsZero() {
				return hidden
			}
			if !atLeast(i.permissions[n.permission], n.level) {
				return forbidden()
			}
		}
	default:
		if !r.private {
			return refused("Requires authentication")
		}
		return notFound()
	}
	return nil
}

// access is what a person may do: admin, maintain, write, triage, read or none.
func (r *Repository) access(a *Account) string {
	if a == r.owner {
		return "admin"
	}
	if level := r.collaborators[strings.ToLower(a.Login)]; level != "" {
		return level
	}
	if r.owner.members[strings.ToLower(a.Login)] || !r.private {
		return "read"
	}
	return "none"
}

// coarse is what the older permission field says of a role.
func coarse(role string) string {
	switch role {
	case "maintain":
		return "write"
	case "triage":
		return "read"
	}
	return role
}
