package runner

import (
	"cmp"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow/expr"
)

// expansion writes an expression with the values that its parts had, for
// people who debug a condition (actions/runner: ExpressionNode.cs).
type expansion struct {
	leaves []part // what reads a context or calls a function
	whole  string
}

type part struct{ text, value string }

// see is the Trace of an evaluation: inner parts come first.
func (e *expansion) see(sub string, v expr.Value) {
	if e.whole = sub; sub != "" && sub[0] != '(' && sub[0] != '!' {
		e.leaves = append(e.leaves, part{sub, display(v)})
	}
}

// lines is the one line, or none if it tells nothing.
func (e *expansion) lines() []string {
	// The longest first: github.ref must not take the head of github.ref_name.
	slices.SortStableFunc(e.leaves, func(a, b part) int { return cmp.Compare(len(b.text), len(a.text)) })
	var pairs []string
	for _, l := range e.leaves {
		pairs = append(pairs, l.text, l.value)
	}
	text := strings.NewReplacer(pairs...).Replace(e.whole)
	if text == e.whole || len(e.leaves) == 1 && e.leaves[0].text == e.whole {
		return nil
	}
	return []string{"Expanded: " + text}
}
