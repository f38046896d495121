package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/affected"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	gittree "github.com/drydock-ci/drydock/githubapp/pipeline/tree"
	"github.com/drydock-ci/drydock/workflow"
)

// buildOptions are the flags of build.
type buildOptions struct {
	plan, asJSON   bool
	since, commit  string
	noPush, load   bool
	output         string
	verbose, quiet bool
}

func (a *app) buildCommand() *cobra.Command {
	var o buildOptions
	cmd := &cobra.Command{
		Use:   "build [SERVICE...]",
		Short: "Build the service images that a change touches",
		Long: `Build makes the images of the services that drydock.yaml declares, those alone that what changed is
an input of: their folders and what their Dockerfiles copy, their Go imports, and the services
they depend on. It compares the working copy with where the branch left its upstream, or with
--since. A SERVICE that is named is built whatever changed.`,
		Example: `  drydock build --plan                 # what would be built, and why
  drydock build --since main --no-push
  drydock build --output oci:images    # folders that other tools read
  drydock build agenda --commit 1a2b3c4`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.build(cmd.Context(), args, o)
		},
		ValidArgsFunction: a.completeServices,
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.plan, "plan", false, "say what would be built and why, and build nothing")
	flags.BoolVar(&o.asJSON, "json", false, "print as JSON")
	flags.StringVar(&o.since, "since", "", "compare with the commit `REF` (default where the branch left its upstream)")
	flags.StringVar(&o.commit, "commit", "", "build the files of the commit `SHA`, not the working copy")
	flags.BoolVar(&o.noPush, "no-push", false, "build, and publish nothing")
	flags.BoolVar(&o.load, "load", false, "load the images into the engine, and publish nothing")
	flags.StringVar(&o.output, "output", "", "write the images as OCI layouts, `oci:FOLDER`, and publish nothing")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "show all output on a terminal, too")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "show failures and the end only")
	return cmd
}

// build plans, and builds.
func (a *app) build(ctx context.Context, names []string, o buildOptions) error {
	c, err := a.checkout(ctx, o)
	if err != nil {
		return err
	}
	defer c.close()
	// What the commit says is asked for while the change is looked at.
	facts := sync.OnceValues(func() (*pipeline.Options, error) { return a.runOptions(ctx, c, o) })
	if !o.plan {
		go facts() //nolint:errcheck // buildServices asks again
	}
	p, err := a.planServices(ctx, c, names, o)
	if err != nil {
		return err
	}
	if !o.plan {
		return a.buildServices(ctx, c, p, facts, o)
	}
	if o.asJSON {
		err = printJSON(a.stdout, map[string]any{"services": p.Decisions, "base": p.Change.Base})
	} else {
		err = printPlan(a.stdout, p)
	}
	if err != nil {
		return err
	}
	return problems(p)
}

// checkout is the state of the repository that is built.
type checkout struct {
	repository *gittree.Repository
	files      gittree.Tree
	top        string
	commit     string // SHA; of the working copy empty
	change     func(context.Context) (gittree.Change, error)
	close      func()
}

// checkout finds the repository and what of it is built.
func (a *app) checkout(ctx context.Context, o buildOptions) (*checkout, error) {
	r := gittree.Open(a.dir)
	top, err := r.Top(ctx)
	if err != nil {
		return nil, usage("%w: services are built in a git repository", err)
	}
	c := &checkout{repository: r, top: top, close: func() {}}
	if o.commit == "" {
		w := r.Working(top)
		c.files = w
		c.change = func(ctx context.Context) (gittree.Change, error) { return w.Change(ctx, o.since) }
		return c, nil
	}
	if c.commit, err = r.Resolve(ctx, o.commit); err != nil {
		return nil, usage("--commit: %w", err)
	}
	commit := r.Commit(c.commit)
	c.files = commit
	c.close = func() { _ = commit.Close() }
	c.change = func(ctx context.Context) (gittree.Change, error) {
		before := o.since
		if before == "" {
			// Without a REF it is what the commit itself changes.
			parent, err := r.Resolve(ctx, c.commit+"^")
			if err != nil {
				parent = gittree.NoSHA
			}
			before = parent
		} else if _, err := r.Resolve(ctx, before); err != nil && strings.Trim(before, "0") != "" {
			return gittree.Change{}, err
		}
		return r.Push(ctx, before, c.commit)
	}
	return c, nil
}

// planServices decides; its errors say what to do.
func (a *app) planServices(ctx context.Context, c *checkout, names []string, o buildOptions) (*pipeline.Plan, error) {
	p, err := pipeline.NewPlan(ctx, c.repository, c.files, c.change)
	var invalid workflow.InvalidError
	switch {
	case errors.Is(err, pipeline.ErrNoServices):
		return nil, usage("%w: \"drydock init\" proposes them", err)
	case errors.As(err, &invalid):
		return nil, &exitError{exitInvalid, err}
	case err != nil && o.since != "" && strings.Contains(err.Error(), fmt.Sprintf("%q", o.since)):
		return nil, usage("--since: %w", err)
	case err != nil:
		return nil, &exitError{exitInfrastructure, err}
	}
	if len(names) == 0 {
		return p, nil
	}
	err = p.Ask(names)
	var unknown *pipeline.UnknownService
	if errors.As(err, &unknown) {
		return nil, usage("%w in %s: %s", err, declaration.FileName, workflow.Suggest(unknown.Name, unknown.Known))
	}
	return p, err
}

// printPlan is for people.
func printPlan(out io.Writer, p *pipeline.Plan) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SERVICE\tDECISION\tREASON")
	for _, d := range p.Decisions {
		fmt.Fprintf(w, "%s\t%s\t%s\n", d.Name, d.Decision, d.Reason)
	}
	return w.Flush()
}

// problems is the error of a plan whose services cannot all be built.
func problems(p *pipeline.Plan) error {
	var all []error
	for _, d := range p.Decisions {
		if d.Problem != "" && d.Decision == affected.Build {
			all = append(all, fmt.Errorf("service %q: %s", d.Name, d.Problem))
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &exitError{exitInvalid, errors.Join(all...)}
}

// completeServices gives the names of declared services.
func (a *app) completeServices(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	top, err := gittree.Open(".").Top(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	src, err := gittree.Open(top).Working(top).Read(cmd.Context(), declaration.FileName)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	services, _ := declaration.Parse(declaration.FileName, src)
	var names []string
	for _, name := range services.Names() {
		if !slices.Contains(args, name) {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
