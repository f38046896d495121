package conformance

import (
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// The functions of this file print our trees as GitHub's parser prints its
// template, so that the `expected` of a case can be compared.

type object = map[string]any

// templates prints one case.
type templates struct {
	files  map[string]string
	source bool           // with positions
	number map[string]int // of the files, from 1, in the order of their use
	table  []any
}

func (c parserCase) template(w *workflow.Workflow, p *plan.Plan) any {
	t := &templates{files: c.Files, source: c.Options.IncludeSource, number: map[string]int{}}
	root := t.open(c.Main)
	out := object{}
	for _, key := range []string{"env", "defaults", "concurrency"} {
		if n := root.node.Lookup(key); n != nil {
			out[key] = root.token(n, texts(key))
		}
	}
	if w.Permissions != nil {
		out["permissions"] = permissions(w.Permissions)
	}
	if slices.Contains(c.Options.Skip, "Go") && slices.Contains(c.Options.Skip, "C#") {
		out["events"] = events(w.On)
	}
	var graph *plan.Graph
	if p != nil {
		graph = p.Graph
	}
	out["jobs"] = t.jobs(root, w, graph, nil)
	if t.source {
		out["file-table"] = t.table
	}
	// Through JSON, so that numbers and lists have the types of the expected.
	text, err := json.Marshal(out)
	if err != nil {
		return err.Error()
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return err.Error()
	}
	return plain
}

// file is one file of the case with its plain tree.
type file struct {
	*templates
	name string
	node *workflow.Node
}

func (t *templates) open(name string) file {
	if t.number[name] == 0 {
		t.table = append(t.table, name)
		t.number[name] = len(t.table)
	}
	n, _ := workflow.ParseNode(name, []byte(t.files[name]))
	return file{templates: t, name: name, node: n}
}

// textKeys are the keys below which every scalar is read as a string.
var textKeys = []string{"env", "defaults", "name", "runs-on", "container", "services", "outputs", "snapshot", "run", "with of a step", "shell", "working-directory"}

func texts(key string) bool { return slices.Contains(textKeys, key) }

func (t *templates) jobs(f file, w *workflow.Workflow, g *plan.Graph, inherited *workflow.Permissions) []any {
	if w.Permissions != nil {
		inherited = w.Permissions
	}
	jobs := []any{}
	for i, j := range w.Jobs {
		n := f.node.Lookup("jobs").Entries[i]
		out := object{"type": "job", "id": f.token(n.Key, true), "name": f.token(n.Key, true), "if": condition(j.If)}
		for _, key := range []string{
			"name", "strategy", "continue-on-error", "timeout-minutes", "cancel-timeout-minutes", "concurrency", "env",
			"runs-on", "environment", "container", "services", "outputs", "defaults", "snapshot",
		} {
			if v := n.Value.Lookup(key); v != nil {
				out[key] = f.token(v, texts(key))
			}
		}
		if j.Name != nil && j.Name.ScalarText() == "" {
			out["name"] = f.token(n.Key, true)
		}
		allowed := j.Permissions
		if allowed == nil {
			allowed = inherited
		}
		needs := []any{}
		for _, need := range j.Needs {
			needs = append(needs, f.literal(need.ID, need.Pos))
		}
		if j.Uses == nil {
			if len(needs) > 0 {
				out["needs"] = needs
			}
			if v := n.Value.Lookup("steps"); v != nil {
				out["steps"] = f.steps(v, j.Steps)
			}
		} else {
			out["type"], out["needs"], out["jobs"] = "reusableWorkflowJob", needs, []any{}
			out["ref"] = f.token(j.Uses, true)
			if v := n.Value.Lookup("with"); v != nil {
				out["input-values"] = f.token(v, false)
			}
			if j.InheritSecrets {
				out["inherit-secrets"] = true
			} else if v := n.Value.Lookup("secrets"); v != nil {
				out["secret-values"] = f.token(v, false)
			}
			if g != nil {
				allowed = t.called(out, g.Jobs[i].Call, allowed)
			}
		}
		if allowed != nil {
			out["permissions"] = permissions(allowed)
		}
		jobs = append(jobs, out)
	}
	return jobs
}

// called prints what the called file adds to a job, and gives its permissions.
func (t *templates) called(out object, call *plan.Call, allowed *workflow.Permissions) *workflow.Permissions {
	f := t.open(call.Uses)
	w, _ := workflow.Parse(f.name, []byte(t.files[f.name]))
	if w.Permissions != nil {
		allowed = w.Permissions
	}
	trigger := f.node.Lookup("on").Lookup("workflow_call")
	if v := trigger.Lookup("inputs"); v != nil {
		out["input-definitions"] = f.token(v, false)
	}
	if v := trigger.Lookup("secrets"); v != nil {
		out["secret-definitions"] = f.token(v, false)
	}
	out["jobs"] = t.jobs(f, w, call.Graph, allowed)
	return allowed
}

func (f file) steps(n *workflow.Node, steps []workflow.Step) []any {
	var out []any
	flat := plan.FlatSteps(steps)
	for i, item := range n.Items {
		step := object{"id": flat[i].ID, "if": condition(flat[i].If)}
		for _, key := range []string{"name", "continue-on-error", "timeout-minutes", "env", "uses", "with", "run", "shell", "working-directory"} {
			if v := item.Lookup(key); v != nil {
				step[key] = f.token(v, texts(key) || key == "with")
			}
		}
		out = append(out, step)
	}
	return out
}

// token prints a value; text makes strings of all scalars.
func (f file) token(n *workflow.Node, text bool) any {
	switch n.Kind {
	case workflow.Sequence:
		items := []any{}
		for _, item := range n.Items {
			items = append(items, f.token(item, text))
		}
		return f.at(object{"type": 1, "seq": items}, n.Pos)
	case workflow.Mapping:
		entries := []any{}
		for _, e := range n.Entries {
			entries = append(entries, object{"Key": f.token(e.Key, true), "Value": f.token(e.Value, text)})
		}
		return f.at(object{"type": 2, "map": entries}, n.Pos)
	}
	switch {
	case n.HasExpression():
		return f.expression(n)
	case n.Kind == workflow.String || text:
		return f.literal(n.ScalarText(), n.Pos)
	case n.Kind == workflow.Bool:
		return f.scalar(5, "bool", n.Bool, n.Pos)
	case n.Kind == workflow.Number && math.IsInf(n.Number, 0):
		return n.ScalarText() // JSON has no infinity
	case n.Kind == workflow.Number:
		return f.scalar(6, "num", n.Number, n.Pos)
	default:
		return f.scalar(7, "", nil, n.Pos)
	}
}

func (f file) expression(n *workflow.Node) any {
	t, err := expr.ParseTemplate(n.Text, nil)
	if err != nil {
		return err.Error()
	}
	if t.IsLiteral() {
		v, _ := t.Eval(expr.Scope{})
		return f.literal(v.Text(), n.Pos)
	}
	e, err := expr.ParseRawCondition(n.Text, nil) // text around makes it a format()
	if err != nil {
		return err.Error()
	}
	return f.at(object{"type": 3, "expr": e.String()}, n.Pos)
}

func (f file) literal(text string, pos workflow.Pos) any { return f.scalar(0, "lit", text, pos) }

// scalar is the bare value, or with positions an object.
func (f file) scalar(kind int, key string, value any, pos workflow.Pos) any {
	if !f.source {
		return value
	}
	out := object{"type": kind}
	if key != "" {
		out[key] = value
	}
	return f.at(out, pos)
}

func (f file) at(out object, pos workflow.Pos) object {
	if f.source {
		out["file"], out["line"], out["col"] = f.number[f.name], pos.Line, pos.Column
	}
	return out
}

// condition has no position, and success() where the file has no status function.
func condition(n *workflow.Node) any {
	e, err := expr.ParseCondition(n.ScalarText(), nil)
	if err != nil {
		return err.Error()
	}
	return object{"type": 3, "expr": e.String()}
}

// olderScopes are those that GitHub had when it wrote the cases.
var olderScopes = strings.Fields("actions checks contents deployments discussions id-token issues packages pages pull-requests repository-projects security-events statuses")

func permissions(p *workflow.Permissions) object {
	out := object{}
	for _, scope := range olderScopes {
		if p.All != "" {
			out[scope] = strings.TrimSuffix(p.All, "-all")
		}
	}
	for scope, level := range p.Scopes {
		if level != "none" {
			out[scope] = level
		}
	}
	return out
}

func events(on workflow.On) object {
	out := object{}
	for _, t := range on.Triggers {
		event := object{}
		for key, list := range map[string][]*workflow.Node{"types": t.Types, "names": t.Names, "versions": t.Versions} {
			if list != nil {
				event[key] = scalars(list)
			}
		}
		if len(t.Inputs) > 0 {
			inputs := object{}
			for _, in := range t.Inputs {
				inputs[in.ID] = input(in)
			}
			event["inputs"] = inputs
		}
		out[t.Event] = event
	}
	return out
}

func input(in workflow.Input) object {
	out := object{"type": in.Type}
	if in.Description != "" {
		out["description"] = in.Description
	}
	if in.Options != nil {
		out["options"] = scalars(in.Options)
	}
	if in.Default != nil {
		out["default"] = scalars([]*workflow.Node{in.Default})[0]
	}
	return out
}

func scalars(nodes []*workflow.Node) []any {
	var out []any
	for _, n := range nodes {
		if n.Kind == workflow.Bool {
			out = append(out, n.Bool)
		} else {
			out = append(out, n.ScalarText())
		}
	}
	return out
}
