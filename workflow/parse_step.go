package workflow

import (
	"fmt"
	"strings"
)

// steps reads a list of steps and checks what lies between them: ids and the
// targets of wait and cancel.
func (r *report) steps(n *Node) []Step {
	reader := stepReader{report: r, ids: map[string]bool{}}
	return reader.list(n.list(), false)
}

// stepReader knows the ids of the steps so far, in lower case.
type stepReader struct {
	*report
	ids map[string]bool
}

func (r *stepReader) list(items []*Node, parallel bool) []Step {
	var steps []Step
	for _, item := range items {
		if item.Kind != Mapping {
			continue
		}
		if parallel {
			r.checkInParallel(item)
		}
		if step := r.step(item); step != nil {
			steps = append(steps, step)
		}
	}
	return steps
}

// step gives nil for a mapping that is none of the kinds of steps.
func (r *stepReader) step(n *Node) Step {
	c := StepCommon{Pos: n.Pos}
	if id := n.Lookup("id"); id != nil && id.IsScalar() {
		c.ID = id.ScalarText()
		r.addID(id)
	}
	c.Name = n.Lookup("name")
	c.If = n.Lookup("if")
	c.Env = n.Lookup("env")
	c.ContinueOnError = n.Lookup("continue-on-error")
	c.TimeoutMinutes = n.Lookup("timeout-minutes")
	c.Background = isTrue(n.Lookup("background"))
	for _, e := range n.Entries {
		switch e.Key.Text {
		case "run":
			return &Run{StepCommon: c, Script: e.Value, Shell: n.Lookup("shell"), WorkingDirectory: n.Lookup("working-directory")}
		case "uses":
			r.checkUses(e.Value)
			return &Uses{StepCommon: c, Uses: e.Value, With: n.Lookup("with")}
		case "wait":
			w := &Wait{StepCommon: c, For: names(e.Value)}
			for _, target := range w.For {
				r.checkTarget(target, c.ID)
			}
			return w
		case "wait-all":
			if e.Value.Kind == Bool && !e.Value.Bool {
				r.add(e.Value.Pos, "wait-all", "The value of 'wait-all' must be true or omitted", "remove the step")
			}
			return &WaitAll{StepCommon: c}
		case "cancel":
			s := &Cancel{StepCommon: c, Target: Need{ID: e.Value.ScalarText(), Pos: e.Value.Pos}}
			r.checkTarget(s.Target, c.ID)
			return s
		case "parallel":
			return &Parallel{StepCommon: c, Steps: r.list(e.Value.Items, true)}
		}
	}
	return nil
}

// addID checks a step's id and keeps it.
func (r *stepReader) addID(id *Node) {
	if id.ScalarText() == "" || !r.checkID(id) {
		return
	}
	folded := strings.ToLower(id.ScalarText())
	if r.ids[folded] {
		r.add(id.Pos, "duplicate-id", fmt.Sprintf("The identifier '%s' may not be used more than once within the same scope.", id.ScalarText()), "ids are compared without case")
		return
	}
	r.ids[folded] = true
}

// checkTarget checks that a wait or cancel names an earlier step
// (actions/languageservices: converter/steps.ts).
func (r *stepReader) checkTarget(target Need, own string) {
	switch {
	case target.ID == "":
	case strings.HasPrefix(target.ID, "__"):
		r.add(target.Pos, "id", reservedID(target.ID), "")
	case strings.EqualFold(target.ID, own):
		r.add(target.Pos, "step-target", fmt.Sprintf("Step '%s' cannot reference itself", own), "")
	case !r.ids[strings.ToLower(target.ID)]:
		var choices []string
		for id := range r.ids {
			choices = append(choices, id)
		}
		hint := "the step must come earlier"
		if near := Nearest(target.ID, choices); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		r.add(target.Pos, "step-target", fmt.Sprintf("Step references unknown step ID '%s'", target.ID), hint)
	}
}

// checkInParallel refuses what may not stand in a parallel block.
func (r *stepReader) checkInParallel(n *Node) {
	for _, e := range n.Entries {
		switch e.Key.Text {
		case "background":
			r.add(e.Key.Pos, "parallel", "'background' is not allowed inside a parallel block. Steps in a parallel block are automatically run as background steps.", "remove it")
		case "wait", "wait-all", "cancel":
			r.add(e.Key.Pos, "parallel", fmt.Sprintf("'%s' is not allowed inside a parallel block.", e.Key.Text), "move it behind the block")
		case "parallel":
			r.add(e.Key.Pos, "parallel", "Nested 'parallel' blocks are not allowed.", "")
		}
	}
}

// checkUses checks the form of a reference to an action
// (actions/runner: WorkflowTemplateConverter.cs).
func (r *report) checkUses(n *Node) {
	uses := n.ScalarText()
	if !n.IsScalar() || uses == "" || n.HasExpression() {
		return
	}
	for _, prefix := range []string{"docker://", "./", ".\\", "$/"} {
		if strings.HasPrefix(uses, prefix) {
			return
		}
	}
	parts := strings.Split(uses, "@")
	path := strings.FieldsFunc(parts[0], func(c rune) bool { return c == '/' || c == '\\' })
	if len(parts) != 2 || len(path) < 2 || parts[1] == "" {
		r.add(n.Pos, "uses", fmt.Sprintf("Expected format {org}/{repo}[/path]@ref. Actual '%s'", uses), "also ./path and docker://image")
	}
}
