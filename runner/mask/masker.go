package mask

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Replacement is what every run of masked text becomes.
const Replacement = "***"

// Masker replaces registered values. The zero value masks nothing and is ready for use.
// All methods are safe for concurrent use; values can be added while other goroutines mask.
type Masker struct {
	mu       sync.Mutex
	values   []string            // as registered, in order
	patterns map[string]struct{} // every form of every value

	// current is the automaton of all patterns; nil means that it must be built before the next use.
	// Building late makes a row of Adds cost one build.
	current atomic.Pointer[automaton]
}

// New returns a Masker that knows values.
func New(values ...string) *Masker {
	m := &Masker{}
	m.Add(values...)
	return m
}

// Add registers each value: trimmed as a whole, each non-blank line of it, and the encoded forms of both.
// Blank values are ignored. Text masked after Add returned no longer shows them.
func (m *Masker) Add(values ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	grown := false
	for _, value := range values {
		if strings.TrimSpace(value) == "" || slices.Contains(m.values, value) {
			continue
		}
		m.values = append(m.values, value)
		for _, form := range forms(value) {
			if _, known := m.patterns[form]; known {
				continue
			}
			if m.patterns == nil {
				m.patterns = make(map[string]struct{})
			}
			m.patterns[form] = struct{}{}
			grown = true
		}
	}
	if grown {
		m.current.Store(nil)
	}
}

// Values returns the registered plain values in order, without their encoded forms.
// It exists for checkpoints: New(m.Values()...) masks the same text. The result is secret.
func (m *Masker) Values() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.values)
}

// Mask returns s with every run of registered text replaced.
func (m *Masker) Mask(s string) string {
	a := m.automaton()
	if a.empty() || s == "" {
		return s
	}
	var found spans
	scan(a, 0, s, 0, &found)
	if len(found) == 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	end := 0
	for _, f := range found {
		b.WriteString(s[end:f.start])
		b.WriteString(Replacement)
		end = f.end
	}
	b.WriteString(s[end:])
	return b.String()
}

// Contains reports whether s holds registered text in any form: such a job output must not leave the job.
func (m *Masker) Contains(s string) bool {
	a := m.automaton()
	if a.empty() {
		return false
	}
	state := int32(0)
	for i := 0; i < len(s); i++ {
		state = a.next(state, s[i])
		if a.longest[state] > 0 {
			return true
		}
	}
	return false
}

// automaton returns the automaton of all values registered so far.
func (m *Masker) automaton() *automaton {
	if a := m.current.Load(); a != nil {
		return a
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.current.Load(); a != nil {
		return a
	}
	a := build(m.patterns)
	m.current.Store(a)
	return a
}
