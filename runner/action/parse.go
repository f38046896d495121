package action

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
)

// ParseManifest reads an action.yml. The action is nil when the file cannot be
// used at all; warnings alone do not make it nil. Keys that GitHub ignores
// (author, branding, whatever else stands at the top or in an input) are
// ignored; keys that it refuses (in runs and outputs) are errors
// (actions/runner: ActionManifestManager.cs, action_yaml.json).
func ParseManifest(file string, src []byte) (*Action, workflow.Diagnostics) {
	root, found := workflow.ParseNode(file, src)
	p := &parser{file: file, found: found}
	if root == nil || found.HasErrors() {
		return nil, found
	}
	if root.Kind != workflow.Mapping {
		p.fail(root.Pos, "action", "An action file must be a mapping", "it begins with name: and runs:")
		return nil, p.found
	}
	a := &Action{
		File:        file,
		Name:        p.text(root.Lookup("name"), "name"),
		Description: p.text(root.Lookup("description"), "description"),
		Inputs:      p.inputs(root.Lookup("inputs")),
		Outputs:     p.outputs(root.Lookup("outputs")),
	}
	if runs := root.Lookup("runs"); runs.IsNull() {
		p.fail(root.Pos, "action-runs", "The key 'runs' is missing", "add runs: with using: "+knownUsings())
	} else {
		a.Runs = p.runs(runs)
	}
	slices.SortStableFunc(p.found, func(x, y workflow.Diagnostic) int {
		return cmp.Or(cmp.Compare(x.Pos.Line, y.Pos.Line), cmp.Compare(x.Pos.Column, y.Pos.Column))
	})
	if p.found.HasErrors() {
		return nil, p.found
	}
	return a, p.found
}

// parser collects the diagnostics of one manifest.
type parser struct {
	file  string
	found workflow.Diagnostics
}

func (p *parser) fail(pos workflow.Pos, code, message, hint string) {
	p.found = append(p.found, workflow.Diagnostic{File: p.file, Pos: pos, Severity: workflow.Error, Code: code, Message: message, Hint: hint})
}

func (p *parser) warn(pos workflow.Pos, code, message, hint string) {
	p.found = append(p.found, workflow.Diagnostic{File: p.file, Pos: pos, Severity: workflow.Warning, Code: code, Message: message, Hint: hint})
}

// text is a scalar as a string; nil and null are "".
func (p *parser) text(n *workflow.Node, key string) string {
	if n != nil && !n.IsScalar() {
		p.fail(n.Pos, "action-type", fmt.Sprintf("'%s' must be a string", key), "")
	}
	return n.ScalarText()
}

func (p *parser) inputs(n *workflow.Node) []Input {
	if !p.mapping(n, "inputs") {
		return nil
	}
	var inputs []Input
	for _, e := range n.Entries {
		in := Input{ID: e.Key.Text, Pos: e.Key.Pos}
		switch {
		case e.Key.Text == "":
			p.fail(e.Key.Pos, "action-input", "An input has no name", "")
			continue
		case e.Value.IsNull():
			p.warn(e.Key.Pos, "action-input", fmt.Sprintf("The input '%s' has no definition", in.ID), "GitHub wants a mapping here: add description:")
		case e.Value.Kind != workflow.Mapping:
			p.fail(e.Value.Pos, "action-input", fmt.Sprintf("The input '%s' must be a mapping", in.ID), "write its value under default:")
			continue
		}
		for _, m := range e.Value.Entries {
			// These keys ignore case (actions/runner: ConvertInputs).
			switch strings.ToLower(m.Key.Text) {
			case "description":
				in.Description = m.Value.ScalarText()
			case "required":
				in.Required = strings.EqualFold(m.Value.ScalarText(), "true")
			case "default":
				p.text(m.Value, "default")
				in.Default = m.Value
			case "deprecationmessage":
				in.Deprecation = p.text(m.Value, "deprecationMessage")
			}
		}
		inputs = append(inputs, in)
	}
	return inputs
}

func (p *parser) outputs(n *workflow.Node) []Output {
	if !p.mapping(n, "outputs") {
		return nil
	}
	var outputs []Output
	for _, e := range n.Entries {
		out := Output{ID: e.Key.Text, Pos: e.Key.Pos}
		if !p.mapping(e.Value, "outputs."+out.ID) && !e.Value.IsNull() {
			continue
		}
		for _, m := range e.Value.Entries {
			switch m.Key.Text {
			case "description":
				out.Description = p.text(m.Value, "description")
			case "value":
				p.text(m.Value, "value")
				out.Value = m.Value
			default:
				p.unexpected(m.Key, "outputs."+out.ID, []string{"description", "value"})
			}
		}
		outputs = append(outputs, out)
	}
	return outputs
}

// mapping tells whether n is one, and complains if it is something else.
func (p *parser) mapping(n *workflow.Node, key string) bool {
	if n.IsNull() {
		return false
	}
	if n.Kind != workflow.Mapping {
		p.fail(n.Pos, "action-type", fmt.Sprintf("'%s' must be a mapping", key), "")
		return false
	}
	return true
}

func (p *parser) unexpected(key *workflow.Node, where string, known []string) {
	p.fail(key.Pos, "unknown-key", fmt.Sprintf("Unexpected key '%s' in '%s'", key.Text, where), "expected one of "+strings.Join(known, ", "))
}

func knownUsings() string {
	names := make([]string, len(usings))
	for i, u := range usings {
		names[i] = string(u)
	}
	return strings.Join(names, ", ")
}
