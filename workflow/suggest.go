package workflow

import (
	"fmt"
	"strings"
)

// The lists of what would be accepted are left out when they are longer than
// this, or than the second when the likely meant one was found.
const (
	shownChoices = 30
	fewChoices   = 8
)

// Suggest says what would be accepted instead of got, the likely meant first: the
// hint of a diagnostic.
func Suggest(got string, choices []string) string {
	limit := shownChoices
	var hint string
	if near := Nearest(got, choices); near != "" {
		hint = fmt.Sprintf("did you mean %q? ", near)
		limit = fewChoices
	}
	switch {
	case len(choices) == 0:
	case len(choices) == 1:
		hint += "expected " + choices[0]
	case len(choices) <= limit:
		hint += "expected one of " + strings.Join(choices, ", ")
	}
	return strings.TrimSpace(hint)
}

// Nearest gives the choice that a typing slip may have turned into got, or "".
func Nearest(got string, choices []string) string {
	if got == "" || len(got) > 64 {
		return ""
	}
	low := strings.ToLower(got)
	best, bestDistance := "", 1+max(1, len(low)/3)
	for _, c := range choices {
		if d := distance(low, strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to make b of a (optimal string alignment, in bytes).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
