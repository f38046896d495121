package githubtest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"path"
	"strings"
)

func (r *Repository) at(format string, args ...any) string {
	return r.gh.api("repos/"+r.FullName+"/"+format, args...)
}

// asked is the commit of a query's ref.
func (c *call) asked(name string) (*commit, bool) {
	if name == "" {
		name = c.repo.defaultBranch
	}
	for _, try := range []string{"refs/heads/" + name, "refs/tags/" + name, "refs/" + name, name} {
		if found, there := c.repo.git.commit(try); there {
			return found, true
		}
	}
	return nil, false
}

// contents is GET /repos/{owner}/{repo}/contents/{path}.
func (c *call) contents() answer {
	name := c.r.URL.Query().Get("ref")
	at, found := c.asked(name)
	if !found {
		if name != "" {
			return fail(http.StatusNotFound, "No commit found for the ref "+name)
		}
		return fail(http.StatusNotFound, "This repository is empty.")
	}
	if name == "" {
		name = c.repo.defaultBranch
	}
	where := strings.Trim(c.r.PathValue("path"), "/")
	object := at.tree
	if where != "" {
		object = at.sha + ":" + where
	}
	sha, kind, data, found := c.repo.git.object(object)
	if !found {
		return *notFound()
	}
	raw := strings.Contains(c.r.Header.Get("Accept"), "raw")
	switch {
	case kind == "tree":
		var all []any
		lines, _ := c.repo.git.entries(sha)
		for _, e := range lines {
			all = append(all, c.contentJSON(e, path.Join(where, e.name), name))
		}
		if all == nil {
			all = []any{}
		}
		return ok(all)
	case raw:
		return answer{status: http.StatusOK, raw: append([]byte{}, data...), kind: "application/vnd.github.raw+json; charset=utf-8"}
	}
	mode := "100644"
	if lines, found := c.repo.git.entries(at.sha + ":" + strings.TrimPrefix(path.Dir(where), ".")); found {
		for _, e := range lines {
			if e.sha == sha && e.name == path.Base(where) {
				mode = e.mode
			}
		}
	}
	out := c.contentJSON(entry{mode, path.Base(where), sha}, where, name)
	out["content"], out["encoding"] = lines60(data), "base64"
	if len(data) > 1<<20 { // GitHub docs: between 1 and 100 MB only the raw media type works
		out["content"], out["encoding"] = "", "none"
	}
	if mode == "120000" {
		out["target"] = string(data)
	}
	return ok(out)
}

// contentsChange is PUT /repos/{owner}/{repo}/contents/{path}: a commit of one file.
func (c *call) contentsChange() answer {
	var in struct {
		Message string
		Content []byte // base64
		SHA     string
		Branch  string
	}
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	if in.Branch == "" {
		in.Branch = c.repo.defaultBranch
	}
	if !c.repo.pushing.TryLock() {
		return busy()
	}
	defer c.repo.pushing.Unlock()
	where := strings.Trim(c.r.PathValue("path"), "/")
	at, found := c.repo.git.commit("refs/heads/" + in.Branch)
	if !found {
		return fail(http.StatusNotFound, "Branch "+in.Branch+" not found")
	}
	status := http.StatusCreated
	if old, _, _, there := c.repo.git.object(at.sha + ":" + where); there {
		status = http.StatusOK
		if in.SHA != old {
			return fail(http.StatusConflict, where+" does not match "+in.SHA)
		}
	}
	sha, err := c.repo.commitOn(in.Branch, Files{where: string(in.Content)}, in.Message, c.gh.actor(c.who))
	if err != nil {
		return unprocessable(err.Error())
	}
	made, _ := c.repo.git.commit(sha)
	blob, _, _, _ := c.repo.git.object(sha + ":" + where)
	return answer{status: status, body: object{
		"content": c.contentJSON(entry{"100644", path.Base(where), blob}, where, in.Branch), "commit": c.repo.commitJSON(made)["commit"],
	}}
}

func (c *call) contentJSON(e entry, where, ref string) object {
	self := c.repo.at("contents/%s?ref=%s", escapePath(where), url.QueryEscape(ref))
	page := c.gh.web("%s/blob/%s/%s", c.repo.FullName, ref, escapePath(where))
	blob := c.repo.at("git/blobs/%s", e.sha)
	out := object{"type": "file", "size": 0, "name": e.name, "path": where, "sha": e.sha, "url": self, "git_url": blob, "html_url": page}
	out["download_url"] = c.gh.web("%s/raw/%s/%s", c.repo.FullName, ref, escapePath(where))
	switch e.mode {
	case "40000":
		out["type"], out["download_url"] = "dir", nil
		blob = c.repo.at("git/trees/%s", e.sha)
		page = c.gh.web("%s/tree/%s/%s", c.repo.FullName, ref, escapePath(where))
		out["git_url"], out["html_url"] = blob, page
	case "120000":
		out["type"] = "symlink"
	case "160000":
		out["type"], out["download_url"] = "submodule", nil
	}
	if e.mode != "40000" && e.mode != "160000" {
		_, _, data, _ := c.repo.git.object(e.sha)
		out["size"] = len(data)
	}
	out["_links"] = object{"self": self, "git": blob, "html": page}
	return out
}

func escapePath(p string) string { return (&url.URL{Path: p}).EscapedPath() }

// lines60 is base64 as GitHub breaks it.
func lines60(data []byte) string {
	text := base64.StdEncoding.EncodeToString(data)
	var out strings.Builder
	for len(text) > 60 {
		out.WriteString(text[:60] + "\n")
		text = text[60:]
	}
	if text != "" {
		out.WriteString(text + "\n")
	}
	return out.String()
}

// tree is GET /repos/{owner}/{repo}/git/trees/{tree_sha}.
func (c *call) tree() answer {
	name := c.r.PathValue("tree_sha")
	var root string
	if at, found := c.asked(name); found {
		root = at.tree
	} else if sha, kind, _, found := c.repo.git.object(name); found && kind == "tree" {
		root = sha
	} else {
		return *notFound()
	}
	lines := []object{}
	c.walk(root, "", c.r.URL.Query().Has("recursive"), &lines)
	const most = 100_000 // GitHub docs: rest/git/trees#get-a-tree
	truncated := len(lines) > most
	return ok(object{"sha": root, "url": c.repo.at("git/trees/%s", root), "tree": lines[:min(len(lines), most)], "truncated": truncated})
}

func (c *call) walk(tree, below string, deep bool, into *[]object) {
	lines, _ := c.repo.git.entries(tree)
	for _, e := range lines {
		line := object{"path": below + e.name, "mode": e.mode, "type": "blob", "sha": e.sha, "url": c.repo.at("git/blobs/%s", e.sha)}
		switch e.mode {
		case "40000":
			line["mode"], line["type"], line["url"] = "040000", "tree", c.repo.at("git/trees/%s", e.sha)
		case "160000":
			line["type"] = "commit"
			delete(line, "url")
		default:
			_, _, data, _ := c.repo.git.object(e.sha)
			line["size"] = len(data)
		}
		*into = append(*into, line)
		if deep && e.isTree() {
			c.walk(e.sha, below+e.name+"/", true, into)
		}
	}
}

// blob is GET /repos/{owner}/{repo}/git/blobs/{file_sha}.
func (c *call) blob() answer {
	name := c.r.PathValue("file_sha")
	sha, kind, data, found := c.repo.git.object(name)
	if !found || kind != "blob" {
		return *notFound()
	}
	if strings.Contains(c.r.Header.Get("Accept"), "raw") {
		return answer{status: http.StatusOK, raw: append([]byte{}, data...), kind: "application/vnd.github.raw+json; charset=utf-8"}
	}
	return ok(object{
		"sha": sha, "node_id": "B_" + sha, "size": len(data), "url": c.repo.at("git/blobs/%s", sha), "content": lines60(data), "encoding": "base64",
	})
}
