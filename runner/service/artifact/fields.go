package artifact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxBody bounds a JSON request.
const maxBody = 1 << 20

var errTooLong = fmt.Errorf("the request is longer than %d bytes", maxBody)

// fields is a protobuf message in its JSON form: names in snake_case or
// camelCase, int64 as string or number, wrapped values bare, unknown names
// ignored, null as good as absent.
type fields map[string]json.RawMessage

// readFields reads one message of at most maxBody bytes.
func readFields(r io.Reader) (fields, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the request: %w", err)
	case len(text) > maxBody:
		return nil, errTooLong
	case !utf8.Valid(text):
		return nil, errors.New("the request is not UTF-8")
	case !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")):
		return nil, errors.New("the request is no JSON object")
	}
	var f fields
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("the request is no JSON object: %w", err)
	}
	return f, nil
}

// lookup finds a field by its proto name; absent ones are nil.
func (f fields) lookup(name string) json.RawMessage {
	value, ok := f[name]
	if !ok {
		value = f[camel(name)]
	}
	if string(value) == "null" {
		return nil
	}
	return value
}

// camel is the lowerCamelCase form of a proto name.
func camel(name string) string {
	parts := strings.Split(name, "_")
	for i, part := range parts[1:] {
		parts[i+1] = strings.ToUpper(part[:1]) + part[1:]
	}
	return strings.Join(parts, "")
}

// text is a string field; "" if it is absent.
func (f fields) text(name string) (string, error) {
	raw := f.lookup(name)
	if raw == nil {
		return "", nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("the field %q is no string", name)
	}
	return s, nil
}

// integer is an int64 field; 0 if it is absent.
func (f fields) integer(name string) (int64, error) {
	raw := f.lookup(name)
	if raw == nil {
		return 0, nil
	}
	text := string(raw)
	if text[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return 0, fmt.Errorf("the field %q is no int64", name)
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the field %q is no int64", name)
	}
	return n, nil
}

// time is a timestamp field; zero if it is absent.
func (f fields) time(name string) (time.Time, error) {
	text, err := f.text(name)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("the field %q, %.40q, is no RFC 3339 time", name, text)
	}
	return t, nil
}
