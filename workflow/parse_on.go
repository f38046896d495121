package workflow

import (
	"fmt"
	"strings"
)

// on reads the three forms of `on:`.
func (r *report) on(n *Node) On {
	on := On{Pos: n.Pos}
	if n.Kind != Mapping {
		for _, item := range items(n) {
			on.Triggers = append(on.Triggers, Trigger{Event: item.ScalarText(), Pos: item.Pos})
		}
		return on
	}
	for _, e := range n.Entries {
		t := Trigger{Event: e.Key.Text, Pos: e.Key.Pos}
		switch t.Event {
		case "schedule":
			t.Cron = r.schedule(e.Value)
		case "workflow_call", "workflow_dispatch":
			t.Inputs = inputs(e.Value.Lookup("inputs"))
			t.Secrets = secrets(e.Value.Lookup("secrets"))
			t.Outputs = outputs(e.Value.Lookup("outputs"))
		default:
			r.filters(&t, e.Value)
		}
		on.Triggers = append(on.Triggers, t)
	}
	return on
}

func (r *report) filters(t *Trigger, n *Node) {
	t.Types = items(n.Lookup("types"))
	t.Branches = items(n.Lookup("branches"))
	t.BranchesIgnore = items(n.Lookup("branches-ignore"))
	t.Tags = items(n.Lookup("tags"))
	t.TagsIgnore = items(n.Lookup("tags-ignore"))
	t.Paths = items(n.Lookup("paths"))
	t.PathsIgnore = items(n.Lookup("paths-ignore"))
	t.Workflows = items(n.Lookup("workflows"))
	t.Names = items(n.Lookup("names"))
	t.Versions = items(n.Lookup("versions"))
}

func (r *report) schedule(n *Node) []Cron {
	var out []Cron
	for _, item := range n.Items {
		c := Cron{Expr: item.Lookup("cron"), Timezone: item.Lookup("timezone"), Pos: item.Pos}
		if c.Expr == nil {
			continue
		}
		if fields := strings.Fields(c.Expr.ScalarText()); len(fields) != 5 {
			r.add(c.Expr.Pos, "cron", "Invalid cron expression. Expected format: '* * * * *' (minute hour day month weekday)",
				fmt.Sprintf("%q has %d fields", strings.TrimSpace(c.Expr.ScalarText()), len(fields)))
		}
		out = append(out, c)
	}
	return out
}

func inputs(n *Node) []Input {
	var out []Input
	if n == nil {
		return nil
	}
	for _, e := range n.Entries {
		out = append(out, Input{
			ID:          e.Key.Text,
			Description: e.Value.Lookup("description").ScalarText(),
			Type:        e.Value.Lookup("type").ScalarText(),
			Required:    isTrue(e.Value.Lookup("required")),
			Default:     e.Value.Lookup("default"),
			Options:     items(e.Value.Lookup("options")),
			Deprecation: e.Value.Lookup("deprecationMessage").ScalarText(),
			Pos:         e.Key.Pos,
		})
	}
	return out
}

func secrets(n *Node) []Secret {
	var out []Secret
	if n == nil {
		return nil
	}
	for _, e := range n.Entries {
		out = append(out, Secret{ID: e.Key.Text, Required: isTrue(e.Value.Lookup("required")), Pos: e.Key.Pos})
	}
	return out
}

func outputs(n *Node) []Output {
	var out []Output
	if n == nil {
		return nil
	}
	for _, e := range n.Entries {
		value := e.Value
		if value.Kind == Mapping { // of workflow_call; a job's output is the value itself
			value = value.Lookup("value")
		}
		if value != nil {
			out = append(out, Output{ID: e.Key.Text, Value: value, Pos: e.Key.Pos})
		}
	}
	return out
}
