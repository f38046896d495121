package stored

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// planned is what the graph needs of a plan.Graph.
type planned struct {
	Jobs []struct {
		ID   string `json:"id"`
		Name *struct {
			Text string `json:"s"`
		} `json:"name"`
		Needs []string `json:"needs"`
		Call  *struct {
			Graph planned `json:"graph"`
		} `json:"call"`
	} `json:"jobs"`
}

// graph is the jobs of a run that have steps; those of a called workflow stand
// in the place of the job that calls it. A node is a job's path without the
// numbers of matrices: "deploy/build".
type graph struct {
	nodes []node
}

type node struct {
	id    string
	name  string
	needs []string // nodes
}

func newGraph(p planned) *graph {
	g := &graph{}
	g.add(p, "", "", nil)
	return g
}

// add adds the jobs of a workflow and gives those that nothing of it needs:
// whoever needs the caller needs them.
func (g *graph) add(p planned, prefix, caller string, outer []string) []string {
	stands := map[string][]string{} // what stands for a job
	needed := map[string]bool{}
	for _, j := range p.Jobs {
		for _, n := range j.Needs {
			needed[n] = true
		}
	}
	var visit func(id string, path []string) []string
	visit = func(id string, path []string) []string {
		if at, ok := stands[id]; ok || slices.Contains(path, id) {
			return at
		}
		for _, j := range p.Jobs {
			if j.ID != id {
				continue
			}
			needs := slices.Clone(outer)
			if len(j.Needs) > 0 {
				needs = nil
			}
			for _, n := range j.Needs {
				needs = append(needs, visit(n, append(path, id))...)
			}
			name := j.ID
			if j.Name != nil && j.Name.Text != "" && !strings.Contains(j.Name.Text, "${{") {
				name = j.Name.Text
			}
			if j.Call != nil {
				stands[id] = g.add(j.Call.Graph, prefix+id+"/", caller+name+" / ", needs)
			} else {
				g.nodes = append(g.nodes, node{prefix + id, caller + name, needs})
				stands[id] = []string{prefix + id}
			}
		}
		return stands[id]
	}
	var last []string
	for _, j := range p.Jobs {
		at := visit(j.ID, nil)
		if !needed[j.ID] {
			last = append(last, at...)
		}
	}
	return last
}

func (g *graph) needs(id string) []string {
	for _, n := range g.nodes {
		if n.id == id {
			return n.needs
		}
	}
	return nil
}

// nodeOf is the node of a leg: its path without numbers, which no job id is.
func nodeOf(leg plan.LegID) string {
	parts := strings.Split(string(leg), "/")
	parts = slices.DeleteFunc(parts, func(s string) bool { _, err := strconv.Atoi(s); return err == nil })
	return strings.Join(parts, "/")
}

// complete adds the jobs of the graph that have not come to be.
func (g *graph) complete(r *api.Run) {
	for _, n := range g.nodes {
		if slices.ContainsFunc(r.Jobs, func(j api.Job) bool { return j.Node == n.id || strings.HasPrefix(n.id, j.Node+"/") }) {
			continue
		}
		j := api.Job{ID: plan.LegID(n.id), Node: n.id, Needs: n.needs, Name: n.name, State: store.Waiting}
		if len(n.needs) > 0 {
			j.Reason = "waits for " + strings.Join(n.needs, ", ")
		}
		if r.State == store.Completed {
			j.State, j.Conclusion, j.Reason = store.Completed, plan.Skipped, "it did not begin"
		}
		r.Jobs = append(r.Jobs, j)
	}
	at := func(j api.Job) int { return slices.IndexFunc(g.nodes, func(n node) bool { return n.id == j.Node }) }
	slices.SortStableFunc(r.Jobs, func(a, b api.Job) int { return at(a) - at(b) })
}

// AddGraph tells of each job of a run what it needs, and adds those of its plan
// that have not come to be. The plan is a plan.Plan as JSON.
func AddGraph(r *api.Run, planned []byte) error {
	g, err := parseGraph(planned)
	if err != nil {
		return fmt.Errorf("read the plan of run %d: %w", r.ID, err)
	}
	for i := range r.Jobs {
		r.Jobs[i].Node = nodeOf(r.Jobs[i].ID)
		r.Jobs[i].Needs = g.needs(r.Jobs[i].Node)
	}
	g.complete(r)
	return nil
}

func parseGraph(data []byte) (*graph, error) {
	var p struct {
		Graph planned `json:"graph"`
	}
	if len(data) == 0 {
		return &graph{}, nil
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, err
	}
	return newGraph(p.Graph), nil
}
