package lint

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nektos/act/pkg/schema"
	"gopkg.in/yaml.v3"

	"github.com/drydock-ci/drydock/workflow"
)

// Limits of what act's schema is asked about: it walks aliases again at each
// place, and tries the alternatives of a definition one after the other.
const (
	maxActNodes = 50_000 // aliases counted at each place
	maxActDepth = 200
)

// opinion is one finding of act's schema.
type opinion struct {
	pos  workflow.Pos
	text string
}

// actOpinions asks act's schema about a file. It is not ours: a panic of it is
// no reason to stop.
func (l *Linter) actOpinions(src []byte) (found []opinion, err error) {
	defer func() {
		if p := recover(); p != nil {
			found, err = nil, fmt.Errorf("act's schema failed: %v", p)
		}
	}()
	var doc yaml.Node
	if yaml.Unmarshal(src, &doc) != nil || len(doc.Content) != 1 {
		return nil, nil // our own parser reads what this one cannot
	}
	room := maxActNodes
	root := plain(doc.Content[0], &room, 0)
	if room <= 0 {
		return nil, nil
	}
	if l.schema == nil {
		l.schema = schema.GetWorkflowSchema()
	}
	// nektos/act: Workflow.UnmarshalYAML
	asked := &schema.Node{Definition: "workflow-root", Schema: l.schema}
	return opinions(asked.UnmarshalYAML(root), workflow.Pos{Line: root.Line, Column: root.Column}), nil
}

// plain copies a tree with what aliases stand for in their place, which act's
// schema does not know. The copy has at most room nodes.
func plain(n *yaml.Node, room *int, depth int) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	if *room--; depth > maxActDepth {
		*room = 0
	}
	made := *n
	made.Content = nil
	for _, c := range n.Content {
		if *room <= 0 {
			break
		}
		made.Content = append(made.Content, plain(c, room, depth+1))
	}
	return &made
}

var (
	located   = regexp.MustCompile(`(?s)^Line: (\d+) Column (\d+): (.*)$`)
	unmatched = regexp.MustCompile(`^Failed to match [\w-]+: `)
)

// opinions takes the tree of act's errors apart. at is the place of what has none.
// Of the alternatives of a definition, which all failed, the closest one counts.
func opinions(err error, at workflow.Pos) []opinion {
	var all []opinion
	best := map[workflow.Pos][]opinion{}
	var order []workflow.Pos
	for _, e := range flat(err) {
		text, pos := e.Error(), at
		if m := located.FindStringSubmatch(text); m != nil {
			pos.Line, _ = strconv.Atoi(m[1])
			pos.Column, _ = strconv.Atoi(m[2])
			text = m[3]
		}
		if !unmatched.MatchString(text) {
			all = append(all, opinion{pos, strings.ReplaceAll(text, "\n", "; ")})
			continue
		}
		inner := opinions(errors.Unwrap(e), pos)
		if before, ok := best[pos]; !ok {
			order = append(order, pos)
			best[pos] = inner
		} else if closer(pos, inner, before) {
			best[pos] = inner
		}
	}
	for _, pos := range order {
		all = append(all, best[pos]...)
	}
	return all
}

// flat gives the single errors of joined ones.
func flat(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flat(e)...)
	}
	return all
}

// closer tells whether an alternative at a place is more likely meant than another:
// it is not of another kind altogether, less is wrong with it, or that stands
// further down.
func closer(at workflow.Pos, a, b []opinion) bool {
	rank := func(list []opinion) (other, count int, last workflow.Pos) {
		for _, o := range list {
			if o.pos == at {
				other = 1
			}
			if comparePos(o.pos, last) > 0 {
				last = o.pos
			}
		}
		return other, len(list), last
	}
	otherA, countA, lastA := rank(a)
	otherB, countB, lastB := rank(b)
	return cmp.Or(cmp.Compare(otherA, otherB), cmp.Compare(countA, countB), comparePos(lastB, lastA)) < 0
}

func comparePos(a, b workflow.Pos) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// act gives the opinions of act's schema on lines of which nobody has spoken.
func (l *Linter) act(file string, src []byte, taken map[int]bool) workflow.Diagnostics {
	found, err := l.actOpinions(src)
	if err != nil {
		return workflow.Diagnostics{saysAct(file, workflow.Pos{Line: 1, Column: 1}, "failed", err.Error())}
	}
	slices.SortStableFunc(found, func(a, b opinion) int { return comparePos(a.pos, b.pos) })
	var all workflow.Diagnostics
	for _, o := range found {
		if !taken[o.pos.Line] {
			taken[o.pos.Line] = true
			all = append(all, saysAct(file, o.pos, "schema", o.text))
		}
	}
	return all
}

func saysAct(file string, pos workflow.Pos, kind, message string) workflow.Diagnostic {
	return workflow.Diagnostic{
		File: file, Pos: pos, Severity: workflow.Advice,
		Code: "act/" + kind, Message: message, Hint: "says act",
	}
}
