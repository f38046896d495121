package cli

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drydock-ci/drydock/cmd/internal/term"
	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// execute runs the plans of a session.
func (a *app) execute(ctx context.Context, p *parts, s *session, o runOptions, g given) error {
	id, err := owner(a.config.StateDir)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	place := &placer{config: a.config, options: o.containerOptions, docker: p.probe(ctx, a.config), kube: p.kubeProbe(ctx), platform: o.architecture}
	if err := a.preflight(ctx, p, s, place, o); err != nil {
		a.sayPrevented(err, o)
		return err
	}
	if o.dryRun {
		return a.printDryRun(s, o)
	}
	release, err := a.lockRuns(s)
	if err != nil {
		return err
	}
	defer release()
	// What a killed run left goes away beside the new run: when the first job
	// has its place, so that the engine makes that first.
	var watch watcher
	swept := make(chan struct{})
	placed := watch.onPlace()
	go func() {
		defer close(swept)
		<-placed
		if _, err := a.sweep(ctx, p); err != nil {
			p.log.Warn("sweep", "err", err)
		}
	}()
	defer watch.done()

	workspace, err := local.NewWorkspace(s.repo, s.root)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	engine, err := p.engine(id, workspace, g.secrets)
	if err != nil {
		return &exitError{exitInfrastructure, err}
	}
	served := a.services(p, o)
	engine.Services, engine.ServicesForScripts = served, a.config.Services.RunSteps
	defer func() {
		if err := served.Close(); err != nil {
			p.log.Warn("close the services of jobs", "err", err)
		}
	}()
	ui := a.renderer(o)
	recorded := a.record(s, g, ui)
	defer recorded.close()
	engine.Checkpoints, engine.Linger = a.savers(s, recorded), a.linger()
	var legs legNotes
	sources := make([]*local.Source, len(s.plans))
	for i, built := range s.plans {
		sources[i] = local.NewSource(local.Options{
			Plan: built, Place: legs.place(place.place),
			Sink: runner.Sinks(ui.Run(term.Hints{
				Rerun: func(job plan.LegID) string { return a.rerunCommand(s, i, job, legs.of(job)) },
				Logs:  recorded.logs(s, i), NoEngine: a.noEngine,
			}), recorded.sink(i), &watch),
			Recorded: s.of(i).recorded, Taken: s.of(i).whyTaken(), Checkpoints: s.of(i).checkpoints(),
			Job: runner.Job{
				Run: s.of(i).ID, Env: g.env,
				Checkout: runner.Checkout{Repository: s.event.Repository, Served: !o.noSkipCheckout},
			},
		})
	}
	var interrupted atomic.Bool
	undo := a.signals(func(reason error) {
		interrupted.Store(true)
		ui.Hurry()
		for _, src := range sources {
			src.Cancel(reason)
		}
	}, func() { // the third: take everything away at once and go
		for i := range s.plans {
			_ = a.history().GiveUp(s.of(i).ID)
		}
		release()
		_, _ = a.sweep(context.WithoutCancel(ctx), p)
		_ = ui.Close()
		os.Exit(exitInterrupted)
	})
	worker := runner.Worker{Source: local.Merge(sources...), Engine: engine, Slots: a.slots(), Requeue: runner.Requeue(a.config.Requeue)}
	if ctx.Err() != nil { // it came before a.signals listened
		return &exitError{exitInterrupted, nil}
	}
	listening, deaf := context.WithCancel(context.WithoutCancel(ctx))
	defer deaf()
	go a.obeyCancel(listening, s, sources, func() { interrupted.Store(true) })
	// From here on a.signals says what a signal means.
	err = worker.Run(context.WithoutCancel(ctx))
	undo()
	watch.done()
	<-swept
	recorded.close()
	if closeErr := ui.Close(); err == nil {
		err = closeErr
	}
	a.forget(ctx, p)
	worst := plan.Success
	for _, src := range sources {
		if c, _ := src.Result(); c != plan.Success && c != plan.Skipped {
			worst = c
		}
	}
	switch {
	case interrupted.Load():
		return &exitError{exitInterrupted, err}
	case err != nil:
		return &exitError{exitInfrastructure, err}
	case watch.infra.Load():
		return &exitError{exitInfrastructure, nil}
	case worst != plan.Success:
		return &exitError{exitJobFailed, nil}
	}
	return nil
}

// sayPrevented tells programs why the run does not begin; people read it with
// the exit code.
func (a *app) sayPrevented(err error, o runOptions) {
	if !o.asJSON || o.dryRun {
		return
	}
	_, _ = a.stdout.Write(runner.AppendEvent(nil, "", runner.Noticed{
		Time: time.Now(), Level: command.LevelError, Text: err.Error(), Cause: runner.CauseOf(err),
	}))
}

// watcher is a sink that notes what matters to the program itself.
type watcher struct {
	infra  atomic.Bool // a job ended for a reason that is not the workflow's
	once   sync.Once
	placed chan struct{}
}

// onPlace gives a channel that is closed when the first job has its place, or
// none will get one.
func (w *watcher) onPlace() <-chan struct{} {
	w.placed = make(chan struct{})
	return w.placed
}

func (w *watcher) done() { w.once.Do(func() { close(w.placed) }) }

// Emit looks at the first step's end and the jobs' ends only.
func (w *watcher) Emit(e runner.Event) {
	switch e := e.(type) {
	case runner.StepFinished:
		w.done()
	case runner.JobFinished:
		if e.Infra {
			w.infra.Store(true)
		}
	}
}

// probe asks once whether an engine answers, unless the host alone was asked for.
func (p *parts) probe(ctx context.Context, c *config.Config) func() error {
	return sync.OnceValue(func() error {
		if c.Executor == config.ExecutorHost {
			return errors.New("--executor host was asked for")
		}
		_, err := p.docker.Probe(ctx)
		return err
	})
}

// printDryRun lists the jobs of the plan: all that would stop them has been
// looked at.
func (a *app) printDryRun(s *session, o runOptions) error {
	var rows []listRow
	for i, built := range s.plans {
		keep := map[string]bool{}
		for _, j := range built.Graph.Jobs {
			keep[j.ID] = true
		}
		for _, r := range listRows(s.files[i : i+1]) {
			if keep[r.Job] {
				rows = append(rows, r)
			}
		}
	}
	return printRows(a.stdout, rows, o.asJSON)
}

// noEngine is said to a step that looked for a container engine in vain.
func (a *app) noEngine(executor string) string {
	switch {
	case executor == config.ExecutorDocker && !a.config.Docker.AllowSocket:
		return "Jobs get no Docker engine: set docker.allow_socket: true in your own drydock.yaml if every job may be root on this machine."
	case executor == config.ExecutorKubernetes:
		return "Jobs on Kubernetes get no Docker engine: let docker/setup-buildx-action use a BuildKit of yours (driver: remote)."
	}
	return ""
}

// renderer is what shows the run.
func (a *app) renderer(o runOptions) term.Renderer {
	tty := !o.asJSON && isTerminal(a.stdout)
	return term.New(term.Options{
		Out: a.stdout, Err: a.stderr, JSON: o.asJSON, TTY: tty, Size: terminalSize(a.stdout),
		Color: term.DetectColor(tty, a.lookup), Verbose: o.verbose, Quiet: o.quiet,
	})
}
