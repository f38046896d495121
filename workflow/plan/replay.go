package plan

// Entry is one input of a State: the result of a leg, or a cancellation.
type Entry struct {
	Leg        LegID             `json:"leg,omitempty"`
	Conclusion Conclusion        `json:"conclusion,omitempty"`
	Outputs    map[string]string `json:"outputs,omitempty"`
	// Cancel is the reason of a cancellation; then the fields above are empty.
	Cancel      string `json:"cancel,omitempty"`
	BeforeStart bool   `json:"beforeStart,omitempty"` // of the cancellation
}

// Log are the inputs so far, for Replay.
func (s *State) Log() []Entry { return append([]Entry(nil), s.log...) }

// Replay makes the State that a log leads to and gives all decisions on the
// way. With the same plan they are those of the first time.
func Replay(p *Plan, log []Entry) (*State, []Decision) {
	s := NewState(p)
	var decisions []Decision
	if len(log) == 0 || !log[0].BeforeStart {
		decisions = s.Start()
	}
	for _, e := range log {
		if e.Cancel != "" {
			decisions = append(decisions, s.Cancel(e.Cancel)...)
		} else {
			decisions = append(decisions, s.Apply(e.Leg, e.Conclusion, e.Outputs)...)
		}
	}
	return s, decisions
}
