package mask

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// reading is a way in which a text says more than is written: a value can be in what is read alone.
type reading struct {
	name  string
	of    traits // the texts that it may change
	steps []step // one after the other
}

// traits say which readings of a text may differ from it.
type traits int

const (
	hasControls traits = 1 << iota
	hasEscapes
	hasCommandEscapes
)

// step reads what is at s[i:]: n bytes are one unit, which is read as out.
type step func(s string, i int) (n int, out string)

// readings are what a terminal shows of a text, for `grep --color` colours a part of a value, and texts whose encoded
// values were escaped once more: in JSON, in quotes as our own errors quote what users wrote, in a workflow command.
var readings = []reading{
	{"controls", hasControls, []step{shown}},
	{"escaped", hasEscapes, []step{unescape}},
	{"escaped-twice", hasEscapes, []step{unescape, unescape}},
	{"in-command", hasCommandEscapes, []step{commandUnescape}},
	{"in-command-escaped", hasEscapes | hasCommandEscapes, []step{unescape, commandUnescape}},
	{"in-command-escaped-twice", hasEscapes | hasCommandEscapes, []step{unescape, unescape, commandUnescape}},
}

// Readings are the names of the ways in which MaskShown and Contains read a text, beside what Mask finds.
func Readings() []string {
	var names []string
	for _, r := range readings {
		names = append(names, r.name)
	}
	return slices.Clip(names)
}

// read returns what is read and, if asked, where each byte of it comes from.
func (r *reading) read(s string, sources bool) (string, []span) {
	var from []span
	for _, next := range r.steps {
		s, from = readStep(s, next, sources, from)
	}
	return s, from
}

func readStep(s string, next step, sources bool, before []span) (string, []span) {
	var b strings.Builder
	b.Grow(len(s))
	var from []span
	for i := 0; i < len(s); {
		n, out := next(s, i)
		b.WriteString(out)
		if sources {
			at := span{i, i + n}
			if before != nil {
				at = span{before[i].start, before[i+n-1].end}
			}
			for range len(out) {
				from = append(from, at)
			}
		}
		i += n
	}
	return b.String(), from
}

func traitsOf(s string) traits {
	var t traits
	if controlled(s) {
		t |= hasControls
	}
	if strings.IndexByte(s, '\\') >= 0 {
		t |= hasEscapes
	}
	if commandEscaped(s) {
		t |= hasCommandEscapes
	}
	return t
}

// unescape undoes what JSON, %q and the like do to text that can be read.
func unescape(s string, i int) (int, string) {
	if s[i] != '\\' || i+1 == len(s) {
		return 1, s[i : i+1]
	}
	switch s[i+1] {
	case '\\', '"', '\'':
		return 2, s[i+1 : i+2]
	case 'n':
		return 2, "\n"
	case 't':
		return 2, "\t"
	case 'r':
		return 2, "\r"
	case 'u':
		if r, ok := hexRune(s[i+2:]); ok && !surrogate(r) {
			return 6, string(r)
		} else if ok {
			if low, ok := hexRune(strings.TrimPrefix(s[i+6:], `\u`)); ok && strings.HasPrefix(s[i+6:], `\u`) {
				return 12, string((r-0xd800)<<10 | (low - 0xdc00) + 0x10000)
			}
		}
	}
	return 1, s[i : i+1]
}

func surrogate(r rune) bool { return r >= 0xd800 && r < 0xe000 }

// hexRune reads four hexadecimal digits.
func hexRune(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	r := rune(0)
	for _, c := range []byte(s[:4]) {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if d < 0 || c < '0' {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, true
}

func commandEscaped(s string) bool {
	for i := strings.IndexByte(s, '%'); i >= 0 && i+2 < len(s); i++ {
		if s[i] == '%' {
			if n, _ := commandUnescape(s, i); n > 1 {
				return true
			}
		}
	}
	return false
}

// commandUnescape undoes the escapes of workflow commands.
func commandUnescape(s string, i int) (int, string) {
	if s[i] == '%' && i+2 < len(s) {
		switch s[i+1 : i+3] {
		case "25":
			return 3, "%"
		case "0A":
			return 3, "\n"
		case "0D":
			return 3, "\r"
		case "3A":
			return 3, ":"
		case "2C":
			return 3, ","
		}
	}
	return 1, s[i : i+1]
}

// shown reads as a terminal shows: without control characters, escape sequences and what belongs to them, and without
// characters that have no width.
func shown(s string, i int) (int, string) {
	switch c := s[i]; {
	case c == 0x1b:
		return 1 + sequence(s[i+1:]), ""
	case c == 0xc2 && i+1 < len(s) && s[i+1] >= 0x80 && s[i+1] < 0xa0: // C1: the eight-bit forms of ESC x
		return 2 + rest(s[i+2:], s[i+1]-0x40), ""
	case c == 0xe2 && i+2 < len(s) && s[i+1] == 0x80 && s[i+2] >= 0x8b && s[i+2] <= 0x8f: // no width, direction
		return 3, ""
	case c < ' ' && c != '\t' && c != '\n' || c == 0x7f:
		return 1, ""
	case c < utf8.RuneSelf:
		return 1, s[i : i+1]
	}
	_, n := utf8.DecodeRuneInString(s[i:])
	return n, s[i : i+n]
}
