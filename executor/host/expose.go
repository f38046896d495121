package host

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/executor"
)

// Expose listens on this machine's loopback, where the job's processes are too:
// nothing has to go through the helper.
func (e *environment) Expose(ctx context.Context, port int, accept func(net.Conn)) (string, error) {
	op := fmt.Sprintf("expose port %d", port)
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return "", executor.Errorf(op, executor.Failed, "%w", err)
	}
	if !e.ports.add(l) {
		l.Close()
		return "", executor.Errorf(op, executor.Lost, "the place was closed")
	}
	go e.ports.serve(l, accept)
	return l.Addr().String(), nil
}

// ports are the listeners of a place and their connections.
type ports struct {
	mu     sync.Mutex
	open   map[interface{ Close() error }]bool
	closed bool
}

func (p *ports) add(c interface{ Close() error }) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	if p.open == nil {
		p.open = map[interface{ Close() error }]bool{}
	}
	p.open[c] = true
	return true
}

func (p *ports) serve(l net.Listener, accept func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			p.mu.Lock()
			closed := p.closed
			p.mu.Unlock()
			if closed {
				return
			}
			time.Sleep(100 * time.Millisecond) // out of descriptors, most likely
			continue
		}
		conn := &conn{c.(*net.TCPConn), p}
		if !p.add(conn) {
			conn.Close()
			continue
		}
		go accept(conn)
	}
}

// close ends the listeners and what came through them.
func (p *ports) close() {
	p.mu.Lock()
	p.closed = true
	open := p.open
	p.open = nil
	p.mu.Unlock()
	for c := range open {
		if conn, ok := c.(*conn); ok {
			c = conn.TCPConn
		}
		_ = c.Close()
	}
}

// conn forgets itself when it ends.
type conn struct {
	*net.TCPConn
	p *ports
}

func (c *conn) Close() error {
	c.p.mu.Lock()
	delete(c.p.open, c)
	c.p.mu.Unlock()
	return c.TCPConn.Close()
}

// Disconnect also ends what is exposed: this program is about to go.
func (e *environment) Disconnect() {
	e.ports.close()
	e.Place.Disconnect()
}
