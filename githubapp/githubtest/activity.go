package githubtest

import (
	"slices"
	"time"
)

// activity is a change of a reference, as GitHub remembers it.
type activity struct {
	id    int64
	moved moved
	by    *Account
	at    time.Time
	kind  string
}

func (r *Repository) remember(m moved, by *Account) {
	kind := "push"
	switch {
	case m.before == zeroSHA:
		kind = "branch_creation"
	case m.after == zeroSHA:
		kind = "branch_deletion"
	default:
		if _, straight := r.straight(m); !straight {
			if base, _ := r.git.git("merge-base", m.before, m.after); base != m.before {
				kind = "force_push"
			}
		}
	}
	r.activities = append(r.activities, activity{r.gh.id("activity"), m, by, r.gh.now(), kind})
}

// activity is GET /repos/{owner}/{repo}/activity, the newest first.
func (c *call) activity() answer {
	q := c.r.URL.Query()
	var all []any
	for _, a := range slices.Backward(c.repo.activities) {
		ref := q.Get("ref")
		if ref != "" && ref != a.moved.ref && "refs/heads/"+ref != a.moved.ref || q.Get("activity_type") != "" && q.Get("activity_type") != a.kind {
			continue
		}
		all = append(all, object{
			"id": a.id, "node_id": nodeID("Activity", a.id), "before": a.moved.before, "after": a.moved.after, "ref": a.moved.ref,
			"timestamp": stamp(a.at), "activity_type": a.kind, "actor": c.gh.userJSON(a.by),
		})
	}
	return list(all, "")
}
