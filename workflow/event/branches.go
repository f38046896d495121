package event

import (
	"strings"

	"github.com/drydock-ci/drydock/workflow"
)

// pushed holds the pushed ref against branches and tags. A push of the kind
// that has no filter does not run when the other kind has one.
func (m *match) pushed() {
	t, ref := m.t, m.e.Ref
	byBranch := t.Branches != nil || t.BranchesIgnore != nil
	byTag := t.Tags != nil || t.TagsIgnore != nil
	tag, isTag := strings.CutPrefix(ref, "refs/tags/")
	other := !isTag && strings.HasPrefix(ref, "refs/") && !strings.HasPrefix(ref, "refs/heads/")
	switch {
	case !byBranch && !byTag:
	case ref == "":
		m.add(Reason{Filter: "branches", Holds: true, Pos: t.Pos}, "the pushed ref is not known, so the filter lets it run")
	case other:
		m.add(Reason{Filter: "branches", Value: ref, Pos: t.Pos}, "%s is neither a branch nor a tag", quote(ref))
	case isTag && !byTag:
		m.add(Reason{Filter: first("branches", t.Branches), Value: tag, Pos: m.pos(join(t.Branches, t.BranchesIgnore))},
			"the event is filtered by branches alone, and %s is a tag", quote(tag))
	case isTag:
		m.list("tags", t.Tags, t.TagsIgnore, tag)
	case !byBranch:
		m.add(Reason{Filter: first("tags", t.Tags), Value: branch(ref), Pos: m.pos(join(t.Tags, t.TagsIgnore))},
			"the event is filtered by tags alone, and %s is a branch", quote(branch(ref)))
	default:
		m.list("branches", t.Branches, t.BranchesIgnore, branch(ref))
	}
}

// workflows holds the name of the other workflow against workflow_run's list.
func (m *match) workflows() {
	if len(m.t.Workflows) == 0 {
		m.add(Reason{Filter: "workflows", Value: m.e.WorkflowName, Pos: m.t.Pos}, "the event names no workflow, so nothing starts it")
		return
	}
	m.list("workflows", m.t.Workflows, nil, m.e.WorkflowName)
}

// list holds one value against a filter and its -ignore twin; nil is no filter.
func (m *match) list(filter string, only, ignore []*workflow.Node, value string) {
	if only != nil {
		m.only(filter, only, value)
	}
	if ignore != nil {
		m.ignore(filter+"-ignore", ignore, value)
	}
}

func (m *match) only(filter string, list []*workflow.Node, value string) {
	ps, r, ok := m.prepare(filter, list, value)
	if !ok {
		return
	}
	p, ok := m.decide(ps, value)
	switch {
	case !ok:
		m.tooMuch(r)
	case p == nil && len(ps) == 0:
		m.add(r, "the list is empty, so nothing matches")
	case p == nil && len(ps) == 1:
		m.add(r, "%s does not match %s", quote(value), listed(ps.texts()))
	case p == nil:
		m.add(r, "%s does not match any of %s", quote(value), listed(ps.texts()))
	case p.negated:
		m.add(r.by(p, false), "%s is excluded by %s", quote(value), quote(p.text))
	default:
		m.add(r.by(p, true), "%s matches %s", quote(value), quote(p.text))
	}
}

func (m *match) ignore(filter string, list []*workflow.Node, value string) {
	ps, r, ok := m.prepare(filter, list, value)
	if !ok {
		return
	}
	p, ok := m.decide(ps, value)
	r.Holds = true
	switch {
	case !ok:
		m.tooMuch(r)
	case p == nil && len(ps) == 0:
		m.add(r, "the list is empty, so nothing is ignored")
	case p == nil:
		m.add(r, "%s matches none of %s", quote(value), listed(ps.texts()))
	case p.negated:
		m.add(r.by(p, true), "%s is taken back in by %s", quote(value), quote(p.text))
	default:
		m.add(r.by(p, false), "%s matches %s", quote(value), quote(p.text))
	}
}

// prepare compiles a filter. ok is false when there is nothing to hold it
// against or it cannot be read: then the reason is given already.
func (m *match) prepare(filter string, list []*workflow.Node, value string) (patterns, Reason, bool) {
	r := Reason{Filter: filter, Value: value, Pos: m.pos(list)}
	ps, bad := compileAll(list)
	if bad != nil {
		r.Pattern, r.Pos = bad.pattern.text, bad.pattern.pos
		m.add(r, "%s is no valid pattern: %v", quote(bad.pattern.text), bad.err)
		return nil, r, false
	}
	if value == "" {
		r.Holds = true
		m.add(r, "what it filters is not known, so it lets the workflow run")
		return nil, r, false
	}
	return ps, r, true
}

// by makes the pattern the one that decided.
func (r Reason) by(p *pattern, holds bool) Reason {
	r.Pattern, r.Pos, r.Holds = p.text, p.pos, holds
	return r
}

// branch takes refs/heads/ away.
func branch(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }

// first names the filter that is there: itself or its -ignore twin.
func first(filter string, list []*workflow.Node) string {
	if list != nil {
		return filter
	}
	return filter + "-ignore"
}

func join(a, b []*workflow.Node) []*workflow.Node {
	if len(a) > 0 {
		return a
	}
	return b
}
