package githubtest

import "strings"

// shape is how much of a repository an answer holds.
type shape int

const (
	shapeSmall shape = iota // in lists and payloads
	shapeFull               // GET /repos/{owner}/{repo}
	shapePush               // of a push payload: times are numbers
)

// json is the repository as GitHub shows it.
func (r *Repository) json(s shape) object {
	g := r.gh
	of := func(rest string) string { return g.url + "/api/v3/repos/" + r.FullName + rest }
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	forks := 0
	for _, f := range g.repositories {
		if f.source == r {
			forks++
		}
	}
	open := 0
	for _, i := range r.issues {
		if i.state == "open" {
			open++
		}
	}
	_, host, _ := strings.Cut(g.url, "://")
	out := object{
		"id": r.ID, "node_id": nodeID("Repository", r.ID), "name": r.Name, "full_name": r.FullName, "private": r.private, "owner": g.userJSON(r.owner),
		"html_url": g.web("%s", r.FullName), "description": nil, "fork": r.source != nil, "url": of(""), "forks_url": of("/forks"),
		"keys_url": of("/keys{/key_id}"), "collaborators_url": of("/collaborators{/collaborator}"), "teams_url": of("/teams"), "hooks_url": of("/hooks"),
		"issue_events_url": of("/issues/events{/number}"), "events_url": of("/events"), "assignees_url": of("/assignees{/user}"),
		"branches_url": of("/branches{/branch}"), "tags_url": of("/tags"), "blobs_url": of("/git/blobs{/sha}"), "git_tags_url": of("/git/tags{/sha}"),
		"git_refs_url": of("/git/refs{/sha}"), "trees_url": of("/git/trees{/sha}"), "statuses_url": of("/statuses/{sha}"), "languages_url": of("/languages"),
		"stargazers_url": of("/stargazers"), "contributors_url": of("/contributors"), "subscribers_url": of("/subscribers"), "subscription_url": of("/subscription"),
		"commits_url": of("/commits{/sha}"), "git_commits_url": of("/git/commits{/sha}"), "comments_url": of("/comments{/number}"),
		"issue_comment_url": of("/issues/comments{/number}"), "contents_url": of("/contents/{+path}"), "compare_url": of("/compare/{base}...{head}"),
		"merges_url": of("/merges"), "archive_url": of("/{archive_format}{/ref}"), "downloads_url": of("/downloads"), "issues_url": of("/issues{/number}"),
		"pulls_url": of("/pulls{/number}"), "milestones_url": of("/milestones{/number}"), "notifications_url": of("/notifications{?since,all,participating}"),
		"labels_url": of("/labels{/name}"), "releases_url": of("/releases{/id}"), "deployments_url": of("/deployments"),
		"created_at": stamp(r.made), "updated_at": stamp(r.pushed), "pushed_at": stamp(r.pushed),
		"git_url": "git://" + host + "/" + r.FullName + ".git", "ssh_url": "git@" + host + ":" + r.FullName + ".git", "clone_url": r.CloneURL(),
		"svn_url": g.web("%s", r.FullName), "homepage": nil, "size": 1, "stargazers_count": 0, "watchers_count": 0, "language": nil,
		"has_issues": true, "has_projects": true, "has_downloads": true, "has_wiki": true, "has_pages": false, "has_discussions": false,
		"forks_count": forks, "mirror_url": nil, "archived": false, "disabled": false, "open_issues_count": open, "license": nil, "allow_forking": true,
		"is_template": false, "web_commit_signoff_required": false, "topics": []string{}, "visibility": visibility, "custom_properties": object{},
		"forks": forks, "open_issues": open, "watchers": 0, "default_branch": r.defaultBranch,
	}
	switch s {
	case shapeFull:
		out["network_count"], out["subscribers_count"] = forks, 0
		if r.source != nil {
			out["parent"], out["source"] = r.source.json(shapeSmall), r.source.json(shapeSmall)
		}
	case shapePush:
		owner := g.userJSON(r.owner)
		owner["name"], owner["email"] = r.owner.Login, r.owner.email()
		out["owner"] = owner
		out["url"] = g.web("%s", r.FullName) // yes: GitHub says the page's address here
		out["created_at"], out["pushed_at"] = r.made.Unix(), r.pushed.Unix()
		out["stargazers"], out["master_branch"] = 0, r.defaultBranch
		if r.owner.kind == "Organization" {
			out["organization"] = r.owner.Login
		}
	}
	return out
}

func (c *call) repositoryShow() answer { return ok(c.repo.json(shapeFull)) }

// permission is GET /repos/{owner}/{repo}/collaborators/{username}/permission.
func (c *call) permission() answer {
	a := c.gh.accounts[strings.ToLower(c.r.PathValue("username"))]
	if a == nil {
		return *notFound()
	}
	role := c.repo.access(a)
	user := c.gh.userJSON(a)
	user["role_name"] = role
	user["permissions"] = c.repo.rights(a)
	return ok(object{"permission": coarse(role), "role_name": role, "user": user})
}

// rights spells out what a role lets a person do.
func (r *Repository) rights(a *Account) object {
	role := r.access(a)
	return object{
		"pull": role != "none", "triage": role == "triage" || atLeast(coarse(role), "write"), "push": atLeast(coarse(role), "write"),
		"maintain": role == "maintain" || role == "admin", "admin": role == "admin",
	}
}
