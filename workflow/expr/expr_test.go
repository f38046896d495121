package expr_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/drydock-ci/drydock/workflow/expr"
)

func decode(t testing.TB, text string) expr.Value {
	t.Helper()
	v, err := expr.DecodeJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func scope(t testing.TB) expr.Scope {
	status := func(b bool) expr.Func {
		return expr.Func{Call: func([]expr.Value) (expr.Value, error) { return expr.Bool(b), nil }}
	}
	return expr.Scope{
		Contexts: map[string]expr.Value{
			"github": decode(t, `{"event_name":"push","ref":"refs/heads/main","event":{"commits":[{"id":"a","n":1},{"id":"b"},{"x":0}]}}`),
			"steps":  decode(t, `{"build":{"outputs":{"version":"1.2","Name":"it's"},"outcome":"success"}}`),
			"env":    expr.StringMap(map[string]string{"A": "1", "a": "2"}, true),
			"matrix": decode(t, `{"list":[["x","y"],["z"]],"n":3}`),
		},
		Functions: map[string]expr.Func{
			"success": status(true), "failure": status(false), "always": status(true), "cancelled": status(false),
			"boom": {Max: 1, Call: func([]expr.Value) (expr.Value, error) { return expr.Value{}, errors.New("boom") }},
		},
	}
}

var known = &expr.Known{
	Contexts: []string{"github", "steps", "env", "matrix", "inputs"},
	Functions: map[string]expr.FuncSpec{
		"success": {}, "failure": {}, "always": {}, "cancelled": {}, "boom": {Max: 1},
	},
}

func TestEval(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"", "null"},
		{" \t\n", "null"},
		{".5", "0.5"},
		{"+1", "1"},
		{"5.", "5"},
		{"0x1F", "31"},
		{"0xFFFFFFFF", "-1"},
		{"0o17", "15"},
		{"1e400", "Infinity"},
		{"+Infinity", "Infinity"},
		{"'infinity' == Infinity", "true"},
		{"format('{0} {1} {2}', 1e15, 0.00001, 123456789012345678)", `"1E+15 1E-05 1.23456789012346E+17"`},
		{"format('{0} {1} {2}', 999999999999999, 0.0001234, -0)", `"999999999999999 0.0001234 0"`},
		{"format('{0}', 0.1)", `"0.1"`},
		{"'it''s'", `"it's"`},
		{"GITHUB.Event_Name", `"push"`},
		{"github['ref']", `"refs/heads/main"`},
		{"env.A", `"1"`},
		{"env.a", `"2"`},
		{"inputs.missing.deeper", "null"},
		{"inputs.*", "[]"},
		{"github.event.commits.*.id", `["a","b"]`},
		{"github.event.commits[*].n", "[1]"},
		{"github.event.commits.*[0]", "[]"},
		{"matrix.list.*[0]", `["x","z"]`},
		{"(matrix.list.*)[1]", `["y"]`},
		{"matrix.list[1.9][0]", `"z"`},
		{"matrix.list['1'][-1]", "null"},
		{"contains(github.event.commits.*.id, 'B')", "true"},
		{"contains('abc', '')", "true"},
		{"contains(github, 'push')", "false"},
		{"startsWith(github.ref, 'REFS/')", "true"},
		{"endsWith('Straße', 'SSE')", "false"},
		{"'ſ' == 's'", "false"},
		{"'ǆ' == 'Ǆ'", "true"},
		{"'😀' < '\uE000'", "true"},
		{"join(github.event.commits.*.id)", `"a,b"`},
		{"join(github.event.commits.*.id, github)", `"a,b"`},
		{"join('x', boom())", `"x"`},
		{"format('{1}{0}{1} {{}}', 'a', 'b')", `"bab {}"`},
		{"format('no args', boom())", `"no args"`},
		{"case(true, 1, boom())", "1"},
		{"case(false, boom(), true, 2, boom())", "2"},
		{"toJSON(matrix.list)", `"[\n  [\n    \"x\",\n    \"y\"\n  ],\n  [\n    \"z\"\n  ]\n]"`},
		{"toJSON(fromJSON('{}').*)", `"[]"`},
		{"toJSON(NaN)", `"NaN"`},
		{"fromJSON('{\"b\":1,\"a\":2,\"B\":3}')", `{"b":3,"a":2}`},
		{"fromJSON(toJSON(github)).event.commits[0].id == 'a'", "true"},
		{"matrix.list == matrix.list", "true"},
		{"fromJSON('[]') == fromJSON('[]')", "false"},
		{"null < 1 && null >= 0", "true"},
		{"null < null", "false"},
		{"null <= null", "true"},
		{"!'' && !0 && !NaN && !null", "true"},
		{"false && boom()", "false"},
		{"1 || boom()", "1"},
		{"(null)[boom()]", "null"},
		{strings.Repeat("(", 200) + "1" + strings.Repeat(")", 200), "1"},
		{"((true && 1) && (true && 2))", "2"},
		{"success ( )", "true"},
	} {
		e, err := expr.Parse(c.src, known)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		v, err := e.Eval(scope(t))
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
		} else if got := v.JSON(false); got != c.want {
			t.Errorf("%s = %s, want %s", c.src, got, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		src  string
		kind expr.ErrorKind
		want string
	}{
		{"secrets.x", expr.Parsing, "Unrecognized named-value: 'secrets'. Located at position 1 within expression: secrets.x"},
		{"'é😀' == nope", expr.Parsing, "Unrecognized named-value: 'nope'. Located at position 10 within"},
		{"nope() + ", expr.Parsing, "Unrecognized function: 'nope'. Located at position 1"},
		{"format()", expr.Parsing, "Too few parameters supplied: 'format'. Located at position 1"},
		{"success(1)", expr.Parsing, "Too many parameters supplied: 'success'"},
		{"case(1,2,3,4)", expr.Parsing, "Even number of parameters supplied, requires an odd number of parameters: 'case'"},
		{"join(1,)", expr.Parsing, "Unexpected symbol: ')'. Located at position 8"},
		{"1 +", expr.Lexing, "Unexpected symbol: '+'. Located at position 3"},
		{"1 + 1", expr.Lexing, "Unexpected symbol: '+'"},
		{"\"x\"", expr.Lexing, "Unexpected symbol: '\"x\"'"},
		{"'open", expr.Lexing, "Unexpected symbol: ''open'"},
		{"'a'.b", expr.Parsing, "Unexpected symbol: '.'. Located at position 4"},
		{"1[0]", expr.Parsing, "Unexpected symbol: '['"},
		{"github[", expr.Parsing, "Unexpected end of expression: '['. Located at position 7"},
		{"github..x", expr.Parsing, "Unexpected symbol: '.'. Located at position 8"},
		{"(github]", expr.Parsing, "Unexpected symbol: ']'"},
		{"* == 1", expr.Parsing, "Unexpected symbol: '*'"},
		{"!", expr.Parsing, "Unexpected end of expression: '!'"},
		{"a = b", expr.Parsing, "Unrecognized named-value: 'a'"},
		{"1 = 1", expr.Lexing, "Unexpected symbol: '='"},
		{"True", expr.Parsing, "Unrecognized named-value: 'True'"},
		{"-env.A", expr.Lexing, "Unexpected symbol: '-env.A'"},
		{strings.Repeat("!", 50) + "1", expr.Parsing, "Exceeded max expression depth 50"},
		{"'" + strings.Repeat("x", 21000) + "'", expr.Parsing, "Exceeded max expression length 21000"},
		{strings.Repeat("(", 20000), expr.Parsing, "Unexpected end of expression: '('. Located at position 20000"},
		{strings.Repeat("!", 20999) + "1", expr.Parsing, "Exceeded max expression depth 50"},
		{"boom()", expr.Evaluation, "boom"},
		{"format('{1}', 1)", expr.Evaluation, "The following format string references more arguments than were supplied: {1}"},
		{"format('{256}', 1)", expr.Evaluation, "The following format string is invalid: {256}"},
		{"format('{0:x}', true)", expr.Evaluation, "The format specifiers 'x' are not valid for objects of type 'Boolean'"},
		{"case(1, 2, 3)", expr.Evaluation, "case predicate must evaluate to a boolean value"},
		{"fromJSON('')", expr.Evaluation, "Error reading JToken from JsonReader. Path '', line 0, position 0."},
	} {
		e, err := expr.Parse(c.src, known)
		if err == nil {
			_, err = e.Eval(scope(t))
		}
		var failure *expr.Error
		if !errors.As(err, &failure) {
			t.Errorf("%.40s: no error", c.src)
		} else if failure.Kind != c.kind || !strings.HasPrefix(failure.Message, c.want) {
			t.Errorf("%.40s: %v %.200q, want %v %q", c.src, failure.Kind, failure.Message, c.kind, c.want)
		}
	}
}

func TestErrorUnwraps(t *testing.T) {
	cause := errors.New("disk")
	s := expr.Scope{Functions: map[string]expr.Func{
		"hashfiles": {Min: 1, Max: -1, Call: func([]expr.Value) (expr.Value, error) { return expr.Value{}, cause }},
	}}
	e, err := expr.Parse("format('{0}', hashFiles('x'))", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = e.Eval(s); !errors.Is(err, cause) {
		t.Errorf("got %v, want it to wrap %v", err, cause)
	}
	if _, err = e.Eval(expr.Scope{}); err == nil || !strings.Contains(err.Error(), "Unrecognized function: 'hashFiles'") {
		t.Errorf("without the function: %v", err)
	}
}

func TestMemoryLimit(t *testing.T) {
	big := expr.String(strings.Repeat("x", 1<<20))
	s := expr.Scope{Contexts: map[string]expr.Value{"big": big, "list": expr.Array(big, big, big, big, big, big)}}
	const refused = "The maximum allowed memory size was exceeded while evaluating the following expression: "
	for src, want := range map[string]string{
		"format('{0}{0}', big)":             "",
		"format('{0}{0}{0}{0}{0}{0}', big)": refused + "format('{0}{0}{0}{0}{0}{0}', big)",
		"join(list)":                        refused + "join(list)",
		"toJSON(list)":                      refused + "toJSON(list)",
		"format('{0}{1}{2}{3}{4}', big, big, big, big, big)": refused + "format('{0}{1}{2}{3}{4}', big, big, big, big, big)",
		"big == big && big == big && big == big":             "",
		"contains(join(list), 'x') || list.*[1].x == 1":      refused + "join(list)",
	} {
		e, err := expr.Parse(src, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Eval(s)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v, want %q", src, err, want)
		}
	}
}

func TestUsesAndCalls(t *testing.T) {
	e, err := expr.Parse("GitHub.x || steps[github.y].z && !Always()", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(e.Uses(), " "); got != "github steps" {
		t.Errorf("uses %q", got)
	}
	if !e.Calls("success", "ALWAYS") || e.Calls("success") {
		t.Error("calls are wrong")
	}
}

func TestTrace(t *testing.T) {
	var lines []string
	s := scope(t)
	s.Trace = func(sub string, v expr.Value) { lines = append(lines, sub+" = "+v.JSON(false)) }
	e, err := expr.Parse("github.event_name == 'push'&&(!env['A b'] || false)", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Eval(s); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(lines, "\n")
	for _, want := range []string{
		"github.event_name = \"push\"", "(github.event_name == 'push') = true", "env['A b'] = null", "!env['A b'] = true",
		"((github.event_name == 'push') && (!env['A b'] || false)) = true",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestConcurrentEval(t *testing.T) {
	tpl, err := expr.ParseTemplate("v${{ steps.build.outputs.version }} on ${{ github.ref }}", known)
	if err != nil {
		t.Fatal(err)
	}
	s := scope(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if v, err := tpl.Eval(s); err != nil || v.Text() != "v1.2 on refs/heads/main" {
					t.Errorf("%q, %v", v.Text(), err)
				}
			}
		})
	}
	wg.Wait()
}
