package mask

import "slices"

// span is a half-open range of masked bytes.
type span struct{ start, end int }

// spans collects matches in any order; merged makes them disjoint.
type spans []span

// add notes a match. One that touches the last one joins it, so that a repetitive text needs no memory.
func (s *spans) add(start, end int) {
	if n := len(*s); n > 0 {
		if last := &(*s)[n-1]; start <= last.end && last.start <= end {
			last.start, last.end = min(last.start, start), max(last.end, end)
			return
		}
	}
	*s = append(*s, span{start, end})
}

// merged are the spans in order, neither overlapping nor adjacent.
// actions/runner: DTLogging/Logging/SecretMasker.cs
func (s spans) merged() spans {
	if len(s) < 2 {
		return s
	}
	slices.SortFunc(s, func(a, b span) int { return a.start - b.start })
	out := s[:1]
	for _, f := range s[1:] {
		if last := &out[len(out)-1]; f.start <= last.end {
			last.end = max(last.end, f.end)
		} else {
			out = append(out, f)
		}
	}
	return out
}
