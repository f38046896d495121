package plan

import (
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow/expr"
)

// maxShown is the longest text that a reason quotes, in characters.
const maxShown = 200

// trace collects what the parts of a condition were, for the reason.
type trace struct {
	values map[string]expr.Value
	root   string // the last part is the whole
}

// add is an expr.Scope.Trace.
func (t *trace) add(sub string, v expr.Value) {
	t.root = sub
	switch v.Kind() {
	case expr.KindArray, expr.KindObject:
		return
	}
	name, _, call := strings.Cut(sub, "(")
	status := slices.Contains([]string{"success", "failure", "cancelled", "always"}, strings.ToLower(name))
	if strings.HasPrefix(sub, "(") || strings.HasPrefix(sub, "!") || call && !status {
		return // operators and functions are shown as they are, with the values inside
	}
	t.values[sub] = v
}

// explain is "text is false ('dev' == 'main')": the condition as written and
// with the values that its contexts had.
func (t *trace) explain(text string) string {
	if text == "false" {
		return text
	}
	why := shorten(strings.Join(strings.Fields(text), " ")) + " is false"
	expanded := t.expand(t.root)
	if strings.HasPrefix(expanded, "(") && strings.HasSuffix(expanded, ")") {
		expanded = expanded[1 : len(expanded)-1]
	}
	switch expanded {
	case "", "false", "''", "null", "0", text:
		if expanded == "''" || expanded == "null" {
			why += " (it is empty)"
		}
		return why
	}
	return why + " (" + shorten(expanded) + ")"
}

// expand replaces the parts that have values, outside of string literals.
func (t *trace) expand(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		if text[i] == '\'' {
			end := i + 1
			for end < len(text) && text[end] != '\'' {
				end++
			}
			end = min(end+1, len(text))
			b.WriteString(text[i:end])
			i = end
			continue
		}
		if part := t.longest(text[i:]); part != "" && (i == 0 || !partOfName(text[i-1])) {
			b.WriteString(literal(t.values[part]))
			i += len(part)
			continue
		}
		b.WriteByte(text[i])
		i++
	}
	return b.String()
}

// longest is the longest part with a value that text begins with.
func (t *trace) longest(text string) string {
	found := ""
	for part := range t.values {
		if len(part) > len(found) && strings.HasPrefix(text, part) &&
			(len(text) == len(part) || !partOfName(text[len(part)]) && text[len(part)] != '[') {
			found = part
		}
	}
	return found
}

func partOfName(c byte) bool {
	return c == '_' || c == '-' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// literal is the value as the expression language writes it.
func literal(v expr.Value) string {
	switch v.Kind() {
	case expr.KindNull:
		return "null"
	case expr.KindString:
		return "'" + strings.ReplaceAll(v.Text(), "'", "''") + "'"
	default:
		return v.Text()
	}
}

func shorten(text string) string {
	if r := []rune(text); len(r) > maxShown {
		return string(r[:maxShown]) + "..."
	}
	return text
}
