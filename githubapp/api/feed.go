package api

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// feeds look for new events of streams: each stream that has readers is polled
// once, however many they are. Readers take what is new when they have time for
// it; one that is too far behind reads the backend itself. So a slow one costs
// nobody anything.
type feeds struct {
	backend Backend
	poll    time.Duration

	mu   sync.Mutex
	open map[store.Stream]*feed
}

func newFeeds(b Backend, poll time.Duration) *feeds {
	return &feeds{backend: b, poll: poll, open: map[store.Stream]*feed{}}
}

const (
	feedBytes  = 1 << 20 // of a stream that are kept for its readers
	pageBytes  = 1 << 20 // that a reader fetches at once
	endedEvery = time.Second
)

// feed is the newest part of a stream.
type feed struct {
	readers int // guarded by feeds.mu
	stop    context.CancelFunc

	mu      sync.Mutex
	from    store.Sequence // what is before the first of frames
	last    store.Sequence
	frames  []frame
	bytes   int
	changed chan struct{} // closed when something of these changes
	ended   bool
	err     error
}

// frame is a chunk as it is sent, made once for all readers.
type frame struct {
	sequence store.Sequence
	data     []byte
}

// newFrame writes a chunk as a server-sent event.
func newFrame(c Chunk) frame {
	var b bytes.Buffer
	b.Grow(len(c.Data) + len(c.Data)/16 + 32)
	b.WriteString("id: ")
	b.WriteString(strconv.FormatInt(int64(c.Sequence), 10))
	for line := range bytes.Lines(c.Data) {
		b.WriteString("\ndata: ")
		b.Write(bytes.TrimRight(line, "\r\n"))
	}
	b.WriteString("\n\n")
	return frame{c.Sequence, b.Bytes()}
}

// join makes a reader of a stream's feed, which begins there if it is new.
func (fs *feeds) join(s store.Stream, after store.Sequence) (f *feed, leave func()) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f = fs.open[s]
	if f == nil {
		ctx, stop := context.WithCancel(context.Background())
		f = &feed{from: after, last: after, changed: make(chan struct{}), stop: stop}
		fs.open[s] = f
		go f.run(ctx, fs.backend, s, fs.poll)
	}
	f.readers++
	return f, func() {
		fs.mu.Lock()
		defer fs.mu.Unlock()
		if f.readers--; f.readers == 0 {
			f.stop()
			delete(fs.open, s)
		}
	}
}

// run polls until nobody reads any more, or nothing will come.
func (f *feed) run(ctx context.Context, b Backend, s store.Stream, poll time.Duration) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	last, over := f.last, false
	var asked time.Time
	for {
		chunks, err := b.Events(ctx, s, last, pageBytes)
		if ctx.Err() != nil {
			return
		}
		if n := len(chunks); n > 0 {
			last = chunks[n-1].Sequence
		}
		done := err == nil && over && len(chunks) == 0
		if len(chunks) > 0 || done || err != nil {
			f.add(chunks, done, err)
		}
		if done || err != nil {
			return // readers that come back begin a new feed
		}
		finished := len(chunks) > 0 && bytes.Contains(chunks[len(chunks)-1].Data, []byte(`"job-finished"`))
		if now := time.Now(); !over && (finished || len(chunks) == 0 && now.Sub(asked) >= endedEvery) {
			asked = now
			if over, err = b.Ended(ctx, s); err != nil {
				over = false
			}
			if over {
				continue // what was written before the end is read once more
			}
		}
		if len(chunks) > 0 && over {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (f *feed) add(chunks []Chunk, ended bool, err error) {
	frames := make([]frame, len(chunks))
	for i, c := range chunks {
		frames[i] = newFrame(c)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fr := range frames {
		f.frames, f.bytes, f.last = append(f.frames, fr), f.bytes+len(fr.data), fr.sequence
	}
	for len(f.frames) > 1 && f.bytes > feedBytes {
		f.bytes -= len(f.frames[0].data)
		f.from = f.frames[0].sequence
		f.frames[0].data = nil
		f.frames = f.frames[1:]
	}
	f.ended, f.err = f.ended || ended, err
	close(f.changed)
	f.changed = make(chan struct{})
}

// since is what follows after a number. behind: it is not kept here any more.
// When there is nothing, changed tells of the next thing.
func (f *feed) since(after store.Sequence) (next []frame, behind, ended bool, changed <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if after < f.from {
		return nil, true, false, nil, nil
	}
	at := len(f.frames)
	for at > 0 && f.frames[at-1].sequence > after {
		at--
	}
	if at < len(f.frames) {
		return f.frames[at:len(f.frames):len(f.frames)], false, false, nil, nil
	}
	return nil, false, f.ended, f.changed, f.err
}

// follow gives a reader everything after a number, until the stream has ended
// or send fails. beat is called when nothing came for a while.
func (fs *feeds) follow(ctx context.Context, s store.Stream, after store.Sequence, send func([]frame) error, beat func() error, every time.Duration) error {
	catchUp := func() (bool, error) {
		chunks, err := fs.backend.Events(ctx, s, after, pageBytes)
		if err != nil || len(chunks) == 0 {
			return false, err
		}
		frames := make([]frame, len(chunks))
		for i, c := range chunks {
			frames[i] = newFrame(c)
		}
		after = chunks[len(chunks)-1].Sequence
		return true, send(frames)
	}
	for more := true; more; {
		var err error
		if more, err = catchUp(); err != nil {
			return err
		}
	}
	f, leave := fs.join(s, after)
	defer leave()
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		next, behind, ended, changed, err := f.since(after)
		switch {
		case err != nil:
			return err
		case behind:
			if _, err := catchUp(); err != nil {
				return err
			}
			continue
		case len(next) > 0:
			after = next[len(next)-1].sequence
			if err := send(next); err != nil {
				return err
			}
			timer.Reset(every)
			continue
		case ended:
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-timer.C:
			if err := beat(); err != nil {
				return err
			}
			timer.Reset(every)
		}
	}
}
