package githubtest

import (
	"fmt"
	"slices"
	"strings"
)

// received tells of references that moved: push, create, delete, and what open
// pull requests make of it. GitHub docs: webhooks/webhook-events-and-payloads#push
func (r *Repository) received(all []moved, by *Account) {
	r.pushed = r.gh.now()
	for _, m := range all {
		branch, isBranch := strings.CutPrefix(m.ref, "refs/heads/")
		tag, isTag := strings.CutPrefix(m.ref, "refs/tags/")
		if !isBranch && !isTag {
			continue
		}
		r.remember(m, by)
		name, kind := branch, "branch"
		if isTag {
			name, kind = tag, "tag"
		}
		body := object{"ref": name, "ref_type": kind, "pusher_type": "user"}
		if m.after == zeroSHA {
			r.gh.emit(delivered{event: "delete", repo: r, by: by, body: body})
		}
		// GitHub docs: no push event for more than three tags (or branches, for
		// workflows) in one push.
		if len(all) <= 3 || isBranch {
			r.gh.emit(delivered{event: "push", repo: r, by: by, body: r.pushPayload(m, all, by)})
		}
		if m.before == zeroSHA {
			body["master_branch"], body["description"] = r.defaultBranch, nil
			r.gh.emit(delivered{event: "create", repo: r, by: by, body: body})
		}
		if isBranch && m.after != zeroSHA {
			r.suiteFor(m.after, branch, m.before)
		}
		if isBranch {
			r.gh.branchMoved(r, branch, m, by)
		}
	}
}

func (r *Repository) pushPayload(m moved, all []moved, by *Account) object {
	out := object{
		"ref": m.ref, "before": m.before, "after": m.after, "created": m.before == zeroSHA, "deleted": m.after == zeroSHA, "forced": false,
		"base_ref": nil, "commits": []object{}, "head_commit": nil, "repository": r.json(shapePush),
		"pusher": object{"name": by.Login, "email": by.email()},
	}
	switch {
	case m.after == zeroSHA:
		out["compare"] = r.gh.web("%s/compare/%s...%s", r.FullName, m.before[:12], m.after[:12])
		return out
	case m.before == zeroSHA:
		out["compare"] = r.gh.web("%s/compare/%s", r.FullName, strings.TrimPrefix(strings.TrimPrefix(m.ref, "refs/heads/"), "refs/tags/"))
	default:
		out["compare"] = r.gh.web("%s/compare/%s...%s", r.FullName, m.before[:12], m.after[:12])
		_, straight := r.straight(m)
		if !straight {
			base, _ := r.git.git("merge-base", m.before, m.after)
			out["forced"] = base != m.before
		}
	}
	head, found := r.git.commit(m.after)
	if !found {
		return out // a tag of something that is no commit
	}
	out["head_commit"] = r.pushedCommit(head)
	if strings.HasPrefix(m.ref, "refs/heads/") {
		commits := []object{}
		for _, sha := range r.newCommits(m, all) {
			if c, found := r.git.commit(sha); found {
				commits = append(commits, r.pushedCommit(c))
			}
		}
		out["commits"] = commits
	}
	return out
}

// straight is the short line of commits that most pushes are, the oldest first,
// without asking the git program.
func (r *Repository) straight(m moved) (line []string, ok bool) {
	for sha := m.after; sha != m.before; {
		c, found := r.git.commit(sha)
		if !found || len(c.parents) != 1 || len(line) == 20 {
			return nil, false
		}
		line = append(line, sha)
		sha = c.parents[0]
	}
	slices.Reverse(line)
	return line, true
}

// newCommits are those that came with a push, the oldest first.
func (r *Repository) newCommits(m moved, all []moved) []string {
	if line, straight := r.straight(m); straight {
		return line
	}
	args := []string{"rev-list", "--reverse", "--max-count=2048", m.after, "--not"}
	if m.before != zeroSHA {
		args = append(args, m.before)
	} else {
		for _, other := range all {
			args = append(args, "--exclude="+strings.TrimPrefix(other.ref, "refs/heads/")) // as --branches wants it
		}
		args = append(args, "--branches")
	}
	text, err := r.git.git(args...)
	if err != nil || text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// pushedCommit is a commit of a push payload.
func (r *Repository) pushedCommit(c *commit) object {
	added, removed, modified := []string{}, []string{}, []string{}
	before := ""
	if len(c.parents) > 0 {
		if p, found := r.git.commit(c.parents[0]); found {
			before = p.tree
		}
	}
	if len(c.parents) < 2 { // GitHub lists no files of merges that changed none themselves
		r.git.diff(before, c.tree, "", func(path, status string) {
			switch status {
			case "added":
				added = append(added, path)
			case "removed":
				removed = append(removed, path)
			default:
				modified = append(modified, path)
			}
		})
	}
	return object{
		"id": c.sha, "tree_id": c.tree, "distinct": true, "message": c.message, "timestamp": stamp(c.committer.at),
		"url": r.gh.web("%s/commit/%s", r.FullName, c.sha), "author": r.pushedBy(c.author), "committer": r.pushedBy(c.committer),
		"added": added, "removed": removed, "modified": modified,
	}
}

func (r *Repository) pushedBy(s signature) object {
	out := object{"name": s.name, "email": s.email}
	if a := r.gh.accounts[strings.ToLower(s.name)]; a != nil && a.email() == s.email {
		out["username"] = a.Login
	}
	return out
}

// diff tells of the files in which two trees differ; "" is the empty tree.
func (d *gitDir) diff(before, after, below string, tell func(path, status string)) {
	if before == after {
		return
	}
	old := map[string]entry{}
	if before != "" {
		lines, _ := d.entries(before)
		for _, e := range lines {
			old[e.name] = e
		}
	}
	var now []entry
	if after != "" {
		now, _ = d.entries(after)
	}
	for _, e := range now {
		was, existed := old[e.name]
		delete(old, e.name)
		path := below + e.name
		switch {
		case existed && was.sha == e.sha && was.mode == e.mode:
		case e.isTree() && existed && was.isTree():
			d.diff(was.sha, e.sha, path+"/", tell)
		case e.isTree():
			if existed {
				tell(path, "removed")
			}
			d.diff("", e.sha, path+"/", tell)
		case existed && was.isTree():
			d.diff(was.sha, "", path+"/", tell)
			tell(path, "added")
		case existed:
			tell(path, "modified")
		default:
			tell(path, "added")
		}
	}
	for name, e := range old {
		if e.isTree() {
			d.diff(e.sha, "", below+name+"/", tell)
			continue
		}
		tell(below+name, "removed")
	}
}

func (r *Repository) String() string { return fmt.Sprintf("repository %s (%d)", r.FullName, r.ID) }
