package event

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nektos/act/pkg/workflowpattern"

	"github.com/drydock-ci/drydock/workflow"
)

// Bounds of what is compared. Matching takes time linear in special characters
// times the value's length (RE2), about 100 ns each at worst, so that the sum of
// these products bounds the time of a whole Match: to a second.
const (
	maxPattern  = 1024 // bytes
	maxPatterns = 1000 // of one filter
	maxWork     = 10 << 20
)

const special = `*?+[]\`

// pattern is one entry of a filter (GitHub's documentation: filter pattern
// cheat sheet).
type pattern struct {
	text    string // as written
	pos     workflow.Pos
	negated bool
	re      *regexp.Regexp // nil for a pattern without special characters

	// What a value must begin and end with; a literal's whole text is prefix.
	prefix, suffix string
	cost           int // of a byte of the value
}

// compile reads one pattern.
func compile(text string) (pattern, error) {
	p := pattern{text: text}
	body, negated := strings.CutPrefix(text, "!")
	p.negated = negated
	if len(text) > maxPattern {
		return p, fmt.Errorf("it has %d bytes, more than %d", len(text), maxPattern)
	}
	first, last := strings.IndexAny(body, special), strings.LastIndexAny(body, special)
	if first < 0 {
		p.prefix = body
		return p, nil
	}
	p.prefix, p.suffix = body[:first], body[last+1:]
	if body[first] == '?' || body[first] == '+' { // they are about the character before
		_, size := utf8.DecodeLastRuneInString(p.prefix)
		p.prefix = p.prefix[:len(p.prefix)-size]
	}
	for i := range len(body) {
		if strings.IndexByte(special, body[i]) >= 0 {
			p.cost++
		}
	}
	source, err := workflowpattern.PatternToRegex(body)
	if err != nil {
		return p, firstFault(body, err)
	}
	// A name may hold a line end; * and ** mean any character but / and any.
	if p.re, err = regexp.Compile("(?s)" + source); err != nil {
		return p, fmt.Errorf("%s: write \\ before a character that stands for itself", fault(err))
	}
	return p, nil
}

// fault is the cause that regexp gives, without our translation of the pattern.
func fault(err error) string {
	var wrong *syntax.Error
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	switch wrong.Code {
	case syntax.ErrInvalidRepeatOp, syntax.ErrMissingRepeatArgument:
		return fmt.Sprintf("there is nothing that %q could repeat", wrong.Expr)
	case syntax.ErrInvalidUTF8:
		return "it is not UTF-8"
	}
	return wrong.Code.String()
}

// firstFault is the leftmost of the faults that workflowpattern lists in no
// order.
func firstFault(body string, err error) error {
	list := strings.TrimPrefix(err.Error(), "invalid Pattern '"+body+"': Position: ")
	type found struct {
		at   int
		what string
	}
	var all []found
	for _, one := range strings.Split(list, ", Position: ") {
		number, what, _ := strings.Cut(one, " Error: ")
		at, _ := strconv.Atoi(number)
		all = append(all, found{at, what})
	}
	first := slices.MinFunc(all, func(a, b found) int { return cmp.Compare(a.at, b.at) })
	return fmt.Errorf("byte %d: %s", first.at+1, first.what)
}

// patterns is a compiled filter.
type patterns []pattern

// badPattern is a pattern that cannot be read, with the reason.
type badPattern struct {
	pattern pattern
	err     error
}

func compileAll(list []*workflow.Node) (patterns, *badPattern) {
	if len(list) > maxPatterns {
		return nil, &badPattern{pattern{pos: list[maxPatterns].Pos}, fmt.Errorf("the list has %d patterns, more than %d", len(list), maxPatterns)}
	}
	ps := make(patterns, 0, len(list))
	for _, n := range list {
		p, err := compile(n.ScalarText())
		if n != nil {
			p.pos = n.Pos
		}
		if err != nil {
			return nil, &badPattern{p, err}
		}
		ps = append(ps, p)
	}
	return ps, nil
}

// decide gives the pattern that decides on a value: the last one that matches,
// as each overrides those before it; nil when none does. ok is false when the
// work of the whole Match has become too much.
func (m *match) decide(ps patterns, value string) (decider *pattern, ok bool) {
	for i := len(ps) - 1; i >= 0; i-- {
		p := &ps[i]
		if p.re == nil {
			if value == p.prefix {
				return p, true
			}
			continue
		}
		if !strings.HasPrefix(value, p.prefix) || !strings.HasSuffix(value, p.suffix) {
			continue
		}
		if m.work += p.cost * (len(value) + 1); m.work > maxWork {
			return nil, false
		}
		if p.re.MatchString(value) {
			return p, true
		}
	}
	return nil, true
}

func (ps patterns) texts() []string {
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = p.text
	}
	return out
}
