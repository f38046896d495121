package helper

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// headTimeout is how long the helper may take to say what it opened a stream
// for.
const headTimeout = 10 * time.Second

// Expose listens inside the place, on port or on any, and gives every
// connection to accept, in a goroutine of its own. Where the place sees
// Options.Sockets connections come that way, else through the helper's stream.
// Those that come while there is no session are reset. All end with Disconnect.
//
// A place that was attached to says the port that the first Expose gave: its
// listener is still there.
func (p *Place) Expose(ctx context.Context, port int, accept func(net.Conn)) (string, error) {
	op := fmt.Sprintf("expose port %d", port)
	x := &wire.Exposure{ID: NewToken(), Port: port}
	p.mu.Lock()
	if p.exposed == nil {
		p.exposed = map[string]func(net.Conn){}
	}
	p.exposed[x.ID] = accept
	p.mu.Unlock()
	var n *near
	if s := p.o.Sockets; s.Here != "" {
		var err error
		if n, err = listenNear(s.Here, x.ID, accept); err != nil {
			p.o.Log.Debug("no socket for connections out of the place", "error", err)
		} else {
			x.Socket = s.There + "/" + x.ID
			context.AfterFunc(p.ctx, n.close)
		}
	}
	r, err := p.call(ctx, op, &wire.Request{Op: wire.Expose, Expose: x})
	if n != nil && (err != nil || !r.Near) {
		n.close()
	}
	if err != nil {
		p.mu.Lock()
		delete(p.exposed, x.ID)
		p.mu.Unlock()
		return "", err
	}
	way := "stream"
	if r.Near {
		way = "socket"
	}
	p.o.Log.Debug("port exposed", "addr", r.Addr, "way", way)
	return r.Addr, nil
}

// incoming takes the connections that come over one session, until it ends.
func (p *Place) incoming(c *Client) {
	for {
		st, err := c.session.AcceptStream()
		if err != nil {
			break
		}
		go p.arrive(st)
	}
	p.mu.Lock()
	again := len(p.exposed) > 0 && p.gone == nil
	p.mu.Unlock()
	if again { // nobody may be about to call, but connections can come
		_, _ = p.session(p.ctx, "take connections again")
	}
}

// arrive gives one connection to whoever exposed its port.
func (p *Place) arrive(st net.Conn) {
	var head wire.Incoming
	_ = st.SetReadDeadline(time.Now().Add(headTimeout))
	err := wire.ReadJSON(st, &head)
	_ = st.SetReadDeadline(time.Time{})
	p.mu.Lock()
	accept := p.exposed[head.Exposure]
	p.mu.Unlock()
	if err != nil || accept == nil {
		st.Close()
		return
	}
	accept(wire.NewDuplex(st))
}
