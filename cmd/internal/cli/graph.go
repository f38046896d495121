package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/workflow"
)

func (a *app) graphCommand() *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use:     "graph [EVENT]",
		Short:   "Draw which job waits for which",
		Long:    "Graph draws each job below the last job that it needs; other needs are named behind it.",
		Example: "  drydock graph\n  drydock graph push -W .github/workflows/ci.yml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := a.listed(l, args)
			if err != nil {
				return err
			}
			if l.asJSON {
				return printJSON(a.stdout, map[string]any{"jobs": listRows(files)})
			}
			return a.drawGraphs(files)
		},
	}
	l.flags(cmd)
	return cmd
}

func (a *app) drawGraphs(files []file) error {
	for i, f := range files {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		fmt.Fprintf(a.stdout, "%s (%s)\n", f.title(), f.path)
		drawGraph(a.stdout, f.workflow)
	}
	return nil
}

// drawGraph prints the jobs as a tree: a job hangs below the deepest of its
// needs.
func drawGraph(w io.Writer, wf *workflow.Workflow) {
	depth := map[string]int{}
	var depthOf func(j *workflow.Job) int
	depthOf = func(j *workflow.Job) int {
		if d, ok := depth[j.ID]; ok {
			return d
		}
		depth[j.ID] = 0 // a cycle has been refused before
		d := 0
		for _, n := range j.Needs {
			if need := wf.Job(n.ID); need != nil {
				d = max(d, depthOf(need)+1)
			}
		}
		depth[j.ID] = d
		return d
	}
	children := map[string][]*workflow.Job{}
	others := map[string][]string{}
	for _, j := range wf.Jobs {
		parent := ""
		for _, n := range j.Needs {
			need := wf.Job(n.ID)
			if need != nil && (parent == "" || depthOf(need) > depthOf(wf.Job(parent))) {
				parent = need.ID
			}
		}
		for _, n := range j.Needs {
			if !strings.EqualFold(n.ID, parent) {
				others[j.ID] = append(others[j.ID], n.ID)
			}
		}
		children[parent] = append(children[parent], j)
	}
	var draw func(id, indent string)
	draw = func(id, indent string) {
		for i, j := range children[id] {
			branch, next := "├─ ", "│  "
			if i == len(children[id])-1 {
				branch, next = "└─ ", "   "
			}
			line := indent + branch + j.ID
			if j.Strategy != nil && j.Strategy.Matrix != nil {
				line += " (matrix)"
			}
			if j.Uses != nil {
				line += " → " + j.Uses.Text
			}
			if o := others[j.ID]; len(o) > 0 {
				line += "  also needs " + strings.Join(o, ", ")
			}
			fmt.Fprintln(w, line)
			draw(j.ID, indent+next)
		}
	}
	draw("", "")
}
