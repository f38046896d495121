package event

import (
	"fmt"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
)

// Event is what the filters of `on:` look at. What does not belong to the event
// stays empty; what is empty but would be needed lets the filter pass and the
// reason says so, since a silent skip is worse than a run too many.
type Event struct {
	Name   string // github.event_name
	Action string // activity type; of repository_dispatch its event_type

	Ref     string // of a push: refs/heads/x or refs/tags/x
	BaseRef string // branch that a pull request or a merge group goes to
	Commits int    // of a push

	Files      []string // changed, in git's order
	FilesKnown bool     // else path filters let everything pass

	Message string // of the head commit, of a push or a pull request

	HeadBranch   string // of workflow_run: the branch that the other run was on
	WorkflowName string // of workflow_run: the other workflow's name, its path when it has none

	Image, ImageVersion string // of image_version

	Schedule string // of schedule: the cron that fired; "" means any

	// Inert says why GitHub starts no workflow for this event, whatever the
	// filters say: "the push deletes the ref". Payload fills it.
	Inert string
}

// Reason is what one filter said.
type Reason struct {
	Filter  string       // key below the event: "branches", "paths-ignore"; or "on", "event", "skip"
	Pattern string       // what decided, as written; "" when nothing matched
	Value   string       // what it was held against
	Holds   bool         // the filter lets the workflow run
	Pos     workflow.Pos // of the pattern, else of the filter's first one, else of the event
	Text    string       // in words, with the place
}

// Verdict is whether an event starts a workflow, with a reason per filter.
type Verdict struct {
	Runs    bool
	Trigger *workflow.Trigger // nil when the workflow does not listen to the event
	Cron    []workflow.Cron   // of schedule: the entries that fired
	Reasons []Reason          // in the order in which the filters are looked at
}

// Why gives the texts of the reasons that decided: those that stop the
// workflow, or all when it runs.
func (v Verdict) Why() string {
	var texts []string
	for _, r := range v.Reasons {
		if v.Runs || !r.Holds {
			texts = append(texts, r.Text)
		}
	}
	return strings.Join(texts, "; ")
}

// Match holds an event against the `on:` of a workflow. All filters are looked
// at, also when the first has decided, so that Reasons tells everything.
func Match(w *workflow.Workflow, e Event) Verdict {
	m := &match{file: w.File, e: e}
	m.t = w.On.Trigger(e.Name)
	if m.t == nil {
		m.add(Reason{Filter: "on", Value: e.Name, Pos: w.On.Pos},
			"%s is not among %s", quote(e.Name), triggers(w.On))
		return m.verdict()
	}
	m.add(Reason{Filter: "on", Pattern: e.Name, Value: e.Name, Holds: true, Pos: m.t.Pos}, "%s", quote(e.Name))
	if e.Inert != "" {
		m.add(Reason{Filter: "event", Pos: m.t.Pos}, "%s: this starts no workflow", e.Inert)
	}
	m.skip()
	m.types()
	switch e.Name {
	case "push":
		m.pushed()
		m.paths()
	case "pull_request", "pull_request_target":
		m.list("branches", m.t.Branches, m.t.BranchesIgnore, branch(e.BaseRef))
		m.paths()
	case "merge_group":
		m.list("branches", m.t.Branches, m.t.BranchesIgnore, branch(e.BaseRef))
	case "workflow_run":
		m.workflows()
		m.list("branches", m.t.Branches, m.t.BranchesIgnore, branch(e.HeadBranch))
	case "image_version":
		m.list("names", m.t.Names, nil, e.Image)
		m.list("versions", m.t.Versions, nil, e.ImageVersion)
	case "schedule":
		m.schedule()
	}
	return m.verdict()
}

// match is one call of Match.
type match struct {
	file    string
	t       *workflow.Trigger
	e       Event
	work    int // see maxWork
	cron    []workflow.Cron
	reasons []Reason
}

func (m *match) verdict() Verdict {
	v := Verdict{Runs: true, Trigger: m.t, Cron: m.cron, Reasons: m.reasons}
	for _, r := range m.reasons {
		v.Runs = v.Runs && r.Holds
	}
	return v
}

// add writes the reason's text: "filter: text (file:line:column)".
func (m *match) add(r Reason, format string, args ...any) {
	r.Text = r.Filter + ": " + fmt.Sprintf(format, args...)
	if r.Pos != (workflow.Pos{}) {
		r.Text += fmt.Sprintf(" (%s:%d:%d)", m.file, r.Pos.Line, r.Pos.Column)
	}
	m.reasons = append(m.reasons, r)
}

// pos is the place of a filter: its first pattern, else the event.
func (m *match) pos(list []*workflow.Node) workflow.Pos {
	if len(list) > 0 && list[0] != nil {
		return list[0].Pos
	}
	return m.t.Pos
}

func triggers(on workflow.On) string {
	names := make([]string, len(on.Triggers))
	for i, t := range on.Triggers {
		names[i] = t.Event
	}
	if len(names) == 0 {
		return "the events, of which there are none"
	}
	return listed(names)
}
