package workflow

// Parse reads a workflow file. It returns what it could read together with
// everything that is wrong or doubtful; the workflow is nil only when there is
// no mapping to start from. Run it only if the diagnostics hold no error.
func Parse(file string, src []byte) (*Workflow, Diagnostics) {
	return ParseWithin(file, src, Limits{})
}

// ParseWithin is Parse with other limits.
func ParseWithin(file string, src []byte, limits Limits) (*Workflow, Diagnostics) {
	r := newReport(file)
	root := readDocument(r, src, limits.orDefault())
	if root == nil {
		return nil, r.sorted()
	}
	r.check(root, language, noContexts)
	if root.Kind != Mapping {
		return nil, r.sorted()
	}
	w := r.workflow(root)
	return w, r.sorted()
}

// ParseSteps reads the steps of a job or, when composite is true, those of a
// composite action, which know fewer keys and contexts.
func ParseSteps(file string, n *Node, composite bool) ([]Step, Diagnostics) {
	r := newReport(file)
	want := stepsRule()
	if composite {
		want = compositeSteps
	}
	if n == nil {
		return nil, nil
	}
	r.check(n, want, noContexts)
	steps := r.steps(n)
	return steps, r.sorted()
}

// The functions from here on turn a checked tree into the typed one. What the
// check refused they pass over in silence: it is reported.

func (r *report) workflow(root *Node) *Workflow {
	w := &Workflow{File: r.file, Pos: root.Pos, Size: size(root)}
	for _, e := range root.Entries {
		switch e.Key.Text {
		case "name":
			w.Name = e.Value
		case "run-name":
			w.RunName = e.Value
		case "on":
			w.On = r.on(e.Value)
		case "permissions":
			w.Permissions = permissions(e.Value)
		case "env":
			w.Env = e.Value
		case "defaults":
			w.Defaults = defaults(e.Value)
		case "concurrency":
			w.Concurrency = r.concurrency(e.Value)
		case "jobs":
			w.Jobs = r.jobs(e.Value)
		}
	}
	return w
}

func permissions(n *Node) *Permissions {
	p := &Permissions{Pos: n.Pos}
	if n.Kind != Mapping {
		p.All = n.ScalarText()
		return p
	}
	p.Scopes = make(map[string]string, len(n.Entries))
	for _, e := range n.Entries {
		p.Scopes[e.Key.Text] = e.Value.ScalarText()
	}
	return p
}

func defaults(n *Node) *Defaults {
	run := n.Lookup("run")
	return &Defaults{Shell: run.Lookup("shell"), WorkingDirectory: run.Lookup("working-directory")}
}

// maxGroup is the longest name of a concurrency group
// (actions/runner: WorkflowTemplateConverter.cs).
const maxGroup = 400

func (r *report) concurrency(n *Node) *Concurrency {
	c := &Concurrency{Pos: n.Pos}
	if n.Kind == Mapping {
		for _, e := range n.Entries {
			if e.Key.HasExpression() {
				// actions/runner: WorkflowTemplateConverter.cs, ConvertToConcurrency
				r.add(e.Key.Pos, "expression-not-allowed", "Unexpected type 'BasicExpressionToken' encountered while reading 'concurrency key'. The type 'StringToken' was expected.", "write the key itself")
			}
		}
		c.Group = n.Lookup("group")
		c.CancelInProgress = n.Lookup("cancel-in-progress")
		c.Queue = n.Lookup("queue").ScalarText()
	} else {
		c.Group = n
	}
	if c.Group != nil && !c.Group.HasExpression() && len(c.Group.Text) > maxGroup {
		r.add(n.Pos, "concurrency", "Concurrency group name must be less than 400 characters", "")
	}
	return c
}

// isTrue tells whether the value is the literal true.
func isTrue(n *Node) bool { return n != nil && n.Kind == Bool && n.Bool }

// items are the values of a list; one value alone counts as a list of one.
func items(n *Node) []*Node {
	switch {
	case n.IsNull():
		return nil
	case n.Kind == Sequence && n.Items == nil:
		return []*Node{} // a filter that nothing passes
	case n.Kind == Sequence:
		return n.Items
	default:
		return []*Node{n}
	}
}

// names are the values of a list of ids.
func names(n *Node) []Need {
	var out []Need
	for _, item := range items(n) {
		if text := item.ScalarText(); text != "" {
			out = append(out, Need{ID: text, Pos: item.Pos})
		}
	}
	return out
}
