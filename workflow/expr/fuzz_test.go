package expr_test

import (
	"testing"
	"unicode/utf8"

	"github.com/drydock-ci/drydock/workflow/expr"
)

// FuzzExpr: no text may panic, and what parses must print as JSON that fromJSON reads again.
func FuzzExpr(f *testing.F) {
	for _, s := range []string{
		"github.event.commits.*.id", "!(1 < .5) || -0x1F == 'a''b'", "format('{0}}}', a[1]['x'][*].y)", "case(true, 1, 2)",
		"fromJSON(toJSON(github))", "contains(join(matrix.list.*, ','), 'ß')", "a b", "((((", "'", "1..2", "join(1,)",
	} {
		f.Add(s)
	}
	s := scope(f)
	f.Fuzz(func(t *testing.T, src string) {
		e, err := expr.Parse(src, nil)
		if err != nil {
			return
		}
		v, err := e.Eval(s)
		if err != nil {
			return
		}
		text := v.JSON(true)
		back, err := fromJSON(text)
		if err != nil || back.JSON(true) != text && utf8.ValidString(src) {
			t.Errorf("%q = %s, read back as %s, %v", src, text, back.JSON(true), err)
		}
	})
}

// FuzzTemplate: no text may panic, and text without expressions is its own value.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"a ${{ b }} c", "${{ '}}' }}", "${{", "${{ insert }}", "${{ 'x' }}${{ matrix.n }}", "}}${{}}"} {
		f.Add(s)
	}
	s := scope(f)
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := expr.ParseCondition(text, nil); err == nil {
			_, _ = c.Eval(s)
		}
		tpl, err := expr.ParseTemplate(text, nil)
		if err != nil {
			return
		}
		v, err := tpl.Eval(s)
		if err == nil && !expr.HasExpression(text) && v.Text() != text {
			t.Errorf("%q = %q", text, v.Text())
		}
	})
}

// FuzzFromJSON: no text may panic, and strict JSON is read alike by both readers.
func FuzzFromJSON(f *testing.F) {
	for _, s := range []string{"['a',{b:1,}]", `{"a":[1,-2e3,"\u00e9\ud83d"]}`, "// x\n0x1F", "[,,/**/]", "'\\", "-I", "{\"\":{", "01.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lenient, err := fromJSON(text)
		strict, strictErr := expr.DecodeJSON([]byte(text))
		if strictErr == nil && (err != nil || !lenient.Same(strict)) {
			t.Errorf("%q: strict %s, lenient %s, %v", text, strict.JSON(false), lenient.JSON(false), err)
		}
		if err == nil {
			lenient.JSON(true)
		}
	})
}
