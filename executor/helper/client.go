package helper

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// helloTimeout is how long a helper may take to answer on a fresh stream.
const helloTimeout = 30 * time.Second

// Client is one session with a helper over one byte stream. When the stream
// breaks the session is over; what runs in the place goes on.
type Client struct {
	session *yamux.Session
	place   wire.Place
	once    sync.Once
}

// Connect says hello over rwc. The first token that a helper hears claims it;
// the error has kind Refused when another one did before. Connect closes rwc
// when it fails.
//
// Name is the same for all sessions of one client: the connections that the
// helper hands out go to the newest.
func Connect(ctx context.Context, rwc io.ReadWriteCloser, token, name string) (*Client, error) {
	const op = "connect to the helper"
	session, err := yamux.Client(rwc, wire.Session())
	if err != nil {
		rwc.Close()
		return nil, executor.Errorf(op, executor.Failed, "%w", err)
	}
	c := &Client{session: session}
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	r, err := c.call(ctx, op, &wire.Request{Op: wire.Hello, Version: wire.Version, Token: token, Client: name})
	if err == nil && r.Place == nil {
		err = executor.Errorf(op, executor.Failed, "the answer says nothing about the place")
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	c.place = *r.Place
	return c, nil
}

// Place is what the helper said about where it runs.
func (c *Client) Place() wire.Place { return c.place }

// Done is closed when the session has ended.
func (c *Client) Done() <-chan struct{} { return c.session.CloseChan() }

// Close ends the session and its byte stream, nothing else.
func (c *Client) Close() error {
	var err error
	c.once.Do(func() { err = c.session.Close() })
	return err
}

// stream is one open request.
type stream struct {
	net.Conn
	r    *bufio.Reader
	stop func() bool
}

// Close gives the stream up at once; yamux would wait for the other side.
func (s *stream) Close() error {
	s.stop()
	return s.Conn.Close()
}

// open sends a request and reads its first reply. An error of kind Lost means
// that the session broke before the helper's answer came.
func (c *Client) open(ctx context.Context, op string, req *wire.Request) (*stream, *wire.Reply, error) {
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	conn, err := c.session.OpenStream()
	if err != nil {
		return nil, nil, lost(op, err)
	}
	// A past deadline wakes both directions up.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	s := &stream{Conn: conn, r: bufio.NewReaderSize(conn, 16<<10), stop: stop}
	err = wire.WriteJSON(conn, req)
	var reply wire.Reply
	if err == nil {
		err = wire.ReadJSON(s.r, &reply)
	}
	if err == nil {
		err = reply.Error.Err(op)
		if err == nil {
			return s, &reply, nil
		}
		s.Close()
		return nil, nil, err
	}
	s.Close()
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	return nil, nil, lost(op, err)
}

// call is a request with one reply and nothing after it.
func (c *Client) call(ctx context.Context, op string, req *wire.Request) (*wire.Reply, error) {
	s, reply, err := c.open(ctx, op, req)
	if err != nil {
		return nil, err
	}
	s.Close()
	return reply, nil
}

// broken marks the errors after which another session may work.
type broken struct{ error }

func (b broken) Unwrap() error { return b.error }

func lost(op string, err error) error {
	if errors.Is(err, io.EOF) {
		err = errors.New("the helper's stream ended")
	}
	return &executor.Error{Op: op, Kind: executor.Lost, Err: broken{fmt.Errorf("helper: %w", err)}}
}

func isBroken(err error) bool {
	var b broken
	return errors.As(err, &b)
}
