package githubtest

import "time"

// issue is an issue, or that part of a pull request.
type issue struct {
	id            int64
	number        int
	repo          *Repository
	title, body   string
	by            *Account
	state         string
	made, updated time.Time
	closed        time.Time
	labels        []*label
	comments      []*comment
	pull          *PullRequest
}

type comment struct {
	id   int64
	by   *Account
	body string
	made time.Time
}

type label struct {
	id   int64
	name string
}

// Issue opens an issue and gives its number.
func (r *Repository) Issue(title, body, login string) int {
	r.gh.mu.Lock()
	defer r.gh.mu.Unlock()
	return r.openIssue(title, body, r.person(login)).number
}

func (r *Repository) openIssue(title, body string, by *Account) *issue {
	i := r.addIssue(title, body, by)
	r.gh.emit(delivered{event: "issues", action: "opened", repo: r, by: by, body: object{"issue": i.json()}})
	return i
}

// Comment writes a comment at an issue or pull request.
func (r *Repository) Comment(number int, body, login string) {
	r.gh.t.Helper()
	r.gh.mu.Lock()
	defer r.gh.mu.Unlock()
	i := r.issue(number)
	if i == nil {
		r.gh.t.Fatalf("comment at %s#%d: there is no such issue", r.FullName, number)
		return
	}
	r.addComment(i, body, r.person(login))
}

func (r *Repository) addComment(i *issue, body string, by *Account) *comment {
	c := &comment{id: r.gh.id("comment"), by: by, body: body, made: r.gh.now()}
	i.comments = append(i.comments, c)
	i.updated = c.made
	r.gh.emit(delivered{event: "issue_comment", action: "created", repo: r, by: by, body: object{"issue": i.json(), "comment": i.commentJSON(c)}})
	return c
}

// Comments are the texts at an issue or pull request.
func (r *Repository) Comments(number int) []string {
	r.gh.mu.Lock()
	defer r.gh.mu.Unlock()
	var all []string
	if i := r.issue(number); i != nil {
		for _, c := range i.comments {
			all = append(all, c.body)
		}
	}
	return all
}

func (r *Repository) issue(number int) *issue {
	if number < 1 || number > len(r.issues) {
		return nil
	}
	return r.issues[number-1]
}

func (r *Repository) addIssue(title, body string, by *Account) *issue {
	now := r.gh.now()
	i := &issue{
		id: r.gh.id("issue"), number: len(r.issues) + 1, repo: r, title: title, body: body, by: by, state: "open", made: now, updated: now,
	}
	r.issues = append(r.issues, i)
	return i
}

func (r *Repository) label(name string) *label {
	if r.labels[name] == nil {
		r.labels[name] = &label{r.gh.id("label"), name}
	}
	return r.labels[name]
}

func (l *label) json(r *Repository) object {
	return object{
		"id": l.id, "node_id": nodeID("Label", l.id), "url": r.at("labels/%s", escapePath(l.name)), "name": l.name, "color": "ededed", "default": false, "description": "",
	}
}

func (i *issue) labelsJSON() []object {
	out := []object{}
	for _, l := range i.labels {
		out = append(out, l.json(i.repo))
	}
	return out
}

func reactions(address string) object {
	out := object{"url": address + "/reactions", "total_count": 0}
	for _, name := range []string{"+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"} {
		out[name] = 0
	}
	return out
}

func (i *issue) json() object {
	r, g := i.repo, i.repo.gh
	self := r.at("issues/%d", i.number)
	page := g.web("%s/issues/%d", r.FullName, i.number)
	if i.pull != nil {
		page = g.web("%s/pull/%d", r.FullName, i.number)
	}
	var reason any
	if i.state == "closed" {
		reason = "completed"
	}
	out := object{
		"url": self, "repository_url": g.api("repos/%s", r.FullName), "labels_url": self + "/labels{/name}", "comments_url": self + "/comments",
		"events_url": self + "/events", "html_url": page, "id": i.id, "node_id": nodeID("Issue", i.id), "number": i.number, "title": i.title,
		"user": g.userJSON(i.by), "labels": i.labelsJSON(), "state": i.state, "locked": false, "assignee": nil, "assignees": []object{}, "milestone": nil,
		"comments": len(i.comments), "created_at": stamp(i.made), "updated_at": stamp(i.updated), "closed_at": stampOrNull(i.closed),
		"author_association": r.association(i.by), "active_lock_reason": nil, "body": orNull(i.body), "reactions": reactions(self),
		"performed_via_github_app": nil, "timeline_url": self + "/timeline", "state_reason": reason, "closed_by": nil,
		"draft": i.pull != nil && i.pull.draft,
	}
	if i.pull != nil {
		out["pull_request"] = object{
			"url": r.at("pulls/%d", i.number), "html_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch", "merged_at": stampOrNull(i.pull.merged),
		}
	}
	return out
}

func (i *issue) commentJSON(c *comment) object {
	r, g := i.repo, i.repo.gh
	self := r.at("issues/comments/%d", c.id)
	return object{
		"url": self, "html_url": i.json()["html_url"].(string) + "#issuecomment-" + itoa(c.id), "issue_url": r.at("issues/%d", i.number), "id": c.id,
		"node_id": nodeID("IssueComment", c.id), "user": g.userJSON(c.by), "created_at": stamp(c.made), "updated_at": stamp(c.made),
		"author_association": r.association(c.by), "body": c.body, "reactions": reactions(self), "performed_via_github_app": nil,
	}
}
