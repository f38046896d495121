package wire

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// closePatience is how long Close tries to say goodbye to a side that does not
// read.
const closePatience = 5 * time.Second

// Duplex carries a connection of the place through a stream. Each direction is
// a sequence of chunks with an end, so that a connection that was closed in one
// direction goes on in the other, and a broken stream is no end: its reader gets
// io.ErrUnexpectedEOF. (yamux gives a half closed stream five minutes.) That the
// other side is gone is seen by reading only: a writer that fills the stream
// should have a reader beside it, as net/http has.
type Duplex struct {
	net.Conn // the stream

	reading sync.Mutex
	head    [4]byte
	have    int // bytes of head
	left    int // of the chunk
	end     error

	deadlines sync.Mutex
	watching  bool
	gone      chan struct{}
	once      sync.Once

	writing sync.Mutex
	buf     []byte
	ended   bool
}

// NewDuplex puts a connection onto stream.
func NewDuplex(stream net.Conn) *Duplex { return &Duplex{Conn: stream, gone: make(chan struct{})} }

// Gone is closed when a reader learned that the other side has given up both
// directions.
func (d *Duplex) Gone() <-chan struct{} { return d.gone }

func (d *Duplex) lost() {
	d.once.Do(func() {
		close(d.gone)
		_ = d.Conn.SetWriteDeadline(time.Unix(1, 0)) // nobody will make room any more
	})
}

// watch waits for the end of the stream once the other side's direction is over.
func (d *Duplex) watch() {
	d.deadlines.Lock()
	d.watching = true
	_ = d.Conn.SetReadDeadline(time.Time{})
	d.deadlines.Unlock()
	var b [1]byte
	_, _ = d.Conn.Read(b[:])
	d.lost()
}

// SetReadDeadline has no effect once the other side's direction is over: reads
// do not wait then.
func (d *Duplex) SetReadDeadline(t time.Time) error {
	d.deadlines.Lock()
	defer d.deadlines.Unlock()
	if d.watching {
		return nil
	}
	return d.Conn.SetReadDeadline(t)
}

// SetDeadline is both deadlines.
func (d *Duplex) SetDeadline(t time.Time) error {
	return errors.Join(d.SetReadDeadline(t), d.SetWriteDeadline(t))
}

// SetWriteDeadline has no effect once the other side is gone.
func (d *Duplex) SetWriteDeadline(t time.Time) error {
	select {
	case <-d.gone:
		return nil
	default:
		return d.Conn.SetWriteDeadline(t)
	}
}

// Read gives what the other side wrote. A read that a deadline ended can be
// repeated.
func (d *Duplex) Read(p []byte) (int, error) {
	d.reading.Lock()
	defer d.reading.Unlock()
	if d.end != nil {
		return 0, d.end
	}
	if len(p) == 0 {
		return 0, nil
	}
	for d.left == 0 {
		n, err := d.Conn.Read(d.head[d.have:])
		if d.have += n; d.have == len(d.head) {
			d.have = 0
			size := binary.BigEndian.Uint32(d.head[:])
			switch {
			case size == 0:
				d.end = io.EOF
				go d.watch()
				return 0, d.end
			case size > MaxChunk:
				d.end = errors.New("a chunk of the connection is longer than the limit")
				return 0, d.end
			}
			d.left = int(size)
		} else if err != nil {
			return 0, d.broken(err)
		}
	}
	n, err := d.Conn.Read(p[:min(len(p), d.left)])
	d.left -= n
	return n, d.broken(err)
}

// broken makes an end that nobody announced an error; a deadline passes.
func (d *Duplex) broken(err error) error {
	var timeout net.Error
	if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		return err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	d.end = err
	d.lost()
	return err
}

// Write sends p.
func (d *Duplex) Write(p []byte) (int, error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	n := 0
	for len(p) > 0 {
		k := min(len(p), MaxChunk)
		d.room(4 + k)
		copy(d.buf[4:], p[:k])
		if err := d.send(k); err != nil {
			return n, err
		}
		n += k
		p = p[k:]
	}
	return n, nil
}

// ReadFrom sends all of r; files and sockets need no second buffer that way.
func (d *Duplex) ReadFrom(r io.Reader) (int64, error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	d.room(4 + MaxChunk)
	var total int64
	for {
		n, err := r.Read(d.buf[4 : 4+MaxChunk])
		if n > 0 {
			if err := d.send(n); err != nil {
				return total, err
			}
			total += int64(n)
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// room makes the buffer large enough; it stays as large as it had to be.
func (d *Duplex) room(n int) {
	if cap(d.buf) < n {
		d.buf = make([]byte, n)
	}
	d.buf = d.buf[:cap(d.buf)]
}

// send sends n bytes that are in the buffer behind the room for their length.
func (d *Duplex) send(n int) error {
	if d.ended {
		return net.ErrClosed
	}
	binary.BigEndian.PutUint32(d.buf, uint32(n))
	_, err := d.Conn.Write(d.buf[:4+n])
	return err
}

// CloseWrite ends this side's direction, the other one goes on.
func (d *Duplex) CloseWrite() error {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.ended {
		return nil
	}
	d.ended = true
	_, err := d.Conn.Write([]byte{0, 0, 0, 0})
	return err
}

// Close ends both directions: the other side reads to the end what was written.
// It does not wait for a Write that is under way, which then breaks.
func (d *Duplex) Close() error {
	if d.writing.TryLock() {
		if !d.ended {
			d.ended = true
			_ = d.SetWriteDeadline(time.Now().Add(closePatience))
			_, _ = d.Conn.Write([]byte{0, 0, 0, 0})
		}
		d.writing.Unlock()
	}
	return d.Conn.Close()
}

// Abort ends both directions without an end: the other side sees the
// connection broken.
func (d *Duplex) Abort() error { return d.Conn.Close() }
