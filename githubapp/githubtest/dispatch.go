package githubtest

import (
	"net/http"
	"path"
)

// Emit delivers any event of a repository, with GitHub's common parts (repository,
// sender, installation...) added to the body. It is for what has no method.
func (r *Repository) Emit(event, action string, body map[string]any, login string) {
	r.gh.mu.Lock()
	defer r.gh.mu.Unlock()
	r.gh.emit(delivered{event: event, action: action, repo: r, by: r.person(login), body: body})
}

// DispatchWorkflow presses "Run workflow" for a file of .github/workflows.
func (r *Repository) DispatchWorkflow(file, ref string, inputs map[string]any, login string) {
	r.gh.mu.Lock()
	defer r.gh.mu.Unlock()
	r.dispatchWorkflow(file, ref, inputs, r.person(login))
}

func (r *Repository) dispatchWorkflow(file, ref string, inputs map[string]any, by *Account) bool {
	if ref == "" {
		ref = r.defaultBranch
	}
	full := ""
	for _, prefix := range []string{"refs/heads/", "refs/tags/", ""} {
		if _, found := r.git.commit(prefix + ref); found {
			full = prefix + ref
			break
		}
	}
	name := path.Join(".github/workflows", path.Base(file))
	if _, _, _, found := r.git.object("refs/heads/" + r.defaultBranch + ":" + name); !found || full == "" {
		return false
	}
	var given any
	if inputs != nil {
		given = inputs
	}
	r.gh.emit(delivered{event: "workflow_dispatch", repo: r, by: by, body: object{"inputs": given, "ref": full, "workflow": name}})
	return true
}

// DispatchRepository sends a repository_dispatch event.
func (r *Repository) DispatchRepository(eventType string, payload map[string]any, login string) {
	r.gh.mu.Lock()
	defer r.gh.mu.Unlock()
	r.dispatchRepository(eventType, payload, r.person(login))
}

func (r *Repository) dispatchRepository(eventType string, payload map[string]any, by *Account) {
	if payload == nil {
		payload = object{}
	}
	r.gh.emit(delivered{event: "repository_dispatch", action: eventType, repo: r, by: by, body: object{"branch": r.defaultBranch, "client_payload": payload}})
}

// workflowDispatch is POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches.
func (c *call) workflowDispatch() answer {
	var in struct {
		Ref    string
		Inputs map[string]any
	}
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	if in.Ref == "" {
		return invalid("WorkflowDispatch", "ref", "missing_field")
	}
	if !c.repo.dispatchWorkflow(c.r.PathValue("workflow_id"), in.Ref, in.Inputs, c.gh.actor(c.who)) {
		return *notFound()
	}
	return answer{status: http.StatusNoContent}
}

// repositoryDispatch is POST /repos/{owner}/{repo}/dispatches.
func (c *call) repositoryDispatch() answer {
	var in struct {
		Type    string         `json:"event_type"`
		Payload map[string]any `json:"client_payload"`
	}
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	if in.Type == "" || len(in.Type) > 100 || len(in.Payload) > 10 {
		return invalid("RepositoryDispatch", "event_type", "invalid")
	}
	c.repo.dispatchRepository(in.Type, in.Payload, c.gh.actor(c.who))
	return answer{status: http.StatusNoContent}
}

// MergeQueue puts a pull request into the merge queue: a branch of its own with
// the merge, and the merge_group event. It gives the commit.
func (p *PullRequest) MergeQueue() string {
	g, r := p.repo.gh, p.repo
	g.t.Helper()
	r.pushing.Lock()
	defer r.pushing.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.merge == "" {
		g.t.Fatalf("queue pull request %d of %s: it has conflicts", p.Number, r.FullName)
	}
	ref := "refs/heads/gh-readonly-queue/" + p.base + "/pr-" + itoa(int64(p.Number)) + "-" + p.baseSHA
	if err := r.git.setRef(ref, p.merge); err != nil {
		g.t.Fatalf("queue pull request %d of %s: %v", p.Number, r.FullName, err)
	}
	by := r.defaultActor()
	r.received([]moved{{ref, zeroSHA, p.merge}}, by)
	g.emit(delivered{event: "merge_group", action: "checks_requested", repo: r, by: by, body: object{"merge_group": object{
		"head_sha": p.merge, "head_ref": ref, "base_sha": p.baseSHA, "base_ref": "refs/heads/" + p.base, "head_commit": r.simpleCommit(p.merge),
	}}})
	return p.merge
}
