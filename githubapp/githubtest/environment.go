package githubtest

import (
	"strings"
	"time"
)

// Environment is a deployment environment and what guards it.
type Environment struct {
	Name              string
	Wait              time.Duration // whole minutes
	Reviewers         []string      // logins, or organisation/team
	PreventSelfReview bool
	ProtectedBranches bool     // only those may deploy
	Branches          []string // patterns of branches that may deploy
	Tags              []string // patterns of tags
}

type environment struct {
	Environment
	id    int64
	rules [3]int64 // ids of wait timer, reviewers, branch policy
	made  time.Time
}

// team is a team of an organisation.
type team struct {
	id      int64
	slug    string
	members map[string]bool
}

// Environment adds an environment, or changes one.
func (r *Repository) Environment(e Environment) {
	r.gh.mu.Lock()
	defer r.gh.mu.Unlock()
	for _, old := range r.environments {
		if old.Name == e.Name {
			old.Environment = e
			return
		}
	}
	made := &environment{Environment: e, id: r.gh.id("environment"), made: r.gh.now()}
	for i := range made.rules {
		made.rules[i] = r.gh.id("rule")
	}
	r.environments = append(r.environments, made)
}

// Team makes a team of an organisation, or adds members.
func (g *GitHub) Team(organization, slug string, members ...string) (id int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.account(organization, "Organization")
	t := a.team(slug)
	if t == nil {
		t = &team{id: g.id("team"), slug: slug, members: map[string]bool{}}
		a.teams = append(a.teams, t)
	}
	for _, m := range members {
		login := strings.ToLower(g.account(m, "User").Login)
		t.members[login], a.members[login] = true, true
	}
	return t.id
}

func (a *Account) team(slug string) *team {
	for _, t := range a.teams {
		if t.slug == slug {
			return t
		}
	}
	return nil
}

func (g *GitHub) teamJSON(a *Account, t *team) object {
	self := g.api("organizations/%d/team/%d", a.ID, t.id)
	return object{
		"id": t.id, "node_id": nodeID("Team", t.id), "name": t.slug, "slug": t.slug, "description": "", "privacy": "closed", "notification_setting": "notifications_enabled",
		"permission": "pull", "url": self, "html_url": g.web("orgs/%s/teams/%s", a.Login, t.slug), "members_url": self + "/members{/member}",
		"repositories_url": self + "/repos", "parent": nil, "type": "organization", "organization_id": a.ID,
	}
}

func (r *Repository) environmentJSON(e *environment) object {
	g := r.gh
	rules := []object{}
	rule := func(n int, kind string) object {
		return object{"id": e.rules[n], "node_id": nodeID("Gate", e.rules[n]), "type": kind}
	}
	if e.Wait > 0 {
		o := rule(0, "wait_timer")
		o["wait_timer"] = int(e.Wait.Minutes())
		rules = append(rules, o)
	}
	if len(e.Reviewers) > 0 {
		reviewers := []object{}
		for _, name := range e.Reviewers {
			if login, slug, isTeam := strings.Cut(name, "/"); isTeam {
				a := g.account(login, "Organization")
				if t := a.team(slug); t != nil {
					reviewers = append(reviewers, object{"type": "Team", "reviewer": g.teamJSON(a, t)})
				}
				continue
			}
			reviewers = append(reviewers, object{"type": "User", "reviewer": g.userJSON(g.account(name, "User"))})
		}
		o := rule(1, "required_reviewers")
		o["prevent_self_review"], o["reviewers"] = e.PreventSelfReview, reviewers
		rules = append(rules, o)
	}
	var policy any
	if custom := len(e.Branches)+len(e.Tags) > 0; custom || e.ProtectedBranches {
		rules = append(rules, rule(2, "branch_policy"))
		policy = object{"protected_branches": !custom, "custom_branch_policies": custom}
	}
	return object{
		"id": e.id, "node_id": nodeID("Environment", e.id), "name": e.Name, "url": r.at("environments/%s", escapePath(e.Name)),
		"html_url":   g.web("%s/deployments/activity_log?environments_filter=%s", r.FullName, escapePath(e.Name)),
		"created_at": stamp(e.made), "updated_at": stamp(e.made), "protection_rules": rules, "deployment_branch_policy": policy,
	}
}

func (c *call) environments() answer {
	var all []any
	for _, e := range c.repo.environments {
		all = append(all, c.repo.environmentJSON(e))
	}
	return list(all, "environments")
}

func (c *call) environmentAsked() (*environment, *answer) {
	for _, e := range c.repo.environments {
		if strings.EqualFold(e.Name, c.r.PathValue("environment_name")) { // GitHub: names are not case-sensitive
			return e, nil
		}
	}
	return nil, notFound()
}

func (c *call) environmentShow() answer {
	e, bad := c.environmentAsked()
	if bad != nil {
		return *bad
	}
	return ok(c.repo.environmentJSON(e))
}

func (c *call) branchPolicies() answer {
	e, bad := c.environmentAsked()
	if bad != nil {
		return *bad
	}
	var all []any
	add := func(kind string, patterns []string) {
		for _, p := range patterns {
			id := e.id*100 + int64(len(all))
			all = append(all, object{"id": id, "node_id": nodeID("Policy", id), "name": p, "type": kind})
		}
	}
	add("branch", e.Branches)
	add("tag", e.Tags)
	return list(all, "branch_policies")
}

// teamMembership is GET /orgs/{org}/teams/{team_slug}/memberships/{username}.
func (c *call) teamMembership() answer {
	if c.who.installation != nil && !atLeast(c.who.permissions["members"], "read") {
		return *forbidden()
	}
	a := c.gh.accounts[strings.ToLower(c.r.PathValue("org"))]
	if c.who.anonymous() || a == nil {
		return *notFound()
	}
	t := a.team(c.r.PathValue("team_slug"))
	login := c.r.PathValue("username")
	if t == nil || !t.members[strings.ToLower(login)] {
		return *notFound()
	}
	return ok(object{"url": c.gh.api("organizations/%d/team/%d/memberships/%s", a.ID, t.id, login), "role": "member", "state": "active"})
}
