package expr

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Comparison without regard to case follows .NET's OrdinalIgnoreCase: each character is replaced by its simple upper
// case, without language rules; dotless i and long s stay apart from I and S.

func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		return rune(upperASCII(byte(r)))
	}
	if r == 'ı' || r == 'ſ' {
		return r
	}
	return unicode.ToUpper(r)
}

func upperASCII(b byte) byte {
	if b >= 'a' && b <= 'z' {
		return b - ('a' - 'A')
	}
	return b
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// nextFolded gives the first character of s in upper case and its length. A byte that is not UTF-8 stands for itself,
// outside the range of characters.
func nextFolded(s string) (rune, int) {
	if s[0] < utf8.RuneSelf {
		return rune(upperASCII(s[0])), 1
	}
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 {
		return unicode.MaxRune + 1 + rune(s[0]), 1
	}
	return foldRune(r), n
}

func lastFolded(s string) (rune, int) {
	if b := s[len(s)-1]; b < utf8.RuneSelf {
		return rune(upperASCII(b)), 1
	}
	r, n := utf8.DecodeLastRuneInString(s)
	if r == utf8.RuneError && n == 1 {
		return unicode.MaxRune + 1 + rune(s[len(s)-1]), 1
	}
	return foldRune(r), n
}

// fold is s in upper case.
func fold(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for len(s) > 0 {
		r, n := nextFolded(s)
		if r > unicode.MaxRune {
			b.WriteByte(s[0])
		} else {
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

func equalFold(a, b string) bool {
	rest, ok := cutPrefixFold(a, b)
	return ok && rest == ""
}

func cutPrefixFold(s, prefix string) (string, bool) {
	for prefix != "" {
		if s == "" {
			return "", false
		}
		x, n := nextFolded(s)
		y, m := nextFolded(prefix)
		if x != y {
			return "", false
		}
		s, prefix = s[n:], prefix[m:]
	}
	return s, true
}

func hasSuffixFold(s, suffix string) bool {
	for suffix != "" {
		if s == "" {
			return false
		}
		x, n := lastFolded(s)
		y, m := lastFolded(suffix)
		if x != y {
			return false
		}
		s, suffix = s[:len(s)-n], suffix[:len(suffix)-m]
	}
	return true
}

// containsFold folds both texts first, so that its time stays linear in their length.
func containsFold(s, part string) bool {
	return strings.Contains(fold(s), fold(part))
}

func compareFold(a, b string) int {
	for a != "" && b != "" {
		x, n := nextFolded(a)
		y, m := nextFolded(b)
		if x != y {
			return utf16Order(x, y)
		}
		a, b = a[n:], b[m:]
	}
	return len(a) - len(b)
}

// utf16Order compares two different characters by their first UTF-16 units, in which .NET orders text: characters
// beyond U+FFFF come before U+E000.
func utf16Order(x, y rune) int {
	const surrogates, above = 0xD800, 0x10000
	if x >= above && y < above && y >= surrogates {
		return -1
	}
	if y >= above && x < above && x >= surrogates {
		return 1
	}
	return int(x - y)
}

// utf16Len is the length of s as GitHub counts it.
func utf16Len(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b < 0x80 || b >= 0xC0 && b < 0xF0:
			n++
		case b >= 0xF0:
			n += 2
		}
	}
	return n
}
