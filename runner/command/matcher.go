package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// Matcher is a problem matcher as its file declares it: patterns that turn lines into annotations.
type Matcher struct {
	Owner    string    `json:"owner"`
	Severity Level     `json:"severity,omitempty"` // when no pattern captures one; empty means error
	Patterns []Pattern `json:"pattern"`
}

// Pattern is one line of a problem. The numbers are capture groups.
type Pattern struct {
	Regexp   string `json:"regexp"`
	File     *Group `json:"file,omitempty"`
	Line     *Group `json:"line,omitempty"`
	Column   *Group `json:"column,omitempty"`
	Severity *Group `json:"severity,omitempty"`
	Code     *Group `json:"code,omitempty"`
	Message  *Group `json:"message,omitempty"`
	FromPath *Group `json:"fromPath,omitempty"`
	Loop     bool   `json:"loop,omitempty"` // the last pattern matches again and again
}

// Group is the number of a capture group; 0 is the whole match.
type Group int

// UnmarshalJSON also takes the number as a string, as GitHub's runner does.
func (g *Group) UnmarshalJSON(data []byte) error {
	var n int
	if err := json.Unmarshal(bytes.Trim(data, `"`), &n); err != nil {
		return fmt.Errorf("read capture group %s: it must be an integer", data)
	}
	*g = Group(n)
	return nil
}

// matchTimeout bounds one regular expression on one line.
const matchTimeout = time.Second

// ParseMatchers reads and checks a problem matcher file. A file without matchers is valid.
// actions/runner: IssueMatcher.cs
func ParseMatchers(data []byte) ([]Matcher, error) {
	var file struct {
		ProblemMatcher []Matcher `json:"problemMatcher"`
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read problem matchers: %w", err)
	}
	owners := make(map[string]bool)
	for _, m := range file.ProblemMatcher {
		if _, err := compile(m); err != nil {
			return nil, err
		}
		owner := strings.ToLower(m.Owner)
		if owners[owner] {
			return nil, fmt.Errorf("read problem matchers: the owner %q occurs twice", m.Owner)
		}
		owners[owner] = true
	}
	return file.ProblemMatcher, nil
}

// compile checks a matcher and makes its regular expressions.
func compile(m Matcher) ([]*regexp2.Regexp, error) {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("problem matcher %q: %w", m.Owner, fmt.Errorf(format, args...))
	}
	if m.Owner == "" {
		return nil, fmt.Errorf("read problem matchers: \"owner\" must not be empty")
	}
	if _, ok := severity(string(m.Severity)); !ok {
		return nil, fail("unexpected severity %q: use error, warning or notice", string(m.Severity))
	}
	if len(m.Patterns) == 0 {
		return nil, fail("there is no pattern")
	}
	set := make(map[string]bool)
	var all []*regexp2.Regexp
	for i, p := range m.Patterns {
		if p.Loop && (i == 0 || i != len(m.Patterns)-1) {
			return nil, fail("pattern %d: only the last pattern of several may set \"loop\"", i+1)
		}
		if p.Loop && p.Message == nil {
			return nil, fail("pattern %d: a pattern with \"loop\" must set \"message\"", i+1)
		}
		re, err := regexp2.Compile(p.Regexp, regexp2.ECMAScript)
		if err != nil {
			return nil, fail("pattern %d: %w", i+1, err)
		}
		re.MatchTimeout = matchTimeout
		groups := len(re.GetGroupNumbers())
		for _, g := range p.groups() {
			if g.group == nil {
				continue
			}
			if set[g.property] {
				return nil, fail("pattern %d: %q is set twice", i+1, g.property)
			}
			set[g.property] = true
			if n := int(*g.group); n < 0 || n >= groups {
				return nil, fail("pattern %d: %q is group %d, but the expression has the groups 0 to %d", i+1, g.property, n, groups-1)
			}
		}
		all = append(all, re)
	}
	if !set["message"] {
		return nil, fail("some pattern must set \"message\"")
	}
	return all, nil
}

type propertyGroup struct {
	property string
	group    *Group
}

func (p Pattern) groups() []propertyGroup {
	return []propertyGroup{
		{"file", p.File}, {"line", p.Line}, {"column", p.Column}, {"severity", p.Severity},
		{"code", p.Code}, {"message", p.Message}, {"fromPath", p.FromPath},
	}
}

// severity reads the severity of a matcher or a match.
func severity(s string) (Level, bool) {
	switch level := Level(strings.ToLower(s)); level {
	case "":
		return LevelError, true
	case LevelError, LevelWarning, LevelNotice:
		return level, true
	}
	return "", false
}
