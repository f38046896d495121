package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxJSONDepth bounds the nesting of JSON, so that no later walk over a value can run out of stack.
const maxJSONDepth = 1000

// DecodeJSON reads strict JSON, such as an event payload. Objects keep the order of their keys and ignore their case;
// numbers become doubles.
func DecodeJSON(data []byte) (Value, error) {
	if !json.Valid(data) {
		var any any
		err := json.Unmarshal(data, &any)
		if err == nil {
			err = errors.New("invalid text")
		}
		return Value{}, fmt.Errorf("reading JSON: %w", err)
	}
	v, err := readJSON(string(data))
	if err != nil {
		return Value{}, fmt.Errorf("reading JSON: %w", err)
	}
	return v, nil
}

// UnmarshalJSON reads what MarshalJSON wrote. Objects come back ignoring the case of their keys.
func (v *Value) UnmarshalJSON(data []byte) error {
	w, err := DecodeJSON(data)
	if err != nil {
		return err
	}
	*v = w
	return nil
}

// readJSON reads the first value of a text as Newtonsoft.Json does for GitHub's fromJSON: strings may be in single
// quotes, keys may be bare, a comma may end a list, comments are skipped, NaN and Infinity are numbers, 0x and a
// leading 0 begin hexadecimal and octal integers, and what follows the value is ignored (actions/runner: FromJson.cs).
func readJSON(text string) (Value, error) {
	r := jsonReader{src: text}
	if problem := r.space(); problem != nil {
		return Value{}, problem
	}
	if r.pos == len(r.src) {
		return Value{}, errors.New("Error reading JToken from JsonReader. Path '', line 0, position 0.") //nolint:staticcheck // GitHub's text
	}
	return r.value(1)
}

type jsonReader struct {
	src  string
	pos  int
	path []jsonStep // to the value being read, for messages
}

// jsonStep is a key, or, if the index is not negative, a place in an array.
type jsonStep struct {
	key   string
	index int
}

// fail words an error as Newtonsoft.Json does, with the position as it counts it.
func (r *jsonReader) fail(message string) error {
	before := r.src[:min(r.pos, len(r.src))]
	line, lineStart := 1, 0
	if i := strings.LastIndexByte(before, '\n'); i >= 0 {
		line, lineStart = 1+strings.Count(before, "\n"), i+1
	} else if before == "" {
		line = 0
	}
	var path strings.Builder
	for i, step := range r.path {
		switch {
		case step.index >= 0:
			path.WriteString("[" + strconv.Itoa(step.index) + "]")
		case i > 0:
			path.WriteString("." + step.key)
		default:
			path.WriteString(step.key)
		}
	}
	return fmt.Errorf("%s Path '%s', line %d, position %d.", //nolint:staticcheck // GitHub's text
		message, path.String(), line, utf16Len(before[lineStart:]))
}

func (r *jsonReader) unexpected(what string) error {
	if r.pos >= len(r.src) {
		return r.fail("Unexpected end of content while loading JSON.")
	}
	c, _ := utf8.DecodeRuneInString(r.src[r.pos:])
	return r.fail(what + ": " + string(c) + ".")
}

func (r *jsonReader) peek() byte {
	if r.pos < len(r.src) {
		return r.src[r.pos]
	}
	return 0
}

// space skips white space and comments.
func (r *jsonReader) space() error {
	for {
		r.pos = skipSpace(r.src, r.pos)
		rest := r.src[r.pos:]
		var end string
		switch {
		case strings.HasPrefix(rest, "//"):
			end = "\n"
		case strings.HasPrefix(rest, "/*"):
			end = "*/"
		case strings.HasPrefix(rest, "/"):
			return r.fail("Error parsing comment. Expected: *.")
		default:
			return nil
		}
		i := strings.Index(rest[2:], end)
		switch {
		case i >= 0:
			r.pos += 2 + i + len(end)
		case end == "\n":
			r.pos = len(r.src)
		default:
			return r.fail("Unexpected end while parsing comment.")
		}
	}
}

func (r *jsonReader) value(depth int) (Value, error) {
	if depth > maxJSONDepth {
		return Value{}, r.fail("The reader's MaxDepth of " + strconv.Itoa(maxJSONDepth) + " has been exceeded.")
	}
	switch c := r.peek(); c {
	case '{':
		return r.object(depth)
	case '[':
		return r.array(depth)
	case '"', '\'':
		s, err := r.text(c)
		return String(s), err
	case 't':
		return r.word("true", Bool(true), "Error parsing boolean value.")
	case 'f':
		return r.word("false", Bool(false), "Error parsing boolean value.")
	case 'n':
		return r.word("null", Value{}, "Error parsing null value.")
	case 'u':
		return r.word("undefined", String(""), "Error parsing undefined value.")
	case 'N':
		return r.word("NaN", Number(math.NaN()), "Error parsing NaN value.")
	case 'I':
		return r.word("Infinity", Number(math.Inf(1)), "Error parsing Infinity value.")
	case '-':
		if strings.HasPrefix(r.src[r.pos:], "-I") {
			return r.word("-Infinity", Number(math.Inf(-1)), "Error parsing Infinity value.")
		}
		return r.number()
	case '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return r.number()
	default:
		return Value{}, r.unexpected("Unexpected character encountered while parsing value")
	}
}

func (r *jsonReader) array(depth int) (Value, error) {
	items := []Value{}
	r.path = append(r.path, jsonStep{index: -1})
	r.pos++
	for {
		if err := r.space(); err != nil {
			return Value{}, err
		}
		r.path[len(r.path)-1].index = len(items)
		switch r.peek() {
		case ']': // also after a comma
			return r.endArray(items), nil
		case ',': // an item left out is undefined, whose text is empty
			items = append(items, String(""))
			r.pos++
			continue
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		items = append(items, v)
		if err := r.space(); err != nil {
			return Value{}, err
		}
		switch r.peek() {
		case ',':
			r.pos++
		case ']':
			return r.endArray(items), nil
		default:
			return Value{}, r.unexpected("After parsing a value an unexpected character was encountered")
		}
	}
}

func (r *jsonReader) endArray(items []Value) Value {
	r.pos++
	r.path = r.path[:len(r.path)-1]
	return Array(items...)
}

func (r *jsonReader) object(depth int) (Value, error) {
	o := NewObject(false)
	r.path = append(r.path, jsonStep{index: -1})
	r.pos++
	for {
		if err := r.space(); err != nil {
			return Value{}, err
		}
		if r.peek() == '}' {
			return r.endObject(o), nil
		}
		key, err := r.key()
		if err != nil {
			return Value{}, err
		}
		r.path[len(r.path)-1].key = key
		v, err := r.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		o.Set(key, v)
		if err := r.space(); err != nil {
			return Value{}, err
		}
		switch r.peek() {
		case ',':
			r.pos++
		case '}':
			return r.endObject(o), nil
		default:
			return Value{}, r.unexpected("After parsing a value an unexpected character was encountered")
		}
	}
}

func (r *jsonReader) endObject(o *ObjectBuilder) Value {
	r.pos++
	r.path = r.path[:len(r.path)-1]
	return o.Value()
}

// key reads a key, its colon and the space around it.
func (r *jsonReader) key() (string, error) {
	var key string
	var err error
	switch c := r.peek(); c {
	case '"', '\'':
		if key, err = r.text(c); err != nil {
			return "", err
		}
	default:
		start := r.pos
		for r.pos < len(r.src) {
			c, n := utf8.DecodeRuneInString(r.src[r.pos:])
			if c != '_' && c != '$' && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
				break
			}
			r.pos += n
		}
		if key = r.src[start:r.pos]; key == "" {
			return "", r.unexpected("Invalid property identifier character")
		}
	}
	if err := r.space(); err != nil {
		return "", err
	}
	if r.peek() != ':' {
		return "", r.unexpected("Invalid character after parsing property name. Expected ':' but got")
	}
	r.pos++
	return key, r.space()
}

func (r *jsonReader) word(word string, v Value, problem string) (Value, error) {
	for i := 0; i < len(word); i++ {
		if r.peek() != word[i] {
			return Value{}, r.fail(problem)
		}
		r.pos++
	}
	if !r.atSeparator() {
		return Value{}, r.fail(problem)
	}
	return v, nil
}

func (r *jsonReader) atSeparator() bool {
	switch r.peek() {
	case 0, ',', ']', '}', ')', '/':
		return true
	}
	return skipSpace(r.src, r.pos) > r.pos
}

func (r *jsonReader) number() (Value, error) {
	start := r.pos
	for !r.atSeparator() {
		if strings.IndexByte("0123456789+-.abcdefABCDEFxX", r.src[r.pos]) < 0 {
			return Value{}, r.unexpected("Unexpected character encountered while parsing number")
		}
		r.pos++
	}
	s := r.src[start:r.pos]
	if len(s) > 1 && s[0] == '0' && s[1] != '.' && s[1] != 'e' && s[1] != 'E' {
		digits, base := s, 8
		if s[1] == 'x' || s[1] == 'X' {
			digits, base = s[2:], 16
		}
		if n, err := strconv.ParseUint(digits, base, 64); err == nil {
			return Number(float64(int64(n))), nil
		}
	} else if isDecimal(s) {
		f, _ := strconv.ParseFloat(s, 64) // out of range: an infinity
		return Number(f), nil
	}
	return Value{}, r.fail("Input string '" + s + "' is not a valid number.")
}

// text reads a string that ends with the quote it began with. Line breaks may stand in it.
func (r *jsonReader) text(quote byte) (string, error) {
	r.pos++
	start := r.pos
	var out []byte // nil until there is something to replace
	for r.pos < len(r.src) {
		switch c := r.src[r.pos]; {
		case c == quote:
			s := r.src[start:r.pos]
			r.pos++
			if out != nil {
				s = string(append(out, s...))
			}
			return strings.ToValidUTF8(s, "\uFFFD"), nil
		case c == '\\':
			out = append(out, r.src[start:r.pos]...)
			var err error
			if out, err = r.escape(out); err != nil {
				return "", err
			}
			start = r.pos
		default:
			r.pos++
		}
	}
	return "", r.fail("Unterminated string. Expected delimiter: " + string(rune(quote)) + ".")
}

func (r *jsonReader) escape(out []byte) ([]byte, error) {
	r.pos++
	c := r.peek()
	r.pos++
	switch c {
	case 'b':
		return append(out, '\b'), nil
	case 't':
		return append(out, '\t'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'r':
		return append(out, '\r'), nil
	case '"', '\'', '/', '\\':
		return append(out, c), nil
	case 'u':
		u, err := r.unit()
		if err != nil {
			return nil, err
		}
		if u >= 0xD800 && u < 0xDC00 && strings.HasPrefix(r.src[r.pos:], `\u`) {
			back := r.pos
			r.pos += 2
			low, err := r.unit()
			if err != nil {
				return nil, err
			}
			if low >= 0xDC00 && low < 0xE000 {
				return utf8.AppendRune(out, 0x10000+(u-0xD800)<<10+(low-0xDC00)), nil
			}
			r.pos = back
		}
		return utf8.AppendRune(out, u), nil // half a pair becomes U+FFFD
	}
	r.pos--
	return nil, r.unexpected("Bad JSON escape sequence")
}

func (r *jsonReader) unit() (rune, error) {
	if r.pos+4 <= len(r.src) {
		if n, err := strconv.ParseUint(r.src[r.pos:r.pos+4], 16, 16); err == nil {
			r.pos += 4
			return rune(n), nil
		}
	}
	return 0, r.fail("Could not convert Unicode escape to a character.")
}
