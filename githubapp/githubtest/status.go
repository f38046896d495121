package githubtest

import (
	"slices"
	"time"
)

// status is a commit status: what there was before check runs.
type status struct {
	id                                        int64
	sha, state, context, description, address string
	by                                        *Account
	at                                        time.Time
}

func (c *call) statusCreate() answer {
	var in struct {
		State, Context, Description string
		Address                     string `json:"target_url"`
	}
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	at, found := c.repo.git.commit(c.r.PathValue("sha"))
	if !found {
		return unprocessable("No commit found for SHA: " + c.r.PathValue("sha"))
	}
	if !slices.Contains([]string{"error", "failure", "pending", "success"}, in.State) {
		return invalid("Status", "state", "custom")
	}
	if in.Context == "" {
		in.Context = "default"
	}
	s := &status{c.gh.id("status"), at.sha, in.State, in.Context, in.Description, in.Address, c.gh.actor(c.who), c.gh.now()}
	c.repo.statuses = append(c.repo.statuses, s)
	body := object{
		"id": s.id, "sha": s.sha, "name": c.repo.FullName, "context": s.context, "state": s.state, "description": orNull(s.description),
		"target_url": orNull(s.address), "avatar_url": nil, "commit": c.repo.commitJSON(at), "branches": []object{}, "created_at": stamp(s.at), "updated_at": stamp(s.at),
	}
	c.gh.emit(delivered{event: "status", repo: c.repo, by: s.by, body: body})
	return created(c.repo.statusJSON(s))
}

func (r *Repository) statusJSON(s *status) object {
	return object{
		"url": r.at("statuses/%s", s.sha), "avatar_url": nil, "id": s.id, "node_id": nodeID("Status", s.id), "state": s.state, "context": s.context,
		"description": orNull(s.description), "target_url": orNull(s.address), "created_at": stamp(s.at), "updated_at": stamp(s.at), "creator": r.gh.userJSON(s.by),
	}
}

// statusesOf is GET /repos/{owner}/{repo}/commits/{ref}/statuses.
func (c *call) statusesOf(at *commit) answer {
	if at == nil {
		return *notFound()
	}
	var all []any
	for _, s := range slices.Backward(c.repo.statuses) {
		if s.sha == at.sha {
			all = append(all, c.repo.statusJSON(s))
		}
	}
	return list(all, "")
}
