package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// push is what `git push` would bring to the remote now; when the remote has
// HEAD already, or none is known, the push that brought the last commit.
func (m *maker) push(ctx context.Context, e *Event) (expr.Value, error) {
	ref := m.ref()
	change, err := m.change(ctx, ref)
	if err != nil {
		return expr.Value{}, err
	}
	e.Base, e.Head = change.base, m.repo.SHA
	list := make([]expr.Value, 0, len(change.commits))
	for _, c := range change.commits {
		list = append(list, m.commit(c))
	}
	head := expr.Value{}
	if change.head != nil {
		head = m.commit(*change.head)
	}
	baseRef := expr.Value{}
	if kind, _ := event.SplitRef(ref); kind == "tag" {
		baseRef = expr.String("refs/heads/" + m.repo.DefaultBranch)
	}
	pusher := expr.NewObject(false).Set("name", expr.String(m.actor))
	if m.repo.UserEmail != "" {
		pusher.Set("email", expr.String(m.repo.UserEmail))
	}
	return expr.NewObject(false).
		Set("ref", expr.String(ref)).
		Set("before", expr.String(change.before)).
		Set("after", expr.String(m.repo.SHA)).
		Set("repository", m.repository(m.repo.Owner, m.repo.Name)).
		Set("pusher", pusher.Value()).
		Set("sender", m.user(m.actor)).
		Set("created", expr.Bool(change.created)).
		Set("deleted", expr.Bool(false)).
		Set("forced", expr.Bool(change.forced)).
		Set("base_ref", baseRef).
		Set("compare", expr.String(m.compareURL(ref, change))).
		Set("commits", expr.Array(list...)).
		Set("head_commit", head).
		Value(), nil
}

// change is what a push changes.
type change struct {
	before          string // in the payload
	base            string // what path filters compare with
	created, forced bool
	commits         []commit // oldest first
	head            *commit
}

func (m *maker) change(ctx context.Context, ref string) (change, error) {
	r := m.repo
	none := change{before: NoSHA, base: NoSHA, created: true}
	if !r.HasCommit() {
		return none, nil
	}
	kind, branch := event.SplitRef(ref)
	pushed := r.pushed(branch)
	if kind != "tag" {
		switch {
		case pushed != "" && pushed != r.SHA:
			return m.ahead(ctx, pushed)
		case pushed == "" && branch != r.DefaultBranch && r.branchTip(r.DefaultBranch) != "" && r.knowsRemote():
			return m.newBranch(ctx)
		}
	}
	last, err := r.commits(ctx, 1, "HEAD")
	if err != nil || len(last) == 0 {
		return none, err
	}
	if kind == "tag" {
		// GitHub lists no commits for a tag.
		return change{before: NoSHA, base: parent(last[0]), created: true, head: &last[0]}, nil
	}
	return change{before: parent(last[0]), base: parent(last[0]), created: len(last[0].parents) == 0, commits: last, head: &last[0]}, nil
}

// knowsRemote tells whether anything was ever fetched from the remote.
func (r *Repo) knowsRemote() bool {
	for name := range r.remotes {
		if strings.HasPrefix(name, r.Remote+"/") {
			return true
		}
	}
	return false
}

// ahead is a push to a branch that the remote has at another commit.
func (m *maker) ahead(ctx context.Context, pushed string) (change, error) {
	r := m.repo
	missing, err := git(ctx, r.Root, "rev-list", "--count", "--end-of-options", "HEAD.."+pushed)
	if err != nil {
		return change{}, fmt.Errorf("compare HEAD with the remote: %w", err)
	}
	list, err := r.commits(ctx, maxCommits, pushed+"..HEAD")
	if err != nil {
		return change{}, err
	}
	if len(list) == 0 { // HEAD is behind the remote
		last, err := r.commits(ctx, 1, "HEAD")
		if err != nil || len(last) == 0 {
			return change{before: NoSHA, base: NoSHA}, err
		}
		return change{before: parent(last[0]), base: parent(last[0]), created: len(last[0].parents) == 0, commits: last, head: &last[0]}, nil
	}
	head := list[0]
	slices.Reverse(list)
	return change{before: pushed, base: pushed, forced: strings.TrimSpace(missing) != "0", commits: list, head: &head}, nil
}

// newBranch is the first push of a branch: its commits are those that the
// default branch lacks, and filters compare with the parent of the oldest.
func (m *maker) newBranch(ctx context.Context) (change, error) {
	r := m.repo
	c := change{before: NoSHA, base: NoSHA, created: true}
	list, err := r.commits(ctx, maxCommits, "HEAD", "^"+r.branchTip(r.DefaultBranch))
	if err != nil {
		return c, err
	}
	if len(list) == 0 {
		list, err = r.commits(ctx, 1, "HEAD")
		if err != nil || len(list) == 0 {
			return c, err
		}
		c.head, c.base = &list[0], r.SHA
		return c, nil
	}
	head := list[0]
	slices.Reverse(list)
	c.head, c.commits, c.base = &head, list, parent(list[0])
	return c, nil
}

// parent is the first parent, or NoSHA.
func parent(c commit) string {
	if len(c.parents) == 0 {
		return NoSHA
	}
	return c.parents[0]
}

func (m *maker) compareURL(ref string, c change) string {
	_, short := event.SplitRef(ref)
	if c.created {
		return m.home() + "/compare/" + short
	}
	return m.home() + "/compare/" + c.before[:12] + "..." + m.repo.SHA[:12]
}

// commit is a commit of a push, in GitHub's order of keys.
func (m *maker) commit(c commit) expr.Value {
	account := func(p person) expr.Value {
		b := expr.NewObject(false).Set("name", expr.String(p.name)).Set("email", expr.String(p.email))
		if known := knownLogin(p.email); known != "" {
			b.Set("username", expr.String(known))
		}
		return b.Value()
	}
	paths := func(list []string) expr.Value {
		values := make([]expr.Value, len(list))
		for i, p := range list {
			values[i] = expr.String(p)
		}
		return expr.Array(values...)
	}
	return expr.NewObject(false).
		Set("id", expr.String(c.sha)).
		Set("tree_id", expr.String(c.tree)).
		Set("distinct", expr.Bool(true)).
		Set("message", expr.String(c.message)).
		Set("timestamp", expr.String(strings.TrimSuffix(c.committer.date, "+00:00")+utc(c.committer.date))).
		Set("url", expr.String(m.home()+"/commit/"+c.sha)).
		Set("author", account(c.author)).
		Set("committer", account(c.committer)).
		Set("added", paths(c.added)).
		Set("removed", paths(c.removed)).
		Set("modified", paths(c.modified)).
		Value()
}

// utc is GitHub's spelling of no offset.
func utc(date string) string {
	if strings.HasSuffix(date, "+00:00") {
		return "Z"
	}
	return ""
}
