package helper

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// Sockets is a folder that this program and the place both see, for unix
// sockets: connections out of the place take them instead of the helper's
// stream, which is several times as fast. The back end makes the folder, closed to all
// but this user, and removes it.
type Sockets struct {
	Here  string // on this machine; empty: there is none
	There string // in the place
}

// near is a unix socket where connections out of the place arrive.
type near struct {
	l      *net.UnixListener
	accept func(net.Conn)

	mu     sync.Mutex
	conns  map[*nearConn]bool
	closed bool
}

// nearConn forgets itself when it ends.
type nearConn struct {
	*net.UnixConn
	n *near
}

// ReadFrom moves what a file or another connection gives in larger pieces than
// io.Copy does by itself.
func (c *nearConn) ReadFrom(r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{c.UnixConn}, struct{ io.Reader }{r}, make([]byte, wire.MaxChunk))
}

func (c *nearConn) Close() error {
	c.n.mu.Lock()
	delete(c.n.conns, c)
	c.n.mu.Unlock()
	return c.UnixConn.Close()
}

// listenNear makes the socket dir/name.
func listenNear(dir, name string, accept func(net.Conn)) (*near, error) {
	path := filepath.Join(dir, name)
	at := path
	if runtime.GOOS == "linux" { // the path of a socket may have 107 bytes only
		f, err := os.Open(dir)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		at = fmt.Sprintf("/proc/self/fd/%d/%s", f.Fd(), name)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: at, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // the folder goes as a whole
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	n := &near{l: l, accept: accept, conns: map[*nearConn]bool{}}
	go n.serve()
	return n, nil
}

func (n *near) serve() {
	for {
		c, err := n.l.AcceptUnix()
		if err != nil {
			n.mu.Lock()
			closed := n.closed
			n.mu.Unlock()
			if closed {
				return
			}
			time.Sleep(100 * time.Millisecond) // out of descriptors, most likely
			continue
		}
		go n.arrive(&nearConn{c, n})
	}
}

// arrive answers a knock, or gives the connection on.
func (n *near) arrive(c *nearConn) {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		c.UnixConn.Close()
		return
	}
	n.conns[c] = true
	n.mu.Unlock()
	var b [1]byte
	_ = c.SetDeadline(time.Now().Add(headTimeout))
	_, err := c.Read(b[:])
	_ = c.SetDeadline(time.Time{})
	switch {
	case err == nil && b[0] == wire.Enter:
		n.accept(c)
		return
	case err == nil && b[0] == wire.Knock:
		_, _ = c.Write(b[:])
	}
	c.Close()
}

// close ends the socket and its connections.
func (n *near) close() {
	n.mu.Lock()
	n.closed = true
	conns := n.conns
	n.conns = nil
	n.mu.Unlock()
	n.l.Close()
	for c := range conns {
		c.UnixConn.Close()
	}
}
