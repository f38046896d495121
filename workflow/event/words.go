package event

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What a reason shows of lists and of long values.
const (
	shownItems = 5
	shownChars = 200
)

// quote shows a value between single quotes on one line. A backslash stays
// single: patterns are shown as they are written.
func quote(s string) string {
	cut := ""
	if utf8.RuneCountInString(s) > shownChars {
		s, cut = string([]rune(s)[:shownChars]), "..."
	}
	var b strings.Builder
	for _, r := range s {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return "'" + b.String() + cut + "'"
}

// listed shows the first few values.
func listed(values []string) string {
	var shown []string
	for _, v := range values[:min(len(values), shownItems)] {
		shown = append(shown, quote(v))
	}
	return more(shown, len(values))
}

// more joins what is shown of n things.
func more(shown []string, n int) string {
	text := strings.Join(shown, ", ")
	if rest := n - len(shown); rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}

// nearest gives the name that a slip may have turned into got, or "". A slip is
// one letter in three at most.
func nearest(got string, names []string) string {
	if got == "" || len(got) > 64 {
		return ""
	}
	low := strings.ToLower(got)
	best, least := "", max(1, len(low)/3)+1
	for _, n := range names {
		if d := distance(low, strings.ToLower(n)); d < least {
			best, least = n, d
		}
	}
	return best
}

// distance counts the bytes to insert, delete, replace or swap with their
// neighbour to make b of a.
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
