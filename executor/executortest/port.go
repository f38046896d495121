package executortest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// Port is a free port of 127.0.0.1 for a program that takes its number. It is
// none of those that the kernel gives to who asks for any, so that nobody has it
// by the time the program listens.
func Port(t testing.TB) string {
	t.Helper()
	var conf net.ListenConfig
	for range 100 {
		port := strconv.Itoa(20_000 + rand.IntN(10_000))
		if l, err := conf.Listen(t.Context(), "tcp", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free between 20000 and 30000")
	return ""
}
