package githubtest

import (
	"slices"
	"strings"
)

func pullRoutes() []route {
	const repo = " /repos/{owner}/{repo}"
	return []route{
		{"GET" + repo + "/pulls", reads("pull_requests"), (*call).pullsList},
		{"POST" + repo + "/pulls", writes("pull_requests"), (*call).pullCreate},
		{"GET" + repo + "/pulls/{pull_number}", reads("pull_requests"), (*call).pullShow},
		{"GET" + repo + "/pulls/{pull_number}/files", reads("pull_requests"), (*call).pullFiles},
		{"GET" + repo + "/pulls/{pull_number}/commits", reads("pull_requests"), (*call).pullCommits},
	}
}

// json is the pull request; the full form has what GitHub works out.
func (p *PullRequest) json(full bool) object {
	r, g, i := p.repo, p.repo.gh, p.issue
	self, page := r.at("pulls/%d", p.Number), g.web("%s/pull/%d", r.FullName, p.Number)
	side := func(of *Repository, branch, sha string) object {
		return object{"label": of.owner.Login + ":" + branch, "ref": branch, "sha": sha, "user": g.userJSON(of.owner), "repo": of.json(shapeSmall)}
	}
	head := side(p.from, p.branch, p.head)
	if p.from.deleted {
		head["repo"] = nil // GitHub: "unknown repository"
	}
	merge := p.merge
	if p.mergedAs != "" {
		merge = p.mergedAs
	}
	links := object{}
	for name, address := range map[string]string{
		"self": self, "html": page, "issue": r.at("issues/%d", p.Number), "comments": r.at("issues/%d/comments", p.Number), "review_comments": self + "/comments",
		"review_comment": r.at("pulls/comments{/number}"), "commits": self + "/commits", "statuses": r.at("statuses/%s", p.head),
	} {
		links[name] = object{"href": address}
	}
	out := object{
		"url": self, "id": p.ID, "node_id": nodeID("PullRequest", p.ID), "html_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch",
		"issue_url": r.at("issues/%d", p.Number), "number": p.Number, "state": i.state, "locked": false, "title": i.title, "user": g.userJSON(i.by),
		"body": orNull(i.body), "created_at": stamp(i.made), "updated_at": stamp(i.updated), "closed_at": stampOrNull(i.closed), "merged_at": stampOrNull(p.merged),
		"merge_commit_sha": orNull(merge), "assignee": nil, "assignees": []object{}, "requested_reviewers": []object{}, "requested_teams": []object{},
		"labels": i.labelsJSON(), "milestone": nil, "draft": p.draft, "commits_url": self + "/commits", "review_comments_url": self + "/comments",
		"review_comment_url": r.at("pulls/comments{/number}"), "comments_url": r.at("issues/%d/comments", p.Number), "statuses_url": r.at("statuses/%s", p.head),
		"head": head, "base": side(r, p.base, p.baseSHA), "_links": links, "author_association": r.association(i.by), "auto_merge": nil, "active_lock_reason": nil,
	}
	if !full {
		return out
	}
	d := p.compared()
	added, removed := sums(d.files)
	out["additions"], out["deletions"], out["changed_files"], out["commits"] = added, removed, len(d.files), len(d.commits)
	out["comments"], out["review_comments"], out["maintainer_can_modify"] = len(i.comments), 0, p.from != r
	out["merged"], out["merged_by"], out["rebaseable"], out["mergeable"], out["mergeable_state"] = false, nil, p.merge != "", p.merge != "", "clean"
	if p.merge == "" {
		out["mergeable_state"] = "dirty"
	}
	if !p.merged.IsZero() {
		out["merged"], out["merged_by"], out["mergeable"], out["rebaseable"], out["mergeable_state"] = true, g.userJSON(p.mergedBy), nil, nil, "unknown"
	}
	return out
}

// compared is what it changes.
func (p *PullRequest) compared() *comparison {
	if d := p.drawn; d != nil && d.base == p.baseSHA && d.head == p.head {
		return d
	}
	d := &comparison{base: p.baseSHA, head: p.head}
	fork, err := p.repo.git.git("merge-base", p.baseSHA, p.head)
	if err == nil {
		d.fork = fork
	}
	if text, err := p.repo.git.git("rev-list", "--reverse", "--max-count=250", p.baseSHA+".."+p.head); err == nil {
		d.commits = strings.Fields(text)
	}
	d.files = p.repo.changed(d.fork, p.head)
	p.drawn = d
	return d
}

// pullsAt are the open pull requests of a commit, in short.
func (r *Repository) pullsAt(sha string) []object {
	out := []object{}
	for _, p := range r.pulls {
		if p.issue.state != "open" || p.head != sha || p.from != r { // GitHub lists none of forks
			continue
		}
		side := func(of *Repository, branch, sha string) object {
			return object{"ref": branch, "sha": sha, "repo": object{"id": of.ID, "url": of.gh.api("repos/%s", of.FullName), "name": of.Name}}
		}
		out = append(out, object{
			"url": r.at("pulls/%d", p.Number), "id": p.ID, "number": p.Number, "head": side(p.from, p.branch, p.head), "base": side(r, p.base, p.baseSHA),
		})
	}
	return out
}

// association is what a person is to a repository, as payloads say it.
func (r *Repository) association(a *Account) string {
	switch role := r.collaborators[strings.ToLower(a.Login)]; {
	case a == r.owner:
		return "OWNER"
	case r.owner.members[strings.ToLower(a.Login)]:
		return "MEMBER"
	case role != "" && role != "none":
		return "COLLABORATOR"
	}
	for _, p := range r.pulls {
		if p.issue.by == a && !p.merged.IsZero() {
			return "CONTRIBUTOR"
		}
	}
	return "NONE"
}

func (c *call) pullsList() answer {
	q := c.r.URL.Query()
	state := q.Get("state")
	if state == "" {
		state = "open"
	}
	var all []any
	for _, p := range slices.Backward(c.repo.pulls) {
		if state != "all" && state != p.issue.state || q.Get("base") != "" && q.Get("base") != p.base ||
			q.Get("head") != "" && q.Get("head") != p.from.owner.Login+":"+p.branch {
			continue
		}
		all = append(all, p.json(false))
	}
	if q.Get("direction") == "asc" {
		slices.Reverse(all)
	}
	return list(all, "")
}

// pullsOf is GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls.
func (c *call) pullsOf(at *commit) answer {
	if at == nil {
		return unprocessable("No commit found for SHA")
	}
	var all []any
	for _, p := range c.repo.pulls {
		if p.head == at.sha || slices.Contains(p.compared().commits, at.sha) || p.mergedAs == at.sha {
			all = append(all, p.json(false))
		}
	}
	return list(all, "")
}

func (c *call) pullCreate() answer {
	var in struct {
		Title, Head, Base, Body string
		Draft                   bool
	}
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	p, err := c.repo.open(Pull{Head: in.Head, Base: in.Base, Title: in.Title, Body: in.Body, Draft: in.Draft, By: c.gh.actor(c.who).Login})
	if err != nil {
		return invalid("PullRequest", "head", "invalid")
	}
	return created(p.json(true))
}

func (c *call) pullShow() answer {
	p, bad := c.pullAsked()
	if bad != nil {
		return *bad
	}
	return ok(p.json(true))
}

// pullFiles lists at most 3,000. GitHub docs: rest/pulls/pulls#list-pull-requests-files
func (c *call) pullFiles() answer {
	p, bad := c.pullAsked()
	if bad != nil {
		return *bad
	}
	var all []any
	for _, f := range p.compared().files {
		all = append(all, f)
	}
	return list(all[:min(len(all), 3000)], "")
}

func (c *call) pullCommits() answer {
	p, bad := c.pullAsked()
	if bad != nil {
		return *bad
	}
	var all []any
	for _, sha := range p.compared().commits {
		if one, found := c.repo.git.commit(sha); found {
			all = append(all, c.repo.commitJSON(one))
		}
	}
	return list(all, "")
}
