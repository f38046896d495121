package service

import (
	"net"
	"net/http"
	"sync"
)

// funnel is a listener whose connections are handed to it one by one.
type funnel struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once

	mu    sync.Mutex
	ended map[net.Conn]chan struct{} // closed when the connection is
}

func newFunnel() *funnel {
	return &funnel{conns: make(chan net.Conn), done: make(chan struct{}), ended: map[net.Conn]chan struct{}{}}
}

func (f *funnel) Accept() (net.Conn, error) {
	select {
	case conn := <-f.conns:
		return conn, nil
	case <-f.done:
		return nil, net.ErrClosed
	}
}

func (f *funnel) Close() error {
	f.once.Do(func() { close(f.done) })
	return nil
}

func (f *funnel) Addr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "job" }
func (address) String() string  { return "job" }

// hand gives conn to the server and waits until it is closed.
func (f *funnel) hand(conn net.Conn) {
	ended := make(chan struct{})
	f.mu.Lock()
	f.ended[conn] = ended
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.ended, conn)
		f.mu.Unlock()
		conn.Close()
	}()
	select {
	case f.conns <- conn:
	case <-f.done:
		return
	}
	select {
	case <-ended:
	case <-f.done: // the server closes what it has; what it has not must not wait
	}
}

// state is http.Server.ConnState. The connection itself is what the server
// reads and writes, not a wrapper of it, so that files still go out by sendfile.
func (f *funnel) state(conn net.Conn, state http.ConnState) {
	if state != http.StateClosed && state != http.StateHijacked {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if ended := f.ended[conn]; ended != nil {
		close(ended)
		delete(f.ended, conn)
	}
}
