package githubtest

import (
	"net/http"
	"strings"
)

// Rename gives the repository another name. The old one leads to it until another
// repository takes that.
func (r *Repository) Rename(name string) {
	g := r.gh
	g.mu.Lock()
	defer g.mu.Unlock()
	old := r.Name
	delete(g.repositories, strings.ToLower(r.FullName))
	g.renamed[strings.ToLower(r.FullName)] = r
	r.Name, r.FullName = name, r.owner.Login+"/"+name
	g.repositories[strings.ToLower(r.FullName)] = r
	g.emit(delivered{event: "repository", action: "renamed", repo: r, by: r.defaultActor(), body: object{
		"changes": object{"repository": object{"name": object{"from": old}}},
	}})
}

// elsewhere sends the caller to a renamed repository.
// GitHub docs: rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
func (c *call) elsewhere(r *Repository) *answer {
	status := http.StatusTemporaryRedirect
	if c.r.Method == http.MethodGet {
		status = http.StatusMovedPermanently
	}
	parts := strings.SplitN(strings.TrimPrefix(c.r.URL.EscapedPath(), "/api/v3/repos/"), "/", 3)
	to := c.gh.api("repositories/%d", r.ID)
	if len(parts) == 3 {
		to += "/" + parts[2]
	}
	if c.r.URL.RawQuery != "" {
		to += "?" + c.r.URL.RawQuery
	}
	a := fail2(status, "Moved Permanently")
	a.body.(object)["url"] = to
	a.setHeader("Location", to)
	return a
}
