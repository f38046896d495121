package helper

import (
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// Memory is what the helper last said of it, with Options.Memory.
func (p *Place) Memory() executor.Memory {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.memory
}

// followMemory listens to what the helper says of its place's memory, until the
// session ends.
func (p *Place) followMemory(c *Client) {
	const op = "follow the memory of the place"
	s, reply, err := c.open(p.ctx, op, &wire.Request{Op: wire.Memory})
	if err != nil {
		p.o.Log.Debug(op, "error", err)
		return
	}
	defer s.Close()
	for err == nil {
		if m := reply.Memory; m != nil {
			p.mu.Lock()
			p.memory = executor.Memory{Limit: m.Limit, Peak: max(m.Peak, p.memory.Peak)}
			p.mu.Unlock()
		}
		reply = new(wire.Reply)
		err = wire.ReadJSON(s.r, reply)
	}
}
