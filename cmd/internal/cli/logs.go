package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/cmd/internal/term"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/history"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// logsOptions are the flags of `logs`.
type logsOptions struct {
	job, step                               string
	attempt                                 int
	follow, failed, raw, timestamps, asJSON bool
}

func (a *app) logsCommand() *cobra.Command {
	var o logsOptions
	cmd := &cobra.Command{
		Use:   "logs [RUN]",
		Short: "Show the log of a run (default: the newest of this repository)",
		Long: `Logs shows what the jobs of a run printed, as it was shown then. With --follow it goes on until
a run that is still running ends, also one of another terminal.`,
		Example: `  drydock logs
  drydock logs 17 -j test --step 3
  drydock logs --failed
  drydock logs -f
  drydock logs 17 --raw > log.txt`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.follow && o.failed {
				return usage("--follow and --failed: what failed is known when the run has ended: leave one out")
			}
			if o.raw && o.asJSON {
				return usage("--raw and --json: leave one out")
			}
			r, err := a.pastRun(args, o.attempt)
			if err != nil {
				return err
			}
			return a.logs(cmd.Context(), r, o)
		},
		ValidArgsFunction: a.completeRuns,
	}
	f := cmd.Flags()
	f.StringVarP(&o.job, "job", "j", "", "only this job: its `id`, with /N one leg of its matrix, or its name")
	f.StringVar(&o.step, "step", "", "only this step: its `number`, id or name")
	f.IntVar(&o.attempt, "attempt", 0, "this `attempt` of the run (default: the latest)")
	f.BoolVarP(&o.follow, "follow", "f", false, "go on until the run ends")
	f.BoolVar(&o.failed, "failed", false, "only failed steps")
	f.BoolVar(&o.raw, "raw", false, "as GitHub's downloaded logs: with times and ##[group] marks")
	f.BoolVar(&o.timestamps, "timestamps", false, "put the time in front of each line")
	f.BoolVar(&o.asJSON, "json", false, "print one event a line as JSON")
	_ = cmd.RegisterFlagCompletionFunc("job", a.completeRunJobs)
	return cmd
}

func (a *app) logs(ctx context.Context, r *history.Run, o logsOptions) error {
	wanted, err := a.wanted(r, o)
	if err != nil {
		return err
	}
	events := a.history().Events(r)
	if o.follow && r.Conclusion == "" {
		events = a.history().Follow(ctx, r, func() bool { return a.alive(r.ID) })
	}
	out := a.logPrinter(r, o)
	if err := replay(events, wanted, out.Emit); err != nil {
		return &exitError{exitUsage, err}
	}
	if err := out.Close(); err != nil {
		return &exitError{exitUsage, err}
	}
	now, err := a.history().Run(r.ID, r.Attempt)
	if err != nil {
		return nil //nolint:nilerr // it was removed meanwhile; the log has been shown
	}
	switch {
	case a.status(now) == history.Died:
		fmt.Fprintf(a.stderr, "drydock: run %s died: its process ended before the run did\n", r.ID)
	case now.Incomplete != "":
		fmt.Fprintf(a.stderr, "drydock: the record of run %s ends early: %s\n", r.ID, now.Incomplete)
	case now.Conclusion == "" && !o.follow:
		fmt.Fprintf(a.stderr, "drydock: run %s goes on: \"drydock logs %s -f\" follows it\n", r.ID, r.ID)
	}
	return nil
}

func replay(events iter.Seq2[runner.Event, error], wanted func(runner.Event) bool, emit func(runner.Event)) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		if wanted(e) {
			emit(e)
		}
	}
	return nil
}

// wanted tells which events were asked for. What names nothing of a run that
// has ended is an error.
func (a *app) wanted(r *history.Run, o logsOptions) (func(runner.Event) bool, error) {
	if o.job == "" && o.step == "" && !o.failed {
		return func(runner.Event) bool { return true }, nil
	}
	past, err := a.history().Jobs(r)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if r.Conclusion != "" || !o.follow {
		if err := exists(past, o); err != nil {
			return nil, err
		}
	}
	failed := map[plan.LegID]map[int]bool{}
	known, relevant := map[plan.LegID]bool{}, map[plan.LegID]bool{} // jobs; those with a step that is wanted
	for _, j := range past {
		known[j.ID] = j.Conclusion != ""
		for _, s := range j.Steps {
			if (o.step == "" || isStep(s.Step, o.step)) && (!o.failed || s.Conclusion == plan.Failure) {
				relevant[j.ID] = true
			}
			if s.Conclusion == plan.Failure {
				if failed[j.ID] == nil {
					failed[j.ID] = map[int]bool{}
				}
				failed[j.ID][s.Step.Number] = true
			}
		}
	}
	names := map[plan.LegID]string{}
	steps := map[plan.LegID]map[int]bool{} // that --step means
	return func(e runner.Event) bool {
		switch e := e.(type) {
		case runner.JobStarted:
			names[e.Job] = e.Name
		case runner.JobFinished:
			names[e.Job] = e.Name
		}
		id, step, ok := stepOf(e)
		if !ok || o.job != "" && !isJob(id, names[id], o.job) {
			return false
		}
		if s, ok := e.(runner.StepStarted); ok && isStep(s.Step, o.step) {
			if steps[id] == nil {
				steps[id] = map[int]bool{}
			}
			steps[id][step] = true
		}
		if step == 0 { // of the job as a whole
			_, started := e.(runner.JobStarted) // says its name
			return o.step == "" && !o.failed || started && (relevant[id] || !known[id])
		}
		return (o.step == "" || steps[id][step]) && (!o.failed || failed[id][step])
	}, nil
}

// stepOf is the job and step, 0 for none, of an event that is of a job.
func stepOf(e runner.Event) (id plan.LegID, step int, ok bool) {
	switch e := e.(type) {
	case runner.JobStarted:
		return e.Job, 0, true
	case runner.JobFinished:
		return e.Job, 0, true
	case runner.JobRequeued:
		return e.Job, 0, true
	case runner.StepStarted:
		return e.Job, e.Step.Number, true
	case runner.StepFinished:
		return e.Job, e.StepResult.Step.Number, true
	case runner.Line:
		return e.Job, e.Step, true
	case runner.Annotated:
		return e.Job, e.Step, true
	case runner.Summarised:
		return e.Job, e.Step, true
	}
	return "", 0, false
}

// isJob tells whether somebody means a job: all legs of a matrix and all jobs
// of a called workflow have its id in front.
func isJob(id plan.LegID, name, text string) bool {
	own, asked := strings.ToLower(string(id)), strings.ToLower(text)
	return own == asked || strings.HasPrefix(own, asked+"/") || strings.EqualFold(name, text)
}

func isStep(s runner.StepRef, text string) bool {
	return text == strconv.Itoa(s.Number) || s.ID != "" && strings.EqualFold(s.ID, text) || strings.EqualFold(s.Name, text) || strings.EqualFold(s.Name, "Run "+text)
}

// exists says what there is when a job or step that was asked for is not.
func exists(jobs []*history.Job, o logsOptions) error {
	var ids, steps []string
	found, failed := o.step == "", false
	for _, j := range jobs {
		ids = append(ids, string(j.ID))
		if o.job != "" && !isJob(j.ID, j.Name, o.job) {
			continue
		}
		for _, s := range j.Steps {
			name := strconv.Itoa(s.Step.Number) + " " + flat(s.Step.Name)
			if !slices.Contains(steps, name) {
				steps = append(steps, name)
			}
			found = found || isStep(s.Step, o.step)
			failed = failed || s.Conclusion == plan.Failure
		}
	}
	switch {
	case o.job != "" && !slices.ContainsFunc(jobs, func(j *history.Job) bool { return isJob(j.ID, j.Name, o.job) }):
		return usage("--job %q: the run has no such job: there are %s%s", o.job, strings.Join(ids, ", "), didYouMean(o.job, withoutLegs(ids)))
	case !found && len(steps) == 0:
		return usage("--step %q: no step has begun", o.step)
	case !found:
		return usage("--step %q: there is no such step: there are %s", o.step, strings.Join(steps, ", "))
	case o.failed && !failed:
		return usage("--failed: no step failed")
	}
	return nil
}

// withoutLegs adds the ids of the jobs that have a matrix.
func withoutLegs(ids []string) []string {
	all := slices.Clone(ids)
	for _, id := range ids {
		if job, leg := path.Split(id); job != "" {
			if _, err := strconv.Atoi(leg); err == nil {
				all = append(all, strings.TrimSuffix(job, "/"))
			}
		}
	}
	return all
}

// logPrinter shows events as the flags say.
func (a *app) logPrinter(r *history.Run, o logsOptions) interface {
	runner.Sink
	io.Closer
} {
	switch {
	case o.asJSON:
		return a.formatted(o, func(dst []byte, e runner.Event) []byte { return runner.AppendEvent(dst, string(r.ID), e) })
	case o.raw:
		return a.formatted(o, history.AppendText)
	}
	return term.New(term.Options{
		Out: a.stdout, Err: a.stderr, Log: true, Times: o.timestamps, Verbose: true,
		Color: term.DetectColor(isTerminal(a.stdout), a.lookup), Size: terminalSize(a.stdout),
	})
}

// formattedLog writes events in some form. A follower sees each at once.
type formattedLog struct {
	out    *bufio.Writer
	format func([]byte, runner.Event) []byte
	follow bool
	buf    []byte
}

func (a *app) formatted(o logsOptions, format func([]byte, runner.Event) []byte) *formattedLog {
	return &formattedLog{out: bufio.NewWriterSize(a.stdout, 64<<10), format: format, follow: o.follow}
}

func (l *formattedLog) Emit(e runner.Event) {
	l.buf = l.format(l.buf[:0], e)
	_, _ = l.out.Write(l.buf) // Close gives the error
	if l.follow {
		_ = l.out.Flush()
	}
}

func (l *formattedLog) Close() error { return l.out.Flush() }
