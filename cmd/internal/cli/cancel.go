package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/runner/history"
)

// forcedAfter is how long a process that was told twice to stop has for it.
const forcedAfter = 15 * time.Second

func (a *app) cancelCommand() *cobra.Command {
	var force, asJSON bool
	cmd := &cobra.Command{
		Use:   "cancel [RUN]",
		Short: "Cancel a run that is going on (default: the newest of this repository)",
		Long: `Cancel does from another terminal what Ctrl-C does: steps with if: always() and post steps still
run. It waits until the run has ended and says how. With --force those are stopped too, and if the
process does not end then, it is killed, with all runs that it has, and what they left is removed.`,
		Example: "  drydock cancel\n  drydock cancel 17 --force",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.pastRun(args, 0)
			if err != nil {
				return err
			}
			return a.cancel(cmd.Context(), r, force, asJSON)
		},
		ValidArgsFunction: a.completeRuns,
	}
	cmd.Flags().BoolVar(&force, "force", false, "stop also what a cancelled run lets go on")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func (a *app) cancel(ctx context.Context, r *history.Run, force, asJSON bool) error {
	switch status := a.status(r); status {
	case history.Running:
	case history.Died:
		return usage("run %s does not go on: it died: \"drydock doctor --fix\" removes what it left", r.ID)
	default:
		return usage("run %s has ended before: %s", r.ID, status)
	}
	if _, err := holder(a.config.StateDir, r.ID); err != nil && force {
		return &exitError{exitUsage, err}
	}
	if err := a.history().Cancel(r.ID, force); err != nil {
		return &exitError{exitUsage, err}
	}
	var deadline <-chan time.Time
	if force {
		deadline = time.After(forcedAfter)
	}
	killed := false
	for a.status(r) == history.Running {
		select {
		case <-ctx.Done():
			return &exitError{exitInterrupted, nil}
		case <-deadline:
			if err := a.kill(ctx, r); err != nil {
				return err
			}
			killed = true
		case <-time.After(100 * time.Millisecond):
		}
		now, err := a.history().Run(r.ID, r.Attempt)
		if err != nil {
			return &exitError{exitUsage, err}
		}
		r = now
	}
	status := a.status(r)
	if asJSON {
		return printJSON(a.stdout, map[string]any{"run": r.ID, "status": status, "killed": killed})
	}
	text := fmt.Sprintf("run %s: %s", r.ID, status)
	if killed {
		text += " (its process was killed)"
	}
	fmt.Fprintln(a.stdout, text)
	return nil
}

// kill ends the process of a run, waits for that, and removes what it left.
func (a *app) kill(ctx context.Context, r *history.Run) error {
	p, err := holder(a.config.StateDir, r.ID)
	if err != nil {
		return nil //nolint:nilerr // it has just ended
	}
	if err := p.Kill(); err != nil {
		return &exitError{exitUsage, fmt.Errorf("kill process %d of run %s: %w", p.Pid, r.ID, err)}
	}
	for a.alive(r.ID) {
		select {
		case <-ctx.Done():
			return &exitError{exitInterrupted, nil}
		case <-time.After(20 * time.Millisecond):
		}
	}
	parts, err := a.assemble(nil)
	if err != nil {
		return err
	}
	a.giveUp(r) // it was to end
	if _, err := a.sweep(ctx, parts); err != nil {
		parts.log.Warn("sweep", "err", err)
	}
	return nil
}
