package plan

import (
	"maps"

	"github.com/drydock-ci/drydock/workflow/expr"
)

// maxRunLegs bounds the legs of a run over all matrices and called workflows.
const maxRunLegs = 4096

// State is a run of a plan: results go in, decisions come out. The same
// inputs in the same order give the same decisions. It is not safe for
// concurrent use.
type State struct {
	plan    *Plan
	root    *scope
	groups  map[string]*group
	started bool
	legs    int // made so far
	out     []Decision
	log     []Entry
}

// scope is one instance of a graph: the run itself, or a leg that calls a workflow.
type scope struct {
	graph     *Graph
	caller    *leg // nil: the run itself
	contexts  map[string]expr.Value
	secrets   []SecretMap
	nodes     []*node
	cancelled string // why, or ""
	forced    bool   // cancelled regardless of always()
}

// phase is how far a job or leg is.
type phase uint8

const (
	waiting phase = iota // job: for its needs; leg: for max-parallel
	pending              // leg: for a concurrency group
	active
	ended
)

// node is a job of a scope.
type node struct {
	scope *scope
	job   *Job
	path  LegID
	needs []*node
	phase phase

	strategy   strategy
	legs       []*leg
	name       string
	conclusion Conclusion
	reason     string
	outputs    map[string]string
}

// leg is one execution of a node: a runner's work, or a called workflow.
type leg struct {
	node       *node
	leg        *Leg
	inputs     expr.Value // of the called workflow
	phase      phase
	held       int // groups of leg.Concurrency that it has
	aborted    bool
	nested     *scope
	conclusion Conclusion
	reason     string
	outputs    map[string]string
}

// NewState makes the state of a run that has not started.
func NewState(p *Plan) *State {
	s := &State{plan: p, groups: map[string]*group{}}
	s.root = newScope(p.Graph, nil, p.Contexts)
	return s
}

func newScope(g *Graph, caller *leg, contexts map[string]expr.Value) *scope {
	sc := &scope{graph: g, caller: caller, contexts: contexts}
	var path LegID
	if caller != nil {
		path = caller.leg.ID
	}
	byID := map[string]*node{}
	for _, j := range g.Jobs {
		n := &node{scope: sc, job: j, path: jobPath(path, j.ID), outputs: map[string]string{}}
		n.name = nestedName(sc.name(), baseName(j))
		sc.nodes = append(sc.nodes, n)
		byID[j.ID] = n
	}
	for _, n := range sc.nodes {
		for _, id := range n.job.Needs {
			if need := byID[id]; need != nil {
				n.needs = append(n.needs, need)
			}
		}
	}
	return sc
}

// name is the display name of the caller, "" for the run itself.
func (sc *scope) name() string {
	if sc.caller == nil {
		return ""
	}
	return sc.caller.leg.Name
}

// runCancelled is cancelled(): also when only a scope around this one was cancelled.
func (sc *scope) runCancelled() bool {
	for ; sc != nil; sc = sc.parent() {
		if sc.cancelled != "" {
			return true
		}
	}
	return false
}

func (sc *scope) parent() *scope {
	if sc.caller == nil {
		return nil
	}
	return sc.caller.node.scope
}

// ended tells whether all jobs of the scope have.
func (sc *scope) ended() bool {
	for _, n := range sc.nodes {
		if n.phase != ended {
			return false
		}
	}
	return true
}

// contexts are what the job's own keys may use before its matrix is known.
func (n *node) contexts() map[string]expr.Value {
	contexts := maps.Clone(n.scope.contexts)
	if contexts == nil {
		contexts = map[string]expr.Value{}
	}
	needs := expr.NewObject(false)
	for _, need := range n.needs {
		needs.Set(need.job.ID, need.value())
	}
	contexts["needs"] = needs.Value()
	return contexts
}

// value is the job as needs and jobs show it.
func (n *node) value() expr.Value {
	return expr.NewObject(false).
		Set("result", expr.String(string(n.conclusion))).
		Set("outputs", expr.StringMap(n.outputs, false)).
		Value()
}

// needsEnded tells whether the job can be decided.
func (n *node) needsEnded() bool {
	for _, need := range n.needs {
		if need.phase != ended {
			return false
		}
	}
	return true
}

// Start gives the first decisions; a second call gives none.
func (s *State) Start() []Decision {
	if s.started {
		return nil
	}
	s.started = true
	if c := s.plan.Concurrency; c != nil {
		s.group(c.Group).run = true
	}
	return s.advance()
}

// Apply takes the result of a leg that was started. The result of a leg that
// is not running, or has ended, changes nothing.
func (s *State) Apply(id LegID, c Conclusion, outputs map[string]string) []Decision {
	l := s.running(id)
	if l == nil {
		return nil
	}
	outputs = maps.Clone(outputs)
	s.log = append(s.log, Entry{Leg: id, Conclusion: c, Outputs: outputs})
	switch c {
	case Success, Cancelled, Skipped:
	default:
		c = Failure
	}
	s.endLeg(l, c, outputs, "")
	return s.advance()
}

// running finds a leg that was started and whose result is awaited.
func (s *State) running(id LegID) *leg {
	var found *leg
	s.root.eachLeg(func(l *leg) {
		if l.leg.ID == id && l.phase == active && l.nested == nil {
			found = l
		}
	})
	return found
}

// eachLeg visits the legs in the order of the files, those of a called
// workflow after their caller.
func (sc *scope) eachLeg(visit func(*leg)) {
	for _, n := range sc.nodes {
		for _, l := range n.legs {
			visit(l)
			if l.nested != nil {
				l.nested.eachLeg(visit)
			}
		}
	}
}

// Finished tells whether every job has ended.
func (s *State) Finished() bool { return s.root.ended() }

// Running are the legs whose results are awaited, in order.
func (s *State) Running() []*Leg {
	var legs []*Leg
	s.root.eachLeg(func(l *leg) {
		if l.phase == active && l.nested == nil {
			legs = append(legs, l.leg)
		}
	})
	return legs
}

// advance decides whatever can be decided now, in the order of the files.
func (s *State) advance() []Decision {
	for {
		for s.pass(s.root) {
		}
		if s.Finished() || len(s.Running()) > 0 || !s.breakDeadlock() {
			break
		}
	}
	out := s.out
	s.out = nil
	return out
}

// pass looks at every job once and tells whether anything changed.
func (s *State) pass(sc *scope) bool {
	changed := false
	for _, n := range sc.nodes {
		if n.phase == waiting && n.needsEnded() {
			s.decide(n)
			changed = true
		}
		if n.phase != active {
			continue
		}
		for _, l := range n.legs {
			if s.passLeg(l) {
				changed = true
			}
		}
		if n.allLegsEnded() {
			s.endNode(n)
			changed = true
		}
	}
	return changed
}

func (s *State) passLeg(l *leg) bool {
	switch {
	case l.phase == waiting && l.node.slotFree():
		l.phase = pending
		s.arrive(l)
		return true
	case l.phase == pending:
		return s.takeGroup(l)
	case l.phase == active && l.nested != nil:
		if l.nested.ended() {
			s.endCall(l)
			return true
		}
		return s.pass(l.nested)
	default:
		return false
	}
}

// slotFree tells whether max-parallel lets one more leg begin.
func (n *node) slotFree() bool {
	busy := 0
	for _, l := range n.legs {
		if l.phase == pending || l.phase == active {
			busy++
		}
	}
	return busy < n.strategy.maxParallel
}

func (n *node) allLegsEnded() bool {
	for _, l := range n.legs {
		if l.phase != ended {
			return false
		}
	}
	return true
}
