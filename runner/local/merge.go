package local

import (
	"context"
	"io"
	"sync"

	"github.com/drydock-ci/drydock/runner"
)

// Merge makes one source of several, which take turns. It has to be called
// before the first Next, and takes the sources over: only Cancel and Result of
// each remain for the caller.
func Merge(sources ...*Source) runner.Source {
	m := &merged{signal: newSignal(), open: append([]*Source(nil), sources...)}
	for _, s := range sources {
		s.mu.Lock()
		s.signal = m.signal
		s.mu.Unlock()
	}
	return m
}

type merged struct {
	signal *signal
	mu     sync.Mutex
	open   []*Source // that have not ended, the next to be asked first
}

// Next gives the next job of any source, and io.EOF when all have ended.
func (m *merged) Next(ctx context.Context) (*runner.Lease, error) {
	for {
		wait := m.signal.wait()
		lease, err := m.poll()
		if lease != nil || err != nil {
			return lease, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (m *merged) poll() (*runner.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := 0; i < len(m.open); {
		s := m.open[i]
		lease, err := s.poll()
		switch {
		case err != nil: // it is io.EOF
			m.open = append(m.open[:i:i], m.open[i+1:]...)
		case lease != nil:
			rest := append(m.open[:i:i], m.open[i+1:]...)
			m.open = append(rest, s)
			return lease, nil
		default:
			i++
		}
	}
	if len(m.open) == 0 {
		return nil, io.EOF
	}
	return nil, nil
}

// signal wakes everybody who waits.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

func newSignal() *signal { return &signal{ch: make(chan struct{})} }

// wait is closed by the next broadcast.
func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ch
}

func (s *signal) broadcast() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.ch)
	s.ch = make(chan struct{})
}
