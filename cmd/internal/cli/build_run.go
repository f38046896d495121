package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/affected"
	"github.com/drydock-ci/drydock/githubapp/pipeline/chart"
	"github.com/drydock-ci/drydock/githubapp/pipeline/images"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// push tells whether images are published.
func (o buildOptions) push() bool { return !o.noPush && !o.load && o.output == "" }

// layouts is the folder that --output names.
func (o buildOptions) layouts(dir string) (string, error) {
	if o.output == "" {
		return "", nil
	}
	folder, ok := strings.CutPrefix(o.output, "oci:")
	if !ok || folder == "" {
		return "", usage("--output %q: write it as oci:FOLDER; every service gets a folder in there", o.output)
	}
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(dir, folder)
	}
	return folder, nil
}

// buildServices runs a plan.
func (a *app) buildServices(ctx context.Context, c *checkout, p *pipeline.Plan, facts func() (*pipeline.Options, error), o buildOptions) error {
	if !o.push() && !slices.ContainsFunc(p.Decisions, func(d affected.Decision) bool { return d.Decision == affected.Build }) {
		return printPlan(a.stdout, p)
	}
	options, err := facts()
	if err != nil {
		return err
	}
	parts, err := a.assemble(nil)
	if err != nil {
		return err
	}
	temporary, err := os.MkdirTemp("", "drydock-build-")
	if err != nil {
		return &exitError{exitInfrastructure, err}
	}
	defer os.RemoveAll(temporary)
	options.Folder = c.top
	if c.commit != "" {
		options.Folder = filepath.Join(temporary, "files")
		if err := os.Mkdir(options.Folder, 0o755); err != nil {
			return &exitError{exitInfrastructure, err}
		}
		if err := c.repository.Export(ctx, c.commit, options.Folder); err != nil {
			return &exitError{exitInfrastructure, err}
		}
	}
	jobs, err := a.newServiceJobs(ctx, parts, c, options.Folder)
	if err != nil {
		return err
	}
	defer jobs.close()
	if o.push() {
		if err := a.unannounced(p, jobs.given); err != nil {
			return err
		}
	}
	made, err := a.newImages(parts, temporary, jobs, o)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	defer made.BuildKit.Close()
	options.Builder, options.Tester = made, jobs
	options.Charter = chart.New(chart.Options{Registry: made.Registry, Folder: temporary, Services: p.Services})
	options.Notifier = a.notifier(parts, jobs, options)
	options.Ledger, err = images.NewPublished(ctx, made.Registry, c.repository, p.Services, p.Change.Base)
	if err != nil {
		return &exitError{exitInfrastructure, err}
	}
	return a.runServices(ctx, p, *options, o)
}

// runOptions are what the commit says about the run.
func (a *app) runOptions(ctx context.Context, c *checkout, o buildOptions) (*pipeline.Options, error) {
	sha, branch := c.commit, ""
	if sha == "" {
		var err error
		if sha, err = c.repository.Resolve(ctx, "HEAD"); err != nil {
			return nil, usage("%w: images are tagged by the commit", err)
		}
		if o.push() {
			uncommitted, err := c.repository.Working(c.top).Change(ctx, "HEAD")
			if err != nil {
				return nil, &exitError{exitInfrastructure, err}
			}
			if len(uncommitted.Files) > 0 {
				return nil, usage("%q is in no commit, so no tag could name what is pushed: commit it, or give --no-push or --commit HEAD", uncommitted.Files[0])
			}
		}
		if branch, err = c.repository.Branch(ctx); err != nil {
			return nil, &exitError{exitInfrastructure, err}
		}
	}
	versions, err := pipeline.NewVersions(ctx, c.repository, sha, branch, 0)
	if err != nil {
		return nil, &exitError{exitInfrastructure, err}
	}
	epoch, err := c.repository.Time(ctx, sha)
	if err != nil {
		return nil, &exitError{exitInfrastructure, err}
	}
	return &pipeline.Options{
		Run: time.Now().UTC().Format("20060102-150405"), Name: "services", Event: "build", Commit: sha, Epoch: epoch,
		Version: versions.Of, Push: o.push(), Parallel: a.slots(),
	}, nil
}

// runServices runs and shows.
func (a *app) runServices(ctx context.Context, p *pipeline.Plan, options pipeline.Options, o buildOptions) error {
	ui := a.renderer(runOptions{asJSON: o.asJSON, verbose: o.verbose, quiet: o.quiet})
	options.Sink = runner.Sinks(ui)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	undo := a.signals(cancel, func() { os.Exit(exitInterrupted) })
	results := pipeline.Run(ctx, p, options)
	undo()
	if err := ui.Close(); err != nil {
		return &exitError{exitInfrastructure, err}
	}
	switch pipeline.Conclude(results) {
	case plan.Cancelled:
		return &exitError{exitInterrupted, nil}
	case plan.Failure:
		return &exitError{exitJobFailed, nil}
	}
	return nil
}
