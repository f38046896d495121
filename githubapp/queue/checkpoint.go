package queue

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
)

// saveEvery is how long a checkpoint waits for a newer one that is not urgent.
const saveEvery = 400 * time.Millisecond

// Checkpoints keeps the checkpoints of the Source's jobs in the store, sealed,
// each after the events that came before it.
func (q *Queue) Checkpoints() runner.Checkpoints { return checkpoints{q} }

type checkpoints struct{ q *Queue }

// mark is a checkpoint and where it stands among the events.
type mark struct {
	c      *runner.Checkpoint
	at     int            // in the sink's buffer
	after  store.Sequence // of the stream
	told   map[int]int    // see kept.Told; nil: the job is where the stream is
	urgent bool
	kept   []func()
}

// tell says that the checkpoint is kept, or never will be.
func (m *mark) tell() {
	if m == nil {
		return
	}
	for _, f := range m.kept {
		f()
	}
}

// Save keeps the checkpoint of a leased job.
func (c checkpoints) Save(job *runner.Job, point *runner.Checkpoint, urgent bool, kept func()) {
	key, err := KeyOf(job)
	if err != nil {
		kept()
		return
	}
	c.q.mu.Lock()
	l := c.q.leases[key]
	c.q.mu.Unlock()
	if l == nil || !l.sink.markHere(point, urgent, kept) {
		kept()
	}
}

func (s *sink) markHere(c *runner.Checkpoint, urgent bool, kept func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead || s.closing {
		return false
	}
	m := &mark{c: c, at: len(s.buf), urgent: urgent, kept: []func(){kept}}
	if s.tail != nil {
		m.after, m.told = s.tail.after, maps.Clone(s.tail.done)
	}
	if old := s.mark; old != nil {
		m.kept, m.urgent = append(old.kept, m.kept...), old.urgent || urgent
	}
	s.mark = m
	poke(s.poked)
	if m.urgent {
		poke(s.hurry)
	}
	return true
}

// saveDue keeps the newest checkpoint whose events are stored. One that is not
// urgent waits a while: those of quick steps are not worth it. When the job is
// over there is nothing to keep.
func (s *sink) saveDue(over bool) {
	m := s.due
	if m == nil {
		return
	}
	if over || s.isDead() {
		s.due = nil
		m.tell()
		return
	}
	if left := saveEvery - time.Since(s.saved); !m.urgent && left > 0 {
		time.AfterFunc(left, func() { poke(s.poked) })
		return
	}
	s.due, s.saved = nil, time.Now()
	if err := s.save(m); err != nil {
		s.l.q.Log.Warn("keep a checkpoint", "run", s.l.key.Run, "job", s.l.key.Job, "err", err)
		if errors.Is(err, store.ErrLeaseLost) {
			s.l.lose()
			s.l.heard() // before anybody goes on as if it were kept
		}
	} else {
		s.mu.Lock()
		s.safe = true
		s.moved.Broadcast()
		s.mu.Unlock()
	}
	m.tell()
}

func (s *sink) save(m *mark) error {
	plain, err := json.Marshal(kept{After: m.after, Told: m.told, Checkpoint: m.c})
	if err != nil {
		return err
	}
	sealed, err := s.l.q.Seal.Seal(purpose(s.l.key), plain)
	if err != nil {
		return err
	}
	// Whoever waits for the checkpoint goes on only when it is kept.
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		ctx, cancel := context.WithTimeout(context.Background(), s.l.q.lease)
		err = s.l.q.Store.SaveCheckpoint(ctx, s.l.ticket, sealed)
		cancel()
		if err == nil || errors.Is(err, store.ErrLeaseLost) || errors.Is(err, store.ErrNotFound) || s.isOver() {
			return err
		}
		time.Sleep(wait)
	}
}

// isOver tells whether the job has ended, or is somebody else's.
func (s *sink) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead || s.closed
}
