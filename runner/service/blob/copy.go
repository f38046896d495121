package blob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"
)

var errStop = errors.New("stop")

func isStop(err error) bool { return errors.Is(err, errStop) }
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// bufferSize is large, because each read of a body and each write to a file costs a system call.
const bufferSize = 1 << 20

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// copyBuffer copies through one large buffer and nothing else: io.Copy would
// let a body of net/http choose its own small one.
func copyBuffer(w io.Writer, r io.Reader) (int64, error) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	return io.CopyBuffer(onlyWriter{w}, onlyReader{r}, *buf)
}

type onlyWriter struct{ io.Writer }
type onlyReader struct{ io.Reader }

// withContext ends reading with the context's cause.
func withContext(ctx context.Context, r io.Reader) io.Reader { return contextReader{ctx, r} }

type contextReader struct {
	ctx context.Context //nolint:containedctx // lives as long as one copy
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
