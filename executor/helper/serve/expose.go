//go:build linux

package serve

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// socketTimeout is how long the client may take to answer at its socket.
const socketTimeout = 2 * time.Second

// exposure is a port of the place that leads to a client.
type exposure struct {
	l net.Listener

	mu     sync.Mutex
	client string
	wire.Exposure
}

func (e *exposure) target() (client string, to wire.Exposure) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.client, e.Exposure
}

// expose listens on all interfaces of the place, so that containers beside it
// get through too, or gives a port that it listens on to another client. Near
// tells whether connections take the client's socket.
func (s *server) expose(client string, x *wire.Exposure) (addr string, near bool, err error) {
	if x == nil || x.ID == "" || x.Port < 0 || x.Port > 65535 {
		return "", false, executor.Errorf("expose a port", executor.Invalid, "the request holds no valid exposure")
	}
	if near = x.Socket != "" && knock(x.Socket) == nil; !near {
		x.Socket = ""
	}
	s.exposing.Lock()
	defer s.exposing.Unlock()
	for _, e := range s.exposures {
		if _, is := e.target(); is.ID == x.ID || x.Port != 0 && is.Port == x.Port {
			x.Port = is.Port
			e.mu.Lock()
			e.client, e.Exposure = client, *x
			e.mu.Unlock()
			return address(x.Port), near, nil
		}
	}
	l, err := net.Listen("tcp", ":"+strconv.Itoa(x.Port))
	if err != nil {
		return "", false, executor.Errorf(fmt.Sprintf("expose port %d", x.Port), executor.Failed, "%w", err)
	}
	x.Port = l.Addr().(*net.TCPAddr).Port
	e := &exposure{l: l, client: client, Exposure: *x}
	s.exposures = append(s.exposures, e)
	go s.welcome(e)
	return address(x.Port), near, nil
}

func (s *server) welcome(e *exposure) {
	for {
		c, err := e.l.Accept()
		if err != nil {
			select {
			case <-s.quit:
				return
			case <-time.After(100 * time.Millisecond):
				continue // out of descriptors, most likely
			}
		}
		go s.lead(c.(*net.TCPConn), e)
	}
}

// lead brings a connection to the client; when there is none it is reset.
func (s *server) lead(c *net.TCPConn, e *exposure) {
	client, to := e.target()
	if to.Socket != "" {
		u, err := net.DialTimeout("unix", to.Socket, socketTimeout)
		if err == nil {
			if _, err = u.Write([]byte{wire.Enter}); err == nil {
				join(c, u.(*net.UnixConn))
				return
			}
			u.Close()
		}
	}
	st, err := s.toClient(client, wire.Incoming{Exposure: to.ID, From: c.RemoteAddr().String()})
	if err != nil {
		reset(c)
		return
	}
	d := wire.NewDuplex(st)
	over := make(chan struct{})
	go func() {
		select {
		case <-d.Gone():
			c.Close()
		case <-over:
		}
	}()
	join(c, d)
	close(over)
}

// toClient opens a stream to a client over its newest session.
func (s *server) toClient(client string, head wire.Incoming) (net.Conn, error) {
	s.mu.Lock()
	var ms []*yamux.Session
	for _, t := range s.live {
		if t.client == client {
			ms = append(ms, t.mux)
		}
	}
	s.mu.Unlock()
	for i := len(ms) - 1; i >= 0; i-- {
		st, err := ms[i].OpenStream()
		if err != nil {
			continue
		}
		if err := wire.WriteJSON(st, head); err == nil {
			return st, nil
		}
		st.Close()
	}
	return nil, errors.New("no client is there")
}

// knock tells whether the client answers at its socket. That it is to be seen
// says little: the engine may run in a virtual machine.
func knock(socket string) error {
	u, err := net.DialTimeout("unix", socket, socketTimeout)
	if err != nil {
		return err
	}
	defer u.Close()
	_ = u.SetDeadline(time.Now().Add(socketTimeout))
	b := []byte{wire.Knock}
	if _, err := u.Write(b); err != nil {
		return err
	}
	if _, err := io.ReadFull(u, b); err != nil {
		return err
	}
	if b[0] != wire.Knock {
		return errors.New("something else answers")
	}
	return nil
}

// address is where the port is reached from the place and from beside it.
func address(port int) string {
	return net.JoinHostPort(ownIP(), strconv.Itoa(port))
}

// ownIP is the place's own address on the network that its default route uses,
// else its first one.
func ownIP() string {
	for _, to := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} { // RFC 5737, 3849; nothing is sent
		if c, err := net.Dial("udp", to); err == nil {
			ip := c.LocalAddr().(*net.UDPAddr).IP
			c.Close()
			if ip.IsGlobalUnicast() {
				return ip.String()
			}
		}
	}
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}
