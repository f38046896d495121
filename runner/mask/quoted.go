package mask

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// trimQuotes returns a value in quotes without them.
func trimQuotes(v string) []string {
	if n := len(v); n > 8 && (v[0] == '"' || v[0] == '\'') && v[n-1] == v[0] {
		return []string{v[1 : n-1]}
	}
	return nil
}

// backslashed is what printf %q of bash prints (lib/sh/shquote.c, sh_backslash_quote).
func backslashed(v string) string {
	var b strings.Builder
	for i, r := range v {
		if strings.ContainsRune(" \t\n'\"\\|&;()<>!{}*[?]^$`,", r) || r == '#' && i == 0 ||
			r == '~' && (i == 0 || v[i-1] == ':' || v[i-1] == '=') {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// dollarQuoted is the inside of $'...' as bash prints it (lib/sh/strtrans.c, ansic_quote): in a locale that knows UTF-8,
// or with all that is not ASCII in octal digits.
func dollarQuoted(v string, utf8Locale bool) string {
	short := map[byte]string{0x1b: `\E`, '\a': `\a`, '\v': `\v`, '\t': `\t`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\\': `\\`, '\'': `\'`}
	var b strings.Builder
	for i := 0; i < len(v); {
		c := v[i]
		r, n := utf8.DecodeRuneInString(v[i:])
		if !utf8Locale || r == utf8.RuneError {
			n = 1
		}
		s, isShort := short[c]
		switch {
		case isShort:
			b.WriteString(s)
		case c >= ' ' && c < 0x7f, n > 1 && unicode.IsPrint(r):
			b.WriteString(v[i : i+n])
		default:
			for _, c := range []byte(v[i : i+n]) {
				fmt.Fprintf(&b, `\%03o`, c)
			}
		}
		i += n
	}
	return b.String()
}

// literals are the insides of a string as Python and JavaScript show it, in apostrophes or in quotes that are not in it,
// of Python's bytes, and of a string of Perl, whose newlines stay.
func literals(v string) []string {
	return []string{
		literal(v, `\'`, "\n\r\t", false), literal(v, `\`, "\n\r\t", false), literal(v, `\'`, "\n\r\t", true), literal(v, `\'`, "", false),
	}
}

// literal escapes the characters of quoted by a backslash, and controls as \n or \x1b if there are any to be escaped.
func literal(v, quoted, controls string, ascii bool) string {
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case strings.IndexByte(quoted, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case strings.IndexByte(controls, c) >= 0:
			b.WriteString(goQuoted(string(c)))
		case (c < ' ' || c == 0x7f) && controls != "", c >= utf8.RuneSelf && ascii:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// goQuoted is the inside of %q.
func goQuoted(v string) string {
	s := strconv.Quote(v)
	return s[1 : len(s)-1]
}

// powerShellSections returns the two parts that PowerShell prints apart when a value with & runs as a command.
func powerShellSections(v string) []string {
	cut := strings.LastIndex(v, "&") + 1
	skip := 0
	if i := strings.Index(v, "&+"); i >= 0 {
		cut, skip = i+2, 1 // the letter after &+ is coloured on its own
	}
	if cut == 0 {
		return nil
	}
	var out []string
	if cut >= 6 {
		out = append(out, v[:cut])
	}
	if len(v)-cut-skip >= 6 {
		out = append(out, v[cut+skip:])
	}
	return out
}
