package local

import (
	"errors"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Labels asks for the place of every leg that is known before anything runs,
// so that an unknown runs-on stops the run before its first step. It goes
// through the plan twice, as if every job succeeded and as if every job
// failed, and leaves out what depends on the outputs of jobs: that is decided
// when its turn comes. Jobs that surely do not run are not asked for. The
// error joins *PlaceErrors in the order of the file.
func Labels(p *plan.Plan, ask Placer) error {
	v := newValidation()
	v.rehearse(p, func(leg *plan.Leg) {
		if !v.static[leg.Job] {
			return
		}
		if _, err := place(leg, ask); err != nil {
			v.add(err)
		}
	})
	return errors.Join(v.errs...)
}

// Legs gives the legs that may come to run, as far as that is known before
// anything runs: jobs that surely do not are left out. What needs the results
// of other jobs is missing in their contexts.
func Legs(p *plan.Plan) []*plan.Leg {
	var legs []*plan.Leg
	newValidation().rehearse(p, func(leg *plan.Leg) { legs = append(legs, leg) })
	return legs
}

type validation struct {
	static map[*plan.Job]bool // copies whose runs-on depends on no other job
	asked  map[plan.LegID]bool
	errs   []error
}

func newValidation() *validation {
	return &validation{static: map[*plan.Job]bool{}, asked: map[plan.LegID]bool{}}
}

// rehearse shows every leg that starts when all jobs succeed, or all fail,
// once.
func (v *validation) rehearse(p *plan.Plan, see func(*plan.Leg)) {
	rehearsal := *p
	rehearsal.Graph = v.graph(p.Graph, false)
	rehearsal.Concurrency = nil
	for _, conclusion := range []plan.Conclusion{plan.Success, plan.Failure} {
		v.once(&rehearsal, conclusion, see)
	}
}

// once runs the plan with every leg ending the same way.
func (v *validation) once(p *plan.Plan, conclusion plan.Conclusion, see func(*plan.Leg)) {
	state := plan.NewState(p)
	for queue := state.Start(); len(queue) > 0; queue = queue[1:] {
		d := queue[0]
		if d.Action != plan.Start {
			continue
		}
		if !v.asked[d.Leg.ID] {
			v.asked[d.Leg.ID] = true
			see(d.Leg)
		}
		queue = append(queue, state.Apply(d.Leg.ID, conclusion, nil)...)
	}
}

// add keeps an error, once for all the legs of a job that it is true of.
func (v *validation) add(err error) {
	for _, old := range v.errs {
		var a, b *PlaceError
		if errors.As(old, &a) && errors.As(err, &b) && a.File == b.File && a.Pos == b.Pos &&
			slices.Equal(a.Labels, b.Labels) && a.Err.Error() == b.Err.Error() {
			return
		}
	}
	v.errs = append(v.errs, err)
}

// graph copies a graph for the rehearsal: a condition that depends on what
// other jobs yield counts as true, and nothing waits or is cut short.
func (v *validation) graph(g *plan.Graph, dynamicInputs bool) *plan.Graph {
	made := *g
	made.Concurrency, made.Outputs, made.Jobs = nil, nil, nil
	for _, j := range g.Jobs {
		c := *j
		c.Concurrency, c.Name, c.ContinueOnError = nil, nil, nil
		dynamicMatrix := false
		if s := j.Strategy; s != nil {
			dynamicMatrix = uses(s.Expr, "needs") || uses(s.Matrix, "needs") ||
				dynamicInputs && (uses(s.Expr, "inputs") || uses(s.Matrix, "inputs"))
			c.Strategy = &workflow.Strategy{Expr: s.Expr, Matrix: s.Matrix, Pos: s.Pos, FailFast: &workflow.Node{Kind: workflow.Bool}}
			if s.Expr != nil {
				c.Strategy.FailFast = nil
			}
		}
		if usesCondition(j.If, "needs") || dynamicInputs && usesCondition(j.If, "inputs") {
			c.If = workflow.Str("always()")
		}
		if on := j.RunsOn; on != nil {
			v.static[&c] = !uses(on.Labels, "needs") && !uses(on.Group, "needs") &&
				!(dynamicMatrix && (uses(on.Labels, "matrix") || uses(on.Group, "matrix"))) &&
				!(dynamicInputs && (uses(on.Labels, "inputs") || uses(on.Group, "inputs")))
		}
		if j.Call != nil {
			call := *j.Call
			call.Graph = v.graph(call.Graph, uses(call.With, "needs") ||
				dynamicMatrix && uses(call.With, "matrix") || dynamicInputs && uses(call.With, "inputs"))
			c.Call = &call
		}
		made.Jobs = append(made.Jobs, &c)
	}
	return &made
}

// uses tells whether an expression anywhere in the node uses a context.
func uses(n *workflow.Node, context string) bool {
	if n == nil {
		return false
	}
	if n.HasExpression() {
		t, err := expr.ParseTemplate(n.Text, nil)
		if err != nil {
			return true // found when its turn comes
		}
		for _, e := range t.Exprs() {
			if has(e, context) {
				return true
			}
		}
	}
	for _, item := range n.Items {
		if uses(item, context) {
			return true
		}
	}
	for _, e := range n.Entries {
		if uses(e.Key, context) || uses(e.Value, context) {
			return true
		}
	}
	return false
}

// usesCondition is uses for an `if`, which may lack the ${{ }}.
func usesCondition(n *workflow.Node, context string) bool {
	if n == nil || n.Kind != workflow.String {
		return false
	}
	e, err := expr.ParseRawCondition(n.Text, nil)
	return err == nil && has(e, context)
}

func has(e *expr.Expr, context string) bool {
	for _, name := range e.Uses() {
		if strings.EqualFold(name, context) {
			return true
		}
	}
	return false
}
