package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
)

// permissionScopes are all scopes of a token, in the order in which messages
// name them.
var permissionScopes = []string{
	"actions", "artifact-metadata", "attestations", "checks", "code-quality", "contents", "copilot-requests",
	"deployments", "discussions", "drives", "id-token", "issues", "models", "packages", "pages", "pull-requests",
	"repository-projects", "security-events", "statuses", "vulnerability-alerts",
}

// permissionLevel is what p says of a scope: none, read or write.
func permissionLevel(p *workflow.Permissions, scope string) string {
	switch p.All {
	case "write-all":
		return "write"
	case "read-all":
		// read-all never yields an id-token (actions/runner: Permissions.cs).
		if scope == "id-token" {
			return "none"
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

// excess says in words what requested has over allowed, or "". A nil allowed
// is the unknown default of the repository: nothing is over it.
func excess(requested, allowed *workflow.Permissions) string {
	if requested == nil || allowed == nil {
		return ""
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
	if asked == nil {
		return ""
	}
	if requested.All != "" { // two lists of every scope would help nobody
		return fmt.Sprintf("asks for '%s', but its caller does not allow '%s'", requested.All, strings.Join(asked, ", "))
	}
	return fmt.Sprintf("asks for '%s', but its caller allows only '%s'", strings.Join(asked, ", "), strings.Join(granted, ", "))
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
