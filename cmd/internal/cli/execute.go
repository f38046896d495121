package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"github.com/drydock-ci/drydock/cmd/internal/term"
	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/action"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// execute runs the plans of a session.
func (a *app) execute(ctx context.Context, p *parts, s *session, o runOptions, g given) error {
	id, err := owner(a.config.StateDir)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	place := &placer{config: a.config, options: o.containerOptions, docker: p.probe(ctx, a.config)}
	if err := a.preflight(ctx, p, s, place); err != nil {
		return err
	}
	if o.dryRun {
		return printList(a.stdout, s.files, o.asJSON)
	}
	lock, err := lockRun(a.config.StateDir)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	defer lock.release()
	// What a killed run left goes away beside the new run, not before it.
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		if _, err := a.sweep(ctx, p); err != nil {
			p.log.Warn("sweep", "err", err)
		}
	}()

	workspace, err := local.NewWorkspace(s.repo, s.root)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	engine, err := p.engine(id, workspace, g.secrets)
	if err != nil {
		return &exitError{exitInfrastructure, err}
	}
	ui := a.renderer(o)
	sources := make([]*local.Source, len(s.plans))
	var infra infraWatch
	for i, built := range s.plans {
		sources[i] = local.NewSource(local.Options{
			Plan: built, Place: place.place,
			Sink: runner.Sinks(ui.Run(func(job plan.LegID) string { return rerunCommand(s, i, job) }), &infra),
			Job: runner.Job{
				Run: lock.id, Env: g.env,
				Checkout: runner.Checkout{Repository: s.event.Repository, Served: true},
			},
		})
	}
	var interrupted atomic.Bool
	undo := a.signals(func(reason error) {
		interrupted.Store(true)
		for _, src := range sources {
			src.Cancel(reason)
		}
	}, func() { // the third: take everything away at once and go
		lock.release()
		_, _ = a.sweep(context.WithoutCancel(ctx), p)
		_ = ui.Close()
		os.Exit(exitInterrupted)
	})
	worker := runner.Worker{Source: local.Merge(sources...), Engine: engine, Slots: a.slots()}
	err = worker.Run(ctx)
	undo()
	<-swept
	if closeErr := ui.Close(); err == nil {
		err = closeErr
	}
	worst := plan.Success
	for _, src := range sources {
		if c, _ := src.Result(); c != plan.Success && c != plan.Skipped {
			worst = c
		}
	}
	switch {
	case err != nil:
		return &exitError{exitInfrastructure, err}
	case interrupted.Load():
		return &exitError{exitInterrupted, nil}
	case infra.seen.Load():
		return &exitError{exitInfrastructure, nil}
	case worst != plan.Success:
		return &exitError{exitJobFailed, nil}
	}
	return nil
}

// infraWatch notes that a job ended for a reason that is not the workflow's.
type infraWatch struct{ seen atomic.Bool }

// Emit looks at the jobs' ends only.
func (w *infraWatch) Emit(e runner.Event) {
	if f, ok := e.(runner.JobFinished); ok && f.Infra {
		w.seen.Store(true)
	}
}

// probe asks whether an engine answers, unless the host alone was asked for.
func (p *parts) probe(ctx context.Context, c *config.Config) error {
	if c.Executor == config.ExecutorHost {
		return errors.New("--executor host was asked for")
	}
	_, err := p.docker.Probe(ctx)
	return err
}

// preflight finds what would stop a run in the middle: labels without a
// place, actions that are not there offline.
func (a *app) preflight(ctx context.Context, p *parts, s *session, place *placer) error {
	var errs []error
	for _, built := range s.plans {
		if err := local.Labels(built, place.place); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		var e *exitError
		if errors.As(err, &e) {
			return &exitError{e.code, err}
		}
		return &exitError{exitUsage, err}
	}
	if !a.config.Offline {
		return nil
	}
	return missingOffline(ctx, p, s)
}

// missingOffline lists every action that an offline run would need.
func missingOffline(ctx context.Context, p *parts, s *session) error {
	var refs []action.Ref
	for _, built := range s.plans {
		refs = appendUses(refs, built.Graph)
	}
	missing := p.store.Plan(ctx, refs)
	if len(missing) == 0 {
		return nil
	}
	lines := []string{fmt.Sprintf("%d actions are missing and --offline was asked for:", len(missing))}
	for _, m := range missing {
		lines = append(lines, "  "+m.String())
	}
	return &exitError{exitInfrastructure, errors.New(strings.Join(lines, "\n"))}
}

// appendUses collects the repository actions of a graph. A checkout of the
// repository under test is served from the working copy.
func appendUses(refs []action.Ref, g *plan.Graph) []action.Ref {
	for _, j := range g.Jobs {
		if j.Call != nil {
			refs = appendUses(refs, j.Call.Graph)
		}
		for _, s := range j.Steps {
			ref, err := action.ParseUses(s.Uses)
			if s.Kind != plan.Uses || err != nil || ref.Kind != action.Repository || strings.EqualFold(ref.Repository, "actions/checkout") {
				continue
			}
			refs = append(refs, ref)
		}
	}
	return refs
}

// renderer is what shows the run.
func (a *app) renderer(o runOptions) term.Renderer {
	tty := !o.asJSON && isTerminal(a.stdout)
	return term.New(term.Options{
		Out: a.stdout, Err: a.stderr, JSON: o.asJSON, TTY: tty, Size: terminalSize(a.stdout),
		Color: term.DetectColor(tty, a.lookup), Verbose: o.verbose, Quiet: o.quiet,
	})
}

// rerunCommand is how to run one job again.
func rerunCommand(s *session, file int, job plan.LegID) string {
	id, _, _ := strings.Cut(string(job), "/")
	return strings.Join([]string{"drydock", "run", s.event.Name, "-W", s.files[file].path, "-j", id}, " ")
}
