package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/api/client"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/history"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// remoteLogs shows the logs of a run's jobs, one after the other: of those that
// have ended first, so that what still runs is at the end.
func (a *app) remoteLogs(cmd *cobra.Command, args []string, c *client.Client) error {
	f, ctx := cmd.Flags(), cmd.Context()
	var o logsOptions
	o.job, _ = f.GetString("job")
	o.attempt, _ = f.GetInt("attempt")
	o.follow, _ = f.GetBool("follow")
	o.raw, _ = f.GetBool("raw")
	o.timestamps, _ = f.GetBool("timestamps")
	o.asJSON, _ = f.GetBool("json")
	r, err := remoteRun(ctx, c, args, o.attempt)
	if err != nil {
		return err
	}
	out := a.logPrinter(&history.Run{ID: executor.RunID(fmt.Sprint(r.ID))}, o)
	shown := map[plan.LegID]bool{}
	for {
		found, next := false, ""
		for _, j := range order(r.Jobs) {
			if o.job != "" && !isJob(j.ID, j.Name, o.job) {
				continue
			}
			found = true
			switch {
			case shown[j.ID]:
			case j.Started.IsZero() && j.State != store.Completed:
				next = j.Name
			case j.State == store.Completed || o.follow:
				shown[j.ID] = true
				if err := c.Follow(ctx, store.Stream{Run: r.ID, Attempt: r.Attempt, Job: j.ID}, out.Emit); err != nil {
					return err
				}
			default:
				shown[j.ID] = true
				if err := soFar(ctx, c, r, j.ID, out); err != nil {
					return err
				}
			}
		}
		if o.job != "" && !found && r.State == store.Completed {
			return usage("--job %q: the run has no such job", o.job)
		}
		if !o.follow || r.State == store.Completed && next == "" {
			return out.Close()
		}
		select { // for jobs that have yet to begin
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
		if r, err = c.Run(ctx, r.ID, r.Attempt); err != nil {
			return err
		}
	}
}

// order puts jobs that have ended before those that go on.
func order(jobs []api.Job) []api.Job {
	var ended, others []api.Job
	for _, j := range jobs {
		if j.State == store.Completed {
			ended = append(ended, j)
		} else {
			others = append(others, j)
		}
	}
	return append(ended, others...)
}

// soFar shows what a job that goes on has printed until now.
func soFar(ctx context.Context, c *client.Client, r api.Run, job plan.LegID, out interface {
	runner.Sink
	io.Closer
}) error {
	return c.Events(ctx, store.Stream{Run: r.ID, Attempt: r.Attempt, Job: job}, out.Emit)
}
