package lint

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/workflow"
)

func TestAct(t *testing.T) {
	for _, tc := range []struct{ name, src, want string }{
		{"nothing", "on: push\njobs: {a: {runs-on: x, steps: [{run: echo}]}}\n", ""},
		{"a key it does not know", "on: push\nx: 1\njobs: {a: {runs-on: x, steps: [{run: echo}]}}\n", "2:1 Unknown Property x"},
		{"the likelier kind of job", "on: push\njobs:\n  a:\n    runs-on: x\n    cache-mode: read\n    steps: [{run: echo}]\n", "5:5 Unknown Property cache-mode"},
		{"the likelier kind of step", "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: echo\n        background: true\n", "7:9 Unknown Property background"},
		{"a context", "on: push\njobs:\n  a:\n    runs-on: x\n    if: secrets.A\n    steps: [{run: echo}]\n", "5:9 Unknown Variable Access secrets"},
		{"an alias", "on: push\nenv: &e {A: b}\njobs: {a: {runs-on: x, env: *e, steps: [{run: echo}]}}\n", ""},
		{"in an alias", "on: push\njobs:\n  a: &a\n    runs-on: x\n    no: 1\n    steps: [{run: echo}]\n  b: *a\n", "5:5 Unknown Property no"},
		{"not YAML", "a: [", ""},
		{"nothing at all", "", ""},
		{"deep", "a: " + strings.Repeat("[", 300) + strings.Repeat("]", 300), ""},
	} {
		var got []string
		for _, d := range new(Linter).act("ci.yml", []byte(tc.src), map[int]bool{}) {
			if d.Severity != workflow.Advice || d.Code != "act/schema" || d.Hint != "says act" || d.File != "ci.yml" {
				t.Errorf("%s: got %+v", tc.name, d)
			}
			got = append(got, fmt.Sprintf("%d:%d %s", d.Pos.Line, d.Pos.Column, d.Message))
		}
		if strings.Join(got, ", ") != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestActRepeats: a line that somebody has spoken of is left alone.
func TestActRepeats(t *testing.T) {
	src := []byte("on: push\njobs:\n  a:\n    runs-on: x\n    if: secrets.A\n    steps:\n      - run: echo\n        background: true\n")
	var l Linter
	l.Labels = []string{"x"}
	all := l.Check("ci.yml", src, nil)
	lines := map[int]string{}
	for _, d := range all {
		if lines[d.Pos.Line] != "" && strings.HasPrefix(d.Code, "act/") {
			t.Errorf("line %d: %s after %s", d.Pos.Line, d.Code, lines[d.Pos.Line])
		}
		lines[d.Pos.Line] = d.Code
	}
	if !strings.HasPrefix(lines[5], "actionlint/") {
		t.Errorf("got %v", all)
	}
	own := workflow.Diagnostics{{Pos: workflow.Pos{Line: 8, Column: 1}, Severity: workflow.Warning}}
	for _, d := range l.Check("ci.yml", src, own) {
		if d.Pos.Line == 8 && strings.HasPrefix(d.Code, "act/") {
			t.Errorf("said already: %v", d)
		}
	}
}

// TestActBomb: aliases of aliases are not walked to their end.
func TestActBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n")
	for i := range 12 {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	for _, src := range []string{b.String(), "a: &a [*a]\n"} {
		began := time.Now()
		if found, err := new(Linter).actOpinions([]byte(src)); len(found) > 0 || err != nil {
			t.Errorf("got %v %v", found, err)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("took %v", took)
		}
	}
}
