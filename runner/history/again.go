package history

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Selection says which jobs of a run are to run again.
type Selection struct {
	// Failed are those that did not pass, and what depends on them.
	Failed bool
	// Jobs are ids of jobs or legs, "test", "test/0", "deploy/build", and what
	// depends on them.
	Jobs []string
}

// Reuse gives the results that a new attempt takes from the record instead of
// running the jobs again. Without a selection there are none.
func Reuse(p *plan.Plan, jobs []*Job, s Selection) (map[plan.LegID]runner.Result, error) {
	if !s.Failed && len(s.Jobs) == 0 {
		return nil, nil
	}
	r := reuse{Selection: s, jobs: jobs, results: map[plan.LegID]runner.Result{}, met: make([]bool, len(s.Jobs))}
	r.graph(p.Graph, "", false)
	for i, ok := range r.met {
		if !ok {
			return nil, fmt.Errorf("job %q: the run has no such job: %s", s.Jobs[i], r.known(p.Graph, ""))
		}
	}
	return r.results, nil
}

type reuse struct {
	Selection
	jobs    []*Job
	results map[plan.LegID]runner.Result
	met     []bool // of Selection.Jobs
}

// graph looks at the jobs of a workflow whose caller's leg is at path, all to
// run again if whole, and tells whether any is.
func (r *reuse) graph(g *plan.Graph, path plan.LegID, whole bool) (found bool) {
	again := map[string]bool{}
	var decide func(j *plan.Job) bool
	byID := map[string]*plan.Job{}
	for _, j := range g.Jobs {
		byID[j.ID] = j
	}
	decide = func(j *plan.Job) bool {
		if known, ok := again[j.ID]; ok {
			return known
		}
		again[j.ID] = false // a circle ends here
		all := whole
		for _, need := range j.Needs {
			if n := byID[need]; n != nil && decide(n) {
				all = true
			}
		}
		at := below(path, j.ID)
		all = r.chosen(at) || all
		again[j.ID] = r.job(j, at, all) || all
		return again[j.ID]
	}
	for _, j := range g.Jobs {
		found = decide(j) || found
	}
	return found
}

// job looks at the legs of a job and tells whether any runs again.
func (r *reuse) job(j *plan.Job, at plan.LegID, all bool) (found bool) {
	if j.Call != nil {
		for _, leg := range r.callers(at) {
			found = r.graph(j.Call.Graph, leg, r.chosen(leg) || all) || found
		}
		return found
	}
	for _, leg := range r.jobs {
		if leg.ID != at && !isLeg(leg.ID, at) {
			continue
		}
		switch {
		case leg.ID != at && r.chosen(leg.ID), all,
			leg.Conclusion == "", // the run died
			r.Failed && (leg.Conclusion == plan.Failure || leg.Conclusion == plan.Cancelled):
			found = true
		default:
			// What was skipped is decided again, from the same results.
			r.results[leg.ID] = runner.Result{Conclusion: leg.Conclusion, Outputs: leg.Outputs, FirstError: leg.FirstError, Started: leg.Started, Finished: leg.Finished}
		}
	}
	return found
}

// callers are the legs of a job that calls a workflow: the job itself, or with
// a matrix those that jobs of the record are below of.
func (r *reuse) callers(at plan.LegID) []plan.LegID {
	out := []plan.LegID{at}
	seen := map[plan.LegID]bool{}
	for _, j := range r.jobs {
		rest, ok := strings.CutPrefix(string(j.ID), string(at)+"/")
		index, _, nested := strings.Cut(rest, "/")
		leg := at + "/" + plan.LegID(index)
		if ok && nested && isLeg(leg, at) && !seen[leg] {
			seen[leg] = true
			out = append(out, leg)
		}
	}
	return out
}

// chosen tells whether the selection names a job or leg.
func (r *reuse) chosen(id plan.LegID) bool {
	found := false
	for i, name := range r.Jobs {
		if strings.EqualFold(name, string(id)) {
			found, r.met[i] = true, true
		}
	}
	return found
}

// known lists the ids of jobs, for a message.
func (r *reuse) known(g *plan.Graph, path plan.LegID) string {
	var ids []string
	for _, j := range g.Jobs {
		ids = append(ids, string(below(path, j.ID)))
	}
	for _, j := range r.jobs {
		if strings.Contains(string(j.ID), "/") {
			ids = append(ids, string(j.ID))
		}
	}
	const most = 20
	if len(ids) > most {
		ids = append(ids[:most], "...")
	}
	return "there are " + strings.Join(ids, ", ")
}

func below(path plan.LegID, id string) plan.LegID {
	if path == "" {
		return plan.LegID(id)
	}
	return path + "/" + plan.LegID(id)
}

// isLeg tells whether id is that of a matrix leg of the job at path: a number
// follows, which is never the id of a job.
func isLeg(id, path plan.LegID) bool {
	rest, ok := strings.CutPrefix(string(id), string(path)+"/")
	_, err := strconv.Atoi(rest)
	return ok && err == nil
}

const takenFrom = "taken from attempt "

// Taken is the reason of a job whose result comes from an earlier attempt.
func Taken(attempt int) string { return takenFrom + strconv.Itoa(attempt) }

// WithAttempt is the plan as another attempt sees it: github.run_attempt is
// another. Nothing else changes.
func WithAttempt(p *plan.Plan, attempt int) *plan.Plan {
	again := *p
	again.Contexts = map[string]expr.Value{}
	for name, v := range p.Contexts {
		again.Contexts[name] = v
	}
	github := expr.NewObject(false)
	old := p.Contexts["github"]
	for i, key := range old.Keys() {
		github.Set(key, old.Items()[i])
	}
	again.Contexts["github"] = github.Set("run_attempt", expr.String(strconv.Itoa(attempt))).Value()
	return &again
}
