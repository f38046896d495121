package githubtest

import (
	"net/http"
	"strconv"
	"strings"
)

var unsigned = object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil}

func (s signature) json() object {
	return object{"name": s.name, "email": s.email, "date": stamp(s.at)}
}

// accountOf is the person behind a signature, null if there is none.
func (r *Repository) accountOf(s signature) any {
	if a := r.gh.accounts[strings.ToLower(s.name)]; a != nil && a.email() == s.email {
		return r.gh.userJSON(a)
	}
	return nil
}

func (r *Repository) parentsJSON(c *commit) []object {
	parents := []object{}
	for _, p := range c.parents {
		parents = append(parents, object{"sha": p, "url": r.at("commits/%s", p), "html_url": r.gh.web("%s/commit/%s", r.FullName, p)})
	}
	return parents
}

func (r *Repository) commitJSON(c *commit) object {
	return object{
		"sha": c.sha, "node_id": "C_" + c.sha, "url": r.at("commits/%s", c.sha), "html_url": r.gh.web("%s/commit/%s", r.FullName, c.sha),
		"comments_url": r.at("commits/%s/comments", c.sha), "author": r.accountOf(c.author), "committer": r.accountOf(c.committer), "parents": r.parentsJSON(c),
		"commit": object{
			"url": r.at("git/commits/%s", c.sha), "author": c.author.json(), "committer": c.committer.json(), "message": c.message,
			"tree": object{"sha": c.tree, "url": r.at("git/trees/%s", c.tree)}, "comment_count": 0, "verification": unsigned,
		},
	}
}

// simpleCommit is the head commit of a check suite.
func (r *Repository) simpleCommit(sha string) object {
	c, found := r.git.commit(sha)
	if !found {
		return nil
	}
	who := func(s signature) object { return object{"name": s.name, "email": s.email} }
	return object{"id": c.sha, "tree_id": c.tree, "message": c.message, "timestamp": stamp(c.committer.at), "author": who(c.author), "committer": who(c.committer)}
}

// commits is GET /repos/{owner}/{repo}/commits.
func (c *call) commits() answer {
	q := c.r.URL.Query()
	at, found := c.asked(q.Get("sha"))
	if !found {
		return *notFound()
	}
	args := []string{"rev-list", "--max-count=2000", at.sha}
	for name, flag := range map[string]string{"since": "--since=", "until": "--until="} {
		if v := q.Get(name); v != "" {
			args = append(args, flag+v)
		}
	}
	if p := q.Get("path"); p != "" {
		args = append(args, "--", p)
	}
	text, err := c.repo.git.git(args...)
	if err != nil {
		return *notFound()
	}
	var all []any
	for sha := range strings.FieldsSeq(text) {
		if one, found := c.repo.git.commit(sha); found {
			all = append(all, c.repo.commitJSON(one))
		}
	}
	return list(all, "")
}

// commitAndBelow is GET /repos/{owner}/{repo}/commits/{ref} and what is below it.
func (c *call) commitAndBelow() answer {
	ref, rest := below(c.r.PathValue("ref"), "check-runs", "check-suites", "pulls", "statuses")
	at, found := c.asked(ref)
	const route = "GET /repos/{owner}/{repo}/commits/"
	switch rest {
	case "check-runs":
		return c.part(route+"{ref}/check-runs", reads("checks"), func(c *call) answer { return c.checksOf(at) })
	case "check-suites":
		return c.part(route+"{ref}/check-suites", reads("checks"), func(c *call) answer { return c.suitesOf(at) })
	case "statuses":
		return c.part(route+"{ref}/statuses", reads("statuses"), func(c *call) answer { return c.statusesOf(at) })
	case "pulls":
		return c.part(route+"{commit_sha}/pulls", reads("pull_requests"), func(c *call) answer { return c.pullsOf(at) })
	}
	return c.part(route+"{ref}", reads("contents"), func(c *call) answer {
		if !found {
			return unprocessable("No commit found for SHA: " + ref)
		}
		if strings.Contains(c.r.Header.Get("Accept"), ".sha") {
			return answer{status: http.StatusOK, raw: []byte(at.sha), kind: "application/vnd.github.v3.sha; charset=utf-8"}
		}
		out := c.repo.commitJSON(at)
		parent := ""
		if len(at.parents) > 0 {
			parent = at.parents[0]
		}
		files := c.repo.changed(parent, at.sha)
		added, removed := sums(files)
		out["files"], out["stats"] = files, object{"additions": added, "deletions": removed, "total": added + removed}
		return ok(out)
	})
}

func sums(files []object) (added, removed int) {
	for _, f := range files {
		added += f["additions"].(int)
		removed += f["deletions"].(int)
	}
	return added, removed
}

// changed are the files in which two commits differ, renames found, as GitHub
// lists them.
func (r *Repository) changed(base, head string) []object {
	const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
	if base == "" {
		base = emptyTree
	}
	text, err := r.git.git("-c", "diff.renameLimit=1000", "diff-tree", "-r", "-M", "-z", "--raw", "--numstat", "--no-abbrev", base, head)
	files := []object{}
	if err != nil {
		return files
	}
	byName := map[string]object{}
	parts := strings.Split(text, "\x00")
	for i := 0; i < len(parts); i++ {
		p := parts[i]
		if strings.HasPrefix(p, ":") && i+1 < len(parts) { // :mode mode sha sha status NUL path
			f := strings.Fields(p)
			name, previous := parts[i+1], ""
			i++
			if f[4][0] == 'R' || f[4][0] == 'C' {
				previous, name = name, parts[i+1]
				i++
			}
			file := r.fileJSON(name, previous, f[4][0], f[3], f[2], head)
			files, byName[name] = append(files, file), file
			continue
		}
		f := strings.SplitN(p, "\t", 3) // added removed path, or an empty path and two more parts
		if len(f) != 3 {
			continue
		}
		name := f[2]
		if name == "" && i+2 < len(parts) {
			name = parts[i+2]
			i += 2
		}
		if file := byName[name]; file != nil {
			added, _ := strconv.Atoi(f[0])
			removed, _ := strconv.Atoi(f[1])
			file["additions"], file["deletions"], file["changes"] = added, removed, added+removed
		}
	}
	return files
}

func (r *Repository) fileJSON(name, previous string, letter byte, sha, before, head string) object {
	status := map[byte]string{'A': "added", 'D': "removed", 'M': "modified", 'R': "renamed", 'C': "copied", 'T': "changed"}[letter]
	if letter == 'D' {
		sha = before
	}
	out := object{
		"sha": sha, "filename": name, "status": status, "additions": 0, "deletions": 0, "changes": 0,
		"blob_url": r.gh.web("%s/blob/%s/%s", r.FullName, head, escapePath(name)), "raw_url": r.gh.web("%s/raw/%s/%s", r.FullName, head, escapePath(name)),
		"contents_url": r.at("contents/%s?ref=%s", escapePath(name), head),
	}
	if previous != "" {
		out["previous_filename"] = previous
	}
	return out
}

// compare is GET /repos/{owner}/{repo}/compare/{basehead}. GitHub docs: at most
// 300 files, on the first page only; 250 commits a page.
func (c *call) compare() answer {
	left, right, found := strings.Cut(c.r.PathValue("basehead"), "...")
	if !found {
		return *notFound()
	}
	base, ok1 := c.across(left)
	head, ok2 := c.across(right)
	if !ok1 || !ok2 {
		return *notFound()
	}
	middle, err := c.repo.git.git("merge-base", base.sha, head.sha)
	if err != nil {
		return fail(http.StatusNotFound, "No common ancestor between "+left+" and "+right+".")
	}
	ahead, _ := c.repo.git.git("rev-list", "--reverse", base.sha+".."+head.sha)
	behind, _ := c.repo.git.git("rev-list", head.sha+".."+base.sha)
	new, old := strings.Fields(ahead), strings.Fields(behind)
	status := "identical"
	switch {
	case len(new) > 0 && len(old) > 0:
		status = "diverged"
	case len(new) > 0:
		status = "ahead"
	case len(old) > 0:
		status = "behind"
	}
	size, page := min(max(c.number("per_page", 250), 1), 250), max(c.number("page", 1), 1)
	from := min((page-1)*size, len(new))
	commits := []object{}
	for _, sha := range new[from:min(from+size, len(new))] {
		if one, found := c.repo.git.commit(sha); found {
			commits = append(commits, c.repo.commitJSON(one))
		}
	}
	files := []object{}
	if page == 1 {
		files = c.repo.changed(middle, head.sha)
	}
	fork, _ := c.repo.git.commit(middle)
	basehead := left + "..." + right
	address := c.gh.web("%s/compare/%s", c.repo.FullName, basehead)
	return ok(object{
		"url": c.repo.at("compare/%s", basehead), "html_url": address, "permalink_url": address, "diff_url": address + ".diff", "patch_url": address + ".patch",
		"base_commit": c.repo.commitJSON(base), "merge_base_commit": c.repo.commitJSON(fork), "status": status, "ahead_by": len(new), "behind_by": len(old),
		"total_commits": len(new), "commits": commits, "files": files[:min(len(files), 300)],
	})
}

// across finds a commit of this repository or, written "mallory:main", of a fork.
func (c *call) across(name string) (*commit, bool) {
	login, branch, foreign := strings.Cut(name, ":")
	if !foreign {
		return c.asked(name)
	}
	for _, f := range c.gh.repositories {
		if f.owner.is(login) && (f == c.repo || f.source == c.repo) {
			at, found := f.git.commit("refs/heads/" + branch)
			if found && f != c.repo {
				_, err := c.repo.git.git("fetch", "--quiet", f.git.path, at.sha)
				found = err == nil
			}
			return at, found
		}
	}
	return nil, false
}
