package githubtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// code is what a browser brings back from a sign-in.
type code struct {
	user      *Account
	redirect  string
	challenge string
	expires   time.Time
	refresh   bool // it is a refresh token
}

const (
	codeLife    = 10 * time.Minute
	signInLife  = 8 * time.Hour
	refreshLife = 6 * 30 * 24 * time.Hour
)

// authorizePage is /login/oauth/authorize: who sits at the browser says yes.
// GitHub docs: apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
func (g *GitHub) authorizePage(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if q.Get("client_id") != g.app.ClientID || err != nil {
		http.Error(w, "Not Found", http.StatusNotFound)
		return
	}
	if len(g.callbacks) > 0 {
		if back.String() == "" {
			back, _ = url.Parse(g.callbacks[0])
		}
		if !slices.Contains(g.callbacks, back.String()) {
			http.Error(w, "The redirect_uri is not associated with this application.", http.StatusBadRequest)
			return
		}
	}
	user := g.browser
	if login := q.Get("login"); login != "" {
		user = g.accounts[strings.ToLower(login)]
	}
	if login := r.PostFormValue("as"); r.Method == http.MethodPost && login != "" {
		user = g.accounts[strings.ToLower(login)]
	}
	if user == nil || user.kind != "User" {
		var forms []form
		for _, name := range g.people("User") {
			forms = append(forms, form{r.URL.RequestURI(), "as-" + name, "Authorize as " + name, map[string]string{"as": name}})
		}
		show(w, "Authorize "+g.app.Name, forms...)
		return
	}
	g.ids["code"]++
	text := secretText("code", g.ids["code"])[:20]
	g.codes[text] = &code{
		user: user, redirect: back.String(), challenge: q.Get("code_challenge"), expires: g.now().Add(codeLife),
	}
	to := back.Query()
	to.Set("code", text)
	if state := q.Get("state"); state != "" {
		to.Set("state", state)
	}
	back.RawQuery = to.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// accessToken is POST /login/oauth/access_token. Mistakes are answered 200.
func (g *GitHub) accessToken(w http.ResponseWriter, r *http.Request) {
	in := func(name string) string { return r.FormValue(name) }
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		var body map[string]string
		if json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&body) == nil {
			in = func(name string) string { return body[name] }
		}
	}
	out := g.exchangeCode(in)
	if strings.Contains(r.Header.Get("Accept"), "json") {
		a := ok(out)
		g.write(w, r, &a)
		return
	}
	values := url.Values{}
	for k, v := range out {
		if text, is := v.(string); is {
			values.Set(k, text)
		} else if n, is := v.(int64); is {
			values.Set(k, itoa(n))
		}
	}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	_, _ = w.Write([]byte(values.Encode()))
}

func (g *GitHub) exchangeCode(in func(string) string) object {
	bad := func(name, text string) object {
		return object{"error": name, "error_description": text, "error_uri": "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors"}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if in("client_id") != g.app.ClientID || in("client_secret") != g.app.ClientSecret {
		return bad("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.")
	}
	text, refresh := in("code"), in("grant_type") == "refresh_token"
	if refresh {
		text = in("refresh_token")
	}
	k := g.codes[text]
	if k == nil || k.refresh != refresh || !g.now().Before(k.expires) {
		if refresh {
			return bad("bad_refresh_token", "The refresh token passed is incorrect or expired.")
		}
		return bad("bad_verification_code", "The code passed is incorrect or expired.")
	}
	if to := in("redirect_uri"); to != "" && !refresh && to != k.redirect {
		return bad("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application.")
	}
	if k.challenge != "" {
		sum := sha256.Sum256([]byte(in("code_verifier")))
		if base64.RawURLEncoding.EncodeToString(sum[:]) != k.challenge {
			return bad("bad_verification_code", "The code passed is incorrect or expired.")
		}
	}
	delete(g.codes, text) // each works once
	token := g.addToken("ghu_", &token{user: k.user, viaApp: true, expires: g.now().Add(signInLife)})
	g.ids["code"]++
	again := "ghr_" + secretText("refresh", g.ids["code"])[:36]
	g.codes[again] = &code{user: k.user, refresh: true, expires: g.now().Add(refreshLife)}
	return object{
		"access_token": token, "token_type": "bearer", "scope": "", "expires_in": int64(signInLife.Seconds()),
		"refresh_token": again, "refresh_token_expires_in": int64(refreshLife.Seconds()),
	}
}

// SetCallbacks says where sign-ins may lead back to; none: anywhere.
func (g *GitHub) SetCallbacks(addresses ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.callbacks = addresses
}

func userRoutes() []route {
	return []route{
		{"GET /user", person, (*call).userSelf},
		{"GET /users/{username}", anybody, (*call).userShow},
		{"GET /user/installations", person, (*call).userInstallations},
		{"GET /user/installations/{installation_id}/repositories", person, (*call).userInstallationRepositories},
		{"GET /orgs/{org}/teams/{team_slug}/memberships/{username}", anybody, (*call).teamMembership},
		{"POST /applications/{client_id}/token", clientSecret, (*call).checkToken},
		{"DELETE /applications/{client_id}/token", clientSecret, (*call).deleteToken},
		{"POST /app-manifests/{code}/conversions", anybody, (*call).manifestConversion},
	}
}

// seen are the repositories of an installation that a person may read by right,
// not only because they are public. GitHub docs: rest/apps/installations
func (c *call) seen(i *Installation) []*Repository {
	var all []*Repository
	for _, r := range c.gh.covered(i) {
		login := strings.ToLower(c.who.user.Login)
		role := r.collaborators[login]
		if c.who.user == r.owner || r.owner.members[login] || role != "" && role != "none" {
			all = append(all, r)
		}
	}
	return all
}

func (c *call) userInstallations() answer {
	var all []any
	for _, i := range c.gh.installations {
		if len(c.seen(i)) > 0 {
			all = append(all, c.gh.installationJSON(i))
		}
	}
	return list(all, "installations")
}

func (c *call) userInstallationRepositories() answer {
	i, bad := c.installationAsked()
	if bad != nil {
		return *bad
	}
	var all []any
	for _, r := range c.seen(i) {
		out := r.json(shapeSmall)
		out["permissions"] = r.rights(c.who.user)
		all = append(all, out)
	}
	return list(all, "repositories")
}

// checkToken is POST /applications/{client_id}/token.
func (c *call) checkToken() answer {
	text, t, bad := c.tokenAsked()
	if bad != nil {
		return *bad
	}
	g := c.gh
	return ok(object{
		"id": t.user.ID, "url": g.api("authorizations/%d", t.user.ID), "scopes": nil, "token": text, "token_last_eight": text[len(text)-8:],
		"hashed_token": secretText(text, 0), "note": nil, "note_url": nil, "created_at": stamp(g.app.made), "updated_at": stamp(g.app.made),
		"expires_at": stampOrNull(t.expires), "fingerprint": nil, "user": g.userJSON(t.user),
		"app": object{"client_id": g.app.ClientID, "name": g.app.Name, "url": g.web("apps/%s", g.app.Slug)},
	})
}

func (c *call) deleteToken() answer {
	text, _, bad := c.tokenAsked()
	if bad != nil {
		return *bad
	}
	delete(c.gh.tokens, text)
	return answer{status: http.StatusNoContent}
}

func (c *call) tokenAsked() (string, *token, *answer) {
	var in struct {
		Token string `json:"access_token"`
	}
	if bad := c.decode(&in); bad != nil {
		return "", nil, bad
	}
	t := c.gh.tokens[in.Token]
	if t == nil || !t.viaApp || !c.gh.now().Before(t.expires) || c.r.PathValue("client_id") != c.gh.app.ClientID {
		return "", nil, notFound()
	}
	return in.Token, t, nil
}
