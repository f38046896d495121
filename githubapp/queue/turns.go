package queue

import (
	"sync"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// turns lets one turn of a run go on at a time in this process: others would only
// be told by the store that they were late. Other servers are not kept out.
type turns struct {
	mu   sync.Mutex
	runs map[store.RunID]*inTurn
}

// inTurn is a run's lock and how many want it.
type inTurn struct {
	sync.Mutex
	wanted int
}

// enter waits for the run's turn; call what it gives when the turn is over.
func (t *turns) enter(id store.RunID) (leave func()) {
	t.mu.Lock()
	if t.runs == nil {
		t.runs = map[store.RunID]*inTurn{}
	}
	one := t.runs[id]
	if one == nil {
		one = &inTurn{}
		t.runs[id] = one
	}
	one.wanted++
	t.mu.Unlock()
	one.Lock()
	return func() {
		one.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		if one.wanted--; one.wanted == 0 {
			delete(t.runs, id)
		}
	}
}
