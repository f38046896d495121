package cli

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/runner/history"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// statuses are all that a run can be.
var statuses = []string{
	string(plan.Success), string(plan.Failure), string(plan.Cancelled), string(plan.Skipped), string(history.Running), string(history.Died),
}

// runRow is a run for people and scripts.
type runRow struct {
	*history.Run
	Status  history.Status `json:"status"`
	Seconds float64        `json:"seconds"`
}

func (a *app) runsCommand() *cobra.Command {
	var workflow, status string
	var limit int
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List the runs of this repository, the newest first",
		Long: `Runs lists what "drydock run" did in this repository: each run of a workflow has an id, which
logs, artifacts, rerun and cancel take. A run that "died" lost its process: the program was killed,
or the machine went down.`,
		Example: "  drydock runs\n  drydock runs --workflow CI --status failure --limit 5\n  drydock runs --all --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if status != "" && !slices.Contains(statuses, status) {
				return usage("--status %q: it is one of %s%s", status, strings.Join(statuses, ", "), didYouMean(status, statuses))
			}
			if limit < 0 {
				return usage("--limit %d: give the number of runs, or 0 for all", limit)
			}
			here := a.here()
			rows := []runRow{}
			for _, r := range a.history().Runs(limit, func(r *history.Run) bool {
				return (all || here(r)) && (workflow == "" || isWorkflow(r, workflow)) && (status == "" || string(a.status(r)) == status)
			}) {
				rows = append(rows, runRow{r, a.status(r), r.Seconds()})
			}
			if asJSON {
				return printJSON(a.stdout, map[string]any{"runs": rows})
			}
			if len(rows) == 0 {
				fmt.Fprintln(a.stderr, "drydock: no such run is recorded: \"drydock runs --all\" looks beyond this repository")
				return nil
			}
			return a.printRuns(rows, all)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&workflow, "workflow", "W", "", "only runs of this workflow: its `name` or file")
	f.StringVar(&status, "status", "", "only runs with this `status`: "+strings.Join(statuses, ", "))
	f.IntVarP(&limit, "limit", "L", 20, "at most this `number` of runs; 0 is all")
	f.BoolVar(&all, "all", false, "runs of all repositories")
	f.BoolVar(&asJSON, "json", false, "print as JSON")
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(statuses, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("workflow", a.completeWorkflows)
	return cmd
}

// isWorkflow tells whether somebody means the workflow of a run.
func isWorkflow(r *history.Run, name string) bool {
	base := path.Base(r.File)
	return strings.EqualFold(r.Workflow, name) || r.File == name || base == name || strings.TrimSuffix(base, path.Ext(base)) == name
}

func (a *app) completeWorkflows(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if a.config != nil || a.enter(cmd) == nil {
		for _, r := range a.history().Runs(0, a.here()) {
			if !slices.Contains(names, r.Workflow) {
				names = append(names, r.Workflow)
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) printRuns(rows []runRow, all bool) error {
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	where := ""
	if all {
		where = "\tREPOSITORY"
	}
	fmt.Fprintln(t, "RUN\tSTATUS\tWORKFLOW\tEVENT\tREF\tAGE\tTOOK"+where)
	for _, r := range rows {
		id := string(r.ID)
		if r.Attempt > 1 {
			id += fmt.Sprintf(" (attempt %d)", r.Attempt)
		}
		ref := strings.TrimPrefix(strings.TrimPrefix(r.Ref, "refs/heads/"), "refs/tags/")
		duration := took(r.Seconds)
		if r.Finished.IsZero() {
			duration = ""
		}
		name := r.Workflow
		if r.Title != "" && r.Title != r.Workflow {
			name += ": " + r.Title
		}
		row := []string{id, string(r.Status), name, r.Event, ref, age(time.Since(r.Started)), duration}
		if all {
			row = append(row, r.Repository)
		}
		for i, text := range row {
			row[i] = flat(text)
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

// flat is a text of a stranger in one line, without what moves a cursor.
func flat(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
}
