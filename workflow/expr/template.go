package expr

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
)

const opening, closing = "${{", "}}"

// HasExpression says whether a scalar's text holds the beginning of an expression.
func HasExpression(text string) bool { return strings.Contains(text, opening) }

// Template is a scalar's text that may hold expressions in ${{ }}. It is immutable, like Expr.
type Template struct {
	text   string
	parts  []part
	insert bool
}

// part is literal text or an expression.
type part struct {
	text string
	expr *Expr
}

// ParseTemplate reads a scalar's text. The names that its expressions may use are in known. An error is an *Error;
// its Start is where the expression begins in the text.
func ParseTemplate(text string, known *Known) (*Template, error) {
	t := &Template{text: text}
	for i := 0; i < len(text); {
		open := strings.Index(text[i:], opening)
		if open < 0 {
			t.parts = append(t.parts, part{text: text[i:]})
			break
		}
		if open > 0 {
			t.parts = append(t.parts, part{text: text[i : i+open]})
		}
		start := i + open + len(opening)
		length := closingAt(text[start:])
		if length < 0 {
			return nil, &Error{Kind: Parsing, Start: start, Expr: text[start:], Message: "The expression is not closed." +
				" An unescaped ${{ sequence was found, but the closing }} sequence was not found."}
		}
		if err := t.add(text[start:start+length], start, known); err != nil {
			return nil, err
		}
		i = start + length + len(closing)
		if t.insert && (len(t.parts) > 1 || i < len(text)) {
			return nil, &Error{Kind: Parsing, Message: "The directive 'insert' is not allowed in this context." +
				" Directives are not supported for expressions that are embedded within a string." +
				" Directives are only supported when the entire value is an expression."}
		}
	}
	if err := t.checkLimits(); err != nil {
		return nil, err
	}
	t.unquote()
	return t, nil
}

// closingAt is where the }} outside of strings is, or -1. The quote of a doubled quote closes and opens.
func closingAt(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		if s[i] == '\'' {
			quoted = !quoted
		} else if !quoted && s[i] == '}' && i > 0 && s[i-1] == '}' {
			return i - 1
		}
	}
	return -1
}

func (t *Template) add(inner string, start int, known *Known) error {
	src := strings.TrimSpace(inner)
	start += len(inner) - len(strings.TrimLeftFunc(inner, unicode.IsSpace))
	if src == "" {
		return &Error{Kind: Parsing, Start: start, Message: "An expression was expected"}
	}
	if words := strings.Fields(src); words[0] == "insert" {
		if len(words) > 1 {
			return &Error{Kind: Parsing, Start: start, Expr: src, Message: "Exactly 0 parameter(s) were expected following" +
				" the directive 'insert'. Actual parameter count: " + strconv.Itoa(len(words)-1)}
		}
		t.insert = true
		t.parts = append(t.parts, part{expr: &Expr{src: src}})
		return nil
	}
	e, err := Parse(src, known)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.Start = start
		}
		return err
	}
	t.parts = append(t.parts, part{expr: e})
	return nil
}

// checkLimits applies the limits to the format() expression that GitHub makes of text with expressions inside.
func (t *Template) checkLimits() error {
	if len(t.parts) < 2 {
		return nil
	}
	length := len("format('')")
	for i, p := range t.parts {
		if p.expr == nil {
			length += utf16Len(p.text) + strings.Count(p.text, "'") + strings.Count(p.text, "{") + strings.Count(p.text, "}")
			continue
		}
		length += len(", {0}") + utf16Len(p.expr.src)
		if i >= 10 {
			length++
		}
		if p.expr.root.depth >= MaxDepth {
			return &Error{Kind: Parsing, Expr: p.expr.src, Message: tooDeep()}
		}
	}
	if length > MaxLength {
		return &Error{Kind: Parsing, Expr: t.text, Message: tooLong()}
	}
	return nil
}

// unquote makes literal text of a template that is nothing but one string: ${{ 'text' }}.
func (t *Template) unquote() {
	if len(t.parts) == 1 && t.parts[0].expr != nil && !t.insert {
		if n := t.parts[0].expr.root; n.op == opLiteral && n.value.kind == KindString && t.parts[0].expr.src[0] == '\'' {
			t.parts[0] = part{text: n.value.str}
		}
	}
}

// Text is the text that was parsed.
func (t *Template) Text() string { return t.text }

// IsLiteral says whether the value is the same string in every scope.
func (t *Template) IsLiteral() bool {
	return len(t.parts) == 0 || len(t.parts) == 1 && t.parts[0].expr == nil
}

// IsInsert says whether the text is the directive ${{ insert }}, which has no value: it stands as the key of a mapping.
func (t *Template) IsInsert() bool { return t.insert }

// Exprs are the expressions of the text in order.
func (t *Template) Exprs() []*Expr {
	var exprs []*Expr
	for _, p := range t.parts {
		if p.expr != nil {
			exprs = append(exprs, p.expr)
		}
	}
	return exprs
}

// Eval gives the value: that of the expression, with its type, if the text is one expression and nothing else; the
// text with the expressions replaced by their texts otherwise.
func (t *Template) Eval(scope Scope) (Value, error) {
	if t.insert {
		return Value{}, &Error{Kind: Evaluation, Expr: "insert", Message: "The directive 'insert' has no value"}
	}
	if t.IsLiteral() {
		if len(t.parts) == 0 {
			return String(""), nil
		}
		return String(t.parts[0].text), nil
	}
	if len(t.parts) == 1 {
		return t.parts[0].expr.Eval(scope)
	}
	var memory counter
	var out []byte
	for _, p := range t.parts {
		text := p.text
		if p.expr != nil {
			v, err := p.expr.Eval(scope)
			if err != nil {
				return Value{}, err
			}
			text = v.Text()
		}
		if !memory.text(text) {
			return Value{}, &Error{Kind: Evaluation, Expr: t.text,
				Message: "The maximum allowed memory size was exceeded while evaluating the following expression: " + t.format()}
		}
		out = append(out, text...)
	}
	return String(string(out)), nil
}

// format is the template as one expression: format('text {0}', expression).
func (t *Template) format() string {
	var text, args strings.Builder
	n := 0
	escape := strings.NewReplacer("'", "''", "{", "{{", "}", "}}")
	for _, p := range t.parts {
		if p.expr == nil {
			text.WriteString(escape.Replace(p.text))
			continue
		}
		text.WriteString("{" + strconv.Itoa(n) + "}")
		args.WriteString(", " + p.expr.src)
		n++
	}
	return "format('" + text.String() + "'" + args.String() + ")"
}
