package template

import (
	"fmt"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// Eval evaluates a whole tree. A string that is one expression keeps the type
// of its value; nil and null are null. An expression in a sequence that yields
// a sequence puts its items in its place, and `${{ insert }}` as a key puts
// the entries of its value there (actions/runner: TemplateUnraveler.cs).
// An error is an *Error.
func Eval(n *workflow.Node, scope expr.Scope) (expr.Value, error) {
	if n == nil {
		return expr.Value{}, nil
	}
	switch n.Kind {
	case workflow.Bool:
		return expr.Bool(n.Bool), nil
	case workflow.Number:
		return expr.Number(n.Number), nil
	case workflow.String:
		return text(n, scope)
	case workflow.Sequence:
		return sequence(n, scope)
	case workflow.Mapping:
		m := mapping{scope: scope, seen: map[string]bool{}, values: expr.NewObject(false)}
		if err := m.entries(n, false); err != nil {
			return expr.Value{}, err
		}
		return m.values.Value(), nil
	default:
		return expr.Value{}, nil
	}
}

// text evaluates a string.
func text(n *workflow.Node, scope expr.Scope) (expr.Value, error) {
	if !expr.HasExpression(n.Text) {
		return expr.String(n.Text), nil
	}
	t, err := expr.ParseTemplate(n.Text, nil)
	if err != nil {
		return expr.Value{}, failed(n, err)
	}
	v, err := t.Eval(scope)
	if err != nil {
		return expr.Value{}, failed(n, err)
	}
	return v, nil
}

func sequence(n *workflow.Node, scope expr.Scope) (expr.Value, error) {
	values := make([]expr.Value, 0, len(n.Items))
	for _, item := range n.Items {
		v, err := Eval(item, scope)
		if err != nil {
			return expr.Value{}, err
		}
		if v.Kind() == expr.KindArray && item.Kind == workflow.String {
			values = append(values, v.Items()...)
			continue
		}
		values = append(values, v)
	}
	return expr.Array(values...), nil
}

// String evaluates a scalar and gives its text. A number is written as GitHub
// writes it: `3.10` is "3.1". nil and null are "".
func String(n *workflow.Node, scope expr.Scope) (string, error) {
	if n == nil {
		return "", nil
	}
	if n.Kind == workflow.String && !expr.HasExpression(n.Text) {
		return n.Text, nil
	}
	v, err := Eval(n, scope)
	if err != nil {
		return "", err
	}
	if k := v.Kind(); k == expr.KindArray || k == expr.KindObject {
		return "", unexpected(n, v)
	}
	return v.Text(), nil
}

// Bool evaluates a flag; def stands for nil and a null in the file. Strings
// are refused, "true" too.
func Bool(n *workflow.Node, scope expr.Scope, def bool) (bool, error) {
	if n.IsNull() {
		return def, nil
	}
	v, err := Eval(n, scope)
	if err != nil {
		return false, err
	}
	if v.Kind() != expr.KindBool {
		return false, unexpected(n, v)
	}
	return v.Truthy(), nil
}

// Number evaluates a number; def stands for nil and a null in the file.
// Strings are refused, "5" too. The result may be NaN or infinite.
func Number(n *workflow.Node, scope expr.Scope, def float64) (float64, error) {
	if n.IsNull() {
		return def, nil
	}
	v, err := Eval(n, scope)
	if err != nil {
		return 0, err
	}
	if v.Kind() != expr.KindNumber {
		return 0, unexpected(n, v)
	}
	return v.Num(), nil
}

// key evaluates the key of an entry.
func key(n *workflow.Node, scope expr.Scope) (name string, insert bool, err error) {
	if !expr.HasExpression(n.Text) {
		return n.Text, false, nil
	}
	t, err := expr.ParseTemplate(n.Text, nil)
	if err != nil {
		return "", false, failed(n, err)
	}
	if t.IsInsert() {
		return "", true, nil
	}
	v, err := t.Eval(scope)
	if err != nil {
		return "", false, failed(n, err)
	}
	if k := v.Kind(); k == expr.KindArray || k == expr.KindObject {
		return "", false, failed(n, fmt.Errorf("a key must be a string, not %s", v.Text()))
	}
	return v.Text(), false, nil
}
