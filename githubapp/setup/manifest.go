package setup

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Request says what the App is to be.
type Request struct {
	Name         string // unique on its GitHub, at most 34 characters
	Organization string // that owns it; empty: whoever signs in
	URL          string // that people and GitHub reach the server at
	ReadOnly     bool   // jobs get tokens that can only read, whatever they ask for
}

// Check tells what GitHub would refuse.
func (r Request) Check() error {
	u, err := url.Parse(r.URL)
	switch {
	case r.Name == "" || len(r.Name) > 34:
		return fmt.Errorf("name of the App, %q: give 1 to 34 characters", r.Name)
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("address of the server, %q: give a http or https URL that GitHub can reach", r.URL)
	case strings.ContainsAny(r.Organization, "/?#% "):
		return fmt.Errorf("organization, %q: give its login", r.Organization)
	}
	return nil
}

// manifest is what GitHub reads.
// GitHub docs: apps/sharing-github-apps/registering-a-github-app-from-a-manifest
type manifest struct {
	Name           string            `json:"name"`
	URL            string            `json:"url"`
	Hook           hook              `json:"hook_attributes"`
	RedirectURL    string            `json:"redirect_url"`
	CallbackURLs   []string          `json:"callback_urls"`
	Description    string            `json:"description"`
	Public         bool              `json:"public"`
	Events         []string          `json:"default_events"`
	Permissions    map[string]string `json:"default_permissions"`
	OAuthOnInstall bool              `json:"request_oauth_on_install"`
}

type hook struct {
	URL    string `json:"url"`
	Active bool   `json:"active"`
}

func (r Request) manifest(redirect string) manifest {
	base := strings.TrimRight(r.URL, "/")
	return manifest{
		Name: r.Name, URL: base, Description: "Runs the workflows of its repositories on our own machines.",
		Hook: hook{URL: base + "/webhook", Active: true}, RedirectURL: redirect, CallbackURLs: []string{base + "/auth/callback"},
		Events: subscribed(), Permissions: r.permissions(),
	}
}

// permissions are the server's own (checks, reading files and who may do what),
// what its events need, and the most that the token of a job can have:
// `permissions:` reduces it.
func (r Request) permissions() map[string]string {
	all := map[string]string{"checks": "write", "environments": "read", "actions": "read", "members": "read"} // members: of teams that review
	for _, e := range subscriptions {
		if all[e.permission] == "" {
			all[e.permission] = "read"
		}
	}
	if !r.ReadOnly {
		for _, name := range []string{
			"actions", "contents", "deployments", "discussions", "issues", "packages", "pages", "pull_requests", "security_events", "statuses",
		} {
			all[name] = "write"
		}
	}
	return all
}

// subscriptions are the events to ask for, by the permission that GitHub wants
// for them: a manifest with one and not the other is refused. Those on
// installations come unasked.
// GitHub docs: webhooks/webhook-events-and-payloads
var subscriptions = []struct {
	permission string
	events     []string
}{
	{"administration", []string{"branch_protection_rule"}},
	{"checks", []string{"check_run", "check_suite"}},
	{"contents", []string{"create", "delete", "gollum", "push", "release", "repository_dispatch", "workflow_dispatch"}},
	{"deployments", []string{"deployment", "deployment_status"}},
	{"discussions", []string{"discussion", "discussion_comment"}},
	{"issues", []string{"issues", "issue_comment", "milestone"}},
	{"merge_queues", []string{"merge_group"}},
	{"metadata", []string{"fork", "label", "public", "repository", "watch"}},
	{"packages", []string{"registry_package"}},
	{"pages", []string{"page_build"}},
	{"pull_requests", []string{"pull_request", "pull_request_review", "pull_request_review_comment"}},
	{"statuses", []string{"status"}},
}

func subscribed() []string {
	var all []string
	for _, s := range subscriptions {
		all = append(all, s.events...)
	}
	slices.Sort(all)
	return all
}
