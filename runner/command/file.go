package command

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// MaxSummary is the largest step summary and artifacts file in bytes.
const MaxSummary = 1 << 20

// KeyValue is one entry of a command file.
type KeyValue struct {
	Name, Value string
	Line        int // where it begins, from 1
}

// ParseKeyValues reads the file of kind "env", "output" or "state". On an error the entries before it are returned,
// too: they take effect, the ones after it do not.
// actions/runner: FileCommandManager.cs, EnvFileKeyValuePairs
func ParseKeyValues(kind string, data []byte) ([]KeyValue, error) {
	r := lineReader{text: decodeText(data)}
	var pairs []KeyValue
	for {
		line, _, ok := r.next()
		if !ok {
			return pairs, nil
		}
		if line == "" {
			continue
		}
		pair, err := parseEntry(&r, line)
		if err != nil {
			return pairs, fmt.Errorf("process file command %q, line %d: %w", kind, pair.Line, err)
		}
		pairs = append(pairs, pair)
	}
}

func parseEntry(r *lineReader, line string) (KeyValue, error) {
	pair := KeyValue{Line: r.line}
	equals, heredoc := strings.Index(line, "="), strings.Index(line, "<<")
	switch {
	case equals >= 0 && (heredoc < 0 || equals < heredoc):
		pair.Name, pair.Value = line[:equals], line[equals+1:]
		if pair.Name == "" {
			return pair, fmt.Errorf("invalid format %q: the name must not be empty", line)
		}
		return pair, nil
	case heredoc >= 0:
		name, delimiter := line[:heredoc], line[heredoc+2:]
		if name == "" || delimiter == "" {
			return pair, fmt.Errorf("invalid format %q: name and delimiter must not be empty", line)
		}
		value, err := r.until(delimiter)
		pair.Name, pair.Value = name, value
		return pair, err
	default:
		return pair, fmt.Errorf("invalid format %q: write NAME=VALUE, or NAME<<DELIMITER, the lines of the value and DELIMITER", line)
	}
}

// lineReader splits at LF only: on Linux a CR belongs to the line.
type lineReader struct {
	text string
	at   int
	line int // number of the line last read
}

// next returns a line without its newline, whether it had one, and false at the end.
func (r *lineReader) next() (line string, newline, ok bool) {
	if r.at >= len(r.text) {
		return "", false, false
	}
	r.line++
	line, _, newline = strings.Cut(r.text[r.at:], "\n")
	r.at += len(line)
	if newline {
		r.at++
	}
	return line, newline, true
}

// until returns the lines before the one that is exactly delimiter, without the last newline.
func (r *lineReader) until(delimiter string) (string, error) {
	start, end := r.at, r.at
	for {
		line, newline, ok := r.next()
		switch {
		case !ok:
			return "", fmt.Errorf("invalid value: matching delimiter not found %q", delimiter)
		case line == delimiter:
			return r.text[start:end], nil
		case !newline:
			return "", fmt.Errorf("invalid value: matching delimiter not found %q: the last line has no newline", delimiter)
		}
		end = r.at - 1
	}
}

// ParsePaths returns the entries of $GITHUB_PATH in the order in which they are to be put in front of PATH:
// the last one ends up first. An entry that occurs again counts at its last place.
func ParsePaths(data []byte) []string {
	var paths []string
	last := make(map[string]int)
	lines := strings.FieldsFunc(decodeText(data), func(r rune) bool { return r == '\n' || r == '\r' })
	for i, line := range lines {
		last[line] = i
	}
	for i, line := range lines {
		if last[line] == i {
			paths = append(paths, line)
		}
	}
	return paths
}

// CheckSummary refuses a step summary that is too large; the step itself does not fail.
func CheckSummary(data []byte) error {
	if len(data) > MaxSummary {
		return fmt.Errorf("upload step summary: $GITHUB_STEP_SUMMARY may have at most %d KiB, not %d KiB: write a shorter summary or an artifact",
			MaxSummary>>10, (len(data)+1023)>>10)
	}
	return nil
}

// CheckEnv refuses the variables that a step must not, or cannot, set for the steps after it. GITHUB_* and RUNNER_*
// are not among them: each step gets its own.
func CheckEnv(name, value string) error {
	if strings.EqualFold(name, "NODE_OPTIONS") {
		return fmt.Errorf("set environment variable %q: it would change every JavaScript action that follows: set it in the `env` of a step", name)
	}
	if strings.ContainsAny(name, "=\x00") || name == "" {
		return fmt.Errorf("set environment variable %q: this is no name of a variable", name)
	}
	if strings.Contains(value, "\x00") {
		return fmt.Errorf("set environment variable %q: the value holds a NUL byte, no program can get it: encode the value", name)
	}
	return nil
}

// errTooLarge is shared by the size checks of command files.
var errTooLarge = errors.New("the file is larger than 1024 KiB")

// decodeText reads text as .NET does: a byte order mark decides between UTF-8 and UTF-16 (PowerShell 5 writes that).
func decodeText(data []byte) string {
	var order binary.ByteOrder
	switch {
	case len(data) >= 3 && data[0] == 0xEF && data[1] == 0xBB && data[2] == 0xBF:
		return strings.ToValidUTF8(string(data[3:]), "\uFFFD")
	case len(data) >= 2 && data[0] == 0xFF && data[1] == 0xFE:
		order = binary.LittleEndian
	case len(data) >= 2 && data[0] == 0xFE && data[1] == 0xFF:
		order = binary.BigEndian
	default:
		return strings.ToValidUTF8(string(data), "\uFFFD")
	}
	units := make([]uint16, 0, len(data)/2)
	for rest := data[2:]; len(rest) >= 2; rest = rest[2:] {
		units = append(units, order.Uint16(rest))
	}
	return string(utf16.Decode(units))
}
