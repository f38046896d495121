package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/pipeline/affected"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Options say what is done with the services of a plan.
type Options struct {
	Run     string // id, for events
	Name    string // of the whole, for events
	Event   string // why it runs: push, local ...
	Folder  string
	Commit  string
	Epoch   time.Time
	Version func(*declaration.Service) (version string, tags []string, err error)

	Builder  Builder
	Tester   Tester   // nil: services are not tested
	Charter  Charter  // nil: charts are not published
	Notifier Notifier // nil: nobody is told
	Ledger   Ledger   // nil: nothing is known of earlier runs

	// Made are images of services that are not in the plan, by name, which another
	// process made for the same run.
	Made map[string]Image
	// Job names a service in events; nil: as it is called.
	Job func(service string) plan.LegID

	// NoJobs says why services that a workflow's job builds and pushes are only tested;
	// empty: they are built.
	NoJobs string

	Push     bool // publish images and charts, and move tags
	Parallel int  // services at once; 0: any number
	Sink     runner.Sink
	Now      func() time.Time
}

// Run makes the services of a plan, each as soon as those that it is made from are
// done. One that fails does not stop the others. The results are in the order of the
// plan.
func Run(ctx context.Context, p *Plan, o Options) []Result {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Job == nil {
		o.Job = func(service string) plan.LegID { return plan.LegID(service) }
	}
	if o.Sink == nil {
		o.Sink = runner.SinkFunc(func(runner.Event) {})
	}
	r := &run{Options: o, plan: p, done: map[string]chan struct{}{}, results: make([]Result, len(p.Decisions))}
	if o.Parallel > 0 {
		r.slots = make(chan struct{}, o.Parallel)
	}
	started := o.Now()
	o.Sink.Emit(runner.RunStarted{Time: started, Run: o.Run, Workflow: o.Name, File: p.Services.File, Event: o.Event, SHA: o.Commit})
	index := map[string]int{}
	for i, d := range p.Decisions {
		r.done[d.Name] = make(chan struct{})
		index[d.Name] = i
	}
	r.index = index
	circle := inCircle(p.Decisions)
	var all sync.WaitGroup
	for i, d := range p.Decisions {
		all.Go(func() {
			defer close(r.done[d.Name])
			if circle[d.Name] {
				r.end(i, started, fmt.Errorf("the images of services are made from each other: %q needs itself", d.Name))
				return
			}
			r.service(ctx, i, d)
		})
	}
	all.Wait()
	o.Sink.Emit(runner.RunFinished{Time: o.Now(), Run: o.Run, Workflow: o.Name, Conclusion: Conclude(r.results), Seconds: o.Now().Sub(started).Seconds()})
	return r.results
}

// Conclude is the conclusion of all results together.
func Conclude(results []Result) plan.Conclusion {
	conclusion := plan.Success
	for _, one := range results {
		switch one.Outcome {
		case Failed, Skipped:
			return plan.Failure
		case Cancelled:
			conclusion = plan.Cancelled
		}
	}
	return conclusion
}

// run is one Run. A service writes its own result before its channel is closed;
// others read it after.
type run struct {
	Options
	plan    *Plan
	index   map[string]int
	done    map[string]chan struct{}
	results []Result
	slots   chan struct{}
}

// service waits for what a service is made from, and makes it.
func (r *run) service(ctx context.Context, i int, d affected.Decision) {
	result := &r.results[i]
	result.Service, result.Reason = d.Name, d.Reason
	for _, need := range d.Needs {
		done := r.done[need]
		if done == nil {
			continue // not in this plan: what is published of it is taken
		}
		select {
		case <-done:
		case <-ctx.Done():
			r.end(i, r.Now(), &stopped{context.Cause(ctx)})
			return
		}
	}
	for _, need := range d.Needs {
		if at, ok := r.index[need]; ok && !succeeded(r.results[at].Outcome) {
			r.end(i, r.Now(), &NeedError{need, r.results[at].Outcome})
			return
		}
	}
	if r.slots != nil {
		select {
		case r.slots <- struct{}{}:
			defer func() { <-r.slots }()
		case <-ctx.Done():
			r.end(i, r.Now(), &stopped{context.Cause(ctx)})
			return
		}
	}
	started := r.Now()
	r.Sink.Emit(runner.JobStarted{Time: started, Workflow: r.Name, Job: r.Job(d.Name), Name: d.Name, Executor: "build"})
	r.end(i, started, r.make(ctx, result, d))
}

func succeeded(o Outcome) bool { return o == Built || o == Retagged || o == Unchanged }

// NeedError says that a service was not made because another was not.
type NeedError struct {
	Service string
	Outcome Outcome
}

// Error names the other service.
func (e *NeedError) Error() string {
	return fmt.Sprintf("it needs %q, which %s", e.Service, e.Outcome.was())
}

func (o Outcome) was() string {
	if o == Failed {
		return "failed"
	}
	return "was " + string(o)
}

// stopped says that somebody or something ended the run.
type stopped struct{ cause error }

func (e *stopped) Error() string { return e.cause.Error() }
func (e *stopped) Unwrap() error { return e.cause }

// end settles a result and tells it.
func (r *run) end(i int, started time.Time, err error) {
	result := &r.results[i]
	if result.Service == "" {
		result.Service, result.Reason = r.plan.Decisions[i].Name, r.plan.Decisions[i].Reason
	}
	result.Err, result.Took = err, r.Now().Sub(started)
	var need *NeedError
	var stop *stopped
	switch {
	case err == nil:
	case errors.As(err, &need):
		result.Outcome = Skipped
	case errors.As(err, &stop):
		result.Outcome = Cancelled
	default:
		result.Outcome = Failed
	}
	e := runner.JobFinished{
		Time: r.Now(), Workflow: r.Name, Job: r.Job(result.Service), Name: result.Service,
		Conclusion: result.Outcome.Conclusion(), Seconds: result.Took.Seconds(), Reason: result.Reason,
	}
	if err != nil {
		e.Reason = err.Error()
	}
	if result.Image.Digest != "" && err == nil {
		e.Outputs = map[string]string{"image": result.Image.Name, "digest": result.Image.Digest, "version": result.Version}
	}
	r.Sink.Emit(e)
}

// inCircle finds services that need themselves. The declaration's own circles are
// errors; those of images that are made from each other show only here.
func inCircle(decisions []affected.Decision) map[string]bool {
	needs := map[string][]string{}
	for _, d := range decisions {
		needs[d.Name] = d.Needs
	}
	circle := map[string]bool{}
	for _, d := range decisions {
		seen := map[string]bool{}
		waiting := d.Needs
		for len(waiting) > 0 {
			next := waiting[0]
			waiting = waiting[1:]
			if next == d.Name {
				circle[d.Name] = true
			}
			if !seen[next] {
				seen[next] = true
				waiting = append(waiting[:len(waiting):len(waiting)], needs[next]...)
			}
		}
	}
	return circle
}
