package runner

import (
	"slices"

	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Effects is everything that a step wants to change. Only the job loop
// applies them: at once after a foreground step, at the wait for one in the
// background.
type Effects struct {
	Env     []Var             `json:"env,omitempty"`  // for the steps that follow, in order
	Paths   []string          `json:"path,omitempty"` // in the order written: the last goes first in PATH
	Outputs map[string]string `json:"outputs,omitempty"`
	State   map[string]string `json:"state,omitempty"` // for the post of the same action
	Posts   []post            `json:"-"`
	// Artifacts are the subjects declared in GITHUB_ARTIFACTS.
	Artifacts []command.Subject `json:"artifacts,omitempty"`
}

// Var is one environment variable.
type Var struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// merge adds what a nested step changed for everybody: environment, PATH,
// posts and declared artifacts, not its outputs and state.
func (e *Effects) merge(inner Effects) {
	e.Env = append(e.Env, inner.Env...)
	e.Paths = append(e.Paths, inner.Paths...)
	e.Posts = append(e.Posts, inner.Posts...)
	e.Artifacts = append(e.Artifacts, inner.Artifacts...)
}

func (e *Effects) setOutput(name, value string) {
	if e.Outputs == nil {
		e.Outputs = map[string]string{}
	}
	e.Outputs[name] = value
}

func (e *Effects) setState(name, value string) {
	if e.State == nil {
		e.State = map[string]string{}
	}
	e.State[name] = value
}

// vars is an environment that keeps the order in which names came.
type vars struct {
	list []Var
}

func (v *vars) set(name, value string) {
	for i := range v.list {
		if v.list[i].Name == name {
			v.list[i].Value = value
			return
		}
	}
	v.list = append(v.list, Var{name, value})
}

// setAll is set for each; a step can set a hundred thousand.
func (v *vars) setAll(list []Var) {
	at := make(map[string]int, len(v.list)+len(list))
	for i := len(v.list) - 1; i >= 0; i-- {
		at[v.list[i].Name] = i
	}
	for _, x := range list {
		if i, ok := at[x.Name]; ok {
			v.list[i].Value = x.Value
			continue
		}
		at[x.Name] = len(v.list)
		v.list = append(v.list, x)
	}
}

func (v *vars) remove(name string) {
	v.list = slices.DeleteFunc(v.list, func(x Var) bool { return x.Name == name })
}

func (v *vars) lookup(name string) (string, bool) {
	for _, x := range v.list {
		if x.Name == name {
			return x.Value, true
		}
	}
	return "", false
}

func (v *vars) clone() *vars {
	return &vars{list: append([]Var(nil), v.list...)}
}

// value is the env context; names keep their case as on Linux.
func (v *vars) value() expr.Value {
	b := expr.NewObject(true)
	for _, x := range v.list {
		b.Set(x.Name, expr.String(x.Value))
	}
	return b.Value()
}

// prepend puts each path in front, later ones before earlier ones, and drops
// an older occurrence.
func prepend(old, added []string) []string {
	out := make([]string, 0, len(old)+len(added))
	seen := make(map[string]bool, len(added))
	add := func(p string) {
		if !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	for i := len(added) - 1; i >= 0; i-- {
		add(added[i])
	}
	for _, p := range old {
		add(p)
	}
	return out
}

// stepStates is the steps context of one scope.
type stepStates struct {
	order []string
	byID  map[string]stepState
}

type stepState struct {
	outputs             map[string]string
	outcome, conclusion plan.Conclusion
}

func newStepStates() *stepStates { return &stepStates{byID: map[string]stepState{}} }

func (s *stepStates) set(id string, st stepState) {
	if _, ok := s.byID[id]; !ok {
		s.order = append(s.order, id)
	}
	s.byID[id] = st
}

func (s *stepStates) clone() *stepStates {
	c := newStepStates()
	for _, id := range s.order {
		c.set(id, s.byID[id])
	}
	return c
}

func (s *stepStates) value() expr.Value {
	b := expr.NewObject(false)
	for _, id := range s.order {
		st := s.byID[id]
		b.Set(id, expr.NewObject(false).
			Set("outputs", expr.StringMap(st.outputs, false)).
			Set("outcome", expr.String(string(st.outcome))).
			Set("conclusion", expr.String(string(st.conclusion))).
			Value())
	}
	return b.Value()
}
