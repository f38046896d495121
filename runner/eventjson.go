package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendEvent appends an event as one line of JSON: its type, the id of its
// run unless that is "" or a field of the event, then its fields as their tags
// say.
func AppendEvent(dst []byte, run string, e Event) []byte {
	switch named := e.(type) {
	case RunStarted, RunFinished:
		run = ""
	case Line:
		if named.Time.Year() >= 0 && named.Time.Year() < 10000 {
			return appendLine(dst, run, named)
		}
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		buf.Reset()
		buf.WriteString(`{"error":`)
		buf.Write(appendString(nil, err.Error()))
		buf.WriteString("}\n")
	}
	dst = appendType(dst, e.Type(), run)
	fields := buf.Bytes()[1:]
	if fields[0] != '}' {
		dst = append(dst, ',')
	}
	return append(dst, fields...)
}

// DecodeEvent reads a line that AppendEvent wrote. A type that this version
// does not know gives no event and no error.
func DecodeEvent(line []byte) (Event, error) {
	var head struct {
		Type string `json:"type"`
	}
	if bytes.HasPrefix(line, []byte(`{"type":"line",`)) {
		head.Type = "line"
	} else if err := json.Unmarshal(line, &head); err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	switch head.Type {
	case "run-started":
		return decode[RunStarted](line)
	case "run-finished":
		return decode[RunFinished](line)
	case "job-started":
		return decode[JobStarted](line)
	case "job-finished":
		return decode[JobFinished](line)
	case "job-requeued":
		return decode[JobRequeued](line)
	case "step-started":
		return decode[StepStarted](line)
	case "step-finished":
		return decode[StepFinished](line)
	case "line":
		return decode[Line](line)
	case "annotation":
		return decode[Annotated](line)
	case "summary":
		return decode[Summarised](line)
	case "notice":
		return decode[Noticed](line)
	}
	return nil, nil
}

func decode[E Event](line []byte) (Event, error) {
	var e E
	if err := json.Unmarshal(line, &e); err != nil {
		return nil, fmt.Errorf("read event of type %q: %w", e.Type(), err)
	}
	return e, nil
}

func appendType(dst []byte, name, run string) []byte {
	dst = appendString(append(dst, `{"type":`...), name)
	if run != "" {
		dst = appendString(append(dst, `,"run":`...), run)
	}
	return dst
}

// appendLine is the encoding of the event that comes a hundred thousand
// times; a test holds it against encoding/json.
func appendLine(dst []byte, run string, l Line) []byte {
	dst = appendType(dst, "line", run)
	dst = append(dst, `,"time":"`...)
	dst = l.Time.AppendFormat(dst, time.RFC3339Nano)
	dst = appendString(append(dst, `","job":`...), string(l.Job))
	dst = strconv.AppendInt(append(dst, `,"step":`...), int64(l.Step), 10)
	dst = appendString(append(dst, `,"level":`...), string(l.Level))
	dst = appendString(append(dst, `,"text":`...), l.Text)
	return append(dst, "}\n"...)
}

const hexDigits = "0123456789abcdef"

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
			dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
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
