//go:build linux

package serve

import (
	"context"
	"net"
	"runtime/debug"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// serve answers one stream of a session.
func (s *server) serve(from *session, st net.Conn) {
	defer st.Close()
	var req wire.Request
	// One bad archive must not end the job's processes.
	defer func() {
		if v := recover(); v != nil {
			err := executor.Errorf("ask the helper", executor.Failed, "internal error in %s: %v\n%s", req.Op, v, debug.Stack())
			_ = wire.WriteJSON(st, wire.Reply{Error: wire.FromError(err)})
		}
	}()
	if err := wire.ReadJSON(st, &req); err != nil {
		return
	}
	var reply wire.Reply
	var err error
	switch req.Op {
	case wire.Start:
		var p *process
		if req.Command == nil {
			err = executor.Errorf("start a process", executor.Invalid, "the request holds no command")
		} else if p, err = s.start(req.Command, req.Nonce); err == nil {
			req = wire.Request{Offset: req.Offset} // the environment is not kept
			s.follow(st, p, req.Offset)
			return
		}
	case wire.Attach:
		var p *process
		if p, err = s.process(req.Process); err == nil {
			s.follow(st, p, req.Offset)
			return
		}
	case wire.CopyOut:
		err = s.copyOut(st, req.Path)
		if err == nil {
			return
		}
	case wire.CopyIn:
		err = s.copyIn(st, req.Path)
	case wire.Signal:
		var p *process
		if p, err = s.process(req.Process); err == nil {
			err = p.signal(req.Signal)
		}
	case wire.HashFiles:
		reply.Hash, err = s.hash(st, req.Hash)
	case wire.Setup:
		err = s.setup(req.Setup)
	case wire.Forward:
		reply.Addr, err = s.forward(req.Forward)
	case wire.Expose:
		reply.Addr, reply.Near, err = s.expose(from.client, req.Expose)
	case wire.Orphans:
		reply.Orphans = s.endOrphans()
	case wire.Memory:
		s.tellMemory(st)
		return
	case wire.Stats:
		reply.Stats = figures(req.Path)
	case wire.Shutdown:
		err = s.killAll()
		_ = wire.WriteJSON(st, wire.Reply{Error: wire.FromError(err)})
		st.Close()
		s.stop()
		return
	default:
		err = executor.Errorf("ask the helper", executor.Invalid, "unknown operation %q", req.Op)
	}
	reply.Error = wire.FromError(err)
	_ = wire.WriteJSON(st, reply)
}

// watch gives a context that ends when the client gives the stream up.
func watch(st net.Conn) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		var b [1]byte
		_, _ = st.Read(b[:])
		cancel()
		_ = st.SetDeadline(time.Unix(1, 0))
	}()
	return ctx, cancel
}
