package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// aborted is the length that announces an error text instead of data.
const aborted = 0xFFFFFFFF

// ChunkWriter carries a byte stream whose end is told from a broken one.
type ChunkWriter struct {
	w   io.Writer
	buf []byte
}

// NewChunkWriter writes chunks to w; End or Abort must be its last call.
func NewChunkWriter(w io.Writer) *ChunkWriter {
	return &ChunkWriter{w: w}
}

// Write sends p, in pieces of at most MaxChunk.
func (c *ChunkWriter) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 {
		k := min(len(p), MaxChunk)
		c.buf = binary.BigEndian.AppendUint32(c.buf[:0], uint32(k))
		c.buf = append(c.buf, p[:k]...)
		if _, err := c.w.Write(c.buf); err != nil {
			return n, err
		}
		n += k
		p = p[k:]
	}
	return n, nil
}

// End says that all was sent.
func (c *ChunkWriter) End() error {
	_, err := c.w.Write([]byte{0, 0, 0, 0})
	return err
}

// Abort says that the rest will not come, and why.
func (c *ChunkWriter) Abort(cause error) error {
	text := cause.Error()
	if len(text) > 4096 {
		text = text[:4096]
	}
	b := binary.BigEndian.AppendUint32(nil, aborted)
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	_, err := c.w.Write(append(b, text...))
	return err
}

// ChunkReader is the other end of ChunkWriter: io.EOF only after End.
type ChunkReader struct {
	r    io.Reader
	left uint32
	err  error
}

// NewChunkReader reads chunks from r.
func NewChunkReader(r io.Reader) *ChunkReader { return &ChunkReader{r: r} }

// Read gives the bytes of the stream.
func (c *ChunkReader) Read(p []byte) (int, error) {
	if c.err == nil && c.left == 0 {
		c.err = c.next()
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p[:min(len(p), int(c.left))])
	c.left -= uint32(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		c.err = err
	}
	return n, err
}

func (c *ChunkReader) next() error {
	var head [4]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	switch n := binary.BigEndian.Uint32(head[:]); {
	case n == 0:
		return io.EOF
	case n == aborted:
		text, err := readBlock(c.r, 4096)
		if err != nil {
			return err
		}
		return errors.New(string(text))
	case n > MaxChunk:
		return fmt.Errorf("chunk of %d bytes is longer than the limit of %d", n, MaxChunk)
	default:
		c.left = n
		return nil
	}
}
