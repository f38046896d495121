package githubtest

import (
	"slices"
	"strings"
)

// uploads begins the patterns that are served below the address for uploads.
const uploads = "/uploads"

// route is one operation of the API.
type route struct {
	pattern string // as GitHub's description has it; "..." where a value may hold slashes
	need    need
	serve   func(*call) answer
}

// routes are the operations that are served.
func routes() []route {
	all := []route{
		{"GET /app", theApp, (*call).appShow},
		{"GET /app/installations", theApp, (*call).installationsList},
		{"GET /app/installations/{installation_id}", theApp, (*call).installationShow},
		{"DELETE /app/installations/{installation_id}", theApp, (*call).uninstall},
		{"PUT /app/installations/{installation_id}/suspended", theApp, (*call).suspend},
		{"DELETE /app/installations/{installation_id}/suspended", theApp, (*call).suspend},
		{"POST /app/installations/{installation_id}/access_tokens", theApp, (*call).createToken},
		{"GET /repos/{owner}/{repo}/installation", theApp, (*call).repositoryInstallation},
		{"GET /orgs/{account}/installation", theApp, (*call).accountInstallation},
		{"GET /users/{account}/installation", theApp, (*call).accountInstallation},
		{"GET /installation/repositories", installed, (*call).installationRepositories},
		{"DELETE /installation/token", installed, (*call).revokeToken},
		{"GET /rate_limit", anybody, (*call).rateLimit},
		{"GET /meta", anybody, (*call).meta},
	}
	return slices.Concat(all, hookRoutes(), userRoutes(), repositoryRoutes(), checkRoutes(), pullRoutes(), issueRoutes(), releaseRoutes())
}

func repositoryRoutes() []route {
	const repo = " /repos/{owner}/{repo}"
	return []route{
		{"GET" + repo, metadata, (*call).repositoryShow},
		{"GET" + repo + "/contents/{path...}", reads("contents"), (*call).contents},
		{"GET" + repo + "/git/trees/{tree_sha...}", reads("contents"), (*call).tree},
		{"GET" + repo + "/git/blobs/{file_sha}", reads("contents"), (*call).blob},
		{"GET" + repo + "/git/commits/{commit_sha}", reads("contents"), (*call).gitCommit},
		{"GET" + repo + "/git/ref/{ref...}", reads("contents"), (*call).ref},
		{"GET" + repo + "/git/matching-refs/{ref...}", reads("contents"), (*call).matchingRefs},
		{"POST" + repo + "/git/refs", writes("contents"), (*call).refCreate},
		{"PATCH" + repo + "/git/refs/{ref...}", writes("contents"), (*call).refChange},
		{"DELETE" + repo + "/git/refs/{ref...}", writes("contents"), (*call).refDelete},
		{"POST" + repo + "/statuses/{sha}", writes("statuses"), (*call).statusCreate},
		{"GET" + repo + "/git/tags/{tag_sha}", reads("contents"), (*call).gitTag},
		{"GET" + repo + "/commits", reads("contents"), (*call).commits},
		{"GET" + repo + "/commits/{ref...}", metadata, (*call).commitAndBelow},
		{"GET" + repo + "/compare/{basehead...}", reads("contents"), (*call).compare},
		{"GET" + repo + "/branches", reads("contents"), (*call).branches},
		{"GET" + repo + "/branches/{branch...}", metadata, (*call).branchAndBelow},
		{"GET" + repo + "/activity", reads("contents"), (*call).activity},
		{"PUT" + repo + "/contents/{path...}", writes("contents"), (*call).contentsChange},
		{"GET" + repo + "/tags", metadata, (*call).tags},
		{"GET" + repo + "/tarball/{ref...}", reads("contents"), (*call).archiveLink},
		{"GET" + repo + "/zipball/{ref...}", reads("contents"), (*call).archiveLink},
		{"GET" + repo + "/environments", reads("actions"), (*call).environments},
		{"GET" + repo + "/environments/{environment_name}", reads("actions"), (*call).environmentShow},
		{"GET" + repo + "/environments/{environment_name}/deployment-branch-policies", reads("actions"), (*call).branchPolicies},
		{"GET" + repo + "/collaborators/{username}/permission", collaborator, (*call).permission},
		{"POST" + repo + "/dispatches", writes("contents"), (*call).repositoryDispatch},
		{"POST" + repo + "/actions/workflows/{workflow_id}/dispatches", writes("actions"), (*call).workflowDispatch},
	}
}

func releaseRoutes() []route {
	const repo = " /repos/{owner}/{repo}"
	return []route{
		{"GET" + repo + "/releases", reads("contents"), (*call).releasesList},
		{"POST" + repo + "/releases", writes("contents"), (*call).releaseCreate},
		{"GET" + repo + "/releases/{release_id}", reads("contents"), (*call).releaseShow},
		{"GET" + repo + "/releases/tags/{tag...}", reads("contents"), (*call).releaseShow},
		{"GET" + repo + "/releases/assets/{asset_id}", reads("contents"), (*call).assetShow},
		{"POST " + uploads + strings.TrimPrefix(repo, " ") + "/releases/{release_id}/assets", writes("contents"), (*call).assetUpload},
	}
}

// below splits a reference that may hold slashes from what follows it: "a/b/pulls"
// is "pulls" of a/b.
func below(path string, words ...string) (ref, rest string) {
	for _, w := range words {
		if ref, found := strings.CutSuffix(path, "/"+w); found {
			return ref, w
		}
	}
	return path, ""
}

// part continues with another operation that shares a pattern.
func (c *call) part(route string, n need, serve func(*call) answer) answer {
	c.route = route
	if bad := c.gh.mayUse(c.who, c.repo, n); bad != nil {
		return *bad
	}
	return serve(c)
}
