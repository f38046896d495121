package workflow

import (
	"fmt"
	"strings"
)

// Severity says what a diagnostic means for a run.
type Severity string

// The severities. Only Error stops a run.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Advice  Severity = "advice"
)

// Diagnostic is one remark on a file.
type Diagnostic struct {
	File     string   `json:"file"`
	Pos      Pos      `json:"-"`
	Severity Severity `json:"severity"`
	Code     string   `json:"code"` // stable, kebab-case: "unknown-key"
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"` // what would be accepted, did you mean
}

// String is "file:line:col: severity: message (hint)".
func (d Diagnostic) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s: %s", d.File, d.Pos.Line, d.Pos.Column, d.Severity, d.Message)
	if d.Hint != "" {
		s += " (" + d.Hint + ")"
	}
	return s
}

// Diagnostics are in the order of the file.
type Diagnostics []Diagnostic

// HasErrors tells whether one of them stops a run.
func (ds Diagnostics) HasErrors() bool {
	for _, d := range ds {
		if d.Severity == Error {
			return true
		}
	}
	return false
}

// Err gives the errors among them as one error, or nil.
func (ds Diagnostics) Err() error {
	if !ds.HasErrors() {
		return nil
	}
	return InvalidError{ds}
}

// InvalidError says that a workflow cannot be run.
type InvalidError struct{ Diagnostics Diagnostics }

// Error has one line a diagnostic.
func (e InvalidError) Error() string {
	var lines []string
	for _, d := range e.Diagnostics {
		if d.Severity == Error {
			lines = append(lines, d.String())
		}
	}
	return strings.Join(lines, "\n")
}
