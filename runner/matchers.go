package runner

import (
	"sync"

	"github.com/drydock-ci/drydock/runner/command"
)

// matcherSet is the problem matchers of a job. Each step works with a copy as
// they were when it began, so that steps that run at a time do not mix lines.
type matcherSet struct {
	mu  sync.Mutex
	set command.Matchers
}

func (m *matcherSet) clone() *command.Matchers {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set.Clone()
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
