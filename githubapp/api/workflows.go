package api

import (
	"github.com/drydock-ci/drydock/workflow"
)

// WorkflowOf reads what a file says of itself, for lists and the dispatch form.
func WorkflowOf(path string, src []byte) Workflow {
	out := Workflow{Path: path, Name: path, Events: []string{}}
	w, problems := workflow.Parse(path, src)
	for _, d := range problems {
		if d.Severity == workflow.Error {
			out.Problem = d.String()
			break
		}
	}
	if w == nil {
		return out
	}
	if w.Name != nil && w.Name.Text != "" {
		out.Name = w.Name.Text
	}
	for _, t := range w.On.Triggers {
		out.Events = append(out.Events, t.Event)
		if t.Event != "workflow_dispatch" {
			continue
		}
		out.Dispatch = true
		for _, in := range t.Inputs {
			i := Input{Name: in.ID, Description: in.Description, Type: in.Type, Required: in.Required}
			if i.Type == "" {
				i.Type = "string"
			}
			if in.Default != nil {
				i.Default = in.Default.Text
			}
			for _, o := range in.Options {
				i.Options = append(i.Options, o.Text)
			}
			out.Inputs = append(out.Inputs, i)
		}
	}
	return out
}
