package action

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// The keys of runs by kind (actions/runner: action_yaml.json).
var (
	nodeKeys      = []string{"using", "main", "pre", "pre-if", "post", "post-if"}
	dockerKeys    = []string{"using", "image", "entrypoint", "args", "env", "pre-entrypoint", "pre-if", "post-entrypoint", "post-if"}
	compositeKeys = []string{"using", "steps"}
)

// always is the condition of pre and post when the file gives none.
const always = "always()"

func (p *parser) runs(n *workflow.Node) Runs {
	runs := Runs{Pos: n.Pos}
	if !p.mapping(n, "runs") {
		return runs
	}
	using := n.Lookup("using")
	if using.IsNull() {
		if plugin := n.Lookup("plugin"); plugin != nil {
			p.fail(plugin.Pos, "action-plugin", "'plugin' actions are internal to GitHub's runner", "use "+knownUsings())
			return runs
		}
		p.fail(n.Pos, "action-using", "The key 'using' is missing in 'runs'", "expected one of "+knownUsings())
		return runs
	}
	runs.Using = Using(strings.ToLower(p.text(using, "using")))
	if !slices.Contains(usings, runs.Using) {
		p.fail(using.Pos, "action-using", fmt.Sprintf("'using: %s' is not supported", clip(using.ScalarText())), "expected one of "+knownUsings())
		return runs
	}
	switch runs.Using {
	case Composite:
		p.compositeRuns(n, &runs)
	case Docker:
		p.dockerRuns(n, &runs)
	default:
		p.nodeRuns(n, &runs)
	}
	return runs
}

func (p *parser) nodeRuns(n *workflow.Node, runs *Runs) {
	runs.PreIf, runs.PostIf = always, always
	for _, e := range n.Entries {
		switch e.Key.Text {
		case "using":
		case "main":
			runs.Main = p.filled(e)
		case "pre":
			runs.Pre = p.filled(e)
		case "post":
			runs.Post = p.filled(e)
		case "pre-if":
			runs.PreIf = p.filled(e)
		case "post-if":
			runs.PostIf = p.filled(e)
		default:
			p.unexpected(e.Key, "runs", nodeKeys)
		}
	}
	if n.Lookup("main") == nil {
		p.fail(n.Pos, "action-main", "A JavaScript action needs 'main' in 'runs'", "name the file to run, as dist/index.js")
	}
}

func (p *parser) dockerRuns(n *workflow.Node, runs *Runs) {
	runs.PreIf, runs.PostIf = always, always
	for _, e := range n.Entries {
		switch e.Key.Text {
		case "using":
		case "image":
			runs.Image = p.filled(e)
		case "entrypoint":
			runs.Entrypoint = p.filled(e)
		case "pre-entrypoint":
			runs.PreEntrypoint = p.filled(e)
		case "post-entrypoint":
			runs.PostEntrypoint = p.filled(e)
		case "pre-if":
			runs.PreIf = p.filled(e)
		case "post-if":
			runs.PostIf = p.filled(e)
		case "args":
			runs.Args = p.args(e.Value)
		case "env":
			runs.Env = p.env(e.Value)
		default:
			p.unexpected(e.Key, "runs", dockerKeys)
		}
	}
	if n.Lookup("image") == nil {
		p.fail(n.Pos, "action-image", "A docker action needs 'image' in 'runs'", "write image: Dockerfile or image: docker://name:tag")
	}
}

func (p *parser) compositeRuns(n *workflow.Node, runs *Runs) {
	for _, e := range n.Entries {
		if !slices.Contains(compositeKeys, e.Key.Text) {
			p.unexpected(e.Key, "runs", compositeKeys)
		}
	}
	list := n.Lookup("steps")
	if list == nil || list.Kind != workflow.Sequence {
		p.fail(n.Pos, "action-steps", "A composite action needs a list of 'steps' in 'runs'", "")
		return
	}
	steps, found := workflow.ParseSteps(p.file, list, true)
	p.found = append(p.found, found...)
	if !found.HasErrors() {
		runs.Steps = plan.FlatSteps(steps)
	}
}

// filled is a string that may not be empty.
func (p *parser) filled(e workflow.Entry) string {
	text := p.text(e.Value, e.Key.Text)
	if text == "" && e.Value.IsScalar() {
		p.fail(e.Value.Pos, "action-empty", fmt.Sprintf("'%s' is empty", e.Key.Text), "give it a value or remove it")
	}
	return text
}

func (p *parser) args(n *workflow.Node) []*workflow.Node {
	if n.IsNull() {
		return nil
	}
	if n.Kind != workflow.Sequence {
		p.fail(n.Pos, "action-type", "'args' must be a list", "write each argument as - item")
		return nil
	}
	for _, item := range n.Items {
		p.text(item, "args")
	}
	return n.Items
}

func (p *parser) env(n *workflow.Node) *workflow.Node {
	if !p.mapping(n, "env") {
		return nil
	}
	for _, e := range n.Entries {
		p.text(e.Value, "env."+e.Key.Text)
	}
	return n
}
