package plan

import (
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
)

// permissionScopes are all scopes of a token, in the order in which GitHub's
// messages name them (actions/runner: Permissions.cs).
var permissionScopes = []string{
	"actions", "artifact-metadata", "attestations", "checks", "code-quality", "contents", "copilot-requests",
	"deployments", "discussions", "drives", "issues", "packages", "pages", "pull-requests", "repository-projects",
	"statuses", "security-events", "id-token", "models", "vulnerability-alerts",
}

// permissionLevel is what p says of a scope: none, read or write.
func permissionLevel(p *workflow.Permissions, scope string) string {
	switch p.All {
	case "write-all":
		if scope == "models" || scope == "vulnerability-alerts" {
			return "read" // there is no more (actions/runner: Permissions.cs)
		}
		return "write"
	case "read-all":
		if scope == "copilot-requests" {
			return "none" // it can only be written
		}
		return "read"
	}
	if level := p.Scopes[scope]; level != "" {
		return level
	}
	return "none"
}

func permissionRank(level string) int {
	switch level {
	case "write":
		return 2
	case "read":
		return 1
	default:
		return 0
	}
}

// excess gives what requested has over allowed, and what is allowed there; ""
// if there is none. A nil allowed is the unknown default of the repository:
// nothing is over it.
func excess(requested, allowed *workflow.Permissions) (want, have string) {
	if requested == nil || allowed == nil {
		return "", ""
	}
	scopes := slices.Clone(permissionScopes)
	var unknown []string
	for scope := range requested.Scopes {
		if !slices.Contains(scopes, scope) {
			unknown = append(unknown, scope)
		}
	}
	slices.Sort(unknown)
	var asked, granted []string
	for _, scope := range append(scopes, unknown...) {
		want, have := permissionLevel(requested, scope), permissionLevel(allowed, scope)
		if permissionRank(want) > permissionRank(have) {
			asked = append(asked, scope+": "+want)
			granted = append(granted, scope+": "+have)
		}
	}
	return strings.Join(asked, ", "), strings.Join(granted, ", ")
}

// firstPermissions is the innermost `permissions:` that is given.
func firstPermissions(ps ...*workflow.Permissions) *workflow.Permissions {
	for _, p := range ps {
		if p != nil {
			return p
		}
	}
	return nil
}
