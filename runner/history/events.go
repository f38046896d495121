package history

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/drydock-ci/drydock/runner"
)

// maxEvent is the longest line of events.jsonl that is read, in bytes.
const maxEvent = 64 << 20

// Events are the events of an attempt, as far as they are written. A line that
// a crash left half written, or that is no event, is left out. An error ends
// them.
func (s *Store) Events(r *Run) iter.Seq2[runner.Event, error] {
	return s.Follow(context.Background(), r, nil)
}

// Follow gives the events of an attempt and waits for more until it has
// finished, ctx is done, or alive tells that nobody writes any more; without
// alive it never waits.
func (s *Store) Follow(ctx context.Context, r *Run, alive func() bool) iter.Seq2[runner.Event, error] {
	return func(yield func(runner.Event, error) bool) {
		f, err := s.openEvents(ctx, r, alive)
		if err != nil || f == nil {
			if err != nil {
				yield(nil, fmt.Errorf("read the events of run %s: %w", r.ID, err))
			}
			return
		}
		defer f.Close()
		lines := lineReader{r: bufio.NewReaderSize(f, 64<<10)}
		last := alive == nil // no more will be written after this look
		for {
			line, err := lines.next()
			switch {
			case err == nil:
				e, err := runner.DecodeEvent(line)
				if err != nil || e == nil {
					continue // damaged, or of a later version
				}
				if _, end := e.(runner.RunFinished); !yield(e, nil) || end {
					return
				}
			case !errors.Is(err, io.EOF):
				yield(nil, fmt.Errorf("read the events of run %s: %w", r.ID, err))
				return
			case last:
				return
			default:
				last = !alive()
				if !last && !pause(ctx) {
					return
				}
			}
		}
	}
}

// openEvents waits for the file when the run has only just begun.
func (s *Store) openEvents(ctx context.Context, r *Run, alive func() bool) (*os.File, error) {
	for {
		living := alive != nil && alive()
		f, err := os.Open(filepath.Join(s.folder(r), eventsFile))
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		if !living || !pause(ctx) {
			return nil, nil
		}
	}
}

// pause waits a moment and tells whether to go on.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(100 * time.Millisecond):
		return true
	}
}

// lineReader gives whole lines of a file that may still grow.
type lineReader struct {
	r       *bufio.Reader
	partial []byte
	skip    bool // the line is too long
}

// next gives a line, or io.EOF when there is no whole one yet.
func (l *lineReader) next() ([]byte, error) {
	for {
		part, err := l.r.ReadSlice('\n')
		if len(l.partial)+len(part) > maxEvent {
			l.skip = true
		}
		if l.skip {
			l.partial = l.partial[:0]
		} else {
			l.partial = append(l.partial, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return nil, err
		case l.skip:
			l.skip = false
		default:
			line := l.partial
			l.partial = l.partial[:0]
			return line, nil
		}
	}
}
