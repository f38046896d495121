// Package expr is GitHub's expression language: it parses what stands inside ${{ }}, scalars that hold such
// expressions, and `if:` conditions, and evaluates them over contexts and functions that the caller supplies.
//
// A [Value] is a closed type without reflection; contexts, event payloads and results are all made of it, and it keeps
// the order of object keys through JSON. A parsed [Expr] or [Template] is immutable and may be evaluated by several
// goroutines at once. Evaluation is bounded in text length, tree depth and memory as GitHub bounds it.
//
// The package never panics on foreign text, never reads files, clock or environment, and never evaluates the text of a
// value as an expression again.
package expr
