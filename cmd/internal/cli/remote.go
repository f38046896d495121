package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/api/client"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const tokenVariable = "DRYDOCK_SERVER_TOKEN"

// remotely gives a command the flag --server: then it asks a "drydock serve"
// instead of this machine's records. Flags that mean nothing there are refused.
func (a *app) remotely(cmd *cobra.Command, there func(*cobra.Command, []string, *client.Client) error, flags ...string) *cobra.Command {
	server := serverFlag(cmd)
	here := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *server == "" {
			return here(cmd, args)
		}
		known := map[string]bool{"server": true}
		for _, name := range flags {
			known[name] = true
		}
		var wrong error
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Changed && !known[f.Name] {
				wrong = usage("--%s: it has no meaning with --server: leave one out", f.Name)
			}
		})
		if wrong != nil {
			return wrong
		}
		c, err := a.server(*server)
		if err != nil {
			return err
		}
		return refused(there(cmd, args, c))
	}
	return cmd
}

func serverFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("server", "", "ask the \"drydock serve\" at this `URL`; the token is in "+tokenVariable)
}

// server is the client of a server. On this machine its token is where the
// server put it.
func (a *app) server(address string) (*client.Client, error) {
	token, _ := a.lookup(tokenVariable)
	if u, err := url.Parse(address); token == "" && err == nil && client.Local(u) {
		data, err := os.ReadFile(filepath.Join(a.config.StateDir, "server", "token"))
		if err == nil {
			token = strings.TrimSpace(string(data))
		}
	}
	c, err := client.New(address, token)
	if err != nil {
		return nil, usage("--server: %w", err)
	}
	return c, nil
}

// refused gives what a server said its exit code.
func refused(err error) error {
	var e *api.Error
	var exit *exitError
	switch {
	case err == nil, errors.As(err, &exit):
		return err
	case errors.Is(err, context.Canceled):
		return &exitError{exitInterrupted, nil}
	case errors.As(err, &e) && e.Status < 500:
		return &exitError{exitUsage, err}
	}
	return &exitError{exitInfrastructure, err}
}

func (a *app) remoteRuns(cmd *cobra.Command, _ []string, c *client.Client) error {
	f := cmd.Flags()
	q := api.Query{}
	q.Workflow, _ = f.GetString("workflow")
	status, _ := f.GetString("status")
	switch status {
	case "":
	case "running":
		q.State = store.InProgress
	case "queued", "waiting", "pending":
		q.State = store.State(status)
	default:
		q.Conclusion = plan.Conclusion(status)
	}
	limit, _ := f.GetInt("limit")
	var runs []api.Run
	for limit == 0 || len(runs) < limit {
		q.Limit = 100
		if limit > 0 {
			q.Limit = min(q.Limit, limit-len(runs))
		}
		page, err := c.Runs(cmd.Context(), q)
		if err != nil {
			return err
		}
		runs = append(runs, page.Runs...)
		if q.Before = page.Next; q.Before == 0 {
			break
		}
	}
	if asJSON, _ := f.GetBool("json"); asJSON {
		return printJSON(a.stdout, map[string]any{"runs": append([]api.Run{}, runs...)})
	}
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RUN\tSTATUS\tWORKFLOW\tEVENT\tREF\tAGE\tREPOSITORY")
	for _, r := range runs {
		id := strconv.FormatInt(int64(r.ID), 10)
		if r.Attempt > 1 {
			id += fmt.Sprintf(" (attempt %d)", r.Attempt)
		}
		name := r.Name
		if r.Title != "" && r.Title != r.Name {
			name += ": " + r.Title
		}
		row := []string{id, statusOf(r.State, r.Conclusion), name, r.Event, strings.TrimPrefix(r.Ref, "refs/heads/"), age(time.Since(r.Created)), r.Repository}
		for i, text := range row {
			row[i] = flat(text)
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

func statusOf(s store.State, c plan.Conclusion) string {
	if s == store.Completed {
		return string(c)
	}
	return strings.ReplaceAll(string(s), "in_progress", "running")
}

// remoteRun is the run that somebody names, or the newest that they may see.
func remoteRun(ctx context.Context, c *client.Client, args []string, attempt int) (api.Run, error) {
	if len(args) == 0 {
		page, err := c.Runs(ctx, api.Query{Limit: 1})
		if err != nil {
			return api.Run{}, err
		}
		if len(page.Runs) == 0 {
			return api.Run{}, usage("the server has no run that you may see")
		}
		return c.Run(ctx, page.Runs[0].ID, attempt)
	}
	id, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil || id <= 0 {
		return api.Run{}, usage("run %q: it is a number: \"drydock runs --server %s\" lists them", args[0], c.URL)
	}
	return c.Run(ctx, store.RunID(id), attempt)
}

func (a *app) remoteCancel(cmd *cobra.Command, args []string, c *client.Client) error {
	force, _ := cmd.Flags().GetBool("force")
	r, err := remoteRun(cmd.Context(), c, args, 0)
	if err != nil {
		return err
	}
	if err := c.Cancel(cmd.Context(), r.ID, force); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "run %d: it is being cancelled\n", r.ID)
	return nil
}

func (a *app) remoteRerun(cmd *cobra.Command, args []string, c *client.Client) error {
	failed, _ := cmd.Flags().GetBool("failed")
	jobs, _ := cmd.Flags().GetStringArray("job")
	what, job := "all", plan.LegID("")
	switch {
	case len(jobs) > 1 || failed && len(jobs) > 0:
		return usage("--server: give one --job, or --failed")
	case len(jobs) == 1:
		what, job = "job", plan.LegID(jobs[0])
	case failed:
		what = "failed"
	}
	r, err := remoteRun(cmd.Context(), c, args, 0)
	if err != nil {
		return err
	}
	attempt, err := c.Rerun(cmd.Context(), r.ID, what, job)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "run %d, attempt %d: %s/runs/%d\n", r.ID, attempt, c.URL, r.ID)
	return nil
}
