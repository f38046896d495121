package executortest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// What a visitor does, and how much.
const (
	VisitMany  = "many"  // many connections at once, each with a question and its echo
	VisitBulk  = "bulk"  // bulkSize bytes both ways at the same time
	VisitFirst = "first" // the other side ends its direction first
	VisitHold  = "hold"  // stays until the connection breaks

	manyVisitors = 200
	bulkSize     = 64 << 20
)

// Visit is the visitor of testExpose: a program that runs in a place, or a
// function where there are no programs.
func Visit(what string, dial func() (net.Conn, error), out io.Writer) error {
	switch what {
	case VisitMany:
		errs := make([]error, manyVisitors)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { errs[i] = ask(dial, bytes.Repeat(fmt.Appendf(nil, "visitor %d\n", i), 100)) })
		}
		all.Wait()
		return errors.Join(errs...)
	case VisitBulk:
		c, err := dial()
		if err != nil {
			return err
		}
		defer c.Close()
		return bulk(c, 1, 2)
	case VisitFirst:
		return first(dial)
	case VisitHold:
		c, err := dial()
		if err != nil {
			return err
		}
		defer c.Close()
		fmt.Fprintln(out, "connected")
		_, err = io.Copy(io.Discard, c)
		return err
	}
	return fmt.Errorf("unknown visit %q", what)
}

// ask sends a question, ends its direction and expects the question back.
func ask(dial func() (net.Conn, error), question []byte) error {
	c, err := dial()
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write(question); err != nil {
		return err
	}
	if err := closeWrite(c); err != nil {
		return err
	}
	answer, err := io.ReadAll(c)
	if err == nil && !bytes.Equal(answer, question) {
		err = fmt.Errorf("%d bytes came back for %d, or others", len(answer), len(question))
	}
	return err
}

// bulk sends bulkSize bytes of one kind and wants as many of another.
func bulk(c net.Conn, send, want byte) error {
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(c, filler(send))
		if err == nil {
			err = closeWrite(c)
		}
		sent <- err
	}()
	got, wanted := sha256.New(), sha256.New()
	n, err := io.Copy(got, c)
	_, _ = io.Copy(wanted, filler(want))
	if err == nil && !bytes.Equal(got.Sum(nil), wanted.Sum(nil)) {
		err = fmt.Errorf("%d bytes came for %d, or others", n, bulkSize)
	}
	return errors.Join(err, <-sent)
}

// filler gives bulkSize bytes that depend on their place.
func filler(kind byte) io.Reader { return &fill{kind: kind} }

type fill struct {
	kind byte
	at   int
}

func (f *fill) Read(p []byte) (int, error) {
	n := min(len(p), bulkSize-f.at)
	if n == 0 {
		return 0, io.EOF
	}
	for i := range p[:n] {
		k := f.at + i
		p[i] = byte(k) ^ byte(k>>8)*f.kind ^ byte(k>>16)
	}
	f.at += n
	return n, nil
}

// first speaks on after the other side has ended its direction.
func first(dial func() (net.Conn, error)) error {
	c, err := dial()
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.WriteString(c, "begin\n"); err != nil {
		return err
	}
	got, err := io.ReadAll(c)
	if err != nil || string(got) != "over to you\n" {
		return fmt.Errorf("got %q, %w", got, err)
	}
	time.Sleep(50 * time.Millisecond)
	if _, err := io.WriteString(c, "thank you\n"); err != nil {
		return err
	}
	return closeWrite(c)
}

func closeWrite(c net.Conn) error {
	h, ok := c.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("%T has no CloseWrite", c)
	}
	return h.CloseWrite()
}
