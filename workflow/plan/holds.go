package plan

import (
	"fmt"
	"strings"
)

// Hold says what a job or leg that has not begun waits for.
type Hold struct {
	Job    LegID  `json:"job"`
	Leg    LegID  `json:"leg,omitempty"` // "" when it is the whole job
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Holds are the jobs and legs that wait, in order.
func (s *State) Holds() []Hold { return s.holds(s.root, nil) }

func (s *State) holds(sc *scope, all []Hold) []Hold {
	for _, n := range sc.nodes {
		if n.phase == waiting {
			var open []string
			for _, need := range n.needs {
				if need.phase != ended {
					open = append(open, "'"+need.job.ID+"'")
				}
			}
			all = append(all, Hold{Job: n.path, Name: n.name, Reason: "waits for " + strings.Join(open, ", ")})
		}
		for _, l := range n.legs {
			reason := ""
			switch l.phase {
			case waiting:
				reason = fmt.Sprintf("waits for its turn: max-parallel is %d", n.strategy.maxParallel)
			case pending:
				name := l.leg.Concurrency[l.held].Group
				reason = fmt.Sprintf("waits for concurrency group '%s'", name)
				if holder := s.group(name).holder; holder != nil {
					reason += fmt.Sprintf(", which '%s' holds", holder.leg.Name)
				}
			}
			if reason != "" {
				all = append(all, Hold{Job: n.path, Leg: l.leg.ID, Name: l.leg.Name, Reason: reason})
			}
			if l.nested != nil {
				all = s.holds(l.nested, all)
			}
		}
	}
	return all
}
