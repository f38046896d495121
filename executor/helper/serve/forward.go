//go:build linux

package serve

import (
	"fmt"
	"io"
	"net"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// forward listens inside the place and joins what connects to another
// address: services at localhost.
func (s *server) forward(f *wire.Forwarding) (string, error) {
	if f == nil {
		return "", executor.Errorf("forward a port", executor.Invalid, "the request holds no addresses")
	}
	l, err := net.Listen("tcp", f.Listen)
	if err != nil {
		return "", executor.Errorf(fmt.Sprintf("forward %s to %s", f.Listen, f.Dial), executor.Failed, "%w", err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				select {
				case <-s.quit:
					return
				case <-time.After(100 * time.Millisecond):
					continue
				}
			}
			go splice(c, f.Dial)
		}
	}()
	return l.Addr().String(), nil
}

// splice joins two connections; each direction ends by itself.
func splice(a net.Conn, dial string) {
	defer a.Close()
	b, err := net.DialTimeout("tcp", dial, 10*time.Second)
	if err != nil {
		// As if nothing listened: clients that wait for a service retry.
		if t, ok := a.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		return
	}
	defer b.Close()
	done := make(chan struct{}, 2)
	pipe := func(dst, src net.Conn) {
		_, _ = io.Copy(dst, src)
		if t, ok := dst.(*net.TCPConn); ok {
			_ = t.CloseWrite()
		}
		done <- struct{}{}
	}
	go pipe(a, b)
	go pipe(b, a)
	<-done
	<-done
}
