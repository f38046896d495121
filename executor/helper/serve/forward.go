//go:build linux

package serve

import (
	"fmt"
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
			go splice(c.(*net.TCPConn), f.Dial)
		}
	}()
	return l.Addr().String(), nil
}

// splice joins a connection to another address.
func splice(a *net.TCPConn, dial string) {
	b, err := net.DialTimeout("tcp", dial, 10*time.Second)
	if err != nil {
		reset(a)
		return
	}
	join(a, b.(*net.TCPConn))
}
