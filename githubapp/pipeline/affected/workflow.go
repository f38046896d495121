package affected

import (
	"context"
	"path"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
)

// workflowRules are those of a workflow that tests or builds the service: the file,
// what GitHub looks for beside it, and the reusable workflows and actions of the
// repository that it names.
func (d *decider) workflowRules(ctx context.Context, r *rules, what, file string) error {
	if file == "" {
		return nil
	}
	r.addFile(what, file)
	for _, folder := range []string{".github/workflows", ".github/actions"} {
		r.addFile("what the "+what+" may call", folder)
	}
	seen := map[string]bool{file: true}
	for waiting := []string{file}; len(waiting) > 0; waiting = waiting[1:] {
		src, links, err := d.read(ctx, waiting[0])
		if err := d.linked(r, what, links, err); err != nil {
			return err
		}
		root, _ := workflow.ParseNode(waiting[0], src) // what is wrong with it, its run says
		for _, name := range localUses(root, nil) {
			called := path.Clean("." + path.Clean("/"+name))
			if seen[called] {
				continue
			}
			seen[called] = true
			r.addFile("what the "+what+" calls", called)
			if !d.index.Has(called) {
				r.doubts = append(r.doubts, "the "+what+" uses "+name+", which git does not know")
			}
			// A workflow is a file; an action has one of these.
			for _, definition := range []string{called, path.Join(called, "action.yml"), path.Join(called, "action.yaml")} {
				if _, ok := d.index.Lookup(definition); ok {
					waiting = append(waiting, definition)
				}
			}
		}
	}
	return nil
}

// localUses are the values of "uses" that name something of the repository.
func localUses(n *workflow.Node, all []string) []string {
	if n == nil {
		return all
	}
	for _, item := range n.Items {
		all = localUses(item, all)
	}
	for _, e := range n.Entries {
		if text := e.Value.ScalarText(); e.Key.Text == "uses" && strings.HasPrefix(text, "./") {
			all = append(all, text)
		}
		all = localUses(e.Value, all)
	}
	return all
}
