package auth

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/drydock-ci/drydock/workflow"
)

// The levels of a permission.
const (
	read  = "read"
	write = "write"
)

// Scopes spells out `permissions:` of a workflow or job: what each scope may be.
func Scopes(p workflow.Permissions) map[string]string {
	out := map[string]string{}
	level, _ := strings.CutSuffix(p.All, "-all")
	if level == read || level == write {
		for _, name := range workflow.PermissionScopes() {
			out[name] = level
		}
		return out
	}
	for name, level := range p.Scopes {
		if level == read || level == write {
			out[name] = level
		}
	}
	return out
}

// apiName is how GitHub's API calls a scope of `permissions:`.
func apiName(scope string) string { return strings.ReplaceAll(scope, "-", "_") }

// notGitHubs are scopes that no installation token has: id-token is our own
// service's business, models has no App permission.
var notGitHubs = map[string]bool{"id-token": true, "models": true}

// reduce gives what of the asked scopes can be given: never more than the
// installation has, and what go-github can name. metadata: read is part of every
// token; naming it keeps an empty set from meaning "all that the App has".
func reduce(asked, granted map[string]string) (p *github.InstallationPermissions, given map[string]string, missing []string, err error) {
	want := map[string]string{"metadata": read}
	for scope, level := range asked {
		name, has := apiName(scope), granted[apiName(scope)]
		switch {
		case notGitHubs[scope] || level != read && level != write || name == "metadata":
		case has == "":
			missing = append(missing, scope+": "+level)
		case level == write && has == read:
			want[name] = read
			missing = append(missing, scope+": "+level)
		default:
			want[name] = level
		}
	}
	text, err := json.Marshal(want)
	if err != nil {
		return nil, nil, nil, err
	}
	p = &github.InstallationPermissions{}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, nil, nil, err
	}
	given, err = permissionMap(p)
	for scope, level := range asked {
		if name := apiName(scope); want[name] != "" && given[name] == "" {
			missing = append(missing, scope+": "+level) // newer than go-github v60
		}
	}
	return p, given, missing, err
}

// permissionMap is the set by GitHub's names.
func permissionMap(p *github.InstallationPermissions) (map[string]string, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("permissions: %w", err)
	}
	out := map[string]string{}
	return out, json.Unmarshal(text, &out)
}

// above names a permission that a token has although it must not.
func above(has, may map[string]string) string {
	for name, level := range has {
		if name != "metadata" && level != may[name] && may[name] != write {
			return name + ": " + level
		}
	}
	return ""
}
