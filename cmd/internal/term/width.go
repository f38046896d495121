package term

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

const tabStop = 8

// cells is the number of columns of a rune. Terminals disagree on emoji; this
// is the larger answer, so a row that was cut never wraps.
func cells(r rune) int {
	switch {
	case r >= ' ' && r < 0x7f:
		return 1
	case r == 0xfe0f: // shows the character before it as an emoji: one cell more
		return 1
	}
	return runewidth.RuneWidth(r)
}

// width is the number of columns of clean text.
func width(s string) int {
	n := 0
	for _, r := range s {
		n += cells(r)
	}
	return n
}

// cut shortens s to max columns; an ellipsis shows it.
func cut(s string, max int, ellipsis string) string {
	if len(s) <= max || width(s) <= max {
		return s
	}
	max -= width(ellipsis)
	if max < 0 {
		return ""
	}
	n := 0
	for i, r := range s {
		if n += cells(r); n > max {
			return s[:i] + ellipsis
		}
	}
	return s
}

// pad fills s with spaces up to n columns.
func pad(s string, n int) string {
	if w := width(s); w < n {
		return s + strings.Repeat(" ", n-w)
	}
	return s
}

// padLeft puts spaces before s.
func padLeft(s string, n int) string {
	if w := width(s); w < n {
		return strings.Repeat(" ", n-w) + s
	}
	return s
}

// untab replaces tabs by spaces.
func untab(s string) string {
	if !strings.Contains(s, "\t") {
		return s
	}
	var b strings.Builder
	n := 0
	for _, r := range s {
		if r != '\t' {
			b.WriteRune(r)
			n += cells(r)
			continue
		}
		for ok := true; ok; ok = n%tabStop != 0 {
			b.WriteByte(' ')
			n++
		}
	}
	return b.String()
}
