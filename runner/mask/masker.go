package mask

import (
	"fmt"
	"regexp"
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
	without []string // encoders that are switched off

	mu       sync.Mutex
	values   []string            // as registered, in order
	known    map[string]struct{} // the same as a set
	patterns map[string]struct{} // every form of every value
	regexps  []*regexp.Regexp

	// current is what all that was registered so far comes to; nil means that it must be built before the next use.
	// Building late makes a row of Adds cost one build.
	current atomic.Pointer[search]
}

// search is all that a Masker looks for. It is immutable.
type search struct {
	*table
	regexps []*regexp.Regexp
}

func (s *search) empty() bool { return s.table.empty() && len(s.regexps) == 0 }

// New returns a Masker that knows values.
func New(values ...string) *Masker {
	m := &Masker{}
	m.Add(values...)
	return m
}

// NewWithout returns a Masker that lacks some of the Encoders. It exists for tests that prove that each is needed.
func NewWithout(encoders ...string) *Masker { return &Masker{without: encoders} }

// Add registers each value: trimmed as a whole, each non-blank line of it, and the encoded forms of both.
// Blank values are ignored. Text masked after Add returned no longer shows them.
func (m *Masker) Add(values ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	grown := false
	for _, value := range values {
		if _, known := m.known[value]; known || strings.TrimSpace(value) == "" {
			continue
		}
		if m.patterns == nil {
			m.patterns, m.known = make(map[string]struct{}), make(map[string]struct{})
		}
		m.known[value] = struct{}{}
		m.values = append(m.values, value)
		for _, form := range forms(value, m.without) {
			if _, known := m.patterns[form]; !known {
				m.patterns[form] = struct{}{}
				grown = true
			}
		}
	}
	if grown {
		m.current.Store(nil)
	}
}

// AddPattern registers a regular expression (RE2): what it matches is masked, in no other form.
func (m *Masker) AddPattern(expr string) error {
	re, err := regexp.Compile(expr)
	if err != nil {
		return fmt.Errorf("read the pattern of a mask: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.regexps = append(slices.Clip(m.regexps), re)
	m.current.Store(nil)
	return nil
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
	a := m.search()
	if a.empty() {
		return s
	}
	var found spans
	a.find(s, &found)
	return replaced(s, found)
}

// MaskShown is Mask for text that people may read: it also finds what is there in another reading.
func (m *Masker) MaskShown(s string) string {
	a := m.search()
	if a.empty() {
		return s
	}
	var found spans
	a.find(s, &found)
	if t := traitsOf(s); t != 0 {
		m.findReadings(a, s, t, &found)
	}
	return replaced(s, found)
}

// Contains reports whether s holds registered text in any form and reading: such a job output must not leave the job.
func (m *Masker) Contains(s string) bool {
	a := m.search()
	if a.empty() {
		return false
	}
	return a.find(s, nil) || m.findReadings(a, s, traitsOf(s), nil)
}

// findReadings is find for the readings of a text; with a nil found it ends at the first.
func (m *Masker) findReadings(a *search, s string, t traits, found *spans) bool {
	any := false
	for i := range readings {
		r := &readings[i]
		if r.of&^t != 0 || slices.Contains(m.without, r.name) || !a.findReading(s, r, found) {
			continue
		}
		if any = true; found == nil {
			break
		}
	}
	return any
}

func replaced(s string, found spans) string {
	if len(found) == 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	end := 0
	for _, f := range found.merged() {
		b.WriteString(s[end:f.start])
		b.WriteString(Replacement)
		end = f.end
	}
	b.WriteString(s[end:])
	return b.String()
}

// findReading adds what a reading of text shows, as ranges of text.
func (s *search) findReading(text string, r *reading, found *spans) bool {
	read, _ := r.read(text, false)
	if !s.find(read, nil) {
		return false
	}
	if found == nil {
		return true
	}
	read, sources := r.read(text, true)
	var shown spans
	s.find(read, &shown)
	for _, f := range shown {
		found.add(sources[f.start].start, sources[f.end-1].end)
	}
	return true
}

// find adds all matches in text to found; with a nil found it only tells whether there are any.
func (s *search) find(text string, found *spans) bool {
	any := s.table.find(text, found)
	for _, re := range s.regexps {
		if found == nil {
			at := re.FindStringIndex(text)
			any = any || at != nil && at[0] < at[1]
			continue
		}
		for _, at := range re.FindAllStringIndex(text, -1) {
			if at[0] < at[1] {
				found.add(at[0], at[1])
				any = true
			}
		}
	}
	return any
}

// search returns what to look for, for all that was registered so far.
func (m *Masker) search() *search {
	if s := m.current.Load(); s != nil {
		return s
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.current.Load(); s != nil {
		return s
	}
	s := &search{newTable(m.patterns), m.regexps}
	m.current.Store(s)
	return s
}
