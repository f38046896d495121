package expr

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// JSON prints the value as the function toJSON does: numbers with 15 digits, keys in order, and with indent each item
// on its own line. NaN and infinities are printed as such, which no JSON reader but fromJSON takes.
func (v Value) JSON(indent bool) string {
	w := jsonWriter{indent: indent}
	w.value(v)
	return string(w.out)
}

// MarshalJSON writes strict JSON with exact numbers; NaN and infinities become null.
func (v Value) MarshalJSON() ([]byte, error) {
	w := jsonWriter{exact: true}
	w.value(v)
	return w.out, nil
}

// jsonWriter writes as ToJson.cs of actions/runner does, strings escaped as Newtonsoft.Json escapes them.
type jsonWriter struct {
	out    []byte
	level  int
	indent bool
	exact  bool
	memory *counter // if set, writing stops when it is exceeded
}

// count accounts for what was written since the position, one piece as GitHub would have built it.
func (w *jsonWriter) count(since int) bool {
	if w.memory == nil {
		return true
	}
	units := 0
	for _, b := range w.out[since:] {
		if b < 0x80 || b >= 0xC0 {
			units++
		}
		if b >= 0xF0 {
			units++
		}
	}
	return w.memory.add(stringBytes + 2*units)
}

func (w *jsonWriter) value(v Value) bool {
	start := len(w.out)
	if v.kind == KindArray || v.kind == KindObject {
		return w.collection(v)
	}
	w.scalar(v)
	return w.count(start)
}

func (w *jsonWriter) scalar(v Value) {
	switch {
	case v.kind == KindNull:
		w.out = append(w.out, "null"...)
	case v.kind == KindString:
		w.out = appendQuoted(w.out, v.str)
	case v.kind == KindNumber && w.exact:
		if math.IsNaN(v.num) || math.IsInf(v.num, 0) {
			w.out = append(w.out, "null"...)
		} else {
			w.out = strconv.AppendFloat(w.out, v.num, 'g', -1, 64)
		}
	case v.kind == KindNumber:
		w.out = appendNumber(w.out, v.num)
	default:
		w.out = append(w.out, v.Text()...)
	}
}

func (w *jsonWriter) collection(v Value) bool {
	start, open, shut := len(w.out), byte('['), byte(']')
	if v.kind == KindObject {
		open, shut = '{', '}'
	}
	w.out = append(w.out, open)
	if v.Len() == 0 {
		w.out = append(w.out, shut)
		return w.count(start)
	}
	if !w.count(start) {
		return false
	}
	w.level++
	for i, item := range v.coll.items {
		start = len(w.out)
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.newLine()
		if v.kind == KindObject {
			w.out = append(appendQuoted(w.out, v.coll.keys[i]), ':')
			if w.indent {
				w.out = append(w.out, ' ')
			}
		}
		if !w.count(start) || !w.value(item) {
			return false
		}
	}
	w.level--
	start = len(w.out)
	w.newLine()
	w.out = append(w.out, shut)
	return w.count(start)
}

func (w *jsonWriter) newLine() {
	if !w.indent {
		return
	}
	w.out = append(w.out, '\n')
	for range w.level {
		w.out = append(w.out, ' ', ' ')
	}
}

func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			dst = appendEscaped(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch r {
		case 0x85, 0x2028, 0x2029:
			dst = append(dst, `\u`...)
			dst = append(dst, hex(r>>12), hex(r>>8), hex(r>>4), hex(r))
		default:
			dst = utf8.AppendRune(dst, r) // bytes that are not UTF-8 become U+FFFD
		}
		i += n
	}
	return append(dst, '"')
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\t':
		return append(dst, `\t`...)
	case '\n':
		return append(dst, `\n`...)
	case '\f':
		return append(dst, `\f`...)
	case '\r':
		return append(dst, `\r`...)
	}
	if c < ' ' {
		return append(dst, '\\', 'u', '0', '0', hex(rune(c>>4)), hex(rune(c)))
	}
	return append(dst, c)
}

func hex(r rune) byte { return "0123456789abcdef"[r&15] }
