package expr

import (
	"strconv"
	"strings"
)

// segment of a format string: text, or the number of an argument.
type segment struct {
	text string
	arg  int // -1: text
	spec string
}

// format checks the whole format string first and then evaluates only the arguments that it refers to, in that order
// and each once (actions/runner: Format.cs).
func format(c *call) (Value, error) {
	v, err := c.arg(0)
	if err != nil {
		return Value{}, err
	}
	segments, problem := splitFormat(v.Text(), c.len()-1)
	if problem != "" {
		return c.fail(problem)
	}
	values := make([]Value, c.len())
	known := make([]bool, c.len())
	var memory counter
	var out []byte
	for _, s := range segments {
		text := s.text
		if s.arg >= 0 {
			if !known[s.arg] {
				if values[s.arg], err = c.arg(s.arg + 1); err != nil {
					return Value{}, err
				}
				known[s.arg] = true
			}
			if s.spec != "" {
				return c.fail("The format specifiers '" + s.spec + "' are not valid for objects of type '" +
					values[s.arg].kind.String() + "'")
			}
			text = values[s.arg].Text()
		}
		if text != "" && !memory.text(text) {
			return Value{}, c.ev.outOfMemory(c.node)
		}
		out = append(out, text...)
	}
	return String(string(out)), nil
}

func splitFormat(f string, args int) (segments []segment, problem string) {
	invalid := "The following format string is invalid: " + f
	for rest := f; rest != ""; {
		i := strings.IndexAny(rest, "{}")
		if i < 0 {
			return append(segments, segment{text: rest, arg: -1}), ""
		}
		if i+1 < len(rest) && rest[i+1] == rest[i] { // {{ or }}
			segments = append(segments, segment{text: rest[:i+1], arg: -1})
			rest = rest[i+2:]
			continue
		}
		if rest[i] == '}' {
			return nil, invalid
		}
		if i > 0 {
			segments = append(segments, segment{text: rest[:i], arg: -1})
		}
		digits := digitsAt(rest, i+1)
		arg, err := strconv.ParseUint(rest[i+1:i+1+digits], 10, 8)
		if err != nil {
			return nil, invalid
		}
		spec, length, ok := formatSpec(rest[i+1+digits:])
		if !ok {
			return nil, invalid
		}
		if int(arg) >= args {
			return nil, "The following format string references more arguments than were supplied: " + f
		}
		segments = append(segments, segment{arg: int(arg), spec: spec})
		rest = rest[i+1+digits+length:]
	}
	return segments, ""
}

// formatSpec reads the end of a reference: "}" or ":" specifiers "}", in which "}}" stands for a brace.
func formatSpec(s string) (spec string, length int, ok bool) {
	if strings.HasPrefix(s, "}") {
		return "", 1, true
	}
	if !strings.HasPrefix(s, ":") {
		return "", 0, false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] == '}' {
			if i+1 == len(s) || s[i+1] != '}' {
				return b.String(), i + 1, true
			}
			i++
		}
		b.WriteByte(s[i])
	}
	return "", 0, false
}
