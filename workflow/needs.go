package workflow

import (
	"fmt"
	"strings"
)

// checkNeeds finds jobs that can never start: those that need a job that does
// not exist, and those that need each other.
func (r *report) checkNeeds(at *Node, jobs []*Job) {
	g := needsGraph{jobs: jobs, byID: make(map[string]*Job, len(jobs)), state: map[*Job]visit{}}
	var ids []string
	start := len(jobs) == 0
	for _, j := range jobs {
		g.byID[strings.ToLower(j.ID)] = j
		ids = append(ids, j.ID)
		start = start || len(j.Needs) == 0
	}
	unknown := false
	for _, j := range jobs {
		for _, need := range j.Needs {
			if g.byID[strings.ToLower(need.ID)] == nil && !strings.Contains(need.ID, "${{") {
				unknown = true
				r.add(need.Pos, "unknown-need", fmt.Sprintf("Job '%s' depends on unknown job '%s'.", j.ID, need.ID), Suggest(need.ID, ids))
			}
		}
	}
	for _, c := range g.cycles() {
		hint := "the cycle is " + strings.Join(c.path, " -> ")
		if !start && !unknown {
			// What GitHub says when no job at all can start.
			r.add(at.Pos, "needs-cycle", "The workflow must contain at least one job with no dependencies.", hint)
			return
		}
		r.add(c.need.Pos, "needs-cycle", fmt.Sprintf("Job '%s' depends on job '%s' which creates a cycle in the dependency graph.", c.job.ID, c.need.ID), hint)
	}
}

type visit uint8

const (
	unseen visit = iota
	active
	finished
)

type needsGraph struct {
	jobs  []*Job
	byID  map[string]*Job
	state map[*Job]visit
	path  []*Job
	found []needsCycle
}

// needsCycle is a cycle with the need that closes it.
type needsCycle struct {
	job  *Job
	need Need
	path []string
}

// cycles gives each cycle that a walk through the needs closes, in the order
// of the file.
func (g *needsGraph) cycles() []needsCycle {
	for _, j := range g.jobs {
		g.walk(j)
	}
	return g.found
}

func (g *needsGraph) walk(j *Job) {
	if g.state[j] != unseen {
		return
	}
	g.state[j] = active
	g.path = append(g.path, j)
	for _, need := range j.Needs {
		next := g.byID[strings.ToLower(need.ID)]
		switch {
		case next == nil:
		case g.state[next] == active:
			g.found = append(g.found, needsCycle{job: j, need: need, path: g.pathFrom(next)})
		default:
			g.walk(next)
		}
	}
	g.path = g.path[:len(g.path)-1]
	g.state[j] = finished
}

func (g *needsGraph) pathFrom(first *Job) []string {
	var ids []string
	for _, j := range g.path {
		if len(ids) > 0 || j == first {
			ids = append(ids, j.ID)
		}
	}
	return append(ids, first.ID)
}
