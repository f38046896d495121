package githubtest

import (
	"slices"
	"strconv"
)

func issueRoutes() []route {
	const repo = " /repos/{owner}/{repo}"
	return []route{
		{"GET" + repo + "/issues", reads("issues"), (*call).issuesList},
		{"POST" + repo + "/issues", writes("issues"), (*call).issueCreate},
		{"GET" + repo + "/issues/{issue_number}", reads("issues"), (*call).issueShow},
		{"GET" + repo + "/issues/{issue_number}/comments", reads("issues"), (*call).commentsList},
		{"POST" + repo + "/issues/{issue_number}/comments", metadata, (*call).commentCreate},
		{"GET" + repo + "/issues/{issue_number}/labels", reads("issues"), (*call).labelsList},
		{"POST" + repo + "/issues/{issue_number}/labels", metadata, (*call).labelsAdd},
	}
}

func (c *call) issueAsked() (*issue, *answer) {
	n, _ := strconv.Atoi(c.r.PathValue("issue_number"))
	if i := c.repo.issue(n); i != nil {
		return i, nil
	}
	return nil, notFound()
}

func (c *call) issuesList() answer {
	state := c.r.URL.Query().Get("state")
	if state == "" {
		state = "open"
	}
	var all []any
	for _, i := range slices.Backward(c.repo.issues) {
		if state == "all" || i.state == state {
			all = append(all, i.json())
		}
	}
	return list(all, "")
}

func (c *call) issueCreate() answer {
	var in struct{ Title, Body string }
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	if in.Title == "" {
		return invalid("Issue", "title", "missing_field")
	}
	return created(c.repo.openIssue(in.Title, in.Body, c.gh.actor(c.who)).json())
}

func (c *call) issueShow() answer {
	i, bad := c.issueAsked()
	if bad != nil {
		return *bad
	}
	return ok(i.json())
}

func (c *call) commentsList() answer {
	i, bad := c.issueAsked()
	if bad != nil {
		return *bad
	}
	var all []any
	for _, k := range i.comments {
		all = append(all, i.commentJSON(k))
	}
	return list(all, "")
}

// mayWriteAt says whether the caller may change an issue; at a pull request the
// permission for those does as well. GitHub docs: rest/issues/comments
func (c *call) mayWriteAt(i *issue) *answer {
	bad := c.gh.mayUse(c.who, c.repo, writes("issues"))
	if bad != nil && i.pull != nil {
		return c.gh.mayUse(c.who, c.repo, writes("pull_requests"))
	}
	return bad
}

func (c *call) commentCreate() answer {
	i, bad := c.issueAsked()
	if bad == nil && (c.who.user == nil || c.who.viaApp) { // a person may say something everywhere
		bad = c.mayWriteAt(i)
	}
	if bad != nil {
		return *bad
	}
	var in struct{ Body string }
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	if in.Body == "" {
		return invalid("IssueComment", "body", "missing_field")
	}
	return created(i.commentJSON(c.repo.addComment(i, in.Body, c.gh.actor(c.who))))
}

func (c *call) labelsList() answer {
	i, bad := c.issueAsked()
	if bad != nil {
		return *bad
	}
	var all []any
	for _, l := range i.labels {
		all = append(all, l.json(c.repo))
	}
	return list(all, "")
}

func (c *call) labelsAdd() answer {
	i, bad := c.issueAsked()
	if bad == nil {
		bad = c.mayWriteAt(i)
	}
	if bad != nil {
		return *bad
	}
	var in struct{ Labels []string }
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	for _, name := range in.Labels {
		i.addLabel(name, c.gh.actor(c.who))
	}
	return ok(i.labelsJSON())
}

// addLabel puts a label on it and tells of that.
func (i *issue) addLabel(name string, by *Account) {
	l := i.repo.label(name)
	if slices.Contains(i.labels, l) {
		return
	}
	i.labels = append(i.labels, l)
	if i.pull != nil {
		i.pull.emit("labeled", by, object{"label": l.json(i.repo)})
		return
	}
	i.repo.gh.emit(delivered{event: "issues", action: "labeled", repo: i.repo, by: by, body: object{"issue": i.json(), "label": l.json(i.repo)}})
}
