package term

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/drydock-ci/drydock/runner"
)

// jsonView writes one event a line: its type, then its fields as their tags
// say. Events of a run with its own sink bear the run's id.
type jsonView struct {
	box *outbox
	buf bytes.Buffer
}

func (v *jsonView) event(run *run, e runner.Event) {
	id := ""
	switch e := e.(type) {
	case runner.RunStarted:
		run.id = e.Run
	case runner.RunFinished:
	default:
		if run.named {
			id = run.id
		}
	}
	if l, ok := e.(runner.Line); ok && l.Time.Year() >= 0 && l.Time.Year() < 10000 {
		v.box.cur = appendLine(v.box.cur, id, l)
		return
	}
	v.buf.Reset()
	enc := json.NewEncoder(&v.buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		v.buf.Reset()
		v.buf.WriteString(`{"error":`)
		v.buf.Write(appendString(nil, err.Error()))
		v.buf.WriteString("}\n")
	}
	dst := appendType(v.box.cur, e.Type(), id)
	if fields := v.buf.Bytes()[1:]; fields[0] != '}' {
		dst = append(append(dst, ','), fields...)
	} else {
		dst = append(dst, fields...)
	}
	v.box.cur = dst
}

// finish has nothing to add: the last event is run-finished.
func (v *jsonView) finish() {}

func appendType(dst []byte, name, run string) []byte {
	dst = appendString(append(dst, `{"type":`...), name)
	if run != "" {
		dst = appendString(append(dst, `,"run":`...), run)
	}
	return dst
}

// appendLine is the encoding of the event that comes a hundred thousand
// times; a test holds it against encoding/json.
func appendLine(dst []byte, run string, l runner.Line) []byte {
	dst = appendType(dst, "line", run)
	dst = append(dst, `,"time":"`...)
	dst = l.Time.AppendFormat(dst, time.RFC3339Nano)
	dst = appendString(append(dst, `","job":`...), string(l.Job))
	dst = strconv.AppendInt(append(dst, `,"step":`...), int64(l.Step), 10)
	dst = appendString(append(dst, `,"level":`...), string(l.Level))
	dst = appendString(append(dst, `,"text":`...), l.Text)
	return append(dst, "}\n"...)
}

const hex = "0123456789abcdef"

// appendString quotes s as encoding/json does without HTML escapes.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		n := 1
		var escaped string
		switch {
		case c == '"':
			escaped = `\"`
		case c == '\\':
			escaped = `\\`
		case c == '\n':
			escaped = `\n`
		case c == '\r':
			escaped = `\r`
		case c == '\t':
			escaped = `\t`
		case c == '\b':
			escaped = `\b`
		case c == '\f':
			escaped = `\f`
		case c < ' ':
			dst = append(append(dst, s[from:i]...), `\u00`...)
			dst = append(dst, hex[c>>4], hex[c&15])
			i++
			from = i
			continue
		default:
			var r rune
			r, n = utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && n == 1:
				escaped = `\ufffd`
			case r == 0x2028:
				escaped = `\u2028`
			case r == 0x2029:
				escaped = `\u2029`
			default:
				i += n
				continue
			}
		}
		dst = append(append(dst, s[from:i]...), escaped...)
		i += n
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}
