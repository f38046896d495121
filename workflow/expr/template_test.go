package expr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow/expr"
)

func TestTemplate(t *testing.T) {
	for _, c := range []struct {
		text, want string
		literal    bool
	}{
		{"", `""`, true},
		{"plain {{ text }} $x", `"plain {{ text }} $x"`, true},
		{"${{ '${{ not again }}' }}", `"${{ not again }}"`, true},
		{"${{ 'a' }}${{ 'b' }}", `"ab"`, false},
		{"${{ matrix.n }}", "3", false},
		{" ${{ matrix.n }}", `" 3"`, false},
		{"${{ matrix.list }}", `[["x","y"],["z"]]`, false},
		{"a ${{ matrix.list }}", `"a Array"`, false},
		{"${{github.ref}}", `"refs/heads/main"`, false},
		{"${{ steps.build.outputs.name }} }} {0} '", `"it's }} {0} '"`, false},
		{"${{ format('{0}}}', 1) }}", `"1}"`, false},
		{"a${{ 'it''s }}' }}b", `"ait's }}b"`, false},
		{"x${{ null }}y", `"xy"`, false},
	} {
		tpl, err := expr.ParseTemplate(c.text, known)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		v, err := tpl.Eval(scope(t))
		if err != nil || v.JSON(false) != c.want || tpl.IsLiteral() != c.literal || tpl.Text() != c.text {
			t.Errorf("%s = %s (literal %v), %v; want %s", c.text, v.JSON(false), tpl.IsLiteral(), err, c.want)
		}
	}
}

func TestTemplateErrors(t *testing.T) {
	for _, c := range []struct {
		text  string
		start int
		want  string
	}{
		{"a ${{ x", 5, "The expression is not closed. An unescaped ${{ sequence was found, but the closing }} sequence was not found."},
		{"${{ '}}", 3, "The expression is not closed."},
		{"a ${{ }}", 6, "An expression was expected"},
		{"ab ${{  secrets.x }}", 8, "Unrecognized named-value: 'secrets'. Located at position 1 within expression: secrets.x"},
		{"${{ insert }} x", 0, "The directive 'insert' is not allowed in this context."},
		{"${{ insert x }}", 4, "Exactly 0 parameter(s) were expected following the directive 'insert'. Actual parameter count: 1"},
		{strings.Repeat("x", 20990) + "${{ env.A }}", 0, "Exceeded max expression length 21000"},
		{"x ${{ " + strings.Repeat("!", 49) + "1 }}", 0, "Exceeded max expression depth 50"},
	} {
		_, err := expr.ParseTemplate(c.text, known)
		var failure *expr.Error
		if !errors.As(err, &failure) || !strings.HasPrefix(failure.Message, c.want) || failure.Start != c.start {
			t.Errorf("%.40s: %#v, want %q at %d", c.text, err, c.want, c.start)
		}
	}
	if tpl, err := expr.ParseTemplate("${{ insert }}", known); err != nil || !tpl.IsInsert() {
		t.Errorf("insert: %v", err)
	}
	if !expr.HasExpression("a ${{") || expr.HasExpression("$ {{ }}") {
		t.Error("HasExpression is wrong")
	}
}

func TestCondition(t *testing.T) {
	for _, c := range []struct{ text, want, raw string }{
		{"", "success()", "always()"},
		{" \n", "success()", "always()"},
		{"always()", "always()", "always()"},
		{"${{ Failure() || env.A }}", "Failure() || env.A", "Failure() || env.A"},
		{"env.A == 1", "success() && (env.A == 1)", "env.A == 1"},
		{"${{ env.A || env.b }}\n", "success() && (format('{0}\n', env.A || env.b))", "format('{0}\n', env.A || env.b)"},
		{"${{ env.A }} == '{1}'", "success() && (format('{0} == ''{{1}}''', env.A))", "format('{0} == ''{{1}}''', env.A)"},
		{"${{ cancelled() }}x", "format('{0}x', cancelled())", "format('{0}x', cancelled())"},
		{"${{ 'always()' }}", "success() && ('always()')", "'always()'"},
	} {
		e, err := expr.ParseCondition(c.text, known)
		if err != nil || e.String() != c.want {
			t.Errorf("condition %q: %v, %v; want %s", c.text, e, err, c.want)
		}
		raw, err := expr.ParseRawCondition(c.text, known)
		if err != nil || raw.String() != c.raw {
			t.Errorf("raw condition %q: %v, %v; want %s", c.text, raw, err, c.raw)
		}
	}
	bare := &expr.Known{Contexts: []string{"github"}}
	if _, err := expr.ParseCondition("github.ref", bare); err != nil {
		t.Errorf("the added success() must not need to be known: %v", err)
	}
	_, err := expr.ParseCondition("env.A == 1", bare)
	if err == nil || err.Error() != "Unrecognized named-value: 'env'. Located at position 1 within expression: env.A == 1" {
		t.Errorf("got %v", err)
	}
	if _, err := expr.ParseCondition("${{ }}", nil); err == nil {
		t.Error("an empty ${{ }} must be refused")
	}
}
