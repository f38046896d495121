package workflow

import (
	"bytes"
	"errors"
	"io"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// addYAMLError reports the library's "yaml: line 3: did not find …".
func (r *report) addYAMLError(err error, src []byte) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if number, message, found := strings.Cut(rest, ": "); found {
			text = message
			if n, bad := strconv.Atoi(number); bad == nil {
				line = n
			}
		}
	}
	line = failingLine(line, err, src)
	r.add(Pos{line, indentOf(src, line)}, "yaml", "The YAML cannot be read: "+text, "")
}

// failingLine finds the line that makes the library fail with err. The line
// said is where the surrounding mapping begins, which may be far above.
func failingLine(said int, err error, src []byte) int {
	if len(src) > maxSearched {
		return said
	}
	ends := []int{0} // ends[i]: bytes in the first i lines
	for i, c := range src {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	ends = append(ends, len(src))
	return max(1, sort.Search(len(ends)-1, func(i int) bool {
		return fails(src[:ends[i]], err.Error())
	}))
}

// maxSearched is the largest file, in bytes, that is read again and again to
// find the line of an error.
const maxSearched = 128 << 10

// fails tells whether the library reports just this error for src.
func fails(src []byte, message string) bool {
	decoder := yaml.NewDecoder(bytes.NewReader(src))
	for {
		var doc yaml.Node
		switch err := decoder.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return false
		case err != nil:
			return err.Error() == message
		}
	}
}

// indentOf is the column of the first character of a line.
func indentOf(src []byte, line int) int {
	for ; line > 1; line-- {
		_, rest, found := bytes.Cut(src, []byte("\n"))
		if !found {
			return 1
		}
		src = rest
	}
	text, _, _ := bytes.Cut(src, []byte("\n"))
	return 1 + utf8.RuneCount(text) - utf8.RuneCount(bytes.TrimLeft(text, " \t"))
}
