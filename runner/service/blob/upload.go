package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// upload is one file that fills. Blocks and ranges are written straight to their
// place in it, many at once.
type upload struct {
	id      UploadID
	owner   string
	max     int64 // 0: none
	staging *staging
	active  atomic.Int64 // unix nanoseconds

	// mu is held for reading around each write into the file, and for writing when
	// the file is cut, joined, exchanged or handed on: no late writer can change
	// what was sealed.
	mu          sync.RWMutex
	file        *os.File
	name        string
	ended       bool
	contentType string

	sealed bool // size holds; the file's first bytes are the blob
	size   int64

	mode   mode
	taken  spans           // blocks, whole or being written, never overlap
	blocks map[string]span // whole ones
	stride int64           // the longest block, probably the length of all but the last
	list   []span          // what was sealed, in order
	ranges spans           // what PutRange covered
}

type mode int

const (
	modeNone mode = iota
	modeBlocks
	modeRanges
)

func (up *upload) touch()                { up.active.Store(time.Now().UnixNano()) }
func (up *upload) lastActive() time.Time { return time.Unix(0, up.active.Load()) }

func (up *upload) describe(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s, upload %s: %w", op, up.id, noSpace(err))
}

func (up *upload) stat() Upload {
	up.mu.RLock()
	defer up.mu.RUnlock()
	s := Upload{ID: up.id, Owner: up.owner, Sealed: up.sealed, ContentType: up.contentType, Active: up.lastActive()}
	switch {
	case up.sealed:
		s.Size = up.size
	case up.mode == modeRanges:
		s.Size = up.ranges.total()
	default:
		for _, b := range up.blocks {
			s.Size += b.length
		}
	}
	return s
}

// put fills a file of its own and then exchanges the upload's for it: what was
// sealed before stays whole until then.
func (up *upload) put(ctx context.Context, r io.Reader, size int64) error {
	if up.max > 0 && size > up.max {
		return fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, size, up.max)
	}
	file, name, err := up.staging.create()
	if err != nil {
		return err
	}
	n, err := copyBuffer(&limited{w: file, touch: up.touch, left: up.max, bounded: up.max > 0}, withContext(ctx, r))
	err = bodyError(n, size, err)
	up.mu.Lock()
	defer up.mu.Unlock()
	if err == nil && up.ended {
		err = ErrUnknown
	}
	if err == nil && up.mode == modeRanges {
		err = fmt.Errorf("%w: ranges were put already", ErrBlock)
	}
	if err != nil {
		file.Close()
		up.staging.remove(name)
		return err
	}
	up.exchange(file, name)
	up.sealed, up.size = true, n
	whole := span{0, n}
	up.taken, up.list, up.blocks = spans{whole}, []span{whole}, map[string]span{}
	return nil
}

// bodyError tells what is wrong with a body of which n bytes came.
func bodyError(n, size int64, err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the body ended after %d bytes: %w", ErrIncomplete, n, err)
	case err != nil:
		return err
	case size >= 0 && n < size:
		return fmt.Errorf("%w: %d of %d bytes came", ErrIncomplete, n, size)
	case size >= 0 && n > size:
		return fmt.Errorf("%w: more than %d bytes came", ErrSize, size)
	}
	return nil
}

// limited notes that bytes came, and refuses those over the limit.
type limited struct {
	w       io.Writer
	touch   func()
	left    int64
	bounded bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.bounded {
		if int64(len(p)) > l.left {
			return 0, ErrTooLarge
		}
		l.left -= int64(len(p))
	}
	l.touch()
	return l.w.Write(p)
}

// at writes into the upload's file from off on, as long as it is the upload's.
type at struct {
	up   *upload
	file *os.File
	off  int64
}

func (a *at) Write(p []byte) (int, error) {
	a.up.mu.RLock()
	defer a.up.mu.RUnlock()
	if err := a.up.still(a.file); err != nil {
		return 0, err
	}
	a.up.touch()
	n, err := a.file.WriteAt(p, a.off)
	a.off += int64(n)
	return n, err
}

// still is nil as long as the upload goes on in this file; mu is held.
func (up *upload) still(file *os.File) error {
	if up.ended {
		return ErrUnknown
	}
	if up.file != file {
		return fmt.Errorf("%w: the blob was sealed or put anew meanwhile", ErrBlock)
	}
	return nil
}

// fill writes exactly length bytes of r at off.
func (up *upload) fill(ctx context.Context, file *os.File, off int64, r io.Reader, length int64) error {
	n, err := copyBuffer(&at{up, file, off}, io.LimitReader(withContext(ctx, r), length))
	if err := bodyError(n, length, err); err != nil {
		return err
	}
	return atEnd(r, length)
}

// atEnd finds bodies that are longer than announced, or end with an error.
func atEnd(r io.Reader, length int64) error {
	var one [1]byte
	n, err := io.ReadFull(r, one[:])
	if n > 0 {
		return fmt.Errorf("%w: more than %d bytes came", ErrSize, length)
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (up *upload) putRange(ctx context.Context, offset int64, r io.Reader, length int64) error {
	if offset < 0 || length < 0 || offset+length < offset {
		return fmt.Errorf("%w: range %d+%d", ErrBlock, offset, length)
	}
	if up.max > 0 && offset+length > up.max {
		return fmt.Errorf("%w: range ends at %d bytes, limit %d", ErrTooLarge, offset+length, up.max)
	}
	up.mu.Lock()
	if up.mode == modeNone && !up.sealed {
		up.mode = modeRanges
	}
	wrong, file := up.mode != modeRanges, up.file
	up.mu.Unlock()
	if wrong {
		return fmt.Errorf("%w: the blob was put in another way already", ErrBlock)
	}
	if err := up.fill(ctx, file, offset, r, length); err != nil {
		return err
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	if err := up.still(file); err != nil {
		return err
	}
	up.ranges = up.ranges.cover(span{offset, length})
	return nil
}

// complete is the size of the blob, if it is whole. mu is held.
func (up *upload) complete() (int64, error) {
	switch {
	case up.ended:
		return 0, ErrUnknown
	case up.sealed:
		return up.size, nil
	case up.mode == modeRanges && len(up.ranges) == 1 && up.ranges[0].off == 0:
		return up.ranges[0].length, nil
	case up.mode == modeRanges && len(up.ranges) > 0:
		return 0, fmt.Errorf("%w: bytes before %d were not put", ErrIncomplete, up.ranges[len(up.ranges)-1].off)
	}
	return 0, fmt.Errorf("%w: nothing was put, or the block list is missing", ErrIncomplete)
}

// exchange goes on in another file; mu is held.
func (up *upload) exchange(file *os.File, name string) {
	up.discard()
	up.ended = false
	up.file, up.name = file, name
}

// discard removes the file; mu is held.
func (up *upload) discard() {
	if up.ended {
		return
	}
	up.ended = true
	up.file.Close()
	up.staging.remove(up.name)
}

func (up *upload) abort() {
	up.mu.Lock()
	defer up.mu.Unlock()
	up.discard()
}
