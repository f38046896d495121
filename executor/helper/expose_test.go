//go:build linux

package helper_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor/helper"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

func echo(c net.Conn) {
	defer c.Close()
	_, _ = io.Copy(struct{ io.Writer }{c}, c)
	_ = c.(interface{ CloseWrite() error }).CloseWrite()
}

// visit asks an echo.
func visit(addr string) (string, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_, err = io.WriteString(c, "hello")
	if err == nil {
		err = c.(*net.TCPConn).CloseWrite()
	}
	got, rerr := io.ReadAll(c)
	return string(got), errors.Join(err, rerr)
}

func TestExposeAfterRedial(t *testing.T) {
	p := open(t)
	addr, err := p.Expose(t.Context(), 0, echo)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := visit(addr); got != "hello" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	// A connection that is open when the stream breaks is broken, not ended.
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := make([]byte, 5)
	if _, err := io.WriteString(c, "again"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
	p.cut()
	if _, err := c.Read(b); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the open connection: %v, want a reset", err)
	}
	// Nobody calls the place: it has to come back by itself.
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		got, err := visit(addr)
		if got == "hello" && err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no connection after the stream broke: %q, %v", got, err)
		}
	}
	p.Disconnect()
	if _, err := visit(addr); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("without a client: %v, want a reset", err)
	}
}

// TestExposeBroken breaks connections on one side and looks at the other.
func TestExposeBroken(t *testing.T) {
	for _, way := range []string{"stream", "socket"} {
		t.Run(way, func(t *testing.T) {
			p := open(t)
			if way == "socket" {
				p.withSockets(t, t.TempDir())
			}
			ended := make(chan error, 1)
			sink, err := p.Expose(t.Context(), 0, func(c net.Conn) {
				defer c.Close()
				_, err := io.Copy(io.Discard, c)
				ended <- err
			})
			if err != nil {
				t.Fatal(err)
			}
			spring, err := p.Expose(t.Context(), 0, func(c net.Conn) {
				defer c.Close()
				go func() { _, _ = c.Read(make([]byte, 1)) }() // as net/http does
				_, err := io.Copy(struct{ io.Writer }{c}, zeros{})
				ended <- err
			})
			if err != nil {
				t.Fatal(err)
			}
			for what, addr := range map[string]string{"a reader": sink, "a writer": spring} {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				if what == "a writer" {
					_, _ = io.CopyN(io.Discard, c, 10<<20)
				} else if _, err := io.CopyN(c, zeros{}, 10<<20); err != nil {
					t.Fatal(err)
				}
				_ = c.(*net.TCPConn).SetLinger(0)
				c.Close()
				select {
				case err := <-ended:
					if err == nil && way == "stream" {
						t.Errorf("%s sees the end of a connection that was reset", what)
					}
				case <-time.After(time.Minute):
					t.Errorf("%s does not see that the connection is gone", what)
				}
			}
			// The other way round: the program closes while somebody writes.
			closer, err := p.Expose(t.Context(), 0, func(c net.Conn) { c.Close() })
			if err != nil {
				t.Fatal(err)
			}
			c, err := net.Dial("tcp", closer)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			if _, err := io.Copy(struct{ io.Writer }{c}, zeros{}); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a visitor writes to a closed connection: %v", err)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// withSockets is the same client with a folder for sockets.
func (p *place) withSockets(t *testing.T, dir string) {
	t.Helper()
	p.Place.Disconnect()
	var err error
	p.Place, err = helper.Open(t.Context(), helper.Options{
		Dial: p.dial, Token: "secret", Redial: time.Minute, Sockets: helper.Sockets{Here: dir, There: dir},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Place.Disconnect)
}

func TestExposeBySocket(t *testing.T) {
	p := open(t)
	// Longer than the path of a socket may be; the place has a short name for it.
	long := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	if err := os.MkdirAll(long, 0o700); err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(t.TempDir(), "s")
	if err := os.Symlink(long, short); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, here, there string
		near              bool
	}{
		{"seen", long, short, true},
		{"unseen", long, t.TempDir(), false},
		{"gone", filepath.Join(long, "gone"), short, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p.Disconnect()
			var err error
			p.Place, err = helper.Open(t.Context(), helper.Options{
				Dial: p.dial, Token: "secret", Redial: time.Minute, Sockets: helper.Sockets{Here: test.here, There: test.there},
			})
			if err != nil {
				t.Fatal(err)
			}
			conns := make(chan net.Conn, 1)
			addr, err := p.Expose(t.Context(), 0, func(c net.Conn) { conns <- c; echo(c) })
			if err != nil {
				t.Fatal(err)
			}
			if got, err := visit(addr); got != "hello" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
			if _, stream := (<-conns).(*wire.Duplex); stream == test.near {
				t.Errorf("by stream: %t, want by socket: %t", stream, test.near)
			}
			// What else could connect to the socket says nothing that counts.
			entries, _ := os.ReadDir(long)
			for _, e := range entries {
				if c, err := net.Dial("unix", short+"/"+e.Name()); err == nil {
					_, _ = io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
					if got, _ := io.ReadAll(c); len(got) > 0 {
						t.Errorf("the socket answers %q", got)
					}
					c.Close()
				}
			}
			p.Disconnect()
			if _, err := visit(addr); err == nil {
				t.Error("connections go on after the client is gone")
			}
		})
	}
}
