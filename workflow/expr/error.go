package expr

import "strconv"

// ErrorKind says in which phase an expression failed.
type ErrorKind uint8

// The phases.
const (
	Lexing     ErrorKind = iota // a malformed number, name, operator or string
	Parsing                     // a symbol in the wrong place, an unknown name, a wrong number of arguments, a limit
	Evaluation                  // everything that depends on values
)

// String is "lexing", "parsing" or "evaluation".
func (k ErrorKind) String() string {
	switch k {
	case Lexing:
		return "lexing"
	case Parsing:
		return "parsing"
	default:
		return "evaluation"
	}
}

// Error is the only error type of this package. Its message is GitHub's own text, which people search for.
type Error struct {
	Kind    ErrorKind
	Message string // GitHub's text; it holds the position where GitHub's does
	Offset  int    // bytes into Expr
	Expr    string // the expression, without ${{ }}
	Start   int    // bytes into a template's text at which Expr begins; 0 for a plain expression
	Err     error  // what a caller's function or the JSON reader reported, if that is the cause
}

func (e *Error) Error() string { return e.Message }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// locatedError is an error at a token. Positions are counted from 1 in UTF-16 units
// (actions/runner: ParseException.cs).
func locatedError(kind ErrorKind, what, raw, src string, offset int) *Error {
	return &Error{
		Kind: kind, Expr: src, Offset: offset,
		Message: what + ": '" + raw + "'. Located at position " + strconv.Itoa(utf16Len(src[:offset])+1) +
			" within expression: " + src,
	}
}
