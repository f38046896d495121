package action

import (
	"fmt"
	"strings"
)

// The switches that people set for the move from node 20 to 24
// (actions/runner: NodeUtil.cs).
const (
	envForceNode24 = "FORCE_JAVASCRIPT_ACTIONS_TO_NODE24"
	envAllowNode20 = "ACTIONS_ALLOW_USE_UNSECURE_NODE_VERSION"
)

// NodeVersion gives the node that an action declaring "node20" (or another
// Using, or just "20") runs with, "20" or "24", and remarks for people. env is
// the step's environment over the runner's own.
//
// GitHub runs node12 and node16 actions as node20 ones, and since June 2026
// node20 ones with node 24 unless ACTIONS_ALLOW_USE_UNSECURE_NODE_VERSION is
// true (actions/runner: HandlerFactory.cs).
func NodeVersion(declared string, env map[string]string) (version string, warnings []string) {
	name := strings.TrimPrefix(strings.ToLower(declared), "node")
	switch name {
	case "24":
		return "24", nil
	case "12", "16", "20":
	default:
		warnings = append(warnings, fmt.Sprintf("%q is no known node version: the action runs with node 24", declared))
		return "24", warnings
	}
	force, allow := isTrue(env[envForceNode24]), isTrue(env[envAllowNode20])
	switch {
	case force && allow:
		warnings = append(warnings, fmt.Sprintf("both %s and %s are true: the default, node 24, is used", envForceNode24, envAllowNode20))
		return "24", warnings
	case allow:
		return "20", warnings
	default:
		return "24", warnings
	}
}

// isTrue reads a switch as the runner does (actions/runner: StringUtil.cs,
// ConvertToBoolean).
func isTrue(s string) bool {
	switch strings.ToLower(s) {
	case "1", "true", "$true":
		return true
	}
	return false
}
