package event

import (
	"slices"
	"strings"
	"unicode"

	"github.com/drydock-ci/drydock/workflow"
)

// defaultTypes are the activity types that start a workflow without `types`,
// where these are not all (GitHub's documentation: events that trigger
// workflows). Of the last three it knows no others.
var defaultTypes = map[string][]string{
	"pull_request":        {"opened", "synchronize", "reopened"},
	"pull_request_target": {"opened", "synchronize", "reopened"},
	"check_suite":         {"completed"},
	"merge_group":         {"checks_requested"},
	"watch":               {"started"},
}

// types holds the activity type against `types` or the defaults.
func (m *match) types() {
	action, list := m.e.Action, m.t.Types
	usual := defaultTypes[m.e.Name]
	if list == nil && usual == nil {
		return
	}
	r := Reason{Filter: "types", Value: action, Pos: m.pos(list)}
	if action == "" {
		r.Holds = true
		m.add(r, "the activity type is not known, so the filter lets it run")
		return
	}
	if list == nil {
		if r.Holds = slices.Contains(usual, action); r.Holds {
			r.Pattern = action
			m.add(r, "%s is one of the default %s", quote(action), listed(usual))
			return
		}
		m.add(r, "%s is not one of the default %s: name it under types", quote(action), listed(usual))
		return
	}
	var names []string
	for _, n := range list {
		name := n.ScalarText()
		if name == action {
			r.Pattern, r.Pos, r.Holds = name, n.Pos, true
			m.add(r, "%s is listed", quote(action))
			return
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		m.add(r, "the list is empty, so nothing matches")
		return
	}
	m.add(r, "%s is not one of %s", quote(action), listed(names))
}

// schedule finds the entries whose cron fired.
func (m *match) schedule() {
	r := Reason{Filter: "schedule", Value: m.e.Schedule, Pos: m.t.Pos}
	var written []string
	for _, c := range m.t.Cron {
		text := c.Expr.ScalarText()
		if m.e.Schedule == "" || sameFields(text, m.e.Schedule) {
			m.cron = append(m.cron, c)
		}
		written = append(written, text)
	}
	switch {
	case len(written) == 0:
		m.add(r, "there are no entries")
	case len(m.cron) == 0:
		m.add(r, "no entry is %s, there is %s", quote(m.e.Schedule), listed(written))
	default:
		r.Holds, r.Pattern, r.Pos = true, m.cron[0].Expr.ScalarText(), cronPos(m.cron[0])
		if m.e.Schedule == "" {
			m.add(r, "no time is given, so each entry counts: %s", listed(written))
			return
		}
		m.add(r, "%s fires", quote(r.Pattern))
	}
}

func cronPos(c workflow.Cron) workflow.Pos {
	if c.Expr != nil {
		return c.Expr.Pos
	}
	return c.Pos
}

func sameFields(a, b string) bool { return slices.Equal(strings.Fields(a), strings.Fields(b)) }

// skipWords in the message of the head commit keep workflows of push and
// pull_request, and only these, from running (GitHub's documentation: skipping
// workflow runs).
var skipWords = []string{"[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"}

func (m *match) skip() {
	if m.e.Name != "push" && m.e.Name != "pull_request" {
		return
	}
	if word := skipWord(m.e.Message); word != "" {
		m.add(Reason{Filter: "skip", Pattern: word, Value: m.e.Message}, "the message of the head commit holds %s", quote(word))
	}
}

func skipWord(message string) string {
	for _, w := range skipWords {
		if strings.Contains(message, w) {
			return w
		}
	}
	lines := strings.Split(strings.TrimRightFunc(strings.ReplaceAll(message, "\r\n", "\n"), unicode.IsSpace), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if last != "skip-checks:true" && last != "skip-checks: true" {
		return ""
	}
	// It is the last of the trailers, which two empty lines go before.
	i := len(lines) - 1
	for i >= 0 && strings.TrimSpace(lines[i]) != "" {
		i--
	}
	if i >= 1 && strings.TrimSpace(lines[i-1]) == "" {
		return last
	}
	return ""
}
