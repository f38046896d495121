package githubtest

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

type object = map[string]any

// Account is a person, an organisation or the App's bot.
type Account struct {
	ID      int64
	Login   string
	kind    string // User, Organization, Bot
	made    time.Time
	members map[string]bool // of an organisation, by lower-case login
	teams   []*team
}

func (a *Account) is(login string) bool { return strings.EqualFold(a.Login, login) }

// User makes a person, or finds one.
func (g *GitHub) User(login string) *Account {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.account(login, "User")
}

// Organization makes an organisation with members, or adds them.
func (g *GitHub) Organization(login string, members ...string) *Account {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.account(login, "Organization")
	for _, m := range members {
		a.members[strings.ToLower(g.account(m, "User").Login)] = true
	}
	return a
}

// account finds one, or makes it of that kind.
func (g *GitHub) account(login, kind string) *Account {
	key := strings.ToLower(login)
	if a := g.accounts[key]; a != nil {
		return a
	}
	a := &Account{ID: g.id("account"), Login: login, kind: kind, made: g.now(), members: map[string]bool{}}
	g.accounts[key] = a
	return a
}

// bot is who acts when the App does.
func (g *GitHub) bot() *Account { return g.account(g.app.Slug+"[bot]", "Bot") }

func nodeID(kind string, id int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%03d:%s%d", len(kind), kind, id))
}

func (g *GitHub) userJSON(a *Account) object {
	login := strings.NewReplacer("[", "%5B", "]", "%5D").Replace(a.Login)
	of := func(rest string) string { return g.url + "/api/v3/users/" + login + rest }
	page := g.web("%s", login)
	if a.kind == "Bot" {
		page = g.web("apps/%s", strings.TrimSuffix(a.Login, "[bot]"))
	}
	return object{
		"login": a.Login, "id": a.ID, "node_id": nodeID(a.kind, a.ID), "avatar_url": g.web("avatars/u/%d?v=4", a.ID), "gravatar_id": "",
		"url": of(""), "html_url": page, "followers_url": of("/followers"), "following_url": of("/following{/other_user}"),
		"gists_url": of("/gists{/gist_id}"), "starred_url": of("/starred{/owner}{/repo}"), "subscriptions_url": of("/subscriptions"),
		"organizations_url": of("/orgs"), "repos_url": of("/repos"), "events_url": of("/events{/privacy}"),
		"received_events_url": of("/received_events"), "type": a.kind, "site_admin": false,
	}
}

// organizationJSON is the short form that payloads carry.
func (g *GitHub) organizationJSON(a *Account) object {
	of := func(rest string) string { return g.url + "/api/v3/orgs/" + a.Login + rest }
	return object{
		"login": a.Login, "id": a.ID, "node_id": nodeID(a.kind, a.ID), "url": of(""), "repos_url": of("/repos"), "events_url": of("/events"),
		"hooks_url": of("/hooks"), "issues_url": of("/issues"), "members_url": of("/members{/member}"),
		"public_members_url": of("/public_members{/member}"), "avatar_url": g.web("avatars/u/%d?v=4", a.ID), "description": "",
	}
}

// fullUserJSON is what GET /user and GET /users/{username} answer.
func (g *GitHub) fullUserJSON(a *Account) object {
	out := g.userJSON(a)
	for k, v := range (object{
		"name": a.Login, "company": nil, "blog": "", "location": nil, "email": nil, "hireable": nil, "bio": nil, "twitter_username": nil,
		"public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "created_at": stamp(a.made), "updated_at": stamp(a.made),
	}) {
		out[k] = v
	}
	return out
}

func (a *Account) email() string {
	return fmt.Sprintf("%d+%s@users.noreply.github.com", a.ID, a.Login)
}

func (c *call) userSelf() answer { return ok(c.gh.fullUserJSON(c.who.user)) }

func (c *call) userShow() answer {
	a := c.gh.accounts[strings.ToLower(c.r.PathValue("username"))]
	if a == nil {
		return *notFound()
	}
	return ok(c.gh.fullUserJSON(a))
}
