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
