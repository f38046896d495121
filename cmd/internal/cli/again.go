package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/runner/history"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// rerunOptions are the flags of `rerun`.
type rerunOptions struct {
	failed                          bool
	jobs, secrets                   []string
	secretFile                      string
	asJSON, verbose, quiet, fileSet bool
}

func (a *app) rerunCommandLine() *cobra.Command {
	var o rerunOptions
	cmd := &cobra.Command{
		Use:   "rerun [RUN]",
		Short: "Run a run again, whole or in part (default: the newest of this repository)",
		Long: `Rerun starts another attempt of a run: with the same plan, event, inputs, variables and flags as
recorded, on the working copy as it is now. Secrets are not recorded: they come from the same file
and names again. With --failed or --job the other jobs are not run: their results and outputs are
taken from the record.`,
		Example: "  drydock rerun\n  drydock rerun --failed\n  drydock rerun 17 --job test/1 -s TOKEN",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.pastRun(args, 0)
			if err != nil {
				return err
			}
			o.fileSet = cmd.Flags().Changed("secret-file")
			return a.rerun(cmd.Context(), r, o)
		},
		ValidArgsFunction: a.completeRuns,
	}
	f := cmd.Flags()
	f.BoolVar(&o.failed, "failed", false, "run only the jobs that did not pass, and what depends on them")
	f.StringArrayVarP(&o.jobs, "job", "j", nil, "run only this job `id`, with /N one leg of its matrix, and what depends on it (repeatable)")
	f.StringArrayVarP(&o.secrets, "secret", "s", nil, "secret `NAME=VALUE`; NAME alone reads the environment or asks")
	f.StringVar(&o.secretFile, "secret-file", ".secrets", "`file` with secrets (default: that of the run)")
	f.BoolVar(&o.asJSON, "json", false, "print one event a line as JSON")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "print more")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print only failures and the summary")
	_ = cmd.RegisterFlagCompletionFunc("job", a.completeRunJobs)
	return cmd
}

func (a *app) rerun(ctx context.Context, r *history.Run, o rerunOptions) error {
	switch status := a.status(r); {
	case status == history.Running:
		return usage("run %s is running: \"drydock cancel %s\" ends it", r.ID, r.ID)
	case o.failed && status == history.Status(plan.Success):
		return usage("run %s passed: there is no failed job", r.ID)
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
	selection := history.Selection{Failed: o.failed, Jobs: o.jobs}
	reused, err := history.Reuse(recorded, jobs, selection)
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
	s, err := a.recordedSession(ctx, r, history.WithAttempt(recorded, r.Attempt+1))
	if err != nil {
		return err
	}
	it := s.of(0)
	it.again, it.recorded = inWords(selection), reused
	if a.status(r) == history.Died { // what it left has the same id: it goes first
		a.giveUp(r)
		if _, err := a.sweep(ctx, p); err != nil {
			p.log.Warn("sweep", "err", err)
		}
	}
	return a.execute(ctx, p, s, ro, g)
}

func inWords(s history.Selection) string {
	switch {
	case s.Failed && len(s.Jobs) > 0:
		return "failed jobs, and " + strings.Join(s.Jobs, ", ")
	case s.Failed:
		return "failed jobs"
	case len(s.Jobs) > 0:
		return strings.Join(s.Jobs, ", ")
	}
	return "all jobs"
}

// asRecorded goes where the run was started and brings its flags back, under
// those that were typed now.
func (a *app) asRecorded(r *history.Run, o rerunOptions) (runOptions, given, error) {
	if err := os.Chdir(r.Dir); err != nil {
		return runOptions{}, given{}, usage("run %s was started in %q: %w", r.ID, r.Dir, err)
	}
	a.dir = r.Dir
	// Once without the secrets, to know where they come from, and then whole.
	ro, _, _, err := a.recordedFlags(r.Arguments)
	if err != nil {
		return ro, given{}, err
	}
	secrets, err := a.secretsAgain(ro, o)
	if err != nil {
		return ro, given{}, err
	}
	arguments, err := r.CompleteArguments(secrets)
	if err != nil {
		return ro, given{}, &exitError{exitUsage, err}
	}
	ro, configured, flags, err := a.recordedFlags(arguments)
	if err != nil {
		return ro, given{}, err
	}
	for name, values := range configured {
		switch f := flags.Lookup(name); {
		case len(a.flags[name]) == 0:
			a.flags[name] = values
		case f != nil && f.Value.Type() == "LABEL=IMAGE": // entries add up; the last one wins
			a.flags[name] = append(values, a.flags[name]...)
		}
	}
	a.config, err = config.Load(config.Options{Dir: a.dir, Env: append(a.env[:len(a.env):len(a.env)], instanceEnv(flags)...), Flags: a.flags})
	if err != nil {
		return ro, given{}, &exitError{exitUsage, err}
	}
	kept, err := a.history().Given(r, secrets)
	if err != nil {
		return ro, given{}, &exitError{exitUsage, err}
	}
	a.typed, a.arguments = arguments, arguments
	ro.jobs, ro.asJSON, ro.verbose, ro.quiet = nil, o.asJSON, o.verbose, o.quiet
	return ro, given{secrets: secrets, vars: kept.Vars, env: kept.Env, inputs: kept.Inputs}, nil
}

// recordedFlags reads the flags of a recorded command line.
func (a *app) recordedFlags(arguments []string) (runOptions, map[string][]string, *pflag.FlagSet, error) {
	var o runOptions
	probe := &app{env: a.env}
	flags := o.set(probe)
	if err := flags.Parse(arguments); err != nil {
		return o, nil, nil, usage("the recorded command line is of another version: %w: use \"drydock run\"", err)
	}
	return o, probe.flags, flags, o.containers()
}

// secretsAgain finds the secrets where they came from then; what is typed now
// wins.
func (a *app) secretsAgain(recorded runOptions, o rerunOptions) (map[string]string, error) {
	file, given := recorded.secretFile, recorded.secretFile != ".secrets"
	if o.fileSet {
		file, given = o.secretFile, true
	}
	names := slices.DeleteFunc(slices.Clone(recorded.secrets), func(name string) bool {
		return slices.ContainsFunc(o.secrets, func(typed string) bool { return strings.HasPrefix(typed, name+"=") })
	})
	return a.values(pairs{flags: append(names, o.secrets...), file: file, fileGiven: given, what: "secret", environment: true, ask: true})
}

// recordedSession is a session of one recorded plan.
func (a *app) recordedSession(ctx context.Context, r *history.Run, p *plan.Plan) (*session, error) {
	repo, err := local.Open(ctx, a.dir)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if r.SHA != "" && repo.SHA != r.SHA {
		fmt.Fprintf(a.stderr, "drydock: the run was of commit %.7s; jobs get the working copy as it is now, on %.7s\n", r.SHA, repo.SHA)
	}
	github := p.Contexts["github"]
	payload, _ := github.Lookup("event")
	happened := &local.Event{
		Name: text(github, "event_name"), Payload: payload, Ref: text(github, "ref"), SHA: text(github, "sha"),
		HeadRef: text(github, "head_ref"), BaseRef: text(github, "base_ref"), Actor: text(github, "actor"), Repository: text(github, "repository"),
		Public: text(github, "repository_visibility") == "public", Base: local.NoSHA, Head: text(github, "sha"),
	}
	f := file{path: p.Graph.Source.Path}
	it := &attempt{attempt: r.Attempt + 1}
	it.ID, it.Number = r.ID, r.Number
	return &session{
		repo: repo, root: r.Root, event: &occurrence{Event: happened, filtered: event.Event{Name: r.Event}},
		files: []file{f}, plans: []*plan.Plan{p}, runs: map[string]*attempt{f.path: it},
	}, nil
}
