package githubtest

import (
	"fmt"
	"html/template"
	"net/http"
	"sort"
	"strings"
)

// serveWeb adds GitHub's pages: only those that a browser passes through.
func (g *GitHub) serveWeb(mux *http.ServeMux) {
	for pattern, serve := range map[string]http.HandlerFunc{
		"/login/oauth/authorize":                          g.authorizePage,
		"POST /login/oauth/access_token":                  g.accessToken,
		"/settings/apps/new":                              g.manifestPage,
		"/organizations/{organization}/settings/apps/new": g.manifestPage,
		"/apps/{slug}/installations/new":                  g.installPage,
		"GET /archives/{owner}/{repo}/{format}/{ref...}":  g.archive,
		"GET /avatars/":                                   avatar,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			spoil := g.faults.decide(r, g.tested(r))
			if !spoil.before(w, r) {
				serve(w, r)
			}
		})
	}
}

// SignedIn says who sits at the browser: sign-ins go through without a page; "" is
// nobody, who gets a page to choose a person.
func (g *GitHub) SignedIn(login string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.browser = nil
	if login != "" {
		g.browser = g.account(login, "User")
	}
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title></head><body><h1>{{.Title}}</h1>
{{range .Forms}}<form method="post" action="{{.Action}}">{{range $k, $v := .Hidden}}<input type="hidden" name="{{$k}}" value="{{$v}}">{{end}}
<button type="submit" id="{{.ID}}">{{.Button}}</button></form>
{{end}}</body></html>
`))

type form struct {
	Action, ID, Button string
	Hidden             map[string]string
}

func show(w http.ResponseWriter, title string, forms ...form) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	_ = page.Execute(w, map[string]any{"Title": title, "Forms": forms})
}

// people are the logins of a kind of account, sorted.
func (g *GitHub) people(kinds ...string) []string {
	var all []string
	for _, a := range g.accounts {
		for _, kind := range kinds {
			if a.kind == kind {
				all = append(all, a.Login)
			}
		}
	}
	sort.Strings(all)
	return all
}

// installPage is /apps/{slug}/installations/new: a button for each account.
func (g *GitHub) installPage(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.PathValue("slug") != g.app.Slug {
		http.NotFound(w, r)
		return
	}
	login := r.FormValue("account")
	if r.Method != http.MethodPost || g.accounts[strings.ToLower(login)] == nil {
		var forms []form
		for _, name := range g.people("Organization", "User") {
			forms = append(forms, form{r.URL.RequestURI(), "install-" + name, "Install on " + name, map[string]string{"account": name}})
		}
		show(w, "Install "+g.app.Name, forms...)
		return
	}
	by := g.browser
	if by == nil {
		by = g.somebody()
	}
	i := g.install(g.account(login, "Organization"), by)
	to := g.web("settings/installations/%d", i.ID)
	if g.setupURL != "" {
		to = fmt.Sprintf("%s?installation_id=%d&setup_action=install", g.setupURL, i.ID)
	}
	http.Redirect(w, r, to, http.StatusFound)
}

// archiveLink is GET /repos/{owner}/{repo}/tarball/{ref} and zipball.
func (c *call) archiveLink() answer {
	format := "tar.gz"
	if strings.Contains(c.r.URL.Path, "/zipball/") {
		format = "zip"
	}
	at, found := c.asked(strings.TrimPrefix(c.r.PathValue("ref"), "refs/"))
	if !found {
		return *notFound()
	}
	a := answer{status: http.StatusFound}
	// The address holds what lets one in, as GitHub's does for private ones.
	a.setHeader("Location", c.gh.web("archives/%s/%s/%s?token=%s", c.repo.FullName, format, at.sha, secretText(at.sha, c.repo.ID)))
	return a
}

// archive gives the files of a commit.
func (g *GitHub) archive(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	repo := g.find(r.PathValue("owner") + "/" + r.PathValue("repo"))
	g.mu.Unlock()
	sha, format := r.PathValue("ref"), r.PathValue("format")
	if repo == nil || len(sha) != 40 || format != "zip" && format != "tar.gz" || r.URL.Query().Get("token") != secretText(sha, repo.ID) {
		http.NotFound(w, r)
		return
	}
	prefix := fmt.Sprintf("%s-%s-%s/", repo.owner.Login, repo.Name, sha[:7])
	data, err := repo.git.raw("archive", "--format="+format, "--prefix="+prefix, sha)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", map[string]string{"zip": "application/zip", "tar.gz": "application/x-gzip"}[format])
	w.Header().Set("Content-Disposition", "attachment; filename="+strings.TrimSuffix(prefix, "/")+"."+format)
	_, _ = w.Write(data)
}

// avatar is one picture for everybody.
func avatar(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "image/svg+xml")
	_, _ = w.Write([]byte(`<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="20" fill="#888"/></svg>`))
}
