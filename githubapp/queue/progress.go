package queue

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// progress is what store.Run.Progress holds: where the attempt stands, beside
// its jobs' rows. A leg that plan.State has started is in Held until it is in
// the queue, in Late until its turn to be taken has come, or else in the queue.
type progress struct {
	// Gate says why somebody has to approve the run; it holds for all attempts.
	Gate      string `json:"gate,omitempty"`
	Released  bool   `json:"released,omitempty"` // the gate is open
	Entered   bool   `json:"entered,omitempty"`  // the run holds its concurrency group
	Begun     bool   `json:"begun,omitempty"`    // plan.State has started, or was cancelled before
	Unplanned bool   `json:"unplanned,omitempty"`

	Log     []plan.Entry         `json:"log,omitempty"`
	Held    map[plan.LegID]*held `json:"held,omitempty"`
	Aborts  map[plan.LegID]abort `json:"aborts,omitempty"`
	Retries map[plan.LegID]int   `json:"retries,omitempty"`
	// Calls are the legs that call a workflow and have asked for concurrency
	// groups: whether they hold them.
	Calls map[plan.LegID]bool `json:"calls,omitempty"`

	Absent map[plan.LegID]time.Time `json:"absent,omitempty"` // since when their worker is missed
	Taken  map[plan.LegID]takenOver `json:"taken,omitempty"`
	Late   []plan.LegID             `json:"late,omitempty"`

	Cancelled string      `json:"cancelled,omitempty"`
	Forced    bool        `json:"forced,omitempty"`
	Debug     bool        `json:"debug,omitempty"`
	By        store.Actor `json:"by,omitzero"` // who asked for this attempt
	Since     time.Time   `json:"since,omitzero"`
	Problems  []problem   `json:"problems,omitempty"`
}

// held is a leg that may not be queued yet.
type held struct {
	Entered     bool        `json:"entered,omitempty"` // it holds its concurrency groups
	Environment string      `json:"environment,omitempty"`
	Since       time.Time   `json:"since,omitzero"` // it came to the environment
	State       store.State `json:"state,omitempty"`
	Reason      string      `json:"reason,omitempty"`
}

// abort is a leased job that has to stop.
type abort struct {
	Reason string `json:"reason"`
	Force  bool   `json:"force,omitempty"`
}

// takenOver is the result of an earlier attempt.
type takenOver struct {
	Conclusion plan.Conclusion   `json:"conclusion"`
	Outputs    map[string]string `json:"outputs,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	Started    time.Time         `json:"started,omitzero"`
	Finished   time.Time         `json:"finished,omitzero"`
}

// problem is a workflow.Diagnostic that keeps its place in JSON.
type problem struct {
	workflow.Diagnostic
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
}

func encode(p progress) ([]byte, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("write the progress of a run: %w", err)
	}
	return data, nil
}

// decode reads what a run's row says.
func decode(r *store.Run) (*plan.Plan, progress, error) {
	var p progress
	if len(r.Progress) > 0 {
		if err := json.Unmarshal(r.Progress, &p); err != nil {
			return nil, p, fmt.Errorf("read the progress of run %d: %w", r.ID, err)
		}
	}
	if p.Held == nil {
		p.Held = map[plan.LegID]*held{}
	}
	if p.Calls == nil {
		p.Calls = map[plan.LegID]bool{}
	}
	if p.Aborts == nil {
		p.Aborts = map[plan.LegID]abort{}
	}
	if p.Unplanned || len(r.Plan) == 0 {
		p.Unplanned = true
		return nil, p, nil
	}
	var made plan.Plan
	if err := json.Unmarshal(r.Plan, &made); err != nil {
		return nil, p, fmt.Errorf("read the plan of run %d: %w", r.ID, err)
	}
	return withRun(&made, r, p.By), p, nil
}

// withRun puts into the github context what was not known when the plan was
// made: the run's number and attempt, and who asked for the attempt.
func withRun(p *plan.Plan, r *store.Run, by store.Actor) *plan.Plan {
	contexts := map[string]expr.Value{}
	for name, v := range p.Contexts {
		contexts[name] = v
	}
	github := contexts["github"].
		With("run_id", expr.String(strconv.FormatInt(int64(r.ID), 10))).
		With("run_number", expr.String(strconv.FormatInt(r.Number, 10))).
		With("run_attempt", expr.String(strconv.Itoa(r.Attempt)))
	if _, ok := github.Lookup("retention_days"); !ok {
		github = github.With("retention_days", expr.String("90"))
	}
	if by.Login != "" {
		github = github.With("triggering_actor", expr.String(by.Login))
	}
	contexts["github"] = github
	again := *p
	again.Contexts = contexts
	return &again
}

// stateOf makes the plan's state again.
func stateOf(made *plan.Plan, p progress) *plan.State {
	if !p.Begun {
		return plan.NewState(made)
	}
	state, _ := plan.Replay(made, p.Log)
	return state
}

// Status is what a run's row says beside its jobs' rows.
type Status struct {
	Plan  *plan.Plan  // nil: it could not be planned
	State *plan.State // what has ended, what runs, what waits and why
	// Approval is why the run waits for somebody; "": it does not.
	Approval string
	// Environments are those that jobs wait for a reviewer of, or for time.
	Environments []Waiting
	Problems     workflow.Diagnostics
	By           store.Actor // who asked for the attempt; zero: nobody did
	Debug        bool
}

// Waiting is a job that waits before its environment.
type Waiting struct {
	Job         plan.LegID
	Environment string
	Since       time.Time
	Reason      string
}

// StatusOf reads a run that was read with its plan.
func StatusOf(r *store.Run) (Status, error) {
	made, p, err := decode(r)
	if err != nil {
		return Status{}, err
	}
	s := Status{Plan: made, By: p.By, Debug: p.Debug}
	for _, one := range p.Problems {
		d := one.Diagnostic
		d.Pos = workflow.Pos{Line: one.Line, Column: one.Column}
		s.Problems = append(s.Problems, d)
	}
	if made == nil {
		return s, nil
	}
	s.State = stateOf(made, p)
	if r.State != store.Completed && p.Gate != "" && !p.Released {
		s.Approval = p.Gate
	}
	for _, id := range sortedLegs(p.Held) {
		if h := p.Held[id]; h.State == store.Waiting && h.Environment != "" {
			s.Environments = append(s.Environments, Waiting{Job: id, Environment: h.Environment, Since: h.Since, Reason: h.Reason})
		}
	}
	return s, nil
}
