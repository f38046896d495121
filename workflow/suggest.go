package workflow

import (
	"fmt"
	"strings"
)

// shownChoices bounds the list of what would be accepted.
const shownChoices = 30

// suggest says what would be accepted instead of got, the likely meant first.
func suggest(got string, choices []string) string {
	var hint string
	if near := nearest(got, choices); near != "" {
		hint = fmt.Sprintf("did you mean %q? ", near)
	}
	switch {
	case len(choices) == 0:
	case len(choices) == 1:
		hint += "expected " + choices[0]
	case len(choices) <= shownChoices:
		hint += "expected one of " + strings.Join(choices, ", ")
	}
	return strings.TrimSpace(hint)
}

// nearest gives the choice that a typing slip may have turned into got, or "".
func nearest(got string, choices []string) string {
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

// distance is Levenshtein's, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
