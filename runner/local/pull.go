package local

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// pullRequest is the pull request that would bring the branch at hand into
// its base.
func (m *maker) pullRequest(ctx context.Context, _ *Event) (expr.Value, error) {
	p, err := m.proposal(ctx)
	if err != nil {
		return expr.Value{}, err
	}
	b := expr.NewObject(false).Set("action", expr.String(m.action()))
	value := m.pullRequestValue(p)
	if m.name == "pull_request_review" {
		b.Set("review", expr.NewObject(false).
			Set("id", number(id("review"))).
			Set("user", m.user(m.actor)).
			Set("body", expr.Value{}).
			Set("commit_id", expr.String(m.repo.SHA)).
			Set("state", expr.String("approved")).
			Value())
	}
	if strings.HasPrefix(m.name, "pull_request_review") {
		b.Set("pull_request", value)
	} else {
		b.Set("number", number(m.o.Number)).Set("pull_request", value)
	}
	if m.action() == "synchronize" {
		b.Set("before", expr.String(parentOf(p.last))).Set("after", expr.String(m.repo.SHA))
	}
	m.common(b)
	return b.Value(), nil
}

// proposal are the facts of a pull request.
type proposal struct {
	head, base string // branches
	baseSHA    string
	commits    int
	size       size
	last       *commit
}

func parentOf(c *commit) string {
	if c == nil {
		return NoSHA
	}
	return parent(*c)
}

func (m *maker) proposal(ctx context.Context) (proposal, error) {
	r := m.repo
	p := proposal{head: r.currentBranch(), base: r.DefaultBranch, baseSHA: NoSHA}
	if m.o.Base != "" {
		p.base = strings.TrimPrefix(m.o.Base, "refs/heads/")
	}
	if kind, short := event.SplitRef(m.o.Ref); kind == "branch" && short != "" {
		p.head = short
	}
	if !r.HasCommit() {
		return p, nil
	}
	last, err := r.commits(ctx, 1, "HEAD")
	if err != nil || len(last) == 0 {
		return p, err
	}
	p.last = &last[0]
	tip := r.branchTip(p.base)
	if tip == "" && m.o.Base != "" {
		return p, fmt.Errorf("the base branch %q is not known here: fetch it with: git fetch %s %s", p.base, orDefault(r.Remote, "origin"), p.base)
	}
	if p.baseSHA = tip; tip == "" || tip == r.SHA {
		p.baseSHA = parentOf(p.last) // on the base itself: its last commit stands for the pull request
	}
	if p.baseSHA == NoSHA {
		p.commits = 1
		return p, nil
	}
	count, err := git(ctx, r.Root, "rev-list", "--count", "--end-of-options", p.baseSHA+"..HEAD")
	if err != nil {
		return p, fmt.Errorf("count the commits of the pull request: %w", err)
	}
	p.commits, _ = strconv.Atoi(strings.TrimSpace(count))
	p.size, err = r.diffSize(ctx, p.baseSHA, r.SHA)
	return p, err
}

func orDefault(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func (m *maker) pullRequestValue(p proposal) expr.Value {
	title, body := p.head, expr.Value{}
	if p.last != nil {
		title = p.last.subject()
		if text := p.last.body(); text != "" {
			body = expr.String(text)
		}
	}
	n := strconv.Itoa(m.o.Number)
	page := m.home() + "/pull/" + n
	repos := apiURL(m.repo.Server) + "/repos/" + m.repo.FullName()
	api, issue := repos+"/pulls/"+n, repos+"/issues/"+n
	now := expr.String(m.o.Now.UTC().Format(time.RFC3339))
	prID := id(m.home() + "/pull/" + n)
	text, null, empty := expr.String, expr.Value{}, expr.Array()
	link := func(href string) expr.Value { return expr.NewObject(false).Set("href", text(href)).Value() }
	return expr.NewObject(false).
		Set("url", text(api)).
		Set("id", number(prID)).
		Set("node_id", nodeID("PullRequest", prID)).
		Set("html_url", text(page)).
		Set("diff_url", text(page+".diff")).
		Set("patch_url", text(page+".patch")).
		Set("issue_url", text(issue)).
		Set("number", number(m.o.Number)).
		Set("state", text("open")).
		Set("locked", expr.Bool(false)).
		Set("title", text(title)).
		Set("user", m.user(m.actor)).
		Set("body", body).
		Set("created_at", now).Set("updated_at", now).
		Set("closed_at", null).Set("merged_at", null).
		Set("merge_commit_sha", text(m.repo.SHA)).
		Set("assignee", null).Set("assignees", empty).
		Set("requested_reviewers", empty).Set("requested_teams", empty).
		Set("labels", empty).Set("milestone", null).
		Set("draft", expr.Bool(false)).
		Set("commits_url", text(api+"/commits")).
		Set("review_comments_url", text(api+"/comments")).
		Set("review_comment_url", text(repos+"/pulls/comments{/number}")).
		Set("comments_url", text(issue+"/comments")).
		Set("statuses_url", text(repos+"/statuses/"+m.repo.SHA)).
		Set("head", m.end(p.head, m.repo.SHA)).
		Set("base", m.end(p.base, p.baseSHA)).
		Set("_links", expr.NewObject(false).
			Set("self", link(api)).Set("html", link(page)).Set("issue", link(issue)).
			Set("comments", link(issue+"/comments")).
			Set("review_comments", link(api+"/comments")).
			Set("review_comment", link(repos+"/pulls/comments{/number}")).
			Set("commits", link(api+"/commits")).
			Set("statuses", link(repos+"/statuses/"+m.repo.SHA)).Value()).
		Set("author_association", text("OWNER")).
		Set("auto_merge", null).Set("active_lock_reason", null).
		Set("merged", expr.Bool(false)).Set("mergeable", expr.Bool(true)).Set("rebaseable", expr.Bool(true)).
		Set("mergeable_state", text("clean")).Set("merged_by", null).
		Set("comments", number(0)).Set("review_comments", number(0)).
		Set("maintainer_can_modify", expr.Bool(false)).
		Set("commits", number(p.commits)).
		Set("additions", number(p.size.additions)).
		Set("deletions", number(p.size.deletions)).
		Set("changed_files", number(p.size.files)).
		Value()
}

// end is the head or the base of a pull request.
func (m *maker) end(branch, sha string) expr.Value {
	return expr.NewObject(false).
		Set("label", expr.String(m.repo.Owner+":"+branch)).
		Set("ref", expr.String(branch)).
		Set("sha", expr.String(sha)).
		Set("user", m.owner(m.repo.Owner)).
		Set("repo", m.repository(m.repo.Owner, m.repo.Name)).
		Value()
}
