package command

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/dlclark/regexp2"
)

// maxAttempts is how often a regular expression may exceed its time on one line before its matcher goes.
const maxAttempts = 3

// MatcherOptions are fixed for a set of matchers. Nil functions are allowed.
type MatcherOptions struct {
	// File makes the file of a match relative to the repository root; an empty result leaves the annotation
	// without file. The argument is as matched, already joined to the folder of fromPath.
	File func(file string) string
	// Warn hears of a matcher that was removed because it is too slow.
	Warn func(message string)
}

// Matchers turns lines into annotations. The zero value has no matchers and is ready for use.
// It is not safe for concurrent use; steps that run at the same time each take a Clone.
type Matchers struct {
	options MatcherOptions
	active  []*running // newest first
}

type running struct {
	matcher Matcher
	regexps []*regexp2.Regexp
	needles []needles // by pattern
	state   []*found  // by pattern, of all but the last
}

// found are the properties of the lines of a problem so far; nil means that no pattern captured it.
type found struct {
	file, line, column, severity, code, message, fromPath *string
}

// NewMatchers returns an empty set.
func NewMatchers(options MatcherOptions) *Matchers { return &Matchers{options: options} }

// Add registers matchers; each replaces the one of the same owner and is tried before all older ones.
func (m *Matchers) Add(list []Matcher) error {
	for _, matcher := range list {
		regexps, err := compile(matcher)
		if err != nil {
			return err
		}
		m.Remove(matcher.Owner)
		r := &running{matcher: matcher, regexps: regexps}
		for _, p := range matcher.Patterns {
			r.needles = append(r.needles, needlesOf(p.Regexp))
		}
		r.reset()
		m.active = append([]*running{r}, m.active...)
	}
	return nil
}

// Remove unregisters the matcher of owner, whose case is ignored.
func (m *Matchers) Remove(owner string) {
	m.keep(func(r *running) bool { return !strings.EqualFold(r.matcher.Owner, owner) })
}

// keep makes a new list: Line goes on with the old one.
func (m *Matchers) keep(wanted func(*running) bool) {
	var kept []*running
	for _, r := range m.active {
		if wanted(r) {
			kept = append(kept, r)
		}
	}
	m.active = kept
}

// List returns the matchers in the order in which Add gives the same set, for a checkpoint.
func (m *Matchers) List() []Matcher {
	var list []Matcher
	for i := len(m.active) - 1; i >= 0; i-- {
		list = append(list, m.active[i].matcher)
	}
	return list
}

// Clone returns a set with the same matchers and no half-matched problem.
func (m *Matchers) Clone() *Matchers {
	c := &Matchers{options: m.options}
	for _, r := range m.active {
		fresh := &running{matcher: r.matcher, regexps: r.regexps, needles: r.needles}
		fresh.reset()
		c.active = append(c.active, fresh)
	}
	return c
}

// Reset forgets half-matched problems; it belongs between steps.
func (m *Matchers) Reset() {
	for _, r := range m.active {
		r.reset()
	}
}

// Line tries the matchers on a line that was no workflow command. The first one that makes an annotation wins.
// actions/runner: OutputManager.cs
func (m *Matchers) Line(line string) (*Annotation, bool) {
	if len(m.active) == 0 {
		return nil, false
	}
	line = StripANSI(line)
	for _, r := range m.active {
		problem := m.match(r, line)
		if problem == nil {
			continue
		}
		for _, other := range m.active {
			if other != r {
				other.reset()
			}
		}
		if a, ok := m.annotation(problem); ok {
			return a, true
		}
	}
	return nil, false
}

// match gives a matcher three attempts and then removes it.
func (m *Matchers) match(r *running, line string) *found {
	for range maxAttempts {
		problem, err := r.match(line)
		if err == nil {
			return problem
		}
	}
	m.keep(func(other *running) bool { return other != r })
	if m.options.Warn != nil {
		m.options.Warn(fmt.Sprintf("problem matcher %q took longer than %v for a line %d times and was removed: simplify its regular expression",
			r.matcher.Owner, matchTimeout, maxAttempts))
	}
	return nil
}

// annotation makes the annotation of a complete match; without message or with an unknown severity there is none.
func (m *Matchers) annotation(f *found) (*Annotation, bool) {
	level, ok := severity(text(f.severity))
	if !ok || strings.TrimSpace(text(f.message)) == "" {
		return nil, false
	}
	a := &Annotation{
		Level: level, Message: text(f.message), Code: strings.TrimSpace(text(f.code)),
		Line: digits(text(f.line)), Column: digits(text(f.column)),
	}
	file := text(f.file)
	if strings.TrimSpace(file) == "" {
		return a, true
	}
	if from := text(f.fromPath); strings.TrimSpace(from) != "" && !path.IsAbs(file) {
		file = path.Join(path.Dir(from), file)
	}
	if m.options.File != nil {
		file = m.options.File(file)
	}
	a.File = file
	return a, true
}

// match feeds a line to the patterns, the last one first, so that one line advances a problem by one pattern.
func (r *running) match(line string) (*found, error) {
	last := len(r.regexps) - 1
	for i := last; i >= 0; i-- {
		var before *found
		if i > 0 {
			if before = r.state[i-1]; before == nil {
				continue
			}
		}
		var match *regexp2.Match
		var err error
		if r.needles[i].in(line) {
			match, err = r.regexps[i].FindStringMatch(line)
		}
		switch {
		case err != nil:
			return nil, err
		case match == nil && i < last:
			r.state[i] = nil
		case match == nil && i > 0:
			r.state[i-1] = nil
		case match == nil:
		case i < last:
			r.state[i] = capture(before, r.matcher.Patterns[i], match)
		default:
			r.reset()
			if r.matcher.Patterns[i].Loop {
				r.state[i-1] = before
			}
			problem := capture(before, r.matcher.Patterns[i], match)
			if text(problem.severity) == "" {
				s := string(r.matcher.Severity)
				problem.severity = &s
			}
			return problem, nil
		}
	}
	return nil, nil
}

func (r *running) reset() { r.state = make([]*found, len(r.regexps)-1) }

// capture adds what a line says; what an earlier line said stays.
func capture(before *found, p Pattern, match *regexp2.Match) *found {
	var f found
	if before != nil {
		f = *before
	}
	take := func(to **string, group *Group) {
		if *to != nil || group == nil {
			return
		}
		value := ""
		if g := match.GroupByNumber(int(*group)); g != nil {
			value = g.String()
		}
		*to = &value
	}
	take(&f.file, p.File)
	take(&f.line, p.Line)
	take(&f.column, p.Column)
	take(&f.severity, p.Severity)
	take(&f.code, p.Code)
	take(&f.message, p.Message)
	take(&f.fromPath, p.FromPath)
	return &f
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// digits reads a number that has no sign or space; anything else is 0.
func digits(s string) int {
	for _, r := range s {
		if r < '0' || r > '9' {
			return 0
		}
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0
	}
	return int(n)
}

var ansi = regexp.MustCompile("\x1b\\[[0-9;]*m?")

// StripANSI removes colours, which would be in the way of regular expressions.
func StripANSI(line string) string {
	if !strings.Contains(line, "\x1b[") {
		return line
	}
	return ansi.ReplaceAllString(line, "")
}
