package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/jobs"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// serviceJobs runs what of a service is done by jobs: its test, or its whole build.
// They run as those of `drydock run` do, with the same secrets, records and services.
type serviceJobs struct {
	app    *app
	parts  *parts
	repo   *local.Repo
	folder string // the repository's files
	given  given
	place  *placer
	served *services
}

// newServiceJobs reads what jobs are given; it starts nothing.
func (a *app) newServiceJobs(ctx context.Context, p *parts, c *checkout, folder string) (*serviceJobs, error) {
	o := runOptions{secretFile: ".secrets", varFile: ".vars", envFile: ".env", inFile: ".input"}
	in, err := a.given(o, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	repo, err := local.Open(ctx, c.top)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if c.commit != "" {
		// Its files lie in a folder of their own, without .git.
		repo.SHA, repo.Branch, repo.Tags = c.commit, "", nil
	}
	return &serviceJobs{
		app: a, parts: p, repo: repo, folder: folder, given: in, served: a.services(p, o),
		place: &placer{config: a.config, docker: p.probe(ctx, a.config), kube: p.kubeProbe(ctx)},
	}, nil
}

func (j *serviceJobs) close() {
	if err := j.served.Close(); err != nil {
		j.parts.log.Warn("close the services of jobs", "err", err)
	}
}

// Test is pipeline.Tester.
func (j *serviceJobs) Test(ctx context.Context, r pipeline.Request, log io.Writer) error {
	t := r.Service.Test
	if t.Workflow.Given() {
		_, err := j.Run(ctx, r, t.Workflow.Text, t.Job.Text, log)
		return err
	}
	w, source, err := jobs.Command(r.Service)
	if err != nil {
		return err
	}
	_, err = j.runFile(ctx, r, file{path: declaration.FileName, workflow: w, source: source}, "", log)
	return err
}

// Run is images.Jobs.
func (j *serviceJobs) Run(ctx context.Context, r pipeline.Request, path, job string, log io.Writer) (map[string]string, error) {
	f, err := parseFile(filepath.Join(j.folder, filepath.FromSlash(path)), j.folder)
	if err != nil {
		return nil, err
	}
	if err := invalid([]file{f}); err != nil {
		return nil, err
	}
	if job != "" && f.workflow.Job(job) == nil {
		return nil, fmt.Errorf("%s has no job %q: its jobs are %s", path, job, strings.Join(jobIDs([]file{f}), ", "))
	}
	return j.runFile(ctx, r, f, job, log)
}

// runFile runs a parsed workflow.
func (j *serviceJobs) runFile(ctx context.Context, r pipeline.Request, f file, job string, log io.Writer) (map[string]string, error) {
	// What the program would say or ask on the terminal belongs to the service's log.
	quiet := *j.app
	quiet.stderr, quiet.stdin, quiet.dir, quiet.arguments = log, strings.NewReader(""), j.folder, nil
	a := &quiet
	o := runOptions{quiet: true}
	if job != "" {
		o.jobs = []string{job}
	}
	in := j.given
	in.env = jobs.Env(in.env, r)
	s := &session{repo: j.repo, root: j.folder, files: []file{f}}
	defer a.giveBack(s)
	var err error
	event := jobs.Event(f.workflow)
	if s.event, err = a.occur(ctx, j.repo, j.folder, event, s.files, o, in); err != nil {
		return nil, err
	}
	a.identify(s, f, o)
	built, err := a.planFile(ctx, j.parts, s, f, event, o, in, true)
	if err != nil {
		return nil, err
	}
	s.plans = []*plan.Plan{built}
	if err := a.preflight(ctx, j.parts, s, j.place, o); err != nil {
		return nil, err
	}
	release, err := a.lockRuns(s)
	if err != nil {
		return nil, err
	}
	defer release()
	return j.work(ctx, a, s, in, job, log)
}

// work runs the plan of a session to its end.
func (j *serviceJobs) work(ctx context.Context, a *app, s *session, in given, job string, log io.Writer) (map[string]string, error) {
	id, err := owner(a.config.StateDir)
	if err != nil {
		return nil, err
	}
	files := *j.repo
	if j.folder != files.Root {
		files.GitDir = "" // a commit's files
	}
	workspace, err := local.NewWorkspace(&files, j.folder)
	if err != nil {
		return nil, err
	}
	engine, err := j.parts.engine(id, workspace, in.secrets)
	if err != nil {
		return nil, err
	}
	engine.Services, engine.ServicesForScripts = j.served, a.config.Services.RunSteps
	told := &jobs.Log{Out: log, Several: len(s.plans[0].Graph.Jobs) > 1}
	recorded := a.record(s, in, told)
	defer recorded.close()
	source := local.NewSource(local.Options{
		Plan: s.plans[0], Place: j.place.place, Sink: runner.Sinks(told, recorded.sink(0)),
		Job: runner.Job{Run: s.of(0).ID, Env: in.env, Checkout: runner.Checkout{Repository: s.event.Repository, Served: true}},
	})
	stop := context.AfterFunc(ctx, func() { source.Cancel(context.Cause(ctx)) })
	defer stop()
	worker := runner.Worker{Source: source, Engine: engine, Slots: a.slots(), Requeue: runner.Requeue(a.config.Requeue)}
	if err := worker.Run(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	conclusion, results := source.Result()
	if conclusion != plan.Success {
		return nil, told.Failure(conclusion, fmt.Sprintf("\"drydock logs %s\"", s.of(0).ID))
	}
	for _, one := range results {
		if strings.EqualFold(string(one.Path), job) {
			return one.Outputs, nil
		}
	}
	return nil, nil
}
