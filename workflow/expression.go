package workflow

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow/expr"
)

// checkTemplate checks a string that holds ${{ }}. It gives the string that a
// constant expression stands for, and nil when the value is known only later
// or an error was reported.
func (r *report) checkTemplate(n *Node, want *rule, s *scope) *Node {
	if plainAccess(n.Text, s) || r.fine[placed{n.Text, s}] {
		return nil
	}
	t, err := expr.ParseTemplate(n.Text, &s.Known)
	if err != nil {
		r.expressionError(n, err, s)
		if !want.accepts(n) {
			// To GitHub the text is then a string like any other
			// (actions/runner: TemplateReader.cs, Validate).
			r.add(n.Pos, "unexpected-value", fmt.Sprintf("Unexpected value '%s'", n.Text), "correct the expression")
		}
		return nil
	}
	switch {
	case t.IsInsert():
		r.add(n.Pos, "insert", fmt.Sprintf("Unexpected value '%s'", strings.TrimSpace(n.Text)), "${{ insert }} may only be a key")
		return nil
	case t.IsLiteral():
		v, err := t.Eval(expr.Scope{})
		if err != nil {
			return nil
		}
		return &Node{Kind: String, Text: v.Text(), Pos: n.Pos}
	case s.empty():
		r.add(n.Pos, "expression-not-allowed", "A template expression is not allowed in this context", want.expects())
	default:
		r.fine[placed{n.Text, s}] = true
	}
	return nil
}

func (r *report) checkCondition(n *Node, s *scope) {
	text := n.ScalarText()
	if r.fine[placed{text, s}] {
		return
	}
	// What GitHub puts around a condition can only make a long one too deep.
	parse := expr.ParseRawCondition
	if len(text) >= expr.MaxDepth {
		parse = expr.ParseCondition
	}
	if _, err := parse(text, &s.Known); err != nil {
		r.expressionError(n, err, s)
		return
	}
	if !expr.HasExpression(text) {
		r.fine[placed{text, s}] = true
		return
	}
	t, err := expr.ParseTemplate(text, &s.Known)
	if err != nil {
		return
	}
	// Text beside the braces makes a string of the whole, and every string
	// but the empty one is true.
	exprs := t.Exprs()
	inner := strings.TrimSuffix(strings.TrimPrefix(text, "${{"), "}}")
	if len(exprs) > 1 || len(exprs) == 1 && exprs[0].String() != strings.TrimSpace(inner) {
		r.warn(n.Pos, "always-true", fmt.Sprintf("The condition '%s' is always true: it has text outside of ${{ }}", strings.TrimSpace(text)), "remove the braces, or put them around the whole condition")
	}
}

// checkExpressionKey checks a key like ${{ insert }} and its value.
func (r *report) checkExpressionKey(e Entry, forms []*mapping, s *scope) {
	t, err := expr.ParseTemplate(e.Key.Text, &s.Known)
	if err != nil {
		r.expressionError(e.Key, err, s)
		return
	}
	if s.empty() {
		r.add(e.Key.Pos, "expression-not-allowed", "A template expression is not allowed in this context", "write the key itself")
		return
	}
	value := &rule{anything: true}
	if len(forms) == 1 && len(forms[0].keys) == 0 && forms[0].other != nil && !t.IsInsert() {
		value = forms[0].other
	}
	r.check(e.Value, value, s)
}

// expressionError reports what is wrong with an expression, and what the
// place allows when it is a name.
func (r *report) expressionError(n *Node, err error, s *scope) {
	message := err.Error()
	code, hint := "expression", ""
	if rest, ok := strings.CutPrefix(message, "Unrecognized named-value: '"); ok {
		name, _, _ := strings.Cut(rest, "'")
		code, hint = "unknown-context", "no context may be used here"
		if len(s.Contexts) > 0 {
			hint = Suggest(name, s.Contexts)
		}
	}
	if rest, ok := strings.CutPrefix(message, "Unrecognized function: '"); ok {
		name, _, _ := strings.Cut(rest, "'")
		code, hint = "unknown-function", Suggest(name, s.functionNames())
	}
	// The position is that of the whole value, as GitHub gives it; in a long
	// script that is not enough to find the place.
	var e *expr.Error
	if errors.As(err, &e) && e.Start > 0 && e.Start <= len(n.Text) && strings.Contains(n.Text, "\n") {
		line := fmt.Sprintf("in line %d of the text", 1+strings.Count(n.Text[:e.Start], "\n"))
		hint = strings.TrimPrefix(hint+"; "+line, "; ")
	}
	r.add(n.Pos, code, message, hint)
}

// functionNames are the functions of the place, as people write them.
func (s *scope) functionNames() []string {
	names := []string{"case", "contains", "endsWith", "format", "fromJSON", "join", "startsWith", "toJSON"}
	for name := range s.Functions {
		if name == "hashfiles" {
			name = "hashFiles"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
