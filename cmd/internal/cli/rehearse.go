package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// whyJob is what becomes of a job, or of one leg of its matrix.
type whyJob struct {
	ID     plan.LegID `json:"id"`
	Name   string     `json:"name"`
	Runs   *bool      `json:"runs"` // null: decided during the run
	Reason string     `json:"reason"`
	Steps  []whyStep  `json:"steps"` // those with a condition
}

type whyStep struct {
	Name   string `json:"name"`
	If     string `json:"if"`
	Runs   *bool  `json:"runs"` // null: decided when it runs
	Reason string `json:"reason"`
}

// rehearsal goes through a plan as if every job succeeded, and again as if
// every job failed, and notes what the plan decides.
type rehearsal struct {
	env    map[string]string     // that a person gave
	unread map[string]error      // by id of the job
	notes  map[*plan.Job]string  // why a job's fate is open, by the copies
	ifs    map[*plan.Job]outlook // of the conditions that were evaluated
	open   map[*plan.Job]bool    // copies whose inputs come from other jobs
	first  map[plan.LegID]bool   // legs that start at once
	holds  map[plan.LegID]string // what the others wait for, by leg or job
}

// rehearse gives the jobs in the order of the file, those of a called workflow
// in the place of their caller. unread are the jobs whose called workflow could
// not be had.
func rehearse(p *plan.Plan, env map[string]string, unread map[string]error) []whyJob {
	r := &rehearsal{
		env: env, unread: unread, notes: map[*plan.Job]string{}, ifs: map[*plan.Job]outlook{}, open: map[*plan.Job]bool{},
		first: map[plan.LegID]bool{}, holds: map[plan.LegID]string{},
	}
	copied := *p
	copied.Graph = r.graph(p.Graph, p.Contexts, inputsKnown)
	copied.Concurrency = nil

	state := plan.NewState(&copied)
	begun := state.Start()
	for _, d := range begun {
		if d.Action == plan.Start {
			r.first[d.Leg.ID] = true
		}
	}
	for _, h := range state.Holds() {
		id := h.Leg
		if id == "" {
			id = h.Job
		}
		r.holds[id] = h.Reason
	}
	legs, ends := outcome(state, begun, plan.Success)
	failing := plan.NewState(&copied)
	onFailure, _ := outcome(failing, failing.Start(), plan.Failure)

	jobs := map[plan.LegID]*plan.Job{}
	for _, j := range copied.Graph.Jobs {
		jobs[plan.LegID(j.ID)] = j
	}
	var out []whyJob
	for _, result := range state.Results() {
		for _, l := range result.Legs {
			if leg := legs[l.ID]; leg != nil {
				out = append(out, r.leg(leg))
			}
		}
		if end, ok := ends[result.Path]; ok {
			out = append(out, r.end(result, end, jobs[result.Path], onFailure))
		}
	}
	return out
}

// outcome carries a state through and gives the legs that started and the
// jobs that were skipped or failed before they could.
func outcome(state *plan.State, queue []plan.Decision, c plan.Conclusion) (map[plan.LegID]*plan.Leg, map[plan.LegID]plan.Decision) {
	legs, ends := map[plan.LegID]*plan.Leg{}, map[plan.LegID]plan.Decision{}
	for ; len(queue) > 0; queue = queue[1:] {
		switch d := queue[0]; {
		case d.Action == plan.Start:
			legs[d.Leg.ID] = d.Leg
			queue = append(queue, state.Apply(d.Leg.ID, c, nil)...)
		case d.Action == plan.Fail, d.Action == plan.Skip && d.Leg == nil:
			ends[d.Job] = d
		}
	}
	return legs, ends
}

// leg is one that starts when all that it needs succeeds.
func (r *rehearsal) leg(leg *plan.Leg) whyJob {
	j := whyJob{ID: leg.ID, Name: leg.Name, Steps: []whyStep{}}
	runs := true
	j.Runs = &runs
	var reasons []string
	wait := r.wait(leg.ID)
	switch note := r.notes[leg.Job]; {
	case note != "":
		j.Runs = nil
		reasons = append(reasons, wait, note)
	case strings.HasPrefix(wait, "waits for '"):
		reasons = append(reasons, "if its needs succeed ("+wait+")")
	default:
		reasons = append(reasons, wait)
	}
	if seen := r.ifs[leg.Job]; j.Runs != nil && seen.reason != "" {
		reasons = append(reasons, seen.reason)
	}
	if err := r.unread[leg.Job.ID]; err != nil && strings.HasPrefix(string(leg.ID)+"/", leg.Job.ID+"/") {
		reasons = append(reasons, fmt.Sprintf("not looked into: %v", err))
	}
	j.Reason = joinReasons(reasons)
	known := r.foresight(leg.Contexts, r.open[leg.Job])
	known.step = true
	known.unknown = append(known.unknown, "steps", "job", "runner", "secrets", "jobs")
	known.contexts["github"] = known.contexts["github"].With("job", expr.String(leg.Job.ID))
	known.partial = append(known.partial, "env")
	unknown := known.unknown
	for _, s := range leg.Job.Steps {
		if s.If.IsNull() {
			continue
		}
		env, ok := r.environment(append(slices.Clone(leg.Job.Env), s.Env))
		known.contexts["env"], known.unknown = env, unknown
		if !ok {
			known.unknown = append(slices.Clone(unknown), "env")
		}
		seen := known.condition(s.If)
		j.Steps = append(j.Steps, whyStep{Name: stepName(s), If: ifText(s.If), Runs: seen.runs, Reason: seen.reason})
	}
	return j
}

// environment is what a person gave, but for the names that the file sets: those
// show when the step runs. It is not ok when the file's names are not known.
func (r *rehearsal) environment(set []*workflow.Node) (expr.Value, bool) {
	own := maps.Clone(r.env)
	for _, n := range set {
		if n.IsNull() {
			continue
		}
		if n.Kind != workflow.Mapping {
			return expr.Value{}, false
		}
		for _, e := range n.Entries {
			maps.DeleteFunc(own, func(name, _ string) bool { return strings.EqualFold(name, e.Key.Text) })
		}
	}
	return expr.StringMap(own, false), true
}

// wait is what the leg, its job or the callers of it wait for.
func (r *rehearsal) wait(id plan.LegID) string {
	if r.first[id] {
		return ""
	}
	for {
		if why := r.holds[id]; why != "" {
			return why
		}
		i := strings.LastIndexByte(string(id), '/')
		if i < 0 {
			return ""
		}
		id = id[:i]
	}
}

// end is a job that does not start when all that it needs succeeds.
func (r *rehearsal) end(result plan.JobResult, d plan.Decision, job *plan.Job, onFailure map[plan.LegID]*plan.Leg) whyJob {
	j := whyJob{ID: result.Path, Name: result.Name, Steps: []whyStep{}}
	wait := r.wait(result.Path)
	runs := false
	j.Runs = &runs
	starts := slices.ContainsFunc(slices.Collect(maps.Keys(onFailure)), func(id plan.LegID) bool {
		return id == result.Path || strings.HasPrefix(string(id), string(result.Path)+"/")
	})
	reasons := []string{wait}
	switch {
	case job != nil && r.notes[job] != "":
		j.Runs = nil
		reasons = append(reasons, r.notes[job])
	case d.Action == plan.Fail && wait != "":
		j.Runs = nil
		reasons = append(reasons, "decided when its needs have ended: "+d.Reason)
	case d.Action == plan.Fail:
		reasons = append(reasons[:0], "fails: "+d.Reason)
	case starts:
		reasons = append(reasons, "runs only if something that it needs fails: "+d.Reason)
	case job != nil && r.ifs[job].reason != "" && r.ifs[job].runs != nil && !*r.ifs[job].runs:
		reasons = append(reasons[:0], "skipped: "+r.ifs[job].reason)
	default:
		reasons = append(reasons[:0], "skipped: "+d.Reason)
	}
	j.Reason = joinReasons(reasons)
	return j
}

func joinReasons(reasons []string) string {
	return strings.Join(slices.DeleteFunc(reasons, func(r string) bool { return r == "" }), "; ")
}

// foresight is what is known of the contexts of a job.
func (r *rehearsal) foresight(contexts map[string]expr.Value, open bool) foresight {
	k := foresight{contexts: maps.Clone(contexts), partial: []string{"needs"}}
	if k.contexts == nil {
		k.contexts = map[string]expr.Value{}
	}
	if open {
		k.unknown = append(k.unknown, "inputs")
	}
	// The runner adds some fields, of which the others know nothing.
	k.partial = append(k.partial, "github")
	return k
}

// inputs says what is known of the inputs of a graph while it is copied.
type inputs int

const (
	inputsKnown inputs = iota
	inputsLater        // when the rehearsal comes to the call
	inputsOpen         // not before the run
)

// graph copies a graph. What depends on the outputs of jobs is taken away, so
// that the rehearsal gets past it, and noted: it is decided during the run.
func (r *rehearsal) graph(g *plan.Graph, contexts map[string]expr.Value, in inputs) *plan.Graph {
	made := *g
	made.Concurrency, made.Outputs, made.Jobs = nil, nil, nil
	late := []string{"needs"}
	if in == inputsOpen {
		late = append(late, "inputs")
	}
	for _, original := range g.Jobs {
		j := *original
		r.open[&j] = in == inputsOpen
		r.condition(&j, contexts, in)
		own := late
		if s := j.Strategy; s != nil && (mentions(s.Expr, late...) || mentions(s.Matrix, late...) ||
			mentions(s.FailFast, late...) || mentions(s.MaxParallel, late...)) {
			own = slices.Concat(late, []string{"matrix", "strategy"})
			j.Strategy = nil
			if r.notes[&j] == "" {
				r.notes[&j] = "its matrix is known when its needs have ended"
			}
		}
		j.Name, j.ContinueOnError = unless(j.Name, own), unless(j.ContinueOnError, own)
		if c := j.Concurrency; c != nil && (mentions(c.Group, own...) || mentions(c.CancelInProgress, own...)) {
			j.Concurrency = nil
		}
		if j.Call != nil {
			call := *j.Call
			within := inputsLater
			if mentions(call.With, own...) {
				within = inputsOpen
			}
			call.Graph = r.graph(call.Graph, contexts, within)
			j.Call = &call
		}
		made.Jobs = append(made.Jobs, &j)
	}
	return &made
}

// condition looks at the `if` of a copied job.
func (r *rehearsal) condition(j *plan.Job, contexts map[string]expr.Value, in inputs) {
	needs := expr.NewObject(false)
	for _, id := range j.Needs {
		needs.Set(id, expr.NewObject(false).Set("result", expr.String(string(plan.Success))).Value())
	}
	known := r.foresight(contexts, in != inputsKnown)
	known.contexts["needs"] = needs.Value()
	seen := known.condition(j.If)
	ofInputs := func(part string) bool { return rootName(strings.ToLower(part)) == "inputs" }
	switch {
	case seen.runs != nil:
		r.ifs[j] = seen
	case in == inputsLater && len(seen.open) > 0 && !slices.ContainsFunc(seen.open, func(p string) bool { return !ofInputs(p) }):
		// The plan decides when it knows the inputs.
	default:
		r.notes[j], j.If = strings.Replace(seen.reason, "when it runs", "during the run", 1), nil
	}
}

// unless is the node if it uses none of the contexts.
func unless(n *workflow.Node, contexts []string) *workflow.Node {
	if mentions(n, contexts...) {
		return nil
	}
	return n
}

// stepName is what the log shows, before expressions are evaluated.
func stepName(s plan.Step) string {
	switch {
	case s.Name != nil && s.Name.Text != "":
		return s.Name.Text
	case s.Kind == plan.Uses:
		return "Run " + s.Uses
	case s.Script != nil:
		first, _, _ := strings.Cut(strings.TrimSpace(s.Script.Text), "\n")
		return "Run " + first
	}
	return fmt.Sprintf("%s %s", s.Kind, strings.Join(s.Targets, ", "))
}
