package executortest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// handedOut are the ports that Port has given.
var handedOut sync.Map

// Port is a free port of 127.0.0.1 for a program that takes its number. It is
// none of those that the kernel gives to who asks for any, and is given once, so that
// nobody has it by the time the program listens.
func Port(t testing.TB) string {
	t.Helper()
	var conf net.ListenConfig
	for range 1000 {
		port := strconv.Itoa(20_000 + rand.IntN(10_000))
		l, err := conf.Listen(t.Context(), "tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		l.Close()
		if _, taken := handedOut.LoadOrStore(port, true); !taken {
			return port
		}
	}
	t.Fatal("no port is free between 20000 and 30000")
	return ""
}
