package githubtest

import "time"

// issue is an issue, or that part of a pull request.
type issue struct {
	id            int64
	number        int
	repo          *Repository
	title, body   string
	by            *Account
	state         string
	made, updated time.Time
	closed        time.Time
	labels        []*label
	comments      []*comment
	pull          *PullRequest
}

type comment struct {
	id   int64
	by   *Account
	body string
	made time.Time
}

type label struct {
	id   int64
	name string
}

func (r *Repository) addIssue(title, body string, by *Account) *issue {
	r.numbers++
	now := r.gh.now()
	i := &issue{id: r.gh.id("issue"), number: r.numbers, repo: r, title: title, body: body, by: by, state: "open", made: now, updated: now}
	r.issues = append(r.issues, i)
	return i
}

func (r *Repository) label(name string) *label {
	if r.labels[name] == nil {
		r.labels[name] = &label{r.gh.id("label"), name}
	}
	return r.labels[name]
}

func (l *label) json(r *Repository) object {
	return object{
		"id": l.id, "node_id": nodeID("Label", l.id), "url": r.at("labels/%s", escapePath(l.name)), "name": l.name, "color": "ededed", "default": false, "description": nil,
	}
}

func (i *issue) labelsJSON() []object {
	out := []object{}
	for _, l := range i.labels {
		out = append(out, l.json(i.repo))
	}
	return out
}
