package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow"
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
		_, err := j.run(ctx, r, t.Workflow.Text, t.Job.Text, log)
		return err
	}
	f, err := commandFile(r.Service)
	if err != nil {
		return err
	}
	_, err = j.runFile(ctx, r, f, "", log)
	return err
}

// run runs a workflow of the repository, or one job of it and what that needs, and
// gives the outputs of that job.
func (j *serviceJobs) run(ctx context.Context, r pipeline.Request, path, job string, log io.Writer) (map[string]string, error) {
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

// commandFile is the workflow that a command in an image stands for.
func commandFile(s *declaration.Service) (file, error) {
	text := func(s string) string { b, _ := json.Marshal(s); return string(b) } // YAML reads it too
	src := fmt.Sprintf(`on: push
jobs:
  test:
    name: %s
    runs-on: ubuntu-latest
    container: %s
    steps:
      - uses: actions/checkout@v4
      - run: %s
        working-directory: %s
`, text("test of "+s.Name.Text), text(s.Test.Image.Text), text(s.Test.Run.Text), text(s.Path.Text))
	w, problems := workflow.Parse(declaration.FileName, []byte(src))
	if problems.HasErrors() {
		return file{}, fmt.Errorf("%s:%d: the test of %q: %s", declaration.FileName, s.Test.Run.Pos.Line, s.Name.Text, problems[0].Message)
	}
	return file{path: declaration.FileName, workflow: w, source: []byte(src)}, nil
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
	in.env = serviceEnv(in.env, r)
	s := &session{repo: j.repo, root: j.folder, files: []file{f}}
	defer a.giveBack(s)
	var err error
	event := usualEvent(f)
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
	told := &jobLog{out: log, several: len(s.plans[0].Graph.Jobs) > 1}
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
		return nil, told.failure(string(s.of(0).ID), conclusion)
	}
	for _, one := range results {
		if strings.EqualFold(string(one.Path), job) {
			return one.Outputs, nil
		}
	}
	return nil, nil
}

// usualEvent is the event that a workflow is run by for a service: a push, or what
// else a person would start it with.
func usualEvent(f file) string {
	for _, name := range []string{"push", "workflow_dispatch", "workflow_call", "pull_request"} {
		if f.workflow.On.Trigger(name) != nil {
			return name
		}
	}
	if len(f.workflow.On.Triggers) > 0 {
		return f.workflow.On.Triggers[0].Event
	}
	return "push"
}

// serviceEnv tells jobs what they work for.
func serviceEnv(env map[string]string, r pipeline.Request) map[string]string {
	out := maps.Clone(env)
	refs := make([]string, len(r.Tags))
	for i, tag := range r.Tags {
		refs[i] = r.Service.Image.Text + ":" + tag
	}
	for name, value := range map[string]string{
		"SERVICE_NAME": r.Service.Name.Text, "SERVICE_PATH": r.Service.Path.Text, "SERVICE_IMAGE": r.Service.Image.Text,
		"SERVICE_VERSION": r.Version, "SERVICE_TAGS": strings.Join(r.Tags, ","), "SERVICE_REFERENCES": strings.Join(refs, ","),
		"SOURCE_DATE_EPOCH": strconv.FormatInt(r.Epoch.Unix(), 10),
	} {
		if _, ok := out[name]; !ok {
			out[name] = value
		}
	}
	return out
}

// jobLog writes the events of jobs as lines, and keeps why one failed.
type jobLog struct {
	out     io.Writer
	several bool // jobs, which the lines of steps name

	mu     sync.Mutex
	failed []string
	steps  map[plan.LegID]string // the failed step of a job
}

// Emit is called from several goroutines.
func (l *jobLog) Emit(e runner.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e := e.(type) {
	case runner.StepStarted:
		if e.Step.Phase == runner.Main {
			l.line(e.Job, "Step: "+e.Step.Name)
		}
	case runner.Line:
		if e.Level != command.LevelDebug {
			l.line(e.Job, e.Text)
		}
	case runner.StepFinished:
		if e.Conclusion == plan.Failure && l.steps[e.Job] == "" {
			if l.steps == nil {
				l.steps = map[plan.LegID]string{}
			}
			l.steps[e.Job] = fmt.Sprintf("step %q: %s", e.Step.Name, e.Reason)
		}
	case runner.Noticed:
		fmt.Fprintln(l.out, e.Text)
	case runner.JobFinished:
		if e.Conclusion == plan.Success || e.Conclusion == plan.Skipped {
			return
		}
		why := e.Reason
		if step := l.steps[e.Job]; step != "" {
			why = step
		}
		if e.FirstError != nil && why == "" {
			why = e.FirstError.Message
		}
		l.failed = append(l.failed, strings.TrimSuffix(fmt.Sprintf("job %q: %s", e.Name, why), ": "))
	}
}

func (l *jobLog) line(job plan.LegID, text string) {
	if l.several {
		text = string(job) + ": " + text
	}
	fmt.Fprintln(l.out, text)
}

// failure is the error of jobs that did not pass.
func (l *jobLog) failure(run string, conclusion plan.Conclusion) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.failed)
	why := strings.Join(l.failed, "; ")
	if why == "" {
		why = "it ended as " + string(conclusion)
	}
	return errors.New(why + ": see \"drydock logs " + run + "\"")
}
