package runner

import (
	"sync"

	"github.com/drydock-ci/drydock/runner/command"
)

// matcherSet is the problem matchers of a job; steps in the background share
// them.
type matcherSet struct {
	mu  sync.Mutex
	set command.Matchers
}

func (m *matcherSet) line(text string) (*command.Annotation, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set.Line(text)
}

func (m *matcherSet) add(list []command.Matcher) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set.Add(list)
}

func (m *matcherSet) remove(owner string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set.Remove(owner)
}
