package command

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxMessage is the number of characters of an annotation's message that are kept, see Shortened.
const MaxMessage = 4096

// Annotation points at a place in the repository, or at none if File is empty. Numbers are from 1, 0 means not given.
type Annotation struct {
	Level     Level  `json:"level"` // LevelError, LevelWarning or LevelNotice
	Message   string `json:"message"`
	Title     string `json:"title,omitempty"`
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	EndLine   int    `json:"endLine,omitempty"`
	Column    int    `json:"column,omitempty"`
	EndColumn int    `json:"endColumn,omitempty"`
	Code      string `json:"code,omitempty"` // of a problem matcher
}

// annotation makes the annotation of an error, warning or notice command, and says what was wrong with it.
// actions/runner: ActionCommandManager.cs, ValidateLinesAndColumns
func annotation(level Level, c Command, relative func(string) string) (*Annotation, []string) {
	var notes []string
	note := func(format string, args ...any) {
		notes = append(notes, fmt.Sprintf("invalid %s command value: ", strings.ToLower(c.Name))+fmt.Sprintf(format, args...))
	}
	number := func(key string) int {
		text, ok := c.Props.Lookup(key)
		if !ok {
			return 0
		}
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 0 {
			note("%q must be an integer, not %q", key, text)
			return 0
		}
		return n
	}
	a := &Annotation{Level: level, Message: c.Data}
	a.Title, _ = c.Props.Lookup("title")
	a.File, _ = c.Props.Lookup("file")
	if a.File != "" && relative != nil {
		a.File = relative(a.File)
	}
	a.Line, a.EndLine = number("line"), number("endLine")
	a.Column, a.EndColumn = number("col"), number("endColumn")

	if a.EndLine > 0 && a.Line == 0 {
		note(`"endLine" can only be set if "line" is provided`)
		a.Line = a.EndLine
	}
	if a.EndColumn > 0 && a.Column == 0 {
		note(`"endColumn" can only be set if "col" is provided`)
		a.Column = a.EndColumn
	}
	columns := a.Column > 0 || a.EndColumn > 0
	if columns && a.Line == 0 {
		note(`"col" and "endColumn" can only be set if "line" is provided`)
		a.Column, a.EndColumn = 0, 0
	}
	if columns && a.EndLine > 0 && a.Line != a.EndLine {
		note(`"col" and "endColumn" cannot be set if "line" and "endLine" are different`)
		a.Column, a.EndColumn = 0, 0
	}
	if a.EndLine > 0 && a.EndLine < a.Line {
		note(`"endLine" cannot be less than "line"`)
		a.Line, a.EndLine = 0, 0 // GitHub's runner drops both
	}
	if a.EndColumn > 0 && a.EndColumn < a.Column {
		note(`"endColumn" cannot be less than "col"`)
		a.Column, a.EndColumn = 0, 0
	}
	return a, notes
}

// Shortened keeps the first MaxMessage characters of a message. It comes after masking: half a secret is not recognised.
// actions/runner: ExecutionContext.cs
func Shortened(message string) string {
	if len(message) <= MaxMessage {
		return message
	}
	n := 0
	for i := range message {
		if n == MaxMessage {
			return message[:i]
		}
		n++
	}
	return message
}
