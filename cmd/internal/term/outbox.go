package term

import (
	"fmt"
	"io"
)

const (
	chunkBytes = 64 << 10  // a chunk is closed when it is this long
	flushBytes = 256 << 10 // what is written between two looks at new events
	spare      = 4         // buffers that are kept for reuse
	maxBytes   = 16 << 20  // more than this, and lines wait for the writer
)

// chunk is output for one writer. It holds whole lines.
type chunk struct {
	dest io.Writer
	data []byte
}

// outbox is what is formatted but not written yet: bytes, the most compact
// form of a queue of events. The renderer's lock guards it, and lets lines of
// logs wait while it is too full.
type outbox struct {
	dest io.Writer // of cur
	cur  []byte
	full []chunk
	free [][]byte
	size int // of full
}

// tooFull tells whether the writer is far behind.
func (b *outbox) tooFull() bool { return b.size > maxBytes }

func (b *outbox) empty() bool { return len(b.cur) == 0 && len(b.full) == 0 }

// to makes dest the writer of what is appended to cur from now on.
func (b *outbox) to(dest io.Writer) {
	if dest != b.dest {
		b.rotate()
		b.dest = dest
	}
}

// commit ends the output of one event.
func (b *outbox) commit() {
	if len(b.cur) >= chunkBytes {
		b.rotate()
	}
}

func (b *outbox) rotate() {
	if len(b.cur) == 0 {
		return
	}
	b.full = append(b.full, chunk{b.dest, b.cur})
	b.size += len(b.cur)
	b.cur = nil
	if n := len(b.free); n > 0 {
		b.cur, b.free = b.free[n-1], b.free[:n-1]
	}
}

// take removes chunks from the front, at least one and about max bytes, and
// tells whether there are more.
func (b *outbox) take(max int) (chunks []chunk, more bool) {
	if len(b.full) == 0 {
		b.rotate()
	}
	n, size := 0, 0
	for n < len(b.full) && size < max {
		size += len(b.full[n].data)
		n++
	}
	b.size -= size
	chunks = b.full[:n:n]
	b.full = b.full[n:]
	if len(b.full) == 0 {
		b.full = nil
	}
	return chunks, !b.empty()
}

// recycle takes back the buffers of written chunks.
func (b *outbox) recycle(chunks []chunk) {
	for i, c := range chunks {
		if len(b.free) < spare && cap(c.data) <= 2*chunkBytes {
			b.free = append(b.free, c.data[:0])
		}
		chunks[i] = chunk{}
	}
}

// write is a Write with what it was for in the error.
func write(w io.Writer, data []byte) error {
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
