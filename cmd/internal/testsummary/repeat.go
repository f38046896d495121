package main

import (
	"slices"
	"strings"
)

// mostRepeated is the number of failed tests above which none is run again: then it
// is the code that fails.
const mostRepeated = 5

// repeatable is a line "PACKAGE TEST" for each failed test that may have failed by
// accident: nothing when anything failed that never does so.
func (r *results) repeatable() string {
	var lines []string
	for _, id := range r.failed {
		if r.certain(id) {
			return ""
		}
		top, _, _ := strings.Cut(id.name, "/")
		if line := id.pkg + " " + top + "\n"; !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if len(lines) > mostRepeated || len(r.stray) > 0 {
		return ""
	}
	return strings.Join(lines, "")
}

// certain tells whether a second run could prove nothing about a failure.
func (r *results) certain(id testID) bool {
	if id.name == "" {
		return true // it did not build, or it crashed
	}
	for _, line := range r.output[id] {
		for _, sign := range []string{"DATA RACE", "race detected", "(did not finish)", "panic: ", "fatal error: "} {
			if strings.Contains(line, sign) {
				return true
			}
		}
	}
	return false
}

// merge takes the outcome of a second run of what failed: a test that passes now is
// unsteady. The second run counts only where the first one failed.
func (r *results) merge(second *results) {
	r.failed = slices.DeleteFunc(r.failed, func(id testID) bool {
		if r.certain(id) || second.status[id] != "pass" {
			return false
		}
		r.status[id] = "pass"
		r.unsteady = append(r.unsteady, id)
		return true
	})
	// What crashed or raced now is told too.
	for _, id := range second.failed {
		if r.status[id] != "fail" {
			r.status[id] = "fail"
			r.failed = append(r.failed, id)
		}
		r.output[id] = append(r.output[id], second.output[id]...)
	}
	r.stray = append(r.stray, second.stray...)
}
