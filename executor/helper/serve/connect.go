//go:build linux

package serve

import (
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// connect joins its own input and output to the socket. It ends as soon as
// one side does: half a session is of no use.
func connect(socket string, wait time.Duration) error {
	deadline := time.Now().Add(wait)
	var conn net.Conn
	for {
		var err error
		if conn, err = net.Dial("unix", socket); err == nil {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("reach the helper: %w", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	done := make(chan struct{}, 2)
	go func() {
		_, _ = io.CopyBuffer(struct{ io.Writer }{conn}, struct{ io.Reader }{os.Stdin}, make([]byte, 256<<10))
		done <- struct{}{}
	}()
	go func() {
		_, _ = io.CopyBuffer(struct{ io.Writer }{os.Stdout}, struct{ io.Reader }{conn}, make([]byte, 256<<10))
		done <- struct{}{}
	}()
	<-done
	return nil // the end of either direction ends the program, and with it the connection
}
