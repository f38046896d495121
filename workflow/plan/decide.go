package plan

import (
	"fmt"
	"maps"

	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/template"
)

// decide is called once for each job, when all its needs have ended.
func (s *State) decide(n *node) {
	if n.scope.forced {
		s.skip(n, Cancelled, "cancelled: "+n.scope.cancelled)
		return
	}
	v, err := n.condition()
	if err != nil {
		s.fail(n, err)
		return
	}
	if !v.run {
		c := Skipped
		if n.scope.cancelled != "" {
			c = Cancelled
		}
		s.skip(n, c, v.why)
		return
	}
	if err := s.makeLegs(n); err != nil {
		n.legs = nil
		s.fail(n, err)
		return
	}
	if len(n.legs) == 0 {
		s.skip(n, Skipped, "no leg of its matrix has "+filterText(s.plan.Matrix))
		return
	}
	n.phase = active
}

func (s *State) skip(n *node, c Conclusion, reason string) {
	n.phase, n.conclusion, n.reason = ended, c, reason
	s.emit(Decision{Action: Skip, Job: n.path, Name: n.name, Conclusion: c, Reason: reason})
}

func (s *State) fail(n *node, err error) {
	n.phase, n.conclusion = ended, Failure
	n.reason = reasonOf(n.scope.graph.Source.String(), err, n.job.Pos)
	s.emit(Decision{Action: Fail, Job: n.path, Name: n.name, Conclusion: Failure, Reason: n.reason})
}

func (s *State) emit(d Decision) { s.out = append(s.out, d) }

// makeLegs evaluates everything that the legs need before the first of them
// begins, so that a mistake fails the job as a whole.
func (s *State) makeLegs(n *node) error {
	base := n.contexts()
	st, err := evaluateStrategy(n.job.Strategy, expr.Scope{Contexts: base})
	if err != nil {
		return err
	}
	n.strategy = st
	for i, c := range st.legs {
		if !s.plan.selects(c.matrix) {
			continue
		}
		if s.legs++; s.legs > maxRunLegs {
			return fmt.Errorf("the run has more than %d legs", maxRunLegs)
		}
		contexts := maps.Clone(base)
		contexts["strategy"], contexts["matrix"] = st.context(i), c.matrix
		l, err := n.makeLeg(i, c, contexts)
		if err != nil {
			return err
		}
		n.legs = append(n.legs, l)
	}
	return nil
}

func (n *node) makeLeg(index int, c combination, contexts map[string]expr.Value) (*leg, error) {
	scope := expr.Scope{Contexts: contexts}
	j := n.job
	name := suffixedName(baseName(j), c.shown)
	if j.Name.Expressions() {
		own, err := evaluateString(j.Name, scope, "name")
		if err != nil {
			return nil, err
		}
		if own != "" {
			name = own
		}
	}
	tolerant, err := template.Bool(j.ContinueOnError, scope, false)
	if err != nil {
		return nil, problemAt(j.ContinueOnError, "continue-on-error", err)
	}
	l := &leg{node: n, leg: &Leg{
		ID: legID(n.path, index, n.strategy.matrix), Job: j, Name: nestedName(n.scope.name(), name),
		Index: index, Total: len(n.strategy.legs), Source: n.scope.graph.Source,
		Contexts: contexts, Secrets: n.scope.secrets, ContinueOnError: tolerant, Callers: n.scope.callers(),
	}}
	if j.Concurrency != nil {
		g, err := evaluateConcurrency(j.Concurrency, scope)
		if err != nil {
			return nil, err
		}
		l.leg.Concurrency = append(l.leg.Concurrency, *g)
	}
	if j.Call != nil {
		if err := l.prepareCall(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// startLeg begins a leg that has its slot and its concurrency groups.
func (s *State) startLeg(l *leg) {
	l.phase = active
	if l.node.job.Call != nil {
		s.startCall(l)
		return
	}
	s.emit(Decision{Action: Start, Leg: l.leg, Job: l.node.path, Name: l.leg.Name})
}

// endLeg takes the end of a leg. The last leg to finish with an output that is
// not empty decides that output of the job.
func (s *State) endLeg(l *leg, c Conclusion, outputs map[string]string, reason string) {
	l.phase, l.conclusion, l.outputs = ended, c, outputs
	if reason != "" || c != Cancelled { // a cancelled leg keeps why it was aborted
		l.reason = reason
	}
	s.release(l)
	for name, value := range outputs {
		if value != "" {
			l.node.outputs[name] = value
		}
	}
	if c == Failure && !l.leg.ContinueOnError && l.node.strategy.failFast {
		for _, other := range l.node.legs {
			s.stopLeg(other, fmt.Sprintf("fail-fast: '%s' failed", l.leg.Name))
		}
	}
}

// endNode ends a job whose legs all have.
func (s *State) endNode(n *node) {
	n.phase = ended
	var results []Conclusion
	for _, l := range n.legs {
		c := l.conclusion
		if c == Failure && l.leg.ContinueOnError {
			c = Success
		}
		results = append(results, c)
	}
	n.conclusion = aggregate(results)
	for i, l := range n.legs {
		if results[i] != n.conclusion || n.conclusion == Success || n.reason != "" {
			continue
		}
		n.reason = l.reason
		if n.reason == "" && len(n.legs) > 1 {
			n.reason = fmt.Sprintf("'%s' %s", l.leg.Name, past(l.conclusion))
		}
	}
	s.emit(Decision{Action: Done, Job: n.path, Name: n.name, Conclusion: n.conclusion, Reason: n.reason})
}

// aggregate is the result of a whole from those of its parts: the worst, and
// skipped only if all were.
func aggregate(parts []Conclusion) Conclusion {
	skipped, cancelled := 0, false
	for _, c := range parts {
		switch c {
		case Failure:
			return Failure
		case Cancelled:
			cancelled = true
		case Skipped:
			skipped++
		}
	}
	switch {
	case cancelled:
		return Cancelled
	case skipped == len(parts) && skipped > 0:
		return Skipped
	default:
		return Success
	}
}
