//go:build linux

package serve

import (
	"os"
	"sync"
)

const (
	memoryLimit = 1 << 20   // kept in memory for each process
	spillLimit  = 256 << 20 // then in a file, then the process waits
)

// output keeps what a process printed until a client has it. Output that was
// acknowledged stays in memory while there is room, so that a client that
// forgot some can ask again.
type output struct {
	dir string

	mu     sync.Mutex
	cond   sync.Cond
	mem    []byte // [memStart, memStart+len(mem))
	start  int64
	end    int64
	acked  int64
	file   *os.File // unlinked; a ring: offset o is at o % spillLimit
	low    int64    // the file holds [low, end) while spilling
	spills bool
	closed bool // nothing will be added
	dead   bool // nobody waits any more
	// readers are the clients that follow, with what each acknowledged: only
	// what all of them have counts.
	readers map[*reader]int64
}

// reader is one client that follows a process; it owns no data.
type reader struct{ gone bool }

func newOutput(dir string) *output {
	o := &output{dir: dir, readers: map[*reader]int64{}}
	o.cond.L = &o.mu
	return o
}

// add appends and, when everything is full, waits for a client.
func (o *output) add(data []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.spills {
		if over := len(o.mem) + len(data) - memoryLimit; over > 0 {
			// Half of it at once, so that moving bytes stays rare.
			over = min(max(over, memoryLimit/2), int(o.acked-o.start), len(o.mem))
			if over > 0 {
				o.mem = o.mem[over:]
				o.start += int64(over)
			}
		}
		if len(o.mem)+len(data) <= memoryLimit {
			o.mem = append(o.mem, data...)
			o.end += int64(len(data))
			o.cond.Broadcast()
			return nil
		}
		if err := o.open(); err != nil {
			return err
		}
		o.spills, o.low = true, o.end
	}
	for o.end+int64(len(data))-max(o.low, o.acked) > spillLimit && !o.dead {
		o.cond.Wait()
	}
	if o.dead {
		return nil
	}
	if !o.spills {
		// All was acknowledged during the wait.
		o.spills, o.low = true, o.end
	}
	for at, rest := o.end, data; len(rest) > 0; {
		pos := at % spillLimit
		n := min(int64(len(rest)), spillLimit-pos)
		if _, err := o.file.WriteAt(rest[:n], pos); err != nil {
			return err
		}
		at, rest = at+n, rest[n:]
	}
	o.end += int64(len(data))
	if o.end-o.low > spillLimit {
		o.low = o.end - spillLimit
		o.mem, o.start = nil, o.low
	}
	o.cond.Broadcast()
	return nil
}

func (o *output) open() error {
	if o.file != nil {
		return nil
	}
	f, err := os.CreateTemp(o.dir, "output-*")
	if err != nil {
		return err
	}
	// Without a name nobody else opens it, and it vanishes with the helper.
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return err
	}
	o.file = f
	return nil
}

// ack notes that a client has everything before offset.
func (o *output) ack(r *reader, offset int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.gone {
		return
	}
	o.readers[r] = offset
	for _, have := range o.readers {
		offset = min(offset, have)
	}
	o.acknowledge(offset)
}

// ackAll notes that the process's exit was seen, and so all before it.
func (o *output) ackAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.acknowledge(o.end)
}

func (o *output) acknowledge(offset int64) {
	o.acked = max(o.acked, min(offset, o.end))
	if o.spills && o.acked == o.end {
		_ = o.file.Truncate(0)
		o.spills, o.mem, o.start = false, nil, o.end
	}
	o.cond.Broadcast()
}

// enter begins to follow at offset.
func (o *output) enter(offset int64) *reader {
	r := &reader{}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.readers[r] = min(offset, o.end)
	return r
}

// leave ends following; it also wakes up a read that is under way.
func (o *output) leave(r *reader) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r.gone = true
	delete(o.readers, r)
	o.cond.Broadcast()
}

// read fills buf with output from offset on, waiting for some. It returns the
// offset of the first byte, 0 bytes at the end, and ok false when the reader
// left.
func (o *output) read(r *reader, offset int64, buf []byte) (at int64, n int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		if r.gone {
			return 0, 0, false
		}
		if offset < o.end {
			break
		}
		if o.closed || o.dead {
			return offset, 0, true
		}
		o.cond.Wait()
	}
	offset = max(offset, min(o.start, o.end))
	if i := offset - o.start; i < int64(len(o.mem)) {
		return offset, copy(buf, o.mem[i:]), true
	}
	if !o.spills {
		return offset, 0, false
	}
	offset = max(offset, o.low)
	pos := offset % spillLimit
	k := min(int64(len(buf)), o.end-offset, spillLimit-pos)
	n, err := o.file.ReadAt(buf[:k], pos)
	if err != nil && n == 0 {
		return offset, 0, false
	}
	return offset, n, true
}

// close says that the output is complete.
func (o *output) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.cond.Broadcast()
}

// release ends all waiting, since the place ends.
func (o *output) release() {
	o.mu.Lock()
	o.dead = true
	o.mu.Unlock()
	o.cond.Broadcast()
}

// drop frees everything.
func (o *output) drop() {
	o.release()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mem = nil
	if o.file != nil {
		o.file.Close()
		o.file = nil
		o.spills = false
	}
}
