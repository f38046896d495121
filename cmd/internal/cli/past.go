package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/history"
)

// alive tells whether the process of a run lives.
func (a *app) alive(id executor.RunID) bool { return alive(a.config.StateDir)(id) }

// status is how a run stands. One that ends just now has its conclusion in its record
// before its lock is let go: without a lock, the record that was read may be too old.
func (a *app) status(r *history.Run) history.Status {
	s := r.Status(a.alive)
	if s != history.Died {
		return s
	}
	now, err := a.history().Run(r.ID, r.Attempt)
	if err != nil {
		return s
	}
	return now.Status(func(executor.RunID) bool { return false })
}

// pastRun is the run that somebody names by its id, or else the newest of this
// repository.
func (a *app) pastRun(args []string, attempt int) (*history.Run, error) {
	if len(args) == 0 {
		here := a.history().Runs(1, a.here())
		if len(here) == 0 {
			return nil, usage("no run of this repository is recorded: start one with \"drydock run\", or name one: \"drydock runs --all\" lists all")
		}
		args = []string{string(here[0].ID)}
	}
	id, err := history.ParseID(args[0])
	if err != nil {
		return nil, usage("%w: \"drydock runs\" lists them", err)
	}
	r, err := a.history().Run(id, attempt)
	switch {
	case errors.Is(err, history.ErrNoRun) && attempt > 0:
		return nil, usage("run %s, attempt %d: there is no such attempt", id, attempt)
	case errors.Is(err, history.ErrNoRun):
		return nil, usage("run %s: there is no such run: \"drydock runs --all\" lists those that are kept", id)
	case err != nil:
		return nil, &exitError{exitUsage, err}
	}
	return r, nil
}

// here tells whether a run was of the project at hand.
func (a *app) here() func(*history.Run) bool {
	root := realPath(a.top())
	return func(r *history.Run) bool { return realPath(r.Root) == root }
}

func realPath(name string) string {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		return real
	}
	return filepath.Clean(name)
}

// completeRuns completes ids of runs of this repository, with what they were.
func (a *app) completeRuns(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	const most = 30
	if len(args) > 0 || a.config == nil && a.enter(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for _, r := range a.history().Runs(most, a.here()) {
		ids = append(ids, fmt.Sprintf("%s\t%s %s, %s, %s ago", r.ID, r.Event, r.Workflow, a.status(r), age(time.Since(r.Started))))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// completeRunJobs completes the ids of the jobs of the run that was typed.
func (a *app) completeRunJobs(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if a.config == nil && a.enter(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	r, err := a.pastRun(args, 0)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	jobs, _ := a.history().Jobs(r)
	var ids []string
	for _, j := range jobs {
		ids = append(ids, string(j.ID)+"\t"+j.Name)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// age is how long ago something was, for a table.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(int(d.Seconds()), 0))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// took is how long something took, for a table.
func took(seconds float64) string {
	if seconds < 60 {
		return fmt.Sprintf("%.1f s", seconds)
	}
	n := int(seconds + 0.5)
	if n < 3600 {
		return fmt.Sprintf("%d min %02d s", n/60, n%60)
	}
	return fmt.Sprintf("%d h %02d min", n/3600, n%3600/60)
}
