package fake

import (
	"context"
	"fmt"
	"net"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// Expose gives an address that Dial of any place knows.
func (e *Environment) Expose(ctx context.Context, port int, accept func(net.Conn)) (string, error) {
	e.x.calls.add(Call{Op: "expose", Env: e.id})
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if e.x.o.Expose != nil {
		if err := e.x.o.Expose(); err != nil {
			return "", typed("expose a port", executor.Failed, err)
		}
	}
	if err := e.lost("expose a port"); err != nil {
		return "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if port == 0 {
		port = 40001 + len(e.ports)
	}
	addr := fmt.Sprintf("10.0.0.%d:%d", e.number()+1, port)
	if e.ports == nil {
		e.ports = map[string]func(net.Conn){}
	}
	e.ports[addr] = accept
	return addr, nil
}

// Dial connects a process of the place to an exposed port, of whichever place.
// There is no network: the bytes stay in memory.
func (e *Environment) Dial(addr string) (net.Conn, error) {
	for _, to := range e.x.Environments() {
		if c := to.visit(addr); c != nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("dial %s: connection refused", addr)
}

func (e *Environment) visit(addr string) net.Conn {
	e.mu.Lock()
	defer e.mu.Unlock()
	accept := e.ports[addr]
	if accept == nil || e.gone != nil {
		return nil
	}
	here, there := net.Pipe()
	context.AfterFunc(e.ctx, func() { here.Close(); there.Close() })
	e.wg.Go(func() { accept(wire.NewDuplex(there)) })
	return wire.NewDuplex(here)
}
