package githubtest

import (
	"net/http"
	"sort"
	"strings"
)

// refs are the references below a prefix, by name.
func (d *gitDir) refs(prefix string) []entry {
	text, err := d.git("for-each-ref", "--format=%(objecttype) %(objectname) %(refname)", prefix)
	if err != nil {
		return nil
	}
	var all []entry
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 3 {
			all = append(all, entry{mode: f[0], sha: f[1], name: f[2]})
		}
	}
	return all
}

func (r *Repository) refJSON(e entry) object {
	rest := strings.TrimPrefix(e.name, "refs/")
	kind := map[string]string{"commit": "commits", "tag": "tags", "tree": "trees", "blob": "blobs"}[e.mode]
	return object{
		"ref": e.name, "node_id": nodeID("Ref:"+e.name, r.ID), "url": r.at("git/refs/%s", escapePath(rest)),
		"object": object{"sha": e.sha, "type": e.mode, "url": r.at("git/%s/%s", kind, e.sha)},
	}
}

// ref is GET /repos/{owner}/{repo}/git/ref/{ref}.
func (c *call) ref() answer {
	name := "refs/" + c.r.PathValue("ref")
	for _, e := range c.repo.git.refs(name) {
		if e.name == name {
			return ok(c.repo.refJSON(e))
		}
	}
	return *notFound()
}

// matchingRefs is GET /repos/{owner}/{repo}/git/matching-refs/{ref}.
func (c *call) matchingRefs() answer {
	prefix := "refs/" + c.r.PathValue("ref")
	var all []any
	for _, e := range c.repo.git.refs("refs") {
		if strings.HasPrefix(e.name, prefix) {
			all = append(all, c.repo.refJSON(e))
		}
	}
	return list(all, "")
}

// gitTag is GET /repos/{owner}/{repo}/git/tags/{tag_sha}.
func (c *call) gitTag() answer {
	sha, kind, data, found := c.repo.git.object(c.r.PathValue("tag_sha"))
	if !found || kind != "tag" {
		return *notFound()
	}
	head, message, _ := strings.Cut(string(data), "\n\n")
	fields := map[string]string{}
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		fields[key] = value
	}
	return ok(object{
		"node_id": "T_" + sha, "sha": sha, "url": c.repo.at("git/tags/%s", sha), "tag": fields["tag"], "message": strings.TrimSuffix(message, "\n"),
		"tagger": parseSignature(fields["tagger"]).json(), "verification": unsigned,
		"object": object{"type": fields["type"], "sha": fields["object"], "url": c.repo.at("git/%ss/%s", fields["type"], fields["object"])},
	})
}

// gitCommit is GET /repos/{owner}/{repo}/git/commits/{commit_sha}.
func (c *call) gitCommit() answer {
	at, found := c.repo.git.commit(c.r.PathValue("commit_sha"))
	if !found {
		return *notFound()
	}
	return ok(object{
		"sha": at.sha, "node_id": "C_" + at.sha, "url": c.repo.at("git/commits/%s", at.sha), "html_url": c.gh.web("%s/commit/%s", c.repo.FullName, at.sha),
		"author": at.author.json(), "committer": at.committer.json(), "message": at.message, "parents": c.repo.parentsJSON(at), "verification": unsigned,
		"tree": object{"sha": at.tree, "url": c.repo.at("git/trees/%s", at.tree)},
	})
}

// branches is GET /repos/{owner}/{repo}/branches.
func (c *call) branches() answer {
	var all []any
	for _, e := range c.repo.git.refs("refs/heads") {
		name := strings.TrimPrefix(e.name, "refs/heads/")
		if want := c.r.URL.Query().Get("protected"); want != "" && (want == "true") != c.repo.protected[name] {
			continue
		}
		all = append(all, object{
			"name": name, "commit": object{"sha": e.sha, "url": c.repo.at("commits/%s", e.sha)}, "protected": c.repo.protected[name],
			"protection": c.repo.protectionSummary(name), "protection_url": c.repo.at("branches/%s/protection", escapePath(name)),
		})
	}
	return list(all, "")
}

func (r *Repository) protectionSummary(branch string) object {
	level := "off"
	if r.protected[branch] {
		level = "non_admins"
	}
	return object{
		"enabled": r.protected[branch], "required_status_checks": object{"enforcement_level": level, "contexts": []string{}, "checks": []object{}},
	}
}

// branchAndBelow is GET /repos/{owner}/{repo}/branches/{branch} and its protection.
func (c *call) branchAndBelow() answer {
	name, rest := below(c.r.PathValue("branch"), "protection")
	at, found := c.repo.git.commit("refs/heads/" + name)
	const route = "GET /repos/{owner}/{repo}/branches/{branch}"
	if rest == "protection" {
		return c.part(route+"/protection", looksInto("administration"), func(c *call) answer {
			switch {
			case !found:
				return fail(http.StatusNotFound, "Branch not found")
			case !c.repo.protected[name]:
				return fail(http.StatusNotFound, "Branch not protected")
			}
			return ok(c.repo.protectionJSON(name))
		})
	}
	return c.part(route, reads("contents"), func(c *call) answer {
		if !found {
			return fail(http.StatusNotFound, "Branch not found")
		}
		self := c.repo.at("branches/%s", escapePath(name))
		return ok(object{
			"name": name, "commit": c.repo.commitJSON(at), "_links": object{"self": self, "html": c.gh.web("%s/tree/%s", c.repo.FullName, escapePath(name))},
			"protected": c.repo.protected[name], "protection": c.repo.protectionSummary(name), "protection_url": self + "/protection",
		})
	})
}

func (r *Repository) protectionJSON(branch string) object {
	self := r.at("branches/%s/protection", escapePath(branch))
	off := object{"enabled": false}
	return object{
		"url": self, "enforce_admins": object{"url": self + "/enforce_admins", "enabled": false},
		"required_linear_history": off, "allow_force_pushes": off, "allow_deletions": off, "block_creations": off,
		"required_conversation_resolution": off, "lock_branch": off, "allow_fork_syncing": off,
		"required_signatures": object{"url": self + "/required_signatures", "enabled": false},
	}
}

// tags is GET /repos/{owner}/{repo}/tags, the newest name first.
func (c *call) tags() answer {
	lines := c.repo.git.refs("refs/tags")
	sort.Slice(lines, func(a, b int) bool { return lines[a].name > lines[b].name })
	var all []any
	for _, e := range lines {
		name := strings.TrimPrefix(e.name, "refs/tags/")
		at, found := c.repo.git.commit(e.name)
		if !found {
			continue
		}
		all = append(all, object{
			"name": name, "node_id": nodeID("Tag:"+name, c.repo.ID), "commit": object{"sha": at.sha, "url": c.repo.at("commits/%s", at.sha)},
			"zipball_url": c.repo.at("zipball/refs/tags/%s", escapePath(name)), "tarball_url": c.repo.at("tarball/refs/tags/%s", escapePath(name)),
		})
	}
	return list(all, "")
}
