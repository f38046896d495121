package queue

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// Create makes runs and settles the delivery that they came of, in one
// transaction, and begins those that are new. Once it has returned without
// error the runs go on whatever happens to this process.
func (q *Queue) Create(ctx context.Context, s store.Settlement, runs []Planned) ([]store.Made, error) {
	list := make([]store.NewRun, len(runs))
	for i, one := range runs {
		n, err := q.newRun(one)
		if err != nil {
			return nil, fmt.Errorf("create run of %q in %q: %w", one.Run.Workflow, one.Run.RepositoryName, err)
		}
		list[i] = n
	}
	made, err := q.Store.CreateRuns(ctx, s, list)
	if err != nil {
		return nil, err
	}
	for _, m := range made {
		if !m.New {
			continue
		}
		q.Changed(m.ID)
		if err := q.Advance(ctx, m.ID); err != nil { // Run does it again
			q.Log.Warn("begin a run", "run", m.ID, "err", err)
		}
	}
	return made, nil
}

func (q *Queue) newRun(one Planned) (store.NewRun, error) {
	r := one.Run
	r.ID, r.Number, r.Attempt, r.State, r.Conclusion = 0, 0, 1, store.Queued, ""
	p := progress{Since: q.Now()}
	if one.Plan == nil {
		p.Unplanned = true
		for _, d := range one.Problems {
			p.Problems = append(p.Problems, problem{Diagnostic: d, Line: d.Pos.Line, Column: d.Pos.Column})
		}
	} else {
		data, err := json.Marshal(one.Plan)
		if err != nil {
			return store.NewRun{}, err
		}
		r.Plan, r.Reason = data, ""
		if p.Gate = one.Approval; p.Gate == "" && q.Approval != nil {
			p.Gate = q.Approval(&r)
		}
		if r.Title == "" {
			r.Title = one.Plan.RunName
		}
		if r.Name == "" {
			r.Name = one.Plan.Graph.Name
		}
	}
	data, err := encode(p)
	r.Progress = data
	return store.NewRun{Run: r}, err
}
