package service

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/service/token"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/template"
)

// Limits of a job in minutes (GitHub's defaults), and what a token lives
// longer: setting up the job's place, and a clock of a place that is late.
const (
	defaultTimeout = 360
	defaultGrace   = 5
	margin         = time.Hour
	longest        = 366 * 24 * 60
)

// grantOf is what a job may do, by its own message: its event, ref, repository
// and permissions.
func grantOf(job *runner.Job, now time.Time) (token.Grant, error) {
	gh := job.Leg.Contexts["github"]
	g := token.Grant{
		Run: field(gh, "run_id"), Attempt: 1, Job: string(job.ID()), Repository: field(gh, "repository"),
		RepositoryID: field(gh, "repository_id"), OwnerID: field(gh, "repository_owner_id"),
		Ref: field(gh, "ref"),
	}
	if g.Run == "" {
		g.Run = string(job.Run)
	}
	if n, err := strconv.Atoi(field(gh, "run_attempt")); err == nil && n > 1 {
		g.Attempt = n
	}
	scope := expr.Scope{Contexts: job.Leg.Contexts}
	life, err := lifetime(job, scope)
	if err != nil {
		return g, err
	}
	g.Expires = now.Add(life)
	g.ReadRefs = readRefs(gh, g.Ref)
	if g.CacheRead, g.CacheWrite, err = cacheRights(job, scope); err != nil {
		return g, err
	}
	// A fork cannot have it, whatever its copy of the workflow says.
	g.IDToken = idToken(job.Leg.Job.Permissions) && !fromFork(gh)
	if g.IDToken {
		g.Claims, err = claims(job, scope)
	}
	return g, err
}

// field is the text of a value below the github context.
func field(gh expr.Value, path ...string) string {
	v := gh
	for _, key := range path {
		v, _ = v.Lookup(key)
	}
	switch v.Kind() {
	case expr.KindString, expr.KindNumber, expr.KindBool:
		return v.Text()
	default:
		return ""
	}
}

// lifetime is how long the job may run at most.
func lifetime(job *runner.Job, scope expr.Scope) (time.Duration, error) {
	total := 0.0
	for _, limit := range []struct {
		what     string
		node     *workflow.Node
		fallback float64
	}{
		{"timeout-minutes", job.Leg.Job.TimeoutMinutes, defaultTimeout},
		{"cancel-timeout-minutes", job.Leg.Job.CancelTimeout, defaultGrace},
	} {
		n, err := template.Number(limit.node, scope, limit.fallback)
		if err != nil {
			return 0, fmt.Errorf("the %s of job %q: %w", limit.what, job.Leg.Name, err)
		}
		if !(n > 0) { // NaN neither: the engine takes its default then
			n = limit.fallback
		}
		total += min(n, longest)
	}
	return time.Duration(total*float64(time.Minute)) + margin, nil
}

// readRefs are the refs whose caches the job may read beside its own: the
// branch that it is to be merged into, and the default branch.
func readRefs(gh expr.Value, own string) []string {
	var refs []string
	add := func(ref string) {
		if ref == "" {
			return
		}
		if !strings.HasPrefix(ref, "refs/") {
			ref = "refs/heads/" + ref
		}
		if ref != own && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	add(field(gh, "base_ref"))
	add(field(gh, "event", "merge_group", "base_ref"))
	add(field(gh, "event", "repository", "default_branch"))
	return refs
}

// fromFork tells whether the code that the event is about comes from another
// repository. A repository that is null was deleted since: nobody can tell, so
// it is taken for another one.
func fromFork(gh expr.Value) bool {
	for _, path := range [][]string{{"pull_request", "head", "repo"}, {"workflow_run", "head_repository"}} {
		v, known := gh.Lookup("event")
		for _, key := range path {
			if known {
				v, known = v.Lookup(key)
			}
		}
		if known && !strings.EqualFold(field(v, "full_name"), field(gh, "repository")) {
			return true
		}
	}
	return false
}

// cacheRights is what the job may do with caches: what its cache-mode says,
// less what its event forbids. The words are those of actions/toolkit:
// packages/cache/src/internal/config.ts, where an unknown one allows all.
func cacheRights(job *runner.Job, scope expr.Scope) (read, write bool, err error) {
	mode, err := template.String(job.Leg.Job.CacheMode, scope)
	if err != nil {
		return false, false, fmt.Errorf("the cache-mode of job %q: %w", job.Leg.Name, err)
	}
	read, write = true, true
	switch strings.ToLower(strings.TrimSpace(mode)) {
	case "none":
		read, write = false, false
	case "read":
		write = false
	case "write-only":
		read = false
	}
	gh := job.Leg.Contexts["github"]
	switch ref := field(gh, "ref"); field(gh, "event_name") {
	case "pull_request", "pull_request_review", "pull_request_review_comment":
		// Its code is not merged yet: it writes beside the branches, never into one.
		write = write && strings.HasPrefix(ref, "refs/pull/")
	default:
		// These run with the default branch's ref, and may run a stranger's code.
		write = write && !fromFork(gh)
	}
	return read, write, nil
}

// modeWord is ACTIONS_CACHE_MODE for these rights; empty says nothing, and
// allows all.
func modeWord(read, write bool) string {
	switch {
	case read && write:
		return ""
	case read:
		return "read"
	case write:
		return "write-only"
	default:
		return "none"
	}
}

// idToken tells whether permissions hold id-token: write. Without any, the
// default of a repository never does.
func idToken(p *workflow.Permissions) bool {
	return p != nil && (p.All == "write-all" || p.All == "" && p.Scopes["id-token"] == "write")
}
