package plan

import (
	"fmt"
	"slices"
	"strings"
)

// group is a concurrency group within the run.
type group struct {
	run    bool // the run itself holds it
	holder *leg
	queue  []*leg
}

// group finds a group; names ignore case.
func (s *State) group(name string) *group {
	key := strings.ToLower(name)
	if s.groups[key] == nil {
		s.groups[key] = &group{}
	}
	return s.groups[key]
}

// arrive brings a leg to the next of its groups, or starts it when it holds all.
func (s *State) arrive(l *leg) {
	for l.held < len(l.leg.Concurrency) {
		want := l.leg.Concurrency[l.held]
		g := s.group(want.Group)
		if g.run || g.holder != nil && l.inside(g.holder) {
			s.cancelLeg(l, fmt.Sprintf("deadlock: concurrency group '%s' is held by the workflow that waits for this job", want.Group))
			return
		}
		if g.holder == nil && len(g.queue) == 0 {
			g.holder = l
			l.held++
			continue
		}
		if !want.QueueMax {
			for _, older := range slices.Clone(g.queue) {
				s.cancelLeg(older, fmt.Sprintf("replaced by '%s' as next in concurrency group '%s'", l.leg.Name, want.Group))
			}
		}
		g.queue = append(g.queue, l)
		if want.CancelInProgress && g.holder != nil {
			s.stopLeg(g.holder, fmt.Sprintf("cancelled by '%s' in concurrency group '%s'", l.leg.Name, want.Group))
		}
		return
	}
	s.startLeg(l)
}

// callers are the legs around the scope that hold groups, outermost first.
func (sc *scope) callers() []Caller {
	var list []Caller
	for ; sc != nil && sc.caller != nil; sc = sc.parent() {
		if l := sc.caller.leg; len(l.Concurrency) > 0 {
			list = append(list, Caller{Leg: l.ID, Concurrency: l.Concurrency})
		}
	}
	slices.Reverse(list)
	return list
}

// inside tells whether the leg belongs to a workflow that outer called, or is outer.
func (l *leg) inside(outer *leg) bool {
	for ; l != nil; l = l.node.scope.caller {
		if l == outer {
			return true
		}
	}
	return false
}

// takeGroup gives the leg the group that it waits for, if it is free and the
// leg is the first to wait.
func (s *State) takeGroup(l *leg) bool {
	if l.held == len(l.leg.Concurrency) {
		return false
	}
	g := s.group(l.leg.Concurrency[l.held].Group)
	if g.holder != nil || len(g.queue) == 0 || g.queue[0] != l {
		return false
	}
	g.queue = g.queue[1:]
	g.holder = l
	l.held++
	s.arrive(l)
	return true
}

// release gives up the groups of a leg, held or waited for.
func (s *State) release(l *leg) {
	for _, c := range l.leg.Concurrency {
		g := s.group(c.Group)
		if g.holder == l {
			g.holder = nil
		}
		g.queue = slices.DeleteFunc(g.queue, func(other *leg) bool { return other == l })
	}
}

// breakDeadlock ends one leg of a run in which everything waits for something
// else, so that the run goes on. False: there is nothing to break.
func (s *State) breakDeadlock() bool {
	var stuck *leg
	s.root.eachLeg(func(l *leg) {
		if stuck == nil && l.phase == pending {
			stuck = l
		}
	})
	if stuck != nil {
		name := stuck.leg.Concurrency[stuck.held].Group
		s.cancelLeg(stuck, fmt.Sprintf("deadlock: concurrency group '%s' is held by a job that waits for this one", name))
		return true
	}
	// A plan that Build did not make may have needs in a circle.
	for sc := s.root; sc != nil; {
		inner := (*scope)(nil)
		for _, n := range sc.nodes {
			if n.phase == waiting {
				s.fail(n, fmt.Errorf("job '%s' waits for itself through its needs", n.job.ID))
				return true
			}
			for _, l := range n.legs {
				if l.nested != nil && l.phase != ended {
					inner = l.nested
				}
			}
		}
		sc = inner
	}
	return false
}
