package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/workflow"
)

// listing is what list and graph have in common.
type listing struct {
	workflows string
	asJSON    bool
}

func (l *listing) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&l.workflows, "workflows", "W", "", "workflow `path`: a file or a folder (default .github/workflows)")
	cmd.Flags().BoolVar(&l.asJSON, "json", false, "print as JSON")
}

// files are the valid workflows, of one event if one is named.
func (a *app) listed(l listing, args []string) ([]file, error) {
	files, err := a.workflowFiles(l.workflows, a.top())
	if err != nil {
		return nil, err
	}
	if err := invalid(files); err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return files, nil
	}
	chosen := triggered(files, args[0])
	if len(chosen) == 0 {
		return nil, noWorkflow(files, args[0])
	}
	return chosen, nil
}

func (a *app) listCommand() *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use:     "list [EVENT]",
		Short:   "List workflows and their jobs",
		Example: "  drydock list\n  drydock list pull_request --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := a.listed(l, args)
			if err != nil {
				return err
			}
			return printList(a.stdout, files, l.asJSON)
		},
	}
	l.flags(cmd)
	return cmd
}

// listRow is one job for people and scripts.
type listRow struct {
	Workflow string   `json:"workflow"`
	File     string   `json:"file"`
	Events   []string `json:"events"`
	Job      string   `json:"job"`
	Name     string   `json:"name"`
	Needs    []string `json:"needs"`
	RunsOn   string   `json:"runsOn,omitempty"`
	Uses     string   `json:"uses,omitempty"`
}

func listRows(files []file) []listRow {
	rows := []listRow{}
	for _, f := range files {
		var names []string
		for _, t := range f.workflow.On.Triggers {
			names = append(names, t.Event)
		}
		for _, j := range f.workflow.Jobs {
			r := listRow{Workflow: f.title(), File: f.path, Events: names, Job: j.ID, Name: j.ID, Needs: []string{}}
			if j.Name != nil && j.Name.Text != "" {
				r.Name = j.Name.Text
			}
			for _, n := range j.Needs {
				r.Needs = append(r.Needs, n.ID)
			}
			if j.RunsOn != nil {
				r.RunsOn = nodeText(j.RunsOn.Labels)
			}
			if j.Uses != nil {
				r.Uses = j.Uses.Text
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// nodeText is a scalar or a list of scalars in one line.
func nodeText(n *workflow.Node) string {
	if n == nil {
		return ""
	}
	if n.Kind != workflow.Sequence {
		return n.Text
	}
	var all []string
	for _, i := range n.Items {
		all = append(all, i.Text)
	}
	return strings.Join(all, ", ")
}

func printList(w io.Writer, files []file, asJSON bool) error {
	return printRows(w, listRows(files), asJSON)
}

func printRows(w io.Writer, rows []listRow, asJSON bool) error {
	if asJSON {
		return printJSON(w, map[string]any{"jobs": rows})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "WORKFLOW\tJOB\tNEEDS\tRUNS ON\tEVENTS\tFILE")
	for _, r := range rows {
		where := r.RunsOn
		if r.Uses != "" {
			where = r.Uses
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Workflow, r.Job, strings.Join(r.Needs, ", "), where, strings.Join(r.Events, ", "), r.File)
	}
	return t.Flush()
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
