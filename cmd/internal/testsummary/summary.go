package main

import (
	"fmt"
	"regexp"
	"strings"
)

// summary is the text for people and whether the run counts as passed.
func (r *results) summary(failOnSkip bool) (string, bool) {
	var b strings.Builder
	for _, line := range r.stray {
		b.WriteString(line)
	}
	tell := func(verdict string, all []testID) {
		for _, id := range all {
			fmt.Fprintf(&b, "\n%s %s %s\n", verdict, id.pkg, id.name)
			for _, line := range r.output[id] {
				if !frame(line) {
					b.WriteString("    " + line)
				}
			}
		}
	}
	tell("UNSTEADY (failed, then passed)", r.unsteady)
	tell("FAIL", r.failed)
	if len(r.skipped) > 0 {
		b.WriteString("\nskipped:\n")
	}
	for _, id := range r.skipped {
		fmt.Fprintf(&b, "  %s %s: %s\n", id.pkg, id.name, reason(r.output[id]))
	}
	passed, failed, skipped := r.count("pass"), r.count("fail"), r.count("skip")
	ok := failed == 0 && len(r.stray) == 0 && passed+failed+skipped > 0
	switch {
	case passed+failed+skipped == 0:
		b.WriteString("\nno test ran\n")
	case skipped > 0 && failOnSkip:
		b.WriteString("\na skipped test is a failure here\n")
		ok = false
	}
	if len(r.unsteady) > 0 {
		fmt.Fprintf(&b, "\n%d unsteady: see above, and mend it\n", len(r.unsteady))
	}
	fmt.Fprintf(&b, "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	return b.String(), ok
}

// frame tells the lines that go test puts around a test from what the test said.
func frame(line string) bool {
	trimmed := strings.TrimSpace(line)
	for _, prefix := range []string{"=== ", "--- FAIL", "--- SKIP", "--- PASS"} {
		if strings.HasPrefix(trimmed, prefix) {
			return true
		}
	}
	return false
}

var sourceLine = regexp.MustCompile(`^[\w.-]+\.go:\d+: `)

// reason is what a skipped test said, on one line.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		if text := strings.TrimSpace(line); text != "" && !frame(line) {
			said = append(said, sourceLine.ReplaceAllString(text, ""))
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}
