package workflow

import (
	"cmp"
	"slices"
)

// report collects the diagnostics of one file.
type report struct {
	file  string
	found Diagnostics
	// unreadable are stand-ins for values with an error that is reported.
	unreadable map[*Node]bool
	// unknown are the keys that were reported as such.
	unknown map[*Node]bool
	// fine are texts with expressions that were found right in their scope:
	// most stand in a file several times.
	fine map[placed]bool
}

// placed is a text in a scope.
type placed struct {
	text  string
	scope *scope
}

func newReport(file string) *report {
	return &report{file: file, unreadable: map[*Node]bool{}, unknown: map[*Node]bool{}, fine: map[placed]bool{}}
}

func (r *report) add(pos Pos, code, message, hint string) {
	r.put(pos, Error, code, message, hint)
}

func (r *report) warn(pos Pos, code, message, hint string) {
	r.put(pos, Warning, code, message, hint)
}

func (r *report) put(pos Pos, severity Severity, code, message, hint string) {
	r.found = append(r.found, Diagnostic{File: r.file, Pos: pos, Severity: severity, Code: code, Message: message, Hint: hint})
}

// sorted gives the diagnostics in the file's order. What an alias repeats is
// said once.
func (r *report) sorted() Diagnostics {
	slices.SortStableFunc(r.found, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return slices.Compact(r.found)
}
