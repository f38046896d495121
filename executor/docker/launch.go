package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper"
)

// launch starts the container and opens the stream to its helper. The first
// stream is the container's own input and output, attached before the start:
// it costs no exec. A lost one is followed by an exec of `connect`.
func (e *environment) launch(ctx context.Context, image string) error {
	bg := context.WithoutCancel(ctx)
	att, err := e.c.api.ContainerAttach(bg, e.container, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return fail(fmt.Sprintf("attach to the container of image %q", image), err)
	}
	first := &stream{conn: att.Conn, r: att.Reader}
	if err := e.c.api.ContainerStart(bg, e.container, container.StartOptions{}); err != nil {
		first.Close()
		return fail(fmt.Sprintf("start a container from image %q", image), err)
	}
	if err := e.open(ctx, helper.NewToken(), first); err != nil {
		first.Close()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return first.explain(fmt.Sprintf("start the helper in image %q", image), err)
	}
	return nil
}

// open connects to the helper, first over a stream that is there already; nil:
// there is none.
func (e *environment) open(ctx context.Context, token string, first io.ReadWriteCloser) error {
	id, c := e.container, e.c
	var mu sync.Mutex
	p, err := helper.Open(ctx, helper.Options{
		Dial: func(ctx context.Context) (io.ReadWriteCloser, error) {
			mu.Lock()
			rwc := first
			first = nil
			mu.Unlock()
			if rwc != nil {
				return rwc, nil
			}
			return dialHelper(ctx, c, id)
		},
		Token: token, Sockets: e.socketFolder(), Log: e.x.log.With("env", short(id)),
	})
	if err != nil {
		return err
	}
	e.Place, e.token = p, token
	return nil
}

// explain adds what the helper said, which it does only when it cannot start.
func (s *stream) explain(op string, err error) error {
	for range 10 { // the text may come after the end of the session
		s.mu.Lock()
		text := bytes.TrimSpace(s.stderr.Bytes())
		s.mu.Unlock()
		if len(text) > 0 {
			return &executor.Error{Op: op, Kind: executor.Failed, Err: errors.New(string(text))}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return &executor.Error{Op: op, Kind: executor.Failed, Err: err}
}
