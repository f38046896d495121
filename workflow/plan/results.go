package plan

// JobResult is how a job ended, or how far it is: Conclusion is "" until then.
type JobResult struct {
	Path       LegID             `json:"path"`
	Name       string            `json:"name"`
	Conclusion Conclusion        `json:"conclusion,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	Legs       []LegResult       `json:"legs,omitempty"`
	Outputs    map[string]string `json:"outputs,omitempty"`
}

// LegResult is how a leg ended; a failure that continue-on-error forgives is a
// failure here.
type LegResult struct {
	ID         LegID             `json:"id"`
	Name       string            `json:"name"`
	Conclusion Conclusion        `json:"conclusion,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	Outputs    map[string]string `json:"outputs,omitempty"`
}

// Results are all jobs in the order of the files, those of a called workflow
// after their caller.
func (s *State) Results() []JobResult { return s.root.results(nil) }

func (sc *scope) results(all []JobResult) []JobResult {
	for _, n := range sc.nodes {
		r := JobResult{Path: n.path, Name: n.name, Conclusion: n.conclusion, Reason: n.reason, Outputs: n.outputs}
		for _, l := range n.legs {
			r.Legs = append(r.Legs, LegResult{
				ID: l.leg.ID, Name: l.leg.Name, Conclusion: l.conclusion, Reason: l.reason, Outputs: l.outputs,
			})
		}
		all = append(all, r)
		for _, l := range n.legs {
			if l.nested != nil {
				all = l.nested.results(all)
			}
		}
	}
	return all
}

// Conclusion is how the run ended, or "" while it has not.
func (s *State) Conclusion() Conclusion {
	if !s.Finished() {
		return ""
	}
	var results []Conclusion
	for _, n := range s.root.nodes {
		results = append(results, n.conclusion)
	}
	return aggregate(results)
}
