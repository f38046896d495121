package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/history"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// resumption is what a run that died goes on with.
type resumption struct {
	run   *history.Run
	saved []history.Saved
}

func (a *app) resumeCommand() *cobra.Command {
	var o rerunOptions
	cmd := &cobra.Command{
		Use:   "resume [RUN]",
		Short: "Go on with a run whose process was killed, where it was",
		Long: `Resume goes on with a run that "died": its jobs live on in their places for some minutes when the
program that ran them is gone (resume.within). Each job goes on in the middle of the step that ran;
what it printed meanwhile is there, and no step is done twice. Jobs that had not begun begin now.
Secrets come from the same file and names again. What ran in the background of a job (background:
true) is lost, and fails. A place that is gone fails its job: "drydock rerun" starts it again.`,
		Example: "  drydock resume\n  drydock resume 17 -s TOKEN",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				if dead := a.resumable(a.here()); len(dead) > 0 {
					args = []string{string(dead[0].ID)}
				}
			}
			r, err := a.pastRun(args, 0)
			if err != nil {
				return err
			}
			o.fileSet = cmd.Flags().Changed("secret-file")
			return a.resume(cmd.Context(), r, o)
		},
		ValidArgsFunction: a.completeRuns,
	}
	f := cmd.Flags()
	f.StringArrayVarP(&o.secrets, "secret", "s", nil, "secret `NAME=VALUE`; NAME alone reads the environment or asks")
	f.StringVar(&o.secretFile, "secret-file", ".secrets", "`file` with secrets (default: that of the run)")
	f.BoolVar(&o.asJSON, "json", false, "print one event a line as JSON")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "print more")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print only failures and the summary")
	return cmd
}

func (a *app) resume(ctx context.Context, r *history.Run, o rerunOptions) error {
	switch status := a.status(r); {
	case status == history.Running:
		return usage("run %s is running: \"drydock logs -f %s\" follows it", r.ID, r.ID)
	case status != history.Died:
		return usage("run %s has ended (%s): \"drydock rerun %s\" starts it again", r.ID, status, r.ID)
	case r.Incomplete != "":
		return usage("run %s cannot go on, since its record ends early (%s): \"drydock rerun %s\" starts it again", r.ID, r.Incomplete, r.ID)
	}
	saved, err := a.history().Checkpoints(r)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("%w: \"drydock rerun %s\" starts the run again", err, r.ID)}
	}
	if len(saved) == 0 {
		return usage("run %s cannot go on: none of its jobs had a place when it died, or what it left was removed: \"drydock rerun %s\" starts it again", r.ID, r.ID)
	}
	ro, g, err := a.asRecorded(r, o)
	if err != nil {
		return err
	}
	recorded, err := a.history().Plan(r, g.secrets)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	jobs, err := a.history().Jobs(r)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	folders, err := localRepositories(ro.localRepositories, a.dir)
	if err != nil {
		return err
	}
	p, err := a.assemble(folders)
	if err != nil {
		return err
	}
	p.warmUp(ctx, a.config)
	s, err := a.recordedSession(ctx, r, recorded)
	if err != nil {
		return err
	}
	it := s.of(0)
	it.attempt, it.resumed, it.recorded = r.Attempt, &resumption{r, saved}, map[plan.LegID]runner.Result{}
	for _, j := range jobs {
		if j.Conclusion != "" {
			it.recorded[j.ID] = runner.Result{
				Conclusion: j.Conclusion, Cause: j.Cause, Outputs: j.Outputs, FirstError: j.FirstError, Started: j.Started, Finished: j.Finished,
			}
		}
	}
	err = a.execute(ctx, p, s, ro, g)
	// Places of jobs that were being made when the run died have its id, too.
	if _, sweepErr := a.sweep(context.WithoutCancel(ctx), p); sweepErr != nil {
		p.log.Warn("sweep", "err", sweepErr)
	}
	return err
}

// checkpoints are those of the jobs of a run, to go on with.
func (it *attempt) checkpoints() map[plan.LegID]*runner.Checkpoint {
	if it.resumed == nil {
		return nil
	}
	out := map[plan.LegID]*runner.Checkpoint{}
	for _, one := range it.resumed.saved {
		if _, ended := it.recorded[one.Job]; !ended {
			out[one.Job] = one.Checkpoint
		}
	}
	return out
}

// whyTaken is why a job ends without running.
func (it *attempt) whyTaken() string {
	if it.resumed != nil {
		return "it had ended before"
	}
	return history.Taken(it.attempt - 1)
}

// savers hand the checkpoints of jobs to the records of their runs.
type savers map[executor.RunID]*history.Recorder

func (s savers) Save(job *runner.Job, c *runner.Checkpoint, urgent bool, kept func()) {
	r := s[job.Run]
	if r == nil {
		kept()
		return
	}
	r.Save(job, c, urgent, kept)
}

// savers are nil when no places live on.
func (a *app) savers(s *session, r records) runner.Checkpoints {
	if a.config.Resume.Within == 0 {
		return nil
	}
	all := savers{}
	for i, one := range r {
		if one != nil {
			all[s.of(i).ID] = one
		}
	}
	return all
}

// linger is how long places live on without this program, in seconds; 0 is the
// back end's default.
func (a *app) linger() int { return int(a.config.Resume.Within.Seconds()) }

// resumable are the runs that died and can be gone on with, the newest first.
func (a *app) resumable(keep func(*history.Run) bool) []*history.Run {
	if a.config.Resume.Within == 0 {
		return nil
	}
	const looked = 50
	return a.history().Runs(looked, func(r *history.Run) bool {
		return a.status(r) == history.Died && !a.history().Resumable(r.ID, a.config.Resume.Within).IsZero() && keep(r)
	})
}

// stays tells whether what a run has made must stay: it is alive, or can be
// gone on with.
func (a *app) stays(id executor.RunID) bool {
	if a.alive(id) {
		return true
	}
	if _, err := history.ParseID(string(id)); err != nil || a.config.Resume.Within == 0 {
		return false
	}
	return !a.history().Resumable(id, a.config.Resume.Within).IsZero()
}

// sayResumable tells of runs of this repository that were killed just now.
func (a *app) sayResumable() {
	for _, r := range a.resumable(a.here()) {
		until := a.history().Resumable(r.ID, a.config.Resume.Within)
		fmt.Fprintf(a.stderr, "drydock: run %s (%s, %s) was killed; until %s \"drydock resume %s\" goes on with it\n",
			r.ID, r.Event, r.Workflow, until.Format(time.TimeOnly), r.ID)
	}
}

// giveUp forgets how to go on with runs that died: what they left can go.
func (a *app) giveUp(runs ...*history.Run) {
	for _, r := range runs {
		if release, ok := a.claim(r.ID); ok {
			if err := a.history().GiveUp(r.ID); err != nil {
				fmt.Fprintf(a.stderr, "drydock: %v\n", err)
			}
			release()
		}
	}
}
