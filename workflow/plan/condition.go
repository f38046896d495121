package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// verdict is the answer of a job's `if`, with the reason in words when it is no.
type verdict struct {
	run bool
	why string
}

// jobIfNames are what the `if` of a job may use.
func jobIfNames() *expr.Known {
	return &expr.Known{
		Contexts: []string{"github", "inputs", "vars", "needs"},
		Functions: map[string]expr.FuncSpec{
			"always": {}, "cancelled": {}, "success": {Max: -1}, "failure": {Max: -1},
		},
	}
}

// condition evaluates the `if` of a job whose needs have ended. A condition
// without a status function holds only after success(), as
// expr.ParseCondition has it; here the two halves are asked one by one, to say
// which of them decided.
func (n *node) condition() (verdict, error) {
	text := conditionText(n.job.If)
	blank := strings.TrimSpace(text) == ""
	var own *expr.Expr
	if !blank {
		var err error
		if own, err = expr.ParseRawCondition(text, jobIfNames()); err != nil {
			return verdict{}, problemAt(n.job.If, "if", err)
		}
	}
	if blank || !own.Calls("success", "failure", "cancelled", "always") {
		if ok, why := n.succeeded(); !ok {
			return verdict{why: why}, nil
		}
	}
	if blank {
		return verdict{run: true}, nil
	}
	seen := trace{values: map[string]expr.Value{}}
	value, err := own.Eval(expr.Scope{
		Contexts: n.contexts(), Functions: n.statusFunctions(), Trace: seen.add,
	})
	if err != nil {
		return verdict{}, problemAt(n.job.If, "if", err)
	}
	if value.Truthy() {
		return verdict{run: true}, nil
	}
	return verdict{why: "if: " + seen.explain(own.String())}, nil
}

// conditionText is the text of an `if`, which YAML may have read as a boolean.
func conditionText(n *workflow.Node) string {
	switch {
	case n == nil || n.Kind == workflow.Null:
		return ""
	case n.Kind == workflow.Bool && n.Bool:
		return "true"
	case n.Kind == workflow.Bool:
		return "false"
	default:
		return n.Text
	}
}

func (n *node) statusFunctions() map[string]expr.Func {
	return map[string]expr.Func{
		"always":    {Call: func([]expr.Value) (expr.Value, error) { return expr.Bool(true), nil }},
		"cancelled": {Call: func([]expr.Value) (expr.Value, error) { return expr.Bool(n.scope.runCancelled()), nil }},
		"success": {Max: -1, Call: func(args []expr.Value) (expr.Value, error) {
			if len(args) == 0 {
				ok, _ := n.succeeded()
				return expr.Bool(ok), nil
			}
			named, err := n.named(args)
			return expr.Bool(!slices.ContainsFunc(named, func(m *node) bool { return m.conclusion != Success })), err
		}},
		"failure": {Max: -1, Call: func(args []expr.Value) (expr.Value, error) {
			failed := func(m *node) bool { return m.conclusion == Failure }
			if len(args) == 0 {
				return expr.Bool(slices.ContainsFunc(n.ancestors(), failed)), nil
			}
			named, err := n.named(args)
			return expr.Bool(slices.ContainsFunc(named, failed)), err
		}},
	}
}

// named are the needs that success('a', 'b') or failure('a', 'b') name.
func (n *node) named(args []expr.Value) ([]*node, error) {
	var named []*node
	for _, arg := range args {
		i := slices.IndexFunc(n.needs, func(need *node) bool { return strings.EqualFold(need.job.ID, arg.Text()) })
		if i < 0 {
			return nil, fmt.Errorf("'%s' is not among the needs of job '%s'", arg.Text(), n.job.ID)
		}
		named = append(named, n.needs[i])
	}
	return named, nil
}

// succeeded is success(): all ancestors succeeded, and nobody cancelled. A
// skipped ancestor is no success, however far away it is.
func (n *node) succeeded() (bool, string) {
	if reason := n.scope.cancelled; reason != "" {
		return false, "cancelled: " + reason
	}
	for _, need := range n.needs {
		if need.conclusion != Success {
			return false, fmt.Sprintf("needs '%s' %s", need.job.ID, past(need.conclusion))
		}
	}
	for _, a := range n.ancestors() {
		if a.conclusion != Success {
			return false, fmt.Sprintf("'%s', which its needs depend on, %s", a.job.ID, past(a.conclusion))
		}
	}
	return true, ""
}

// ancestors are all jobs that the job depends on, nearest first, in the same file.
func (n *node) ancestors() []*node {
	seen := map[*node]bool{}
	var all []*node
	for next := n.needs; len(next) > 0; {
		var further []*node
		for _, a := range next {
			if !seen[a] {
				seen[a] = true
				all = append(all, a)
				further = append(further, a.needs...)
			}
		}
		next = further
	}
	return all
}

func past(c Conclusion) string {
	switch c {
	case Failure:
		return "failed"
	case Cancelled:
		return "was cancelled"
	case Skipped:
		return "was skipped"
	default:
		return "succeeded"
	}
}
