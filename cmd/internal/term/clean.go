package term

import (
	"strings"
	"unicode/utf8"
)

// maxSGR is the longest colour sequence that is passed on.
const maxSGR = 64

const reset = "\x1b[0m"

// clean makes a line of a job safe to show: control characters and escape
// sequences go, with the text that belongs to them (a window title); tabs stay;
// colours (SGR) stay if colour is set, and end with the line. Of a line that
// was written over with carriage returns the last state is kept. Bytes that
// are no UTF-8 become U+FFFD.
func clean(s string, colour bool) string {
	i := 0
	for i < len(s) && (s[i] >= ' ' && s[i] < 0x7f || s[i] == '\t') {
		i++
	}
	if i == len(s) {
		return s
	}
	s = lastState(s)
	var b strings.Builder
	b.Grow(len(s))
	open := false // a colour that is not reset
	for i = 0; i < len(s); {
		c := s[i]
		switch {
		case c == 0x1b:
			n, sgr := escape(s[i:])
			if sgr && colour {
				b.WriteString(s[i : i+n])
				params := s[i+2 : i+n-1]
				open = params != "" && params != "0"
			}
			i += n
		case c == '\t' || c >= ' ' && c < 0x7f:
			b.WriteByte(c)
			i++
		case c < 0x80:
			i++
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			switch {
			case r >= 0x80 && r < 0xa0: // C1: the eight-bit forms of ESC x
				i += n + controlled(s[i+n:], byte(r-0x40))
			case r == 0x2028 || r == 0x2029:
				b.WriteByte(' ')
				i += n
			default:
				b.WriteRune(r)
				i += n
			}
		}
	}
	if open {
		b.WriteString(reset)
	}
	return b.String()
}

// lastState is what a terminal would show of a line with carriage returns,
// but for the rest of a longer state before.
func lastState(s string) string {
	s = strings.TrimRight(s, "\r")
	return s[strings.LastIndexByte(s, '\r')+1:]
}

// escape measures the sequence that s, which begins with ESC, begins with, and
// tells whether it is a colour (ECMA-48, 5.4 and 8.3.117).
func escape(s string) (n int, sgr bool) {
	if len(s) < 2 {
		return 1, false
	}
	switch c := s[1]; {
	case c == '[':
		n = 2 + controlled(s[2:], '[')
		sgr = n <= maxSGR && s[n-1] == 'm' && n > 2
		for _, p := range []byte(s[2:max(2, n-1)]) {
			sgr = sgr && (p >= '0' && p <= '9' || p == ';' || p == ':')
		}
		return n, sgr
	case c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_':
		return 2 + controlled(s[2:], c), false
	case c >= 0x20 && c < 0x30:
		n = 2
		for n < len(s) && s[n] >= 0x20 && s[n] < 0x30 {
			n++
		}
		if n < len(s) && s[n] >= 0x30 && s[n] < 0x7f {
			n++
		}
		return n, false
	case c >= 0x30 && c < 0x7f:
		return 2, false
	}
	return 1, false
}

// controlled measures what follows an introducer and belongs to it: the
// parameters and the final byte of CSI, the string of OSC, DCS, SOS, PM and
// APC. A string that does not end takes the rest of the line, as it would on a
// terminal.
func controlled(s string, introducer byte) int {
	switch introducer {
	case '[':
		n := 0
		for n < len(s) && s[n] >= 0x20 && s[n] < 0x40 {
			n++
		}
		if n < len(s) && s[n] >= 0x40 && s[n] < 0x7f {
			n++
		}
		return n
	case ']', 'P', 'X', '^', '_':
		for n := 0; n < len(s); n++ {
			switch {
			case s[n] == 0x07:
				return n + 1
			case s[n] == 0x1b && n+1 < len(s) && s[n+1] == '\\':
				return n + 2
			case s[n] == 0xc2 && n+1 < len(s) && s[n+1] == 0x9c: // U+009C, ST
				return n + 2
			}
		}
		return len(s)
	}
	return 0
}

// flat is clean for names: one line without colours and tabs.
func flat(s string) string {
	s = clean(strings.NewReplacer("\r\n", " ", "\n", " ").Replace(s), false)
	return strings.TrimSpace(strings.ReplaceAll(s, "\t", " "))
}
