package helper

import (
	"context"
	"fmt"
	"io"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// CopyIn unpacks a tar stream below dir, which is made if need be. A stream
// cannot be read twice, so a session that breaks under way is an error.
func (p *Place) CopyIn(ctx context.Context, dir string, tar io.Reader) error {
	op := fmt.Sprintf("copy into %q", dir)
	s, err := p.open(ctx, op, &wire.Request{Op: wire.CopyIn, Path: dir})
	if err != nil {
		return err
	}
	defer s.Close()
	// The helper may answer before the end, when it refuses an entry.
	type answer struct {
		reply wire.Reply
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		var a answer
		a.err = wire.ReadJSON(s.r, &a.reply)
		done <- a
	}()
	sent := make(chan error, 1)
	go func() {
		w := wire.NewChunkWriter(s.Conn)
		buf := make([]byte, wire.MaxChunk)
		for {
			n, err := tar.Read(buf)
			if n > 0 {
				if _, werr := w.Write(buf[:n]); werr != nil {
					sent <- nil // the reader of the answer knows more
					return
				}
			}
			if err == io.EOF {
				sent <- w.End()
				return
			}
			if err != nil {
				_ = w.Abort(err) // the error below says more
				sent <- fmt.Errorf("read the archive: %w", err)
				return
			}
		}
	}()
	a := <-done
	var source error
	select {
	case source = <-sent:
	default:
		// The sender still reads from the caller's stream. It must not do
		// so after the return; its next write fails, as the stream closes.
		s.Close()
		if a.err != nil || a.reply.Error != nil {
			break
		}
		source = <-sent
	}
	switch {
	case source != nil:
		return executor.Errorf(op, executor.Failed, "%w", source)
	case ctx.Err() != nil && a.err != nil:
		return context.Cause(ctx)
	case a.err != nil:
		return lost(op, a.err)
	}
	return a.reply.Error.Err(op)
}

// CopyOut packs path as a tar stream; names are relative to its parent.
func (p *Place) CopyOut(ctx context.Context, path string) (io.ReadCloser, error) {
	op := fmt.Sprintf("copy %q out", path)
	s, err := p.open(ctx, op, &wire.Request{Op: wire.CopyOut, Path: path})
	if err != nil {
		return nil, err
	}
	return &copyOut{stream: s, chunks: wire.NewChunkReader(s.r), op: op, ctx: ctx}, nil
}

type copyOut struct {
	*stream
	chunks io.Reader
	op     string
	ctx    context.Context
}

func (c *copyOut) Read(b []byte) (int, error) {
	n, err := c.chunks.Read(b)
	if err != nil && err != io.EOF {
		if c.ctx.Err() != nil {
			return n, context.Cause(c.ctx)
		}
		return n, executor.Errorf(c.op, executor.Failed, "%w", err)
	}
	return n, err
}

// open is Client.open on a session that is dialled if need be.
func (p *Place) open(ctx context.Context, op string, req *wire.Request) (*stream, error) {
	for {
		c, err := p.session(ctx, op)
		if err != nil {
			return nil, err
		}
		s, _, err := c.open(ctx, op, req)
		if err == nil || !isBroken(err) {
			return s, err
		}
		p.drop(c)
	}
}

// HashFiles evaluates hashFiles inside the place.
func (p *Place) HashFiles(ctx context.Context, q executor.HashQuery) (string, error) {
	r, err := p.call(ctx, "evaluate hashFiles", &wire.Request{Op: wire.HashFiles, Hash: &q})
	if err != nil {
		return "", err
	}
	return r.Hash, nil
}

// Setup makes folders and links in their order.
func (p *Place) Setup(ctx context.Context, entries []wire.Entry) error {
	_, err := p.call(ctx, "make folders", &wire.Request{Op: wire.Setup, Setup: entries})
	return err
}

// Forward makes a TCP address inside the place lead to another one, as seen
// from the place, until the place ends. It returns the address that listens.
func (p *Place) Forward(ctx context.Context, f wire.Forwarding) (string, error) {
	op := fmt.Sprintf("forward %s to %s", f.Listen, f.Dial)
	r, err := p.call(ctx, op, &wire.Request{Op: wire.Forward, Forward: &f})
	if err != nil {
		return "", err
	}
	return r.Addr, nil
}

// Stats tells the memory of the place and the disk that path is on.
func (p *Place) Stats(ctx context.Context, path string) (wire.Figure, error) {
	r, err := p.call(ctx, "read memory and disk figures", &wire.Request{Op: wire.Stats, Path: path})
	if err != nil {
		return wire.Figure{}, err
	}
	if r.Stats == nil {
		return wire.Figure{}, nil
	}
	return *r.Stats, nil
}
