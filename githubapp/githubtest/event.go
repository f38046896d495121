package githubtest

import (
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"slices"
)

// delivered is an event to tell the App of.
type delivered struct {
	event, action string
	repo          *Repository   // nil: the event is an installation's own
	installation  *Installation // nil: the one that covers the repository
	by            *Account
	body          object
}

// alwaysHeard are events that an App cannot turn off.
// GitHub docs: webhooks/webhook-events-and-payloads#installation
var alwaysHeard = []string{"installation", "installation_repositories", "installation_target", "github_app_authorization"}

// permissionOf is what an App needs to hear an event; others take metadata.
// GitHub docs: webhooks/webhook-events-and-payloads, "Availability"
var permissionOf = map[string]string{
	"push": "contents", "create": "contents", "delete": "contents", "release": "contents", "repository_dispatch": "contents", "workflow_dispatch": "contents",
	"pull_request": "pull_requests", "pull_request_review": "pull_requests", "pull_request_review_comment": "pull_requests", "issues": "issues",
	"issue_comment": "issues", "check_run": "checks", "check_suite": "checks", "merge_group": "merge_queues", "deployment": "deployments",
	"deployment_status": "deployments", "discussion": "discussions", "status": "statuses", "branch_protection_rule": "administration",
}

// hears says whether an event of a repository is told to an installation.
func (g *GitHub) hears(i *Installation, event string) bool {
	if !i.suspended.IsZero() {
		return event == "installation"
	}
	if slices.Contains(alwaysHeard, event) {
		return true
	}
	permission := permissionOf[event]
	if permission != "" && !atLeast(i.permissions[permission], "read") {
		return false
	}
	// Apps that write checks are subscribed to their events unasked.
	return g.o.Events == nil || slices.Contains(g.o.Events, event) || permission == "checks" && i.permissions[permission] == "write"
}

// emit makes a delivery for the App, if it is installed there and listens.
func (g *GitHub) emit(d delivered) {
	i := d.installation
	if i == nil && d.repo != nil {
		i = g.installationOf(d.repo)
	}
	if i == nil || !g.hears(i, d.event) {
		return
	}
	f := g.faults.current()
	g.ids["event"]++
	random := rand.New(rand.NewPCG(f.Seed+2, uint64(g.ids["event"]))) //nolint:gosec // repeatable
	if random.Float64() < f.ForgetWebhooks {
		return
	}
	body := object{"sender": g.userJSON(d.by)}
	if d.action != "" {
		body["action"] = d.action
	}
	record := &Delivery{Event: d.event, Action: d.action, Installation: i.ID, At: g.now()}
	if d.repo != nil {
		body["repository"], body["installation"] = d.repo.json(shapeSmall), object{"id": i.ID, "node_id": nodeID("Installation", i.ID)}
		record.Repository = d.repo.ID
		if d.repo.owner.kind == "Organization" {
			body["organization"] = g.organizationJSON(d.repo.owner)
		}
	}
	for k, v := range d.body {
		body[k] = v
	}
	var err error
	if record.Payload, err = json.Marshal(body); err != nil {
		return // maps of plain values are always encoded
	}
	record.ID = g.id("delivery")
	record.GUID = guid(record.ID)
	g.hooks.mu.Lock()
	defer g.hooks.mu.Unlock()
	g.hooks.add(record)
}

// guid looks like a random UUID and is the same in each run.
func guid(n int64) string {
	text := []byte(secretText("guid", n)[:32])
	text[12], text[16] = '4', 'a'
	raw, _ := hex.DecodeString(string(text))
	s := hex.EncodeToString(raw)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func (g *GitHub) emitInstallation(i *Installation, action string, by *Account) {
	body := object{"installation": g.installationJSON(i)}
	if action != "suspend" && action != "unsuspend" {
		repositories := []object{}
		for _, r := range g.covered(i) {
			repositories = append(repositories, r.brief())
		}
		body["repositories"] = repositories
		if action == "created" {
			body["requester"] = nil
		}
	}
	g.emit(delivered{event: "installation", action: action, installation: i, by: by, body: body})
}

// brief is a repository in an installation's payload.
func (r *Repository) brief() object {
	return object{"id": r.ID, "node_id": nodeID("Repository", r.ID), "name": r.Name, "full_name": r.FullName, "private": r.private}
}
