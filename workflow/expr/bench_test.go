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
