package queue

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
)

const (
	chunkSize = 64 << 10 // of one stored event, in bytes, unless one line is longer
	// maxBuffered is how much of a job's events waits for the store, in bytes.
	// Beyond it Emit waits: the job is as slow as the store then, which never
	// takes longer than its lease holds.
	maxBuffered = 4 << 20
)

// sink stores the events of a leased job, in order, and its checkpoints after
// the events that came before them. The end of the job is kept back until it is
// known whether it is tried again.
type sink struct {
	l     *lease
	poked chan struct{} // there is something
	hurry chan struct{} // it shall not wait
	done  chan struct{} // the flusher has ended

	mu      sync.Mutex
	moved   *sync.Cond // something was stored, or the sink died
	buf     []byte
	spare   []byte
	size    int // bytes not stored yet, those under way too
	end     runner.Event
	tail    *tail // what a resumed job tells again
	resumed bool
	begun   bool // a step begins that may do something
	safe    bool // whoever is given the job after this worker will know that
	closing bool
	closed  bool
	dead    bool
	mark    *mark // the newest checkpoint, in buf

	// Only the flusher uses these.
	last  store.Sequence
	due   *mark // the newest checkpoint whose events are stored
	saved time.Time
}

// newSink begins or goes on with the stream of a job.
func (q *Queue) newSink(ctx context.Context, l *lease, k *kept) (*sink, error) {
	s := &sink{l: l, poked: make(chan struct{}, 1), hurry: make(chan struct{}, 1), done: make(chan struct{})}
	s.moved = sync.NewCond(&s.mu)
	var err error
	if s.last, err = q.Store.LastEvent(ctx, l.key); err != nil {
		return nil, err
	}
	if k != nil {
		s.resumed, s.safe, s.begun = true, true, true
		if s.tail, err = q.readTail(ctx, l.key, k); err != nil {
			return nil, err
		}
		if s.tail.over() {
			s.tail = nil
		}
	}
	go s.loop()
	return s, nil
}

// Emit takes an event. It waits in two cases only: for a store that is far
// behind, and once, before the first step of a job that no checkpoint is kept
// of yet, until it is known for good that the step begins.
func (s *sink) Emit(e runner.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead || s.closing {
		return
	}
	switch e.(type) {
	case runner.JobFinished:
		s.end = e
		return
	case runner.JobStarted:
		if s.resumed {
			return // it has been told
		}
	case runner.JobRequeued: // from here on it is told anew
		s.resumed, s.tail = false, nil
	}
	if s.tail != nil {
		told := s.tail.told(e)
		if s.tail.over() {
			s.tail = nil
		}
		if told {
			return
		}
	}
	for s.size > maxBuffered && !s.dead {
		s.moved.Wait()
	}
	before := len(s.buf)
	s.buf = runner.AppendEvent(s.buf, "", e)
	s.size += len(s.buf) - before
	poke(s.poked)
	if len(s.buf) >= chunkSize {
		poke(s.hurry)
	}
	if s.begun || !acts(e) {
		return
	}
	s.begun = true
	poke(s.hurry)
	for !s.safe && !s.dead {
		s.moved.Wait()
	}
	if s.dead {
		s.mu.Unlock()
		s.l.heard()
		s.mu.Lock()
	}
}

// acted tells whether a step has begun that may do something.
func (s *sink) acted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

// close stores everything, the job's end or what stands for it last. It may be
// called again after an error.
func (s *sink) close(ctx context.Context, instead runner.Event) error {
	s.mu.Lock()
	if !s.closing {
		s.closing = true
		if instead == nil {
			instead = s.end
		}
		if instead != nil && !s.dead {
			before := len(s.buf)
			s.buf = runner.AppendEvent(s.buf, "", instead)
			s.size += len(s.buf) - before
		}
		s.closed = true
	}
	s.mu.Unlock()
	poke(s.poked)
	poke(s.hurry)
	select {
	case <-s.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return store.ErrLeaseLost
	}
	return nil
}

// die drops what is not stored.
func (s *sink) die() {
	s.mu.Lock()
	s.dead = true
	s.buf, s.size = nil, 0
	s.moved.Broadcast()
	s.mu.Unlock()
	poke(s.poked)
	poke(s.hurry)
}

// loop stores what has come: after a while, when there is much, or at once when
// somebody waits.
func (s *sink) loop() {
	defer close(s.done)
	for {
		<-s.poked
		timer := time.NewTimer(s.l.q.flush)
		select {
		case <-timer.C:
		case <-s.hurry:
		}
		timer.Stop()
		if s.flushAll() {
			return
		}
	}
}

// flushAll stores what there is and tells whether that was all there ever will be.
func (s *sink) flushAll() (over bool) {
	s.mu.Lock()
	data, m, closed, first := s.buf, s.mark, s.closed, s.begun && !s.safe
	s.buf, s.spare, s.mark = s.spare[:0], nil, nil
	if s.dead {
		s.mu.Unlock()
		m.tell()
		s.saveDue(true)
		return true
	}
	s.mu.Unlock()
	ok := true
	if m != nil {
		ok = s.store(data[:m.at])
		if s.due != nil {
			m.kept = append(s.due.kept, m.kept...)
			m.urgent = m.urgent || s.due.urgent
		}
		if s.due = m; m.told == nil {
			m.after = s.last
		}
		data = data[m.at:]
	}
	ok = ok && s.store(data)
	// If the lease holds after the event is stored, the next one to have it reads
	// the event; if not, somebody has it who may not have read it.
	first = first && ok && s.l.holds()
	s.mu.Lock()
	s.safe = s.safe || first
	if s.size = len(s.buf); s.dead {
		s.size = 0
	}
	if cap(data) <= 4*chunkSize {
		s.spare = data[:0]
	}
	more := s.mark != nil || len(s.buf) > 0
	s.moved.Broadcast()
	s.mu.Unlock()
	s.saveDue(!ok || closed)
	if !ok {
		s.mu.Lock()
		m := s.mark
		s.mark = nil
		s.mu.Unlock()
		m.tell()
		return true
	}
	return closed && !more
}

// store appends data to the stream, however often it takes; false: the lease is
// lost.
func (s *sink) store(data []byte) bool {
	var chunks [][]byte
	for len(data) > 0 {
		n := len(data)
		if n > chunkSize {
			n = bytes.LastIndexByte(data[:chunkSize], '\n') + 1
			if n == 0 {
				n = bytes.IndexByte(data, '\n') + 1
			}
		}
		chunks = append(chunks, data[:n])
		data = data[n:]
	}
	if len(chunks) == 0 {
		return !s.isDead()
	}
	for wait := 10 * time.Millisecond; !s.isDead(); wait = min(2*wait, 250*time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), s.l.q.lease)
		last, err := s.l.q.Store.AppendEvents(ctx, s.l.key, s.last, chunks)
		if err == nil {
			cancel()
			s.last = last
			return true
		}
		if errors.Is(err, store.ErrSequence) && s.overtaken(ctx) {
			cancel()
			continue
		}
		cancel()
		s.l.q.Log.Warn("store events", "run", s.l.key.Run, "job", s.l.key.Job, "err", err)
		time.Sleep(wait)
	}
	return false
}

// overtaken goes on after what a worker has written that lost this job before,
// if the lease still holds.
func (s *sink) overtaken(ctx context.Context) bool {
	if _, err := s.l.q.Store.Extend(ctx, s.l.ticket, s.l.q.lease); err != nil {
		if errors.Is(err, store.ErrLeaseLost) {
			s.l.lose()
		}
		return false
	}
	last, err := s.l.q.Store.LastEvent(ctx, s.l.key)
	if err != nil {
		return false
	}
	s.last = last
	return true
}

func (s *sink) isDead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
