package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/drydock-ci/drydock/runner/action"
)

// runOptions are the flags of `run`; act's names where act has the flag.
type runOptions struct {
	workflows, eventFile, actor          string
	jobs, matrix                         []string
	secrets, vars, envs, inputs          []string
	secretFile, varFile, envFile, inFile string
	containerOptions                     string
	localRepositories                    []string
	list, graph, dryRun, asJSON          bool
	verbose, quiet, watch                bool

	actOptions
}

func (a *app) runCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [EVENT]",
		Short: "Run the workflows that an event starts (default: push)",
		Long: `Run plans the workflows that EVENT starts and runs their jobs, each in its own container or,
where a label is mapped to it, on this machine. The working tree is never changed: jobs get a
copy that honours .gitignore.

Exit codes: 0 all jobs passed, 1 a job failed, 2 usage or configuration, 3 a workflow is invalid,
4 infrastructure (no engine, no image), 130 interrupted.`,
		Example: `  drydock run
  drydock run -j test --matrix go:1.26
  drydock run pull_request -e event.json -s GITHUB_TOKEN
  drydock run -P ubuntu-latest=host
  drydock run --json | jq -r 'select(.type == "job-finished") | .name + ": " + .conclusion'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.obeyAct(cmd, &o); err != nil {
				return err
			}
			event, err := a.event(args, o)
			if err != nil {
				return err
			}
			if o.watch {
				return a.watch(cmd, func() error { return a.run(cmd, event, o) })
			}
			return a.run(cmd, event, o)
		},
		ValidArgsFunction: a.completeEvents,
	}
	o.runFlags(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("job", a.completeJobs)
	help := cmd.HelpFunc()
	cmd.SetHelpFunc(func(c *cobra.Command, args []string) {
		help(c, args)
		fmt.Fprint(c.OutOrStdout(), actHelp())
	})
	return cmd
}

// runFlags are the flags of `run`.
func (o *runOptions) runFlags(f *pflag.FlagSet) {
	o.eventFlags(f)
	f.StringArrayVarP(&o.secrets, "secret", "s", nil, "secret `NAME=VALUE`; NAME alone reads the environment or asks")
	f.StringVar(&o.secretFile, "secret-file", ".secrets", "`file` with secrets, NAME=VALUE a line")
	f.StringVar(&o.containerOptions, "container-options", "", "`options` for job containers, as for docker create")
	f.StringArrayVar(&o.localRepositories, "local-repository", nil, "use a folder for an action's repository: `OWNER/REPO@REF=PATH`")
	f.BoolVarP(&o.list, "list", "l", false, "list the jobs instead of running them")
	f.BoolVarP(&o.graph, "graph", "g", false, "draw the jobs instead of running them")
	f.BoolVarP(&o.dryRun, "dryrun", "n", false, "plan and check everything, run nothing")
	f.BoolVar(&o.asJSON, "json", false, "print one event a line as JSON")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "print more")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print only failures and the summary")
	f.BoolVarP(&o.watch, "watch", "w", false, "run again whenever a file of the repository changes")
	o.flags(f)
}

// set are all flags that `run` takes, also those of every command, for a
// command line that is not typed now.
func (o *runOptions) set(a *app) *pflag.FlagSet {
	f := pflag.NewFlagSet("run", pflag.ContinueOnError)
	o.runFlags(f)
	f.StringVarP(&a.dir, "directory", "C", "", "")
	a.configFlags(f)
	return f
}

// eventFlags are those that say what happened and to what.
func (o *runOptions) eventFlags(f *pflag.FlagSet) {
	f.StringVarP(&o.workflows, "workflows", "W", "", "workflow `path`: a file or a folder (default .github/workflows)")
	f.StringArrayVarP(&o.jobs, "job", "j", nil, "run only this job `id` and what it needs (repeatable)")
	f.StringVarP(&o.eventFile, "eventpath", "e", "", "JSON `file` with the event's payload (default: made from the local git repository)")
	f.StringVarP(&o.actor, "actor", "a", "", "`user` who starts the run (default: from git, else nektos/act)")
	f.StringArrayVar(&o.vars, "var", nil, "configuration variable `NAME=VALUE` (vars context)")
	f.StringVar(&o.varFile, "var-file", ".vars", "`file` with configuration variables")
	f.StringArrayVar(&o.envs, "env", nil, "environment variable `NAME=VALUE` for every job")
	f.StringVar(&o.envFile, "env-file", ".env", "`file` with environment variables")
	f.StringArrayVar(&o.inputs, "input", nil, "input `NAME=VALUE` of workflow_dispatch")
	f.StringVar(&o.inFile, "input-file", ".input", "`file` with inputs")
	f.StringArrayVar(&o.matrix, "matrix", nil, "run only the legs with this `KEY:VALUE` (repeatable)")
}

// event is the one that was named, else push.
func (a *app) event(args []string, o runOptions) (string, error) {
	switch {
	case len(args) > 0:
		return args[0], nil
	case o.detectEvent:
		files, err := a.workflowFiles(o.workflows, a.top())
		if err != nil {
			return "", err
		}
		for _, f := range files {
			if f.workflow != nil && len(f.workflow.On.Triggers) > 0 {
				return f.workflow.On.Triggers[0].Event, nil
			}
		}
	}
	return "push", nil
}

// run is the whole of `drydock run`.
func (a *app) run(cmd *cobra.Command, event string, o runOptions) error {
	changed := func(flag string) bool { return cmd.Flags().Changed(flag) }
	ctx := cmd.Context()
	local, err := localRepositories(o.localRepositories, a.dir)
	if err != nil {
		return err
	}
	p, err := a.assemble(local)
	if err != nil {
		return err
	}
	// A run waits far more than it computes: memory counts before speed.
	debug.SetGCPercent(50)
	p.warmUp(ctx, a.config)
	in, err := a.given(o, changed)
	if err != nil {
		return err
	}
	s, err := a.plan(ctx, p, event, o, in)
	if err != nil {
		return err
	}
	defer a.giveBack(s)
	switch {
	case o.list:
		return printList(a.stdout, s.files, o.asJSON)
	case o.graph:
		return a.drawGraphs(s.files)
	case len(s.plans) == 0: // the reasons have been given
		return nil
	}
	if err := a.sayIgnored(s.files, o.quiet); err != nil {
		return err
	}
	for i, built := range s.plans {
		if built.RunName != "" && !o.quiet {
			fmt.Fprintf(a.stderr, "drydock: %s runs as %q\n", s.files[i].path, built.RunName)
		}
	}
	if !o.quiet {
		a.sayResumable()
	}
	a.arguments = flagWords(a.effective, func(name, _ string) bool { return notRecorded[name] })
	return a.execute(ctx, p, s, o, in)
}

// signals cancels a run at the first Ctrl-C, stops what a cancelled run lets
// go on at the second, and ends the program at the third. A window that was
// closed, or a reader that went away (`drydock run | head`), cancels it too: the
// default would be to die and leave everything behind. The returned function
// undoes it.
func (a *app) signals(soft func(error), hard func()) func() {
	ch, away := make(chan os.Signal, 3), make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM)
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGPIPE} {
		if !signal.Ignored(s) { // nohup
			signal.Notify(away, s)
		}
	}
	done := make(chan struct{})
	go func() {
		count := 0
		for {
			select {
			case <-done:
				return
			case s := <-away: // once: each line that nobody reads is one more
				// A write into any closed pipe gives SIGPIPE, one to a process too that just ended.
				if count == 0 && (s != syscall.SIGPIPE || readerGone(a.stdout) || readerGone(a.stderr)) {
					count = 1
					soft(errNobody)
				}
			case <-ch:
				if count++; count > 2 {
					hard()
					return
				}
				soft(errInterrupted)
			}
		}
	}()
	// Away stays: the summary is still to be written.
	return func() { signal.Stop(ch); close(done) }
}

var errNobody = errors.New("the terminal or program that read the output is gone")

var errInterrupted = errors.New("interrupted by the user")

// slots is how many jobs run at a time.
func (a *app) slots() int {
	if n := a.config.MaxParallel; n > 0 {
		return n
	}
	// Jobs wait for the engine, the network and the disk more than for a CPU.
	return max(2*runtime.NumCPU(), 8)
}

func localRepositories(list []string, dir string) ([]action.LocalRepository, error) {
	var out []action.LocalRepository
	for _, s := range list {
		r, err := action.ParseLocalRepository(s)
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		if !filepath.IsAbs(r.Dir) {
			r.Dir = filepath.Join(dir, r.Dir)
		}
		if _, err := os.Stat(r.Dir); err != nil {
			return nil, usage("--local-repository %q: %w", s, err)
		}
		out = append(out, r)
	}
	return out, nil
}

// sweep removes what runs left behind that are no longer alive, and cannot be
// gone on with.
func (a *app) sweep(ctx context.Context, p *parts) ([]string, error) {
	id, err := owner(a.config.StateDir)
	if err != nil {
		return nil, err
	}
	var removed []string
	var errs []error
	names := []string{"docker", "host"}
	if a.onKubernetes() {
		names = append(names, "kubernetes")
	}
	for _, name := range names {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		swept, err := p.executors()[name].Sweep(ctx, id, a.stays)
		cancel()
		removed = append(removed, swept.Removed...)
		if err != nil {
			errs = append(errs, fmt.Errorf("sweep %s: %w", name, err))
		}
	}
	dropStaleLocks(a.config.StateDir)
	return removed, errors.Join(errs...)
}
