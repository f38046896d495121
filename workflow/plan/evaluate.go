package plan

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/template"
)

// maxGroupName is the longest name of a concurrency group, in characters.
const maxGroupName = 400

// problem is an error at a place of a file that the reader of the error knows.
type problem struct {
	pos  workflow.Pos
	what string // the key
	err  error
}

func (p *problem) Error() string { return p.what + ": " + p.err.Error() }
func (p *problem) Unwrap() error { return p.err }

func problemAt(n *workflow.Node, what string, err error) error {
	return &problem{pos: position(n), what: what, err: err}
}

func position(n *workflow.Node) workflow.Pos {
	if n == nil {
		return workflow.Pos{}
	}
	return n.Pos
}

func positionOf(err error, otherwise workflow.Pos) workflow.Pos {
	var t *template.Error
	if errors.As(err, &t) && t.Pos.Line > 0 {
		return t.Pos
	}
	var p *problem
	if errors.As(err, &p) && p.pos.Line > 0 {
		return p.pos
	}
	return otherwise
}

// reasonOf is the error for people, with file, line and column in front.
func reasonOf(file string, err error, otherwise workflow.Pos) string {
	pos := positionOf(err, otherwise)
	return fmt.Sprintf("%s:%d:%d: %s", file, pos.Line, pos.Column, err)
}

func evaluateString(n *workflow.Node, scope expr.Scope, what string) (string, error) {
	text, err := template.String(n, scope)
	if err != nil {
		return "", problemAt(n, what, err)
	}
	return text, nil
}

// evaluateConcurrency also takes one expression that yields a mapping.
func evaluateConcurrency(c *workflow.Concurrency, scope expr.Scope) (*Concurrency, error) {
	whole, err := template.Eval(c.Group, scope)
	if err != nil {
		return nil, problemAt(c.Group, "concurrency group", err)
	}
	group, cancel, queue := whole, expr.Value{}, c.Queue
	if whole.Kind() == expr.KindObject {
		group, _ = whole.Lookup("group")
		cancel, _ = whole.Lookup("cancel-in-progress")
		if q, ok := whole.Lookup("queue"); ok {
			queue = q.Text()
		}
	} else if c.CancelInProgress != nil {
		if cancel, err = template.Eval(c.CancelInProgress, scope); err != nil {
			return nil, problemAt(c.CancelInProgress, "cancel-in-progress", err)
		}
	}
	name := group.Text()
	switch at := either(c.Group, &workflow.Node{Pos: c.Pos}); {
	case group.Kind() == expr.KindArray || group.Kind() == expr.KindObject:
		return nil, problemAt(at, "concurrency group", fmt.Errorf("it must be a string, not %s", kindName(group)))
	case name == "":
		return nil, problemAt(at, "concurrency group", errors.New("its name is empty"))
	case utf8.RuneCountInString(name) > maxGroupName:
		return nil, problemAt(at, "concurrency group", fmt.Errorf("its name has more than %d characters", maxGroupName))
	case cancel.Kind() != expr.KindBool && !cancel.IsNull():
		return nil, problemAt(either(c.CancelInProgress, at), "cancel-in-progress", fmt.Errorf("it must be true or false, not %s", kindName(cancel)))
	}
	return &Concurrency{Group: name, CancelInProgress: cancel.Truthy(), QueueMax: queue == "max"}, nil
}

// strategy is an evaluated `strategy:`.
type strategy struct {
	legs        []combination // at least one
	matrix      bool          // false: the one leg is no combination
	failFast    bool
	maxParallel int // at least one
}

// evaluateStrategy gives one leg without a matrix when there is no strategy,
// no matrix, or when exclude removed everything (actions/runner:
// WorkflowTemplateEvaluator.cs, EvaluateStrategy).
func evaluateStrategy(s *workflow.Strategy, scope expr.Scope) (strategy, error) {
	result := strategy{failFast: true}
	var matrix, failFast, maxParallel expr.Value
	if s != nil && s.Expr != nil {
		whole, err := template.Eval(s.Expr, scope)
		if err != nil {
			return result, problemAt(s.Expr, "strategy", err)
		}
		if whole.Kind() != expr.KindObject {
			return result, problemAt(s.Expr, "strategy", fmt.Errorf("it must be a mapping, not %s", kindName(whole)))
		}
		for i, key := range whole.Keys() {
			switch key {
			case "matrix":
				matrix = whole.Items()[i]
			case "fail-fast":
				failFast = whole.Items()[i]
			case "max-parallel":
				maxParallel = whole.Items()[i]
			default:
				return result, problemAt(s.Expr, "strategy", fmt.Errorf("it has no key '%s'", key))
			}
		}
	} else if s != nil {
		for _, part := range []struct {
			node *workflow.Node
			name string
			to   *expr.Value
		}{{s.Matrix, "matrix", &matrix}, {s.FailFast, "fail-fast", &failFast}, {s.MaxParallel, "max-parallel", &maxParallel}} {
			if part.node == nil {
				continue
			}
			v, err := template.Eval(part.node, scope)
			if err != nil {
				return result, problemAt(part.node, part.name, err)
			}
			*part.to = v
		}
	}
	return result, result.fill(s, matrix, failFast, maxParallel)
}

func (result *strategy) fill(s *workflow.Strategy, matrix, failFast, maxParallel expr.Value) error {
	if s == nil {
		s = &workflow.Strategy{}
	}
	switch {
	case failFast.Kind() == expr.KindBool:
		result.failFast = failFast.Truthy()
	case failFast.Kind() != expr.KindNull || s.FailFast != nil:
		return problemAt(either(s.FailFast, s.Expr), "fail-fast", fmt.Errorf("it must be true or false, not %s", kindName(failFast)))
	}
	if s.Matrix != nil || !matrix.IsNull() {
		legs, err := combinations(matrix)
		if err != nil {
			return problemAt(either(s.Matrix, s.Expr), "matrix", err)
		}
		result.legs, result.matrix = legs, len(legs) > 0
	}
	if len(result.legs) == 0 {
		result.legs = []combination{{}}
	}
	result.maxParallel = len(result.legs)
	switch {
	case maxParallel.Kind() == expr.KindNumber:
		if n := maxParallel.Num(); n >= 1 && result.matrix {
			result.maxParallel = int(math.Min(n, math.MaxInt32))
		}
	case maxParallel.Kind() != expr.KindNull || s.MaxParallel != nil:
		return problemAt(either(s.MaxParallel, s.Expr), "max-parallel", fmt.Errorf("it must be a number, not %s", kindName(maxParallel)))
	}
	return nil
}

func either(a, b *workflow.Node) *workflow.Node {
	if a != nil {
		return a
	}
	return b
}

// context is the strategy context of the leg at index.
func (result strategy) context(index int) expr.Value {
	return expr.NewObject(false).
		Set("fail-fast", expr.Bool(result.failFast)).
		Set("job-index", expr.Number(float64(index))).
		Set("job-total", expr.Number(float64(len(result.legs)))).
		Set("max-parallel", expr.Number(float64(result.maxParallel))).
		Value()
}
