package expr

import (
	"slices"
	"strings"
)

// Limits of an expression (actions/runner: ExpressionConstants.cs and the template's 10 MiB).
const (
	MaxLength = 21000    // UTF-16 units of its text
	MaxDepth  = 50       // levels of its tree
	MaxMemory = 10 << 20 // bytes that its evaluation may hold, counted as GitHub counts them
)

// Expr is a parsed expression. It is immutable: use it as often and from as many goroutines as you like.
type Expr struct {
	src       string
	root      *node // nil: the text was blank, the value is null
	contexts  []string
	functions []string
}

// String is the text that was parsed.
func (e *Expr) String() string { return e.src }

// Uses are the names of the contexts that the expression uses, in lower case, each once, in order of appearance.
func (e *Expr) Uses() []string { return slices.Clone(e.contexts) }

// Calls says whether any of the functions is called anywhere in the expression. Names ignore case.
func (e *Expr) Calls(names ...string) bool {
	for _, n := range names {
		if slices.Contains(e.functions, strings.ToLower(n)) {
			return true
		}
	}
	return false
}
