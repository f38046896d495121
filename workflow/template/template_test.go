package template

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

func node(t testing.TB, text string) *workflow.Node {
	t.Helper()
	n, found := workflow.ParseNode("test.yml", []byte(text))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

func scope(t testing.TB) expr.Scope {
	t.Helper()
	matrix, err := expr.DecodeJSON([]byte(`{"os":"linux","n":3,"flag":true,"none":null,"list":[1,"b"],"map":{"A":"1","B":2}}`))
	if err != nil {
		t.Fatal(err)
	}
	return expr.Scope{Contexts: map[string]expr.Value{"matrix": matrix}}
}

func TestEval(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "null"},
		{"text", `"text"`},
		{"010", "10"},
		{"true", "true"},
		{"${{ matrix.n }}", "3"},
		{"n=${{ matrix.n }}", `"n=3"`},
		{"${{ '${{ matrix.n }}' }}", `"${{ matrix.n }}"`},
		{"[a, '${{ matrix.list }}', '${{ matrix.map }}']", `["a",1,"b",{"A":"1","B":2}]`},
		{"[a, [1]]", `["a",[1]]`},
		{"{z: 1, '${{ insert }}': '${{ matrix.map }}', y: '${{ matrix.none }}'}", `{"z":1,"A":"1","B":2,"y":null}`},
		{"{'${{ insert }}': {k: '${{ matrix.os }}'}}", `{"k":"linux"}`},
		{"{'x-${{ matrix.os }}': 1}", `{"x-linux":1}`},
		{"{a: {b: [true, null]}}", `{"a":{"b":[true,null]}}`},
	} {
		got, err := Eval(node(t, c.in), scope(t))
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		want, err := expr.DecodeJSON([]byte(c.want))
		if err != nil {
			t.Fatal(err)
		}
		if !got.Same(want) {
			t.Errorf("%s: got %#v, want %s", c.in, got, c.want)
		}
	}
	if v, err := Eval(nil, expr.Scope{}); err != nil || !v.IsNull() {
		t.Errorf("nil: %v, %v", v, err)
	}
}

func TestScalars(t *testing.T) {
	sc := scope(t)
	for _, c := range []struct{ in, want string }{
		{"3.10", "3.1"}, {"1345678912345678912", "1.34567891234568E+18"}, {"True", "true"}, {"~", ""},
		{"${{ matrix.flag }}", "true"}, {"${{ matrix.none }}", ""}, {"${{ matrix.map }}!", "Object!"},
	} {
		if got, err := String(node(t, c.in), sc); err != nil || got != c.want {
			t.Errorf("String(%s) = %q, %v; want %q", c.in, got, err, c.want)
		}
	}
	if b, err := Bool(node(t, "${{ matrix.n > 2 }}"), sc, false); err != nil || !b {
		t.Errorf("Bool: %v, %v", b, err)
	}
	if b, err := Bool(nil, sc, true); err != nil || !b {
		t.Errorf("Bool of nothing: %v, %v", b, err)
	}
	if f, err := Number(node(t, "${{ matrix.n }}"), sc, 0); err != nil || f != 3 {
		t.Errorf("Number: %v, %v", f, err)
	}
	if f, err := Number(node(t, "${{ NaN }}"), sc, 0); err != nil || !math.IsNaN(f) {
		t.Errorf("Number: %v, %v", f, err)
	}
	if f, err := Number(nil, sc, 360); err != nil || f != 360 {
		t.Errorf("Number of nothing: %v, %v", f, err)
	}
}

func TestStringMap(t *testing.T) {
	sc := scope(t)
	for _, c := range []struct {
		in   string
		want []Pair
	}{
		{"", nil},
		{"{}", []Pair{}},
		{"{Z: 1.50, A: yes, E: , F: '${{ matrix.os }}'}", []Pair{{"Z", "1.5"}, {"A", "yes"}, {"E", ""}, {"F", "linux"}}},
		{"${{ matrix.map }}", []Pair{{"A", "1"}, {"B", "2"}}},
		{"{X: 1, '${{ insert }}': '${{ matrix.map }}'}", []Pair{{"X", "1"}, {"A", "1"}, {"B", "2"}}},
	} {
		got, err := StringMap(node(t, c.in), sc, true)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %q, %v; want %q", c.in, got, err, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	sc := scope(t)
	str := func(n *workflow.Node) error { _, err := String(n, sc); return err }
	flag := func(n *workflow.Node) error { _, err := Bool(n, sc, false); return err }
	number := func(n *workflow.Node) error { _, err := Number(n, sc, 0); return err }
	pairs := func(n *workflow.Node) error { _, err := StringMap(n, sc, false); return err }
	value := func(n *workflow.Node) error { _, err := Eval(n, sc); return err }
	for _, c := range []struct {
		do   func(*workflow.Node) error
		in   string
		want string
		pos  workflow.Pos
	}{
		{str, "[a]", "A sequence was not expected", workflow.Pos{Line: 1, Column: 1}},
		{str, "${{ matrix.map }}", "A mapping was not expected: evaluating '${{ matrix.map }}'", workflow.Pos{Line: 1, Column: 1}},
		{flag, "${{ matrix.os }}", "Unexpected value 'linux': evaluating '${{ matrix.os }}'", workflow.Pos{Line: 1, Column: 1}},
		{flag, "'true'", "Unexpected value 'true'", workflow.Pos{Line: 1, Column: 1}},
		{flag, "${{ matrix.none }}", "Unexpected value ''", workflow.Pos{Line: 1, Column: 1}},
		{number, "'5'", "Unexpected value '5'", workflow.Pos{Line: 1, Column: 1}},
		{number, "${{ matrix.list }}", "A sequence was not expected", workflow.Pos{Line: 1, Column: 1}},
		{pairs, "${{ matrix.os }}", "Unexpected value 'linux'", workflow.Pos{Line: 1, Column: 1}},
		{pairs, "a: 1\n${{ insert }}: ${{ matrix.map }}", "'A' is already defined", workflow.Pos{Line: 2, Column: 16}},
		{pairs, "${{ insert }}: 1", "Expected a mapping", workflow.Pos{Line: 1, Column: 16}},
		{pairs, "a:\n  b: 1", "A mapping was not expected", workflow.Pos{Line: 2, Column: 3}},
		{pairs, "'': 1", "Unexpected value ''", workflow.Pos{Line: 1, Column: 1}},
		{value, "${{ fromJSON('') }}", "", workflow.Pos{Line: 1, Column: 1}},
		{value, "- ${{ x( }}", "", workflow.Pos{Line: 1, Column: 3}},
		{value, "${{ matrix.map }}: 1", "a key must be a string", workflow.Pos{Line: 1, Column: 1}},
	} {
		err := c.do(node(t, c.in))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v is no *Error", c.in, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), c.want) || e.Pos != c.pos {
			t.Errorf("%s: %v at %v; want %s at %v", c.in, err, e.Pos, c.want, c.pos)
		}
	}
}

// BenchmarkStep evaluates what an ordinary step has.
func BenchmarkStep(b *testing.B) {
	sc := scope(b)
	name := node(b, "Build on ${{ matrix.os }}")
	run := node(b, "make OS=${{ matrix.os }} N=${{ matrix.n }}")
	env := node(b, "{OS: '${{ matrix.os }}', FLAG: '${{ matrix.flag }}', PLAIN: text}")
	timeout := node(b, "30")
	flag := node(b, "${{ matrix.n == 4 }}")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := String(name, sc); err != nil {
			b.Fatal(err)
		}
		_, _ = String(run, sc)
		_, _ = StringMap(env, sc, true)
		_, _ = Number(timeout, sc, 0)
		_, _ = Bool(flag, sc, false)
	}
}
