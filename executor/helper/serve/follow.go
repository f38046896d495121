//go:build linux

package serve

import (
	"net"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// What is kept of processes that ended and were acknowledged: a program that
// stops between the acknowledgement and its own note can ask again.
const keptProcesses = 8

func (s *server) process(id executor.ProcessID) (*process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.procs[id]; p != nil {
		s.mu.Unlock()
		<-p.launched
		s.mu.Lock()
		if p.failed == nil {
			return p, nil
		}
	}
	return nil, executor.Errorf("find the process", executor.NotFound, "no process has id %q", id)
}

// follow sends output and exit to the client until it has both or is gone.
func (s *server) follow(st net.Conn, p *process, offset int64) {
	reader := p.out.enter(offset)
	defer p.out.leave(reader)
	if wire.WriteJSON(st, wire.Reply{}) != nil {
		return
	}
	acked := make(chan struct{})
	go func() {
		defer close(acked)
		for {
			n, err := wire.ReadAck(st)
			if err != nil {
				p.out.leave(reader)
				return
			}
			if n == wire.ExitSeen {
				s.forget(p)
				return
			}
			p.out.ack(reader, n)
		}
	}()
	b, f := s.bufs.Get().(*[]byte), s.bufs.Get().(*[]byte)
	defer s.bufs.Put(b)
	defer s.bufs.Put(f)
	frame := *f
	data := (*b)[:bufferSize-wire.FrameHead] // so that a frame fits too
	for {
		at, n, ok := p.out.read(reader, offset, data)
		if !ok {
			return
		}
		if n == 0 {
			break
		}
		frame = wire.AppendOutput(frame[:0], at, data[:n])
		if _, err := st.Write(frame); err != nil {
			return
		}
		offset = at + int64(n)
	}
	<-p.done
	if wire.WriteExit(st, p.exit) == nil {
		<-acked
	}
	_ = st.SetDeadline(time.Unix(1, 0))
}

// forget lets go of an acknowledged process, or soon will.
func (s *server) forget(p *process) {
	p.out.ackAll()
	s.mu.Lock()
	var old []*process
	if !p.seen {
		p.seen = true
		s.seen = append(s.seen, p)
	}
	total := 0
	for i := len(s.seen) - 1; i >= 0; i-- {
		total += s.seen[i].size()
		if len(s.seen)-i > keptProcesses || (total > 16<<20 && i < len(s.seen)-1) {
			old = s.seen[:i+1]
			s.seen = append([]*process(nil), s.seen[i+1:]...)
			break
		}
	}
	for _, p := range old {
		if s.procs[p.id] == p {
			delete(s.procs, p.id)
		}
	}
	s.mu.Unlock()
	for _, p := range old {
		p.out.drop()
	}
}
