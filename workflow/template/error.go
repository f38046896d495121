package template

import (
	"fmt"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// Error is a value that could not be evaluated or has the wrong type.
type Error struct {
	Pos  workflow.Pos
	Text string // as the file has it; "" for a mapping or sequence
	Err  error  // an *expr.Error, or GitHub's "Unexpected value 'x'"
}

// shownText bounds how much of the file an error repeats.
const shownText = 120

// Error is the cause with the text that it is about.
func (e *Error) Error() string {
	text := strings.TrimSpace(e.Text)
	if line, rest, _ := strings.Cut(text, "\n"); rest != "" {
		text = line + " ..."
	}
	if r := []rune(text); len(r) > shownText {
		text = string(r[:shownText]) + "..."
	}
	cause := e.Err.Error()
	if text == "" || strings.Contains(cause, text) {
		return cause
	}
	return fmt.Sprintf("%s: evaluating '%s'", cause, text)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

func failed(n *workflow.Node, err error) error {
	return &Error{Pos: n.Pos, Text: n.Text, Err: err}
}

// unexpected is GitHub's error for a value of the wrong type
// (actions/runner: TemplateEvaluator.cs).
func unexpected(n *workflow.Node, v expr.Value) error {
	switch v.Kind() {
	case expr.KindArray:
		return failed(n, fmt.Errorf("A sequence was not expected")) //nolint:staticcheck // GitHub's text
	case expr.KindObject:
		return failed(n, fmt.Errorf("A mapping was not expected")) //nolint:staticcheck // GitHub's text
	default:
		return failed(n, fmt.Errorf("Unexpected value '%s'", v.Text())) //nolint:staticcheck // GitHub's text
	}
}
