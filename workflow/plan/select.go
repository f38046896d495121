package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow/expr"
)

// MatrixValue allows a value of a matrix key.
type MatrixValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Only restricts the plan to the named jobs and what they need. The plan
// itself is not changed. Ids ignore case; without ids the plan stays whole.
func (p *Plan) Only(jobs []string) (*Plan, error) {
	if len(jobs) == 0 {
		return p, nil
	}
	byID := map[string]*Job{}
	var ids []string
	for _, j := range p.Graph.Jobs {
		byID[strings.ToLower(j.ID)] = j
		ids = append(ids, j.ID)
	}
	keep := map[*Job]bool{}
	var add func(*Job)
	add = func(j *Job) {
		if j == nil || keep[j] {
			return
		}
		keep[j] = true
		for _, need := range j.Needs {
			add(byID[strings.ToLower(need)])
		}
	}
	for _, id := range jobs {
		j := byID[strings.ToLower(id)]
		if j == nil {
			return nil, fmt.Errorf("selecting job '%s' of %s: no such job: there are %s", id, p.Graph.Source, strings.Join(ids, ", "))
		}
		add(j)
	}
	graph, only := *p.Graph, *p
	graph.Jobs = slices.DeleteFunc(slices.Clone(graph.Jobs), func(j *Job) bool { return !keep[j] })
	only.Graph = &graph
	return &only, nil
}

// Filter restricts matrices to the legs with the given values, each as
// "key:value". Several values of one key are alternatives; a matrix without
// the key is not restricted. Values are compared as == does. The plan itself
// is not changed.
func (p *Plan) Filter(values []string) (*Plan, error) {
	filtered := *p
	filtered.Matrix = slices.Clone(p.Matrix)
	for _, v := range values {
		key, value, ok := strings.Cut(v, ":")
		if !ok || key == "" {
			return nil, fmt.Errorf("reading matrix filter '%s': it must have the form key:value", v)
		}
		filtered.Matrix = append(filtered.Matrix, MatrixValue{Key: key, Value: value})
	}
	return &filtered, nil
}

// selects tells whether a leg with these matrix values is to run.
func (p *Plan) selects(matrix expr.Value) bool {
	for i, key := range matrix.Keys() {
		named, allowed := false, false
		for _, f := range p.Matrix {
			if strings.EqualFold(f.Key, key) {
				named = true
				allowed = allowed || matrix.Items()[i].Equal(expr.String(f.Value))
			}
		}
		if named && !allowed {
			return false
		}
	}
	return true
}

func filterText(values []MatrixValue) string {
	var texts []string
	for _, v := range values {
		texts = append(texts, v.Key+":"+v.Value)
	}
	return strings.Join(texts, ", ")
}
