package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Options make a Source. Plan, Place and Sink are needed.
type Options struct {
	Plan  *plan.Plan
	State *plan.State // else a new one of the plan
	// Job is what all jobs of the run have alike: Run, Env, Checkout, Debug.
	Job   runner.Job
	Place Placer
	// Sink gets the run's own events and those of jobs that never start; the
	// leases carry it to the engine. It must not call the Source.
	Sink runner.Sink
	// Recorded are results of an earlier attempt: those legs do not run, they
	// end with that result, and Taken says why in words.
	Recorded map[plan.LegID]runner.Result
	Taken    string
	// Checkpoints are of jobs that an earlier program began: they go on there.
	Checkpoints map[plan.LegID]*runner.Checkpoint
}

// Source gives the jobs of one run of a plan, each the moment that the plan's
// state lets it start. It tells the Sink when the run starts and ends, and of
// every job that ends without having run.
type Source struct {
	Options
	signal *signal

	mu       sync.Mutex
	state    *plan.State
	begun    time.Time
	told     bool                    // that the run has finished
	ready    []*plan.Leg             // to start, in order
	leases   map[plan.LegID]*pending // given out, or about to be
	reasons  map[plan.LegID]string   // why a leg ended as it did
	stopping error                   // what Cancel was called with
	late     []*plan.Leg             // that failed in an earlier attempt
}

// pending is a leg whose result is awaited.
type pending struct {
	leg       *plan.Leg
	cancelled chan error // holds two: to stop, and to stop at once
}

// NewSource makes the source of a run that starts with the first Next.
func NewSource(o Options) *Source {
	s := &Source{Options: o, signal: newSignal(), state: o.State, leases: map[plan.LegID]*pending{}, reasons: map[plan.LegID]string{}}
	if s.state == nil {
		s.state = plan.NewState(o.Plan)
	}
	return s
}

// Next waits until a job can start. It gives io.EOF when the run has ended.
func (s *Source) Next(ctx context.Context) (*runner.Lease, error) {
	for {
		wait := s.signal.wait()
		lease, err := s.poll()
		if lease != nil || err != nil {
			return lease, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// poll gives a job that can start now, or nothing, or io.EOF.
func (s *Source) poll() (*runner.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start()
	for len(s.ready) > 0 {
		p := &pending{leg: s.ready[0], cancelled: make(chan error, 2)}
		s.ready = s.ready[1:]
		s.leases[p.leg.ID] = p
		// Asking may take a while; a cancellation must not wait for it.
		s.mu.Unlock()
		place, err := place(p.leg, s.Place)
		s.mu.Lock()
		if err == nil && len(p.cancelled) == 0 {
			return s.lease(p, place), nil
		}
		result := runner.Result{Conclusion: plan.Failure}
		if err != nil {
			result.Reason = err.Error()
		}
		if len(p.cancelled) > 0 {
			result = runner.Result{Conclusion: plan.Cancelled, Reason: (<-p.cancelled).Error()}
		}
		delete(s.leases, p.leg.ID)
		s.unrun(p.leg.ID, p.leg.Name, result.Conclusion, result.Reason)
		s.apply(p.leg.ID, result)
	}
	if s.state.Finished() {
		return nil, io.EOF
	}
	return nil, nil
}

func (s *Source) lease(p *pending, place runner.Place) *runner.Lease {
	job := s.Job
	job.Leg, job.Place = *p.leg, place
	return &runner.Lease{
		Job: &job, Sink: s.Sink, Cancelled: p.cancelled, Checkpoint: s.Checkpoints[p.leg.ID],
		Finish: func(_ context.Context, result runner.Result) error { return s.finish(p, result) },
	}
}

func (s *Source) finish(p *pending, result runner.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leases[p.leg.ID] != p {
		return fmt.Errorf("finish job %q: it has been finished before", p.leg.Name)
	}
	delete(s.leases, p.leg.ID)
	if result.Conclusion == "" {
		result.Conclusion = plan.Failure
	}
	if result.Reason == "" && result.Infra != nil {
		result.Reason = result.Infra.Error()
	}
	s.apply(p.leg.ID, result)
	return nil
}

// Cancel cancels the run: running jobs get the reason, waiting ones are
// decided by the plan's state. A second call stops also what a first one lets
// go on (`if: always()`).
func (s *Source) Cancel(reason error) {
	if reason == nil {
		reason = errors.New("the run was cancelled")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Finished() {
		return
	}
	s.tellStarted()
	again := s.stopping != nil
	s.stopping = reason
	s.handle(s.state.Cancel(reason.Error()))
	if !again {
		return
	}
	for _, p := range s.leases {
		select {
		case p.cancelled <- reason:
		default: // it knows
		}
	}
}

// Result is how the run ended, or "" while it has not, with all its jobs.
func (s *Source) Result() (plan.Conclusion, []plan.JobResult) {
	s.mu.Lock()
	defer s.mu.Unlock()
	results := s.state.Results()
	for i, job := range results {
		for k, leg := range job.Legs {
			if leg.Reason == "" {
				results[i].Legs[k].Reason = s.reasons[leg.ID]
			}
		}
		if job.Reason == "" && len(job.Legs) == 1 && job.Conclusion != plan.Success {
			results[i].Reason = results[i].Legs[0].Reason
		}
	}
	return s.state.Conclusion(), results
}

func (s *Source) start() {
	if s.begun.IsZero() {
		s.tellStarted()
		s.handle(s.state.Start())
	}
}

// apply hands a result to the state.
func (s *Source) apply(id plan.LegID, result runner.Result) {
	s.reasons[id] = result.Reason
	s.handle(s.state.Apply(id, result.Conclusion, result.Outputs))
}

// handle carries out decisions, in order, and those that follow from them.
func (s *Source) handle(decisions []plan.Decision) {
	for {
		if len(decisions) == 0 && len(s.late) > 0 && len(s.ready) == 0 && len(s.leases) == 0 {
			leg := s.late[0]
			s.late = s.late[1:]
			decisions = s.take(leg)
		}
		if len(decisions) == 0 {
			break
		}
		d := decisions[0]
		decisions = decisions[1:]
		switch d.Action {
		case plan.Start:
			switch result, ok := s.Recorded[d.Leg.ID]; {
			case !ok:
				s.ready = append(s.ready, d.Leg)
			case result.Conclusion == plan.Failure:
				// Now it would stop the legs beside it: fail-fast.
				s.late = append(s.late, d.Leg)
			default:
				decisions = append(decisions, s.take(d.Leg)...)
			}
		case plan.Abort:
			decisions = append(decisions, s.abort(d)...)
		case plan.Skip, plan.Fail:
			id := d.Job
			if d.Leg != nil {
				id = d.Leg.ID
			}
			s.unrun(id, d.Name, d.Conclusion, d.Reason)
		case plan.Done: // its legs have told
		}
	}
	if s.state.Finished() {
		s.tellFinished()
	}
	s.signal.broadcast()
}

// take ends a leg with the result of an earlier attempt.
func (s *Source) take(leg *plan.Leg) []plan.Decision {
	result := s.Recorded[leg.ID]
	s.reasons[leg.ID] = s.Taken
	s.Sink.Emit(runner.JobFinished{
		Time: time.Now(), Workflow: s.workflow(), Job: leg.ID, Name: leg.Name, Conclusion: result.Conclusion,
		Reason: s.Taken, Cause: result.Cause, Outputs: result.Outputs, FirstError: result.FirstError,
	})
	return s.state.Apply(leg.ID, result.Conclusion, result.Outputs)
}

// abort tells a running job why it has to stop; one that no worker has taken
// yet ends here.
func (s *Source) abort(d plan.Decision) []plan.Decision {
	reason := s.stopping
	if reason == nil || reason.Error() != d.Reason {
		reason = errors.New(d.Reason)
	}
	if p := s.leases[d.Leg.ID]; p != nil {
		select {
		case p.cancelled <- reason:
		default: // it knows
		}
		return nil
	}
	for i, leg := range s.late {
		if leg.ID == d.Leg.ID {
			s.late = append(s.late[:i:i], s.late[i+1:]...)
			return s.take(leg)
		}
	}
	for i, leg := range s.ready {
		if leg.ID == d.Leg.ID {
			s.ready = append(s.ready[:i:i], s.ready[i+1:]...)
			s.unrun(leg.ID, leg.Name, plan.Cancelled, d.Reason)
			s.reasons[leg.ID] = d.Reason
			return s.state.Apply(leg.ID, plan.Cancelled, nil)
		}
	}
	return nil
}
