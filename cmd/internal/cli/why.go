package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func (a *app) whyCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "why [EVENT]",
		Short: "Say why each workflow, job and step would run or not (default: push)",
		Long: `Why runs nothing. For EVENT it says of every workflow which filter of on: starts it or keeps it
from starting, of each job whether it runs, what it waits for or why it is skipped, and of each
step with a condition what the condition comes to, as far as that is known before the run.`,
		Example: `  drydock why
  drydock why pull_request -e event.json
  drydock why -j deploy
  drydock why --json | jq '.workflows[] | select(.runs | not) | .file'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := a.event(args, o)
			if err != nil {
				return err
			}
			g, err := a.given(o, cmd.Flags().Changed)
			if err != nil {
				return err
			}
			all, err := a.why(cmd.Context(), name, o, g)
			if err != nil {
				return err
			}
			if o.asJSON {
				return printJSON(a.stdout, map[string]any{"workflows": all})
			}
			return printWhy(a.stdout, all)
		},
		ValidArgsFunction: a.completeEvents,
	}
	o.eventFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print as JSON")
	_ = cmd.RegisterFlagCompletionFunc("job", a.completeJobs)
	return cmd
}

// whyWorkflow is what becomes of a workflow.
type whyWorkflow struct {
	File    string      `json:"file"`
	Name    string      `json:"name"`
	Runs    bool        `json:"runs"` // on GitHub
	Reasons []whyReason `json:"reasons"`
	Jobs    []whyJob    `json:"jobs"`
}

// whyReason is what one filter said.
type whyReason struct {
	Filter  string `json:"filter"`
	Pattern string `json:"pattern"`
	Value   string `json:"value"`
	Text    string `json:"text"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
}

// why looks at every workflow. The jobs are those of workflows that start, or
// that the person asked for.
func (a *app) why(ctx context.Context, name string, o runOptions, g given) ([]whyWorkflow, error) {
	p, err := a.assemble(nil)
	if err != nil {
		return nil, err
	}
	repo, err := local.Open(ctx, a.dir)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	s := &session{repo: repo, root: a.top()}
	if s.files, err = a.workflowFiles(o.workflows, s.root); err != nil {
		return nil, err
	}
	if err := invalid(s.files); err != nil {
		return nil, err
	}
	listening := triggered(s.files, name)
	if err := unexpectedInputs(listening, name, o.inputs); err != nil {
		return nil, err
	}
	if len(o.jobs) > 0 {
		if s.files, err = chosen(s.files, o.jobs, ""); err != nil {
			return nil, err
		}
	}
	if s.event, err = a.occur(ctx, repo, s.root, name, listening, o, g); err != nil {
		return nil, err
	}
	for _, note := range s.event.notes {
		fmt.Fprintln(a.stderr, "drydock: "+note)
	}
	all := []whyWorkflow{}
	for _, f := range s.files {
		verdict := event.Match(f.workflow, s.event.filtered)
		w := whyWorkflow{File: f.path, Name: f.title(), Runs: verdict.Runs, Reasons: []whyReason{}, Jobs: []whyJob{}}
		for _, r := range verdict.Reasons {
			if verdict.Runs || !r.Holds {
				w.Reasons = append(w.Reasons, whyReason{r.Filter, r.Pattern, r.Value, r.Text, r.Pos.Line, r.Pos.Column})
			}
		}
		if verdict.Runs || a.asked(o) && verdict.Trigger != nil {
			if w.Jobs, err = a.whyJobs(ctx, p, s, f, name, o, g); err != nil {
				return nil, err
			}
		}
		all = append(all, w)
	}
	return all, nil
}

// whyJobs rehearses a file. A workflow that it calls and that cannot be had is
// not looked into: the rest is worth knowing all the same.
func (a *app) whyJobs(ctx context.Context, p *parts, s *session, f file, name string, o runOptions, g given) ([]whyJob, error) {
	build := func(f file) (*plan.Plan, error) { return a.planFile(ctx, p, s, f, name, o, g, false) }
	unread := map[string]error{}
	built, err := build(f)
	if err != nil {
		for _, j := range f.workflow.Jobs {
			if j.Uses == nil {
				continue
			}
			if _, err := build(uncalled(f, func(other *workflow.Job) bool { return other != j })); err != nil {
				unread[j.ID] = err
			}
		}
		if len(unread) == 0 {
			return nil, err
		}
		if built, err = build(uncalled(f, func(j *workflow.Job) bool { return unread[j.ID] != nil })); err != nil {
			return nil, err
		}
	}
	return rehearse(built, g.env, unread), nil
}

// uncalled is the file with jobs that call no workflow where which says so.
func uncalled(f file, which func(*workflow.Job) bool) file {
	w := *f.workflow
	w.Jobs = slices.Clone(w.Jobs)
	for i, j := range w.Jobs {
		if j.Uses != nil && which(j) {
			plain := *j
			plain.Uses, plain.With, plain.Secrets, plain.InheritSecrets = nil, nil, nil, false
			w.Jobs[i] = &plain
		}
	}
	f.workflow = &w
	return f
}

// printWhy is for people: a line for each reason, job and step.
func printWhy(w io.Writer, all []whyWorkflow) error {
	var b strings.Builder
	for i, f := range all {
		if i > 0 {
			b.WriteByte('\n')
		}
		name, verb := f.File, "does not start"
		if f.Name != f.File {
			name += " (" + f.Name + ")"
		}
		if f.Runs {
			verb = "starts"
		}
		fmt.Fprintf(&b, "%s: %s\n", name, verb)
		for _, r := range f.Reasons {
			fmt.Fprintf(&b, "  %s\n", r.Text)
		}
		if !f.Runs && len(f.Jobs) > 0 {
			b.WriteString("  drydock run starts it all the same, since it was asked for\n")
		}
		for _, j := range f.Jobs {
			id := string(j.ID)
			if j.Name != id {
				id += " (" + j.Name + ")"
			}
			fmt.Fprintf(&b, "  job %s: %s\n", id, fate(j.Runs, j.Reason))
			for _, s := range j.Steps {
				fmt.Fprintf(&b, "    step %q: %s\n", s.Name, fate(s.Runs, s.Reason))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// fate is "runs", "does not run" or, when that is open, the reason alone.
func fate(runs *bool, reason string) string {
	text := "does not run"
	switch {
	case runs == nil:
		return reason
	case *runs:
		text = "runs"
	}
	if reason != "" {
		text += ": " + reason
	}
	return text
}
