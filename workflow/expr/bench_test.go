package expr_test

import (
	"testing"

	"github.com/drydock-ci/drydock/workflow/expr"
)

const typical = "github.event_name == 'push' && startsWith(github.ref, 'refs/heads/') && steps.build.outcome == 'success'"

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := expr.Parse(typical, known); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEval(b *testing.B) {
	e, err := expr.Parse(typical, known)
	if err != nil {
		b.Fatal(err)
	}
	s := scope(b)
	b.ReportAllocs()
	for b.Loop() {
		if v, err := e.Eval(s); err != nil || !v.Truthy() {
			b.Fatal(v, err)
		}
	}
}

func BenchmarkTemplate(b *testing.B) {
	s := scope(b)
	b.ReportAllocs()
	for b.Loop() {
		tpl, err := expr.ParseTemplate("echo ${{ steps.build.outputs.version }} on ${{ github.ref }}", known)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tpl.Eval(s); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCondition is the expression whose cost is bounded: 2 µs and 10
// allocations (TestConditionAllocations).
func BenchmarkCondition(b *testing.B) {
	e, s := condition(b)
	b.ReportAllocs()
	for b.Loop() {
		if v, err := e.Eval(s); err != nil || !v.Truthy() {
			b.Fatal(v, err)
		}
	}
}

func TestConditionAllocations(t *testing.T) {
	e, s := condition(t)
	allocations := testing.AllocsPerRun(100, func() {
		if v, err := e.Eval(s); err != nil || !v.Truthy() {
			t.Fatal(v, err)
		}
	})
	if allocations > 10 {
		t.Errorf("%v allocations", allocations)
	}
}

func condition(t testing.TB) (*expr.Expr, expr.Scope) {
	t.Helper()
	contexts, err := expr.DecodeJSON([]byte(`{"a": {"b": {"c": "x"}}, "d": ["n", "y"]}`))
	if err != nil {
		t.Fatal(err)
	}
	e, err := expr.Parse("a.b.c == 'x' && contains(d, 'y')", nil)
	if err != nil {
		t.Fatal(err)
	}
	scope := expr.Scope{Contexts: map[string]expr.Value{}}
	for i, name := range contexts.Keys() {
		scope.Contexts[name] = contexts.Items()[i]
	}
	return e, scope
}
