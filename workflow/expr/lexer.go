package expr

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd      tokenKind = iota
	tokenInvalid            // malformed: reported as a lexing error when the parser gets to it
	tokenLiteral            // null, boolean, number or string
	tokenName               // a context, or a property after "."
	tokenFunction           // a name before "("
	tokenStar
	tokenOpen  // (
	tokenClose // )
	tokenOpenIndex
	tokenCloseIndex
	tokenComma
	tokenDot
	tokenNot
	tokenOperator // a binary operator
)

type token struct {
	kind  tokenKind
	op    op // of a tokenOperator
	start int
	raw   string
	value Value // of a tokenLiteral
}

// place is what the grammar expects where a token is read: "." begins a number where an operand may stand, and every
// name after "." is a property.
type place uint8

const (
	operandPlace place = iota
	operatorPlace
	propertyPlace
)

// lexer reads tokens one at a time (actions/runner: LexicalAnalyzer.cs).
type lexer struct {
	src string
	pos int
}

func (l *lexer) next(at place) token {
	l.pos = skipSpace(l.src, l.pos)
	if l.pos == len(l.src) {
		return token{kind: tokenEnd, start: l.pos}
	}
	switch c := l.src[l.pos]; c {
	case '(':
		return l.symbol(tokenOpen, 1)
	case ')':
		return l.symbol(tokenClose, 1)
	case '[':
		return l.symbol(tokenOpenIndex, 1)
	case ']':
		return l.symbol(tokenCloseIndex, 1)
	case ',':
		return l.symbol(tokenComma, 1)
	case '*':
		return l.symbol(tokenStar, 1)
	case '\'':
		return l.text()
	case '!', '<', '>', '=', '&', '|':
		return l.operator(c)
	case '.':
		if at != operandPlace {
			return l.symbol(tokenDot, 1)
		}
		return l.number()
	case '+', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return l.number()
	default:
		return l.name(at)
	}
}

func (l *lexer) symbol(kind tokenKind, length int) token {
	start := l.pos
	l.pos += length
	return token{kind: kind, start: start, raw: l.src[start:l.pos]}
}

func (l *lexer) operator(c byte) token {
	double := l.pos+1 < len(l.src)
	var second byte
	if double {
		second = l.src[l.pos+1]
	}
	o, length := opNone, 1
	switch {
	case c == '!' && second == '=':
		o, length = opNotEqual, 2
	case c == '>' && second == '=':
		o, length = opGreaterEqual, 2
	case c == '<' && second == '=':
		o, length = opLessEqual, 2
	case c == '=' && second == '=':
		o, length = opEqual, 2
	case c == '&' && second == '&':
		o, length = opAnd, 2
	case c == '|' && second == '|':
		o, length = opOr, 2
	case c == '!':
		return l.symbol(tokenNot, 1)
	case c == '<':
		o = opLess
	case c == '>':
		o = opGreater
	}
	if o == opNone {
		return l.symbol(tokenInvalid, l.wordEnd(l.pos+1, false)-l.pos)
	}
	t := l.symbol(tokenOperator, length)
	t.op = o
	return t
}

func (l *lexer) number() token {
	t := l.symbol(tokenLiteral, l.wordEnd(l.pos+1, true)-l.pos)
	f := parseNumber(t.raw)
	if math.IsNaN(f) {
		t.kind = tokenInvalid
	}
	t.value = Number(f)
	return t
}

func (l *lexer) name(at place) token {
	t := l.symbol(tokenName, l.wordEnd(l.pos, false)-l.pos)
	if !isName(t.raw) {
		t.kind = tokenInvalid
		return t
	}
	if at == propertyPlace {
		return t
	}
	switch t.raw {
	case "null":
		t.kind = tokenLiteral
	case "true", "false":
		t.kind, t.value = tokenLiteral, Bool(t.raw == "true")
	case "NaN":
		t.kind, t.value = tokenLiteral, Number(math.NaN())
	case "Infinity":
		t.kind, t.value = tokenLiteral, Number(math.Inf(1))
	default:
		if i := skipSpace(l.src, l.pos); i < len(l.src) && l.src[i] == '(' {
			t.kind = tokenFunction
		}
	}
	return t
}

func (l *lexer) text() token {
	start, escaped := l.pos, false
	for i := start + 1; ; i += 2 { // at a doubled quote: go on behind it
		quote := strings.IndexByte(l.src[min(i, len(l.src)):], '\'')
		if quote < 0 {
			return l.symbol(tokenInvalid, len(l.src)-start)
		}
		i += quote
		if i+1 < len(l.src) && l.src[i+1] == '\'' {
			escaped = true
			continue
		}
		t := l.symbol(tokenLiteral, i+1-start)
		inner := t.raw[1 : len(t.raw)-1]
		if escaped {
			inner = strings.ReplaceAll(inner, "''", "'")
		}
		t.value = String(inner)
		return t
	}
}

// wordEnd is where the word that goes on at i ends. Whatever is no boundary belongs to it, so that a malformed word is
// reported whole.
func (l *lexer) wordEnd(i int, dots bool) int {
	for i < len(l.src) {
		switch c := l.src[i]; c {
		case '.':
			if !dots {
				return i
			}
		case '(', '[', ')', ']', ',', '!', '>', '<', '=', '&', '|', ' ', '\t', '\n', '\v', '\f', '\r':
			return i
		default:
			if c >= utf8.RuneSelf {
				r, n := utf8.DecodeRuneInString(l.src[i:])
				if unicode.IsSpace(r) {
					return i
				}
				i += n
				continue
			}
		}
		i++
	}
	return i
}

func skipSpace(s string, i int) int {
	for i < len(s) {
		switch c := s[i]; {
		case c == ' ' || c >= '\t' && c <= '\r':
			i++
		case c < utf8.RuneSelf:
			return i
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			if !unicode.IsSpace(r) {
				return i
			}
			i += n
		}
	}
	return i
}

// isName is [A-Za-z_][A-Za-z0-9_-]*.
func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '-'):
		default:
			return false
		}
	}
	return s != ""
}
