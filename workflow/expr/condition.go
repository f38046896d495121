package expr

import "strings"

// statusFunctions make a condition its own master.
func statusFunctions() []string { return []string{"success", "failure", "cancelled", "always"} }

// ParseCondition reads the `if` of a job or step. The ${{ }} around it may be left out; text around an expression makes
// a format() of it, which is always true, as on GitHub. A condition that calls none of success, failure, cancelled and
// always holds only after success: it becomes success() && (condition); a blank one becomes success().
func ParseCondition(text string, known *Known) (*Expr, error) {
	e, err := parseRaw(text, known)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return Parse("success()", known.withStatus("success"))
	}
	if e.Calls(statusFunctions()...) {
		return e, nil
	}
	return Parse("success() && ("+e.src+")", known.withStatus("success"))
}

// ParseRawCondition reads the `pre-if` or `post-if` of an action, to which nothing is added; a blank one is always().
func ParseRawCondition(text string, known *Known) (*Expr, error) {
	e, err := parseRaw(text, known)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return Parse("always()", known.withStatus("always"))
	}
	return e, nil
}

// parseRaw gives nil for blank text.
func parseRaw(text string, known *Known) (*Expr, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if !HasExpression(text) {
		return Parse(strings.TrimSpace(text), known)
	}
	t, err := ParseTemplate(text, known)
	if err != nil {
		return nil, err
	}
	if t.insert {
		return nil, locatedError(Parsing, "Unrecognized named-value", "insert", "insert", 0)
	}
	if t.IsLiteral() { // ${{ 'text' }} stays a string: it is not read as an expression
		return Parse("'"+strings.ReplaceAll(t.parts[0].text, "'", "''")+"'", known)
	}
	if len(t.parts) == 1 {
		return t.parts[0].expr, nil
	}
	return Parse(t.format(), known)
}

// withStatus is k with one status function more, for conditions that are added.
func (k *Known) withStatus(name string) *Known {
	if k == nil {
		return nil
	}
	if _, ok := k.Functions[name]; ok {
		return k
	}
	functions := map[string]FuncSpec{name: {0, 0}}
	for n, spec := range k.Functions {
		functions[n] = spec
	}
	return &Known{Contexts: k.Contexts, Functions: functions}
}
