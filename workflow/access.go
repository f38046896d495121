package workflow

import "strings"

// Most expressions only read a context: ${{ matrix.os }}. These are found
// right without parsing; whatever else stands there goes to the parser.

// Bounds far below the parser's own, so that no limit is left to check.
const (
	maxPlainText  = 5000
	maxPlainNames = 10
)

// plainAccess tells whether every expression of the text reads a context of
// the scope by names, and nothing else.
func plainAccess(text string, s *scope) bool {
	if len(text) > maxPlainText {
		return false
	}
	for {
		_, rest, found := strings.Cut(text, "${{")
		if !found {
			return true
		}
		inner, after, closed := strings.Cut(rest, "}}")
		if !closed || !plainNames(strings.Trim(inner, " "), s) {
			return false
		}
		text = after
	}
}

// plainNames takes context.name.name.
func plainNames(text string, s *scope) bool {
	first, rest, more := strings.Cut(text, ".")
	if !isName(first) || !s.has(first) {
		return false
	}
	for range maxPlainNames {
		if !more {
			return true
		}
		var name string
		if name, rest, more = strings.Cut(rest, "."); !isName(name) {
			return false
		}
	}
	return false
}

// isName tells whether the text is letters, digits, _ and - and begins with a
// letter or _.
func isName(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '-'):
		default:
			return false
		}
	}
	return text != ""
}

// has tells whether the scope has the context, ignoring case.
func (s *scope) has(context string) bool {
	for _, c := range s.Contexts {
		if strings.EqualFold(c, context) {
			return true
		}
	}
	return false
}
