//go:build linux

package serve

import (
	"io"
	"net"
	"sync"

	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// halfCloser is a connection whose directions end each by itself.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// join carries two connections into each other until both directions are over.
// Between sockets the kernel moves the bytes (splice). A direction that breaks
// breaks both: the other side must not take it for an end.
func join(a *net.TCPConn, b halfCloser) {
	var all sync.WaitGroup
	pipe := func(dst, src halfCloser) {
		var err error
		if d, ok := src.(*wire.Duplex); ok {
			_, err = io.CopyBuffer(struct{ io.Writer }{dst}, d, make([]byte, wire.MaxChunk))
		} else {
			_, err = io.Copy(dst, src)
		}
		if err == nil {
			err = dst.CloseWrite()
		}
		if err != nil {
			reset(a)
			if d, ok := b.(*wire.Duplex); ok {
				_ = d.Abort()
			} else {
				b.Close()
			}
		}
	}
	all.Go(func() { pipe(a, b) })
	pipe(b, a)
	all.Wait()
	a.Close()
	b.Close()
}

// reset ends a connection as if nothing listened: clients that wait for a
// service try again.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	c.Close()
}
