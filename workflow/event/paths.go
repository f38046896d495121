package event

import (
	"fmt"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
)

// GitHub's limits of path filters (its documentation: git diff comparisons).
const (
	maxFiles   = 300  // files of a diff beyond these are not looked at
	maxCommits = 1000 // a push of more always runs
)

// paths holds the changed files against paths and paths-ignore.
func (m *match) paths() {
	if m.t.Paths != nil {
		m.path("paths", m.t.Paths, m.someFile)
	}
	if m.t.PathsIgnore != nil {
		m.path("paths-ignore", m.t.PathsIgnore, m.everyFile)
	}
}

func (m *match) path(filter string, list []*workflow.Node, decide func(patterns, Reason, []string)) {
	r := Reason{Filter: filter, Pos: m.pos(list)}
	ps, bad := compileAll(list)
	pass := r
	pass.Holds = true
	switch {
	case bad != nil:
		r.Pattern, r.Pos = bad.pattern.text, bad.pattern.pos
		m.add(r, "%s is no valid pattern: %v", quote(bad.pattern.text), bad.err)
	case m.e.Name == "push" && strings.HasPrefix(m.e.Ref, "refs/tags/"):
		m.add(pass, "not looked at for tags")
	case !m.e.FilesKnown:
		m.add(pass, "the changed files are not known, so the filter lets it run")
	case m.e.Commits > maxCommits:
		m.add(pass, "a push of %d commits, more than %d, always runs", m.e.Commits, maxCommits)
	case len(m.e.Files) == 0:
		m.add(r, "no file changed")
	default:
		decide(ps, r, m.e.Files[:min(len(m.e.Files), maxFiles)])
	}
}

// someFile is the rule of paths: one file that is not excluded is enough.
func (m *match) someFile(ps patterns, r Reason, files []string) {
	var excluded *pattern
	var by []string
	out := 0
	for _, f := range files {
		p, ok := m.decide(ps, f)
		if !ok {
			m.tooMuch(r)
			return
		}
		if p != nil && !p.negated {
			r.Value = f
			m.add(r.by(p, true), "%s matches %s", quote(f), quote(p.text))
			return
		}
		if p != nil {
			if out++; excluded == nil {
				excluded, r.Value = p, f
			}
			if len(by) < shownItems {
				by = append(by, quote(f)+" by "+quote(p.text))
			}
		}
	}
	switch {
	case excluded != nil:
		text := more(by, out)
		if rest := len(files) - out; rest > 0 {
			text += fmt.Sprintf("; %d more match nothing", rest)
		}
		m.add(r.by(excluded, false), "every changed file is left out%s: %s", m.cut(), text)
	case len(ps) == 0:
		m.add(r, "the list is empty, so nothing matches")
	default:
		r.Value = files[0]
		m.add(r, "no changed file%s matches %s: %s", m.cut(), listed(ps.texts()), listed(files))
	}
}

// everyFile is the rule of paths-ignore: one file that is not ignored is enough.
func (m *match) everyFile(ps patterns, r Reason, files []string) {
	var decider *pattern
	var by []string
	for _, f := range files {
		p, ok := m.decide(ps, f)
		if !ok {
			m.tooMuch(r)
			return
		}
		if p == nil || p.negated {
			r.Value, r.Holds = f, true
			if p != nil {
				m.add(r.by(p, true), "%s is taken back in by %s", quote(f), quote(p.text))
			} else if len(ps) == 0 {
				m.add(r, "the list is empty, so nothing is ignored")
			} else {
				m.add(r, "%s matches none of %s", quote(f), listed(ps.texts()))
			}
			return
		}
		if decider == nil {
			decider, r.Value = p, f
		}
		if len(by) < shownItems {
			by = append(by, quote(f)+" by "+quote(p.text))
		}
	}
	m.add(r.by(decider, false), "every changed file%s matches: %s", m.cut(), more(by, len(files)))
}

func (m *match) tooMuch(r Reason) {
	r.Value, r.Holds = "", true
	m.add(r, "there is too much to compare, so the filter lets it run: write fewer or shorter patterns")
}

// cut says that GitHub looks at the first files only.
func (m *match) cut() string {
	if len(m.e.Files) <= maxFiles {
		return ""
	}
	return fmt.Sprintf(" of the first %d of %d", maxFiles, len(m.e.Files))
}
