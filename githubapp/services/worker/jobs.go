package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/githubapp/pipeline/jobs"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/local"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Test is pipeline.Tester.
func (t *task) Test(ctx context.Context, r pipeline.Request, log io.Writer) error {
	test := r.Service.Test
	if test.Workflow.Given() {
		_, err := t.Run(ctx, r, test.Workflow.Text, test.Job.Text, log)
		return err
	}
	w, _, err := jobs.Command(r.Service)
	if err != nil {
		return err
	}
	_, err = t.runWorkflow(ctx, r, w, declaration.FileName, "", log)
	return err
}

// Run is images.Jobs.
func (t *task) Run(ctx context.Context, r pipeline.Request, file, job string, log io.Writer) (map[string]string, error) {
	src, err := t.read(file)
	if err != nil {
		return nil, err
	}
	w, problems := workflow.Parse(file, src)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	if job != "" && w.Job(job) == nil {
		return nil, fmt.Errorf("%s has no job %q", file, job)
	}
	return t.runWorkflow(ctx, r, w, file, job, log)
}

// read reads a file of the commit, and nothing that a symlink leads to elsewhere.
func (t *task) read(name string) ([]byte, error) {
	root, err := os.OpenRoot(t.files.folder())
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.ReadFile(name)
}

// load finds called workflows: those of the same commit.
func (t *task) load(_ context.Context, from plan.Source, uses string) (plan.Source, []byte, error) {
	name, ok := strings.CutPrefix(uses, "./")
	if !ok || path.Dir(path.Clean(name)) != ".github/workflows" {
		return plan.Source{}, nil, fmt.Errorf("jobs of services call workflows of the same repository alone, not %q", uses)
	}
	src, err := t.read(path.Clean(name))
	return plan.Source{Repository: from.Repository, Path: path.Clean(name)}, src, err
}

// runWorkflow runs a workflow, or one job of it and what that needs, and gives the
// outputs of that job.
func (t *task) runWorkflow(ctx context.Context, r pipeline.Request, w *workflow.Workflow, file, job string, log io.Writer) (map[string]string, error) {
	contexts := map[string]expr.Value{"inputs": expr.NewObject(false).Value()}
	for _, name := range []string{"github", "vars"} {
		contexts[name] = t.job.Leg.Contexts[name]
	}
	b := plan.Builder{Load: t.load}
	built, err := b.Build(ctx, w, plan.Source{Path: file}, jobs.Event(w), contexts)
	if err != nil {
		return nil, err
	}
	if job != "" {
		if built, err = built.Only([]string{job}); err != nil {
			return nil, err
		}
	}
	told := &jobs.Log{Out: log, Several: len(built.Graph.Jobs) > 1}
	source := &inner{task: t, Source: local.NewSource(local.Options{
		Plan: built, Place: t.Place, Sink: told,
		Job: runner.Job{Run: t.inside, Env: jobs.Env(nil, r), Checkout: t.job.Checkout, Debug: t.job.Debug},
	})}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for _, stop := range []<-chan struct{}{ctx.Done(), t.force} {
			select {
			case <-stop:
				source.Cancel(context.Cause(ctx))
			case <-ended:
				return
			}
		}
	}()
	// One job at a time: a service is one of the server's slots.
	worker := runner.Worker{Source: source, Engine: t.engine(), Slots: 1, Requeue: runner.RequeueSafe}
	if err := worker.Run(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	conclusion, results := source.Result()
	if conclusion != plan.Success {
		err := told.Failure(conclusion, "")
		if source.infra != nil && !source.failed {
			err = &infraError{err, source.infra}
		}
		return nil, err
	}
	for _, one := range results {
		if strings.EqualFold(string(one.Path), job) {
			return one.Outputs, nil
		}
	}
	return nil, nil
}

// Alive tells whether jobs within a service's job have that run, here and now.
func (w *Worker) Alive(run string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.active[executor.RunID(run)]
}

// engine is the server's, to which the jobs within this one are this one: it has the
// token, the secrets and the scope of caches. They keep no checkpoints.
func (t *task) engine() *runner.Engine {
	engine := *t.Engine
	engine.Checkpoints, engine.Linger = nil, 0
	engine.Secrets = func(ctx context.Context, job *runner.Job) (map[string]string, error) {
		return t.Engine.Secrets(ctx, t.as(job))
	}
	if t.Engine.Token != nil {
		engine.Token = func(ctx context.Context, job *runner.Job) (string, error) { return t.Engine.Token(ctx, t.as(job)) }
	}
	if t.Engine.Services != nil {
		engine.Services = asServices{t.Engine.Services, t}
	}
	return &engine
}

// as is a job under the name of the service's.
func (t *task) as(job *runner.Job) *runner.Job {
	out := *job
	out.Run, out.Leg.ID = t.job.Run, t.job.ID()
	return &out
}

type asServices struct {
	runner.Services
	task *task
}

// Open gives the job's own token.
func (s asServices) Open(ctx context.Context, job *runner.Job) (runner.Endpoints, error) {
	return s.Services.Open(ctx, s.task.as(job))
}

// inner is a source whose jobs are part of the service's job.
type inner struct {
	*local.Source
	task   *task
	infra  error // the first that a job ended for which is not the repository's fault
	failed bool  // a job did for another reason
}

// infraError is the end of jobs in words, and what it was that is not their fault.
type infraError struct {
	error
	infra error
}

func (e *infraError) Unwrap() error { return e.infra }

func (s *inner) note(r runner.Result) {
	switch {
	case r.Conclusion != plan.Failure:
	case r.Infra == nil:
		s.failed = true
	case s.infra == nil:
		s.infra = r.Infra
	}
}

// Next gives the next job.
func (s *inner) Next(ctx context.Context) (*runner.Lease, error) {
	for {
		lease, err := s.Source.Next(ctx)
		if err != nil {
			return nil, err
		}
		finish := lease.Finish
		lease.Finish = func(ctx context.Context, r runner.Result) error {
			s.note(r)
			return finish(ctx, r)
		}
		if n := lease.Job.Leg.Job.Environment; n != nil && !n.IsNull() {
			reason := errNoEnvironment.Error()
			lease.Sink.Emit(runner.JobFinished{Job: lease.Job.ID(), Name: lease.Job.Leg.Name, Conclusion: plan.Failure, Reason: reason})
			if err := lease.Finish(ctx, runner.Result{Conclusion: plan.Failure, Reason: reason}); err != nil {
				return nil, errors.Join(errNoEnvironment, err)
			}
			continue
		}
		lease.Job.Place.Confined = s.task.Confined(ctx, s.task.job)
		return lease, nil
	}
}
