package cache

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// fields are a JSON object of a client. Names may be those of the protocol
// (snake case) or of its JavaScript face (camel case); unknown ones, null and
// missing ones are the same.
type fields map[string]json.RawMessage

// maxBody is far more than ten keys of 512 characters need.
const maxBody = 1 << 20

func readFields(w http.ResponseWriter, r *http.Request) (fields, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, failed(tooLarge, "the request has more than %d bytes", maxBody)
		}
		return nil, failed(invalidArgument, "read the request: %s", err)
	}
	return parseFields(text)
}

func parseFields(text []byte) (fields, error) {
	var f fields
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, failed(invalidArgument, "the request is no JSON object: %s", err)
	}
	return f, nil
}

// value finds a field by its snake case name.
func (f fields) value(name string) json.RawMessage {
	raw, ok := f[name]
	if !ok {
		raw = f[camel(name)]
	}
	if string(raw) == "null" {
		return nil
	}
	return raw
}

func camel(name string) string {
	parts := strings.Split(name, "_")
	for i, p := range parts[1:] {
		parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
	}
	return strings.Join(parts, "")
}

func (f fields) text(name string) (string, error) {
	var s string
	raw := f.value(name)
	if raw == nil {
		return "", nil
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", failed(invalidArgument, "%s must be a string", name)
	}
	return s, nil
}

func (f fields) texts(name string) ([]string, error) {
	var s []string
	raw := f.value(name)
	if raw == nil {
		return nil, nil
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, failed(invalidArgument, "%s must be a list of strings", name)
	}
	return s, nil
}

// number reads an int64, which clients send as a number or as a string; -1 if
// there is none.
func (f fields) number(name string) (int64, error) {
	raw := f.value(name)
	if raw == nil {
		return -1, nil
	}
	text := strings.Trim(string(raw), `"`)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, failed(invalidArgument, "%s %.40q must be a number", name, text)
	}
	return n, nil
}

// keyAndVersion are in every request.
func (f fields) keyAndVersion() (key, version string, err error) {
	key, err1 := f.text("key")
	version, err2 := f.text("version")
	return key, version, errors.Join(err1, err2)
}
