package plan

// Cancel cancels the run. A running job is aborted unless its `if` still holds
// (always(), !failure()); a waiting one is decided when its needs have ended,
// and runs only if its `if` holds in a cancelled run. A second Cancel leaves
// no choice: everything that runs is aborted and nothing begins. A run that has
// not started is thereby decided.
func (s *State) Cancel(reason string) []Decision {
	if s.Finished() {
		return nil
	}
	if reason == "" {
		reason = "the run was cancelled"
	}
	s.log = append(s.log, Entry{Cancel: reason, BeforeStart: !s.started})
	if s.root.cancelled == "" {
		s.cancelScope(s.root, reason)
	} else {
		s.forceScope(s.root, reason)
	}
	if !s.started {
		return s.Start()
	}
	return s.advance()
}

// cancelScope cancels the jobs of one instance of a workflow. Calls whose `if`
// holds go on, with all that is in them.
func (s *State) cancelScope(sc *scope, reason string) {
	if sc.cancelled != "" {
		return
	}
	sc.cancelled = reason
	for _, n := range sc.nodes {
		if n.phase != active {
			continue
		}
		if v, err := n.condition(); err == nil && v.run {
			continue
		}
		for _, l := range n.legs {
			s.stopLeg(l, reason)
		}
	}
}

func (s *State) forceScope(sc *scope, reason string) {
	if sc.cancelled == "" {
		sc.cancelled = reason
	}
	sc.forced = true
	for _, n := range sc.nodes {
		for _, l := range n.legs {
			s.stopLeg(l, reason)
			if l.nested != nil && l.phase != ended {
				s.forceScope(l.nested, reason)
			}
		}
	}
}

// stopLeg aborts a leg that runs and cancels one that does not yet.
func (s *State) stopLeg(l *leg, reason string) {
	switch {
	case l.phase == waiting || l.phase == pending:
		s.cancelLeg(l, reason)
	case l.phase == active && l.nested != nil:
		s.cancelScope(l.nested, reason)
	case l.phase == active && !l.aborted:
		l.aborted, l.reason = true, reason
		s.emit(Decision{Action: Abort, Leg: l.leg, Job: l.node.path, Name: l.leg.Name, Reason: reason})
	}
}

// cancelLeg ends a leg that has not begun.
func (s *State) cancelLeg(l *leg, reason string) {
	s.emit(Decision{Action: Skip, Leg: l.leg, Job: l.node.path, Name: l.leg.Name, Conclusion: Cancelled, Reason: reason})
	s.endLeg(l, Cancelled, nil, reason)
}
