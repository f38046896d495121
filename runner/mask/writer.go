package mask

import (
	"bytes"
	"io"
	"sync"
)

// Writer masks a stream. Each line is masked on its own, as if by Mask: a multi-line value is masked line by line
// and no line waits for the next one. Within a line only the tail that may be the start of a value is held back.
// It is safe for concurrent use.
type Writer struct {
	masker *Masker
	to     io.Writer

	mu    sync.Mutex
	auto  *automaton
	state int32
	held  []byte // bytes of the current line that are not decided yet
	found spans  // matches, relative to held
	done  int    // held[:done] needs no output any more (it is masked already)
	star  int    // end of the last masked run, relative to held; negative for none
	out   []byte // output of one Write
}

// Writer returns a Writer that writes masked text to w. Values that are added later count from the next Write on,
// also for what is still held back.
func (m *Masker) Writer(w io.Writer) *Writer {
	return &Writer{masker: m, to: w, star: -1}
}

// Write masks p. It reports len(p) bytes unless the destination fails.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refresh()
	if w.auto.empty() {
		return w.to.Write(p)
	}
	w.out = w.out[:0]
	rest := p
	for len(rest) > 0 {
		segment, line := rest, false
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			segment, line = rest[:i], true
		}
		rest = rest[len(segment):]
		from := len(w.held)
		w.held = append(w.held, segment...)
		w.state = scan(w.auto, w.state, w.held, from, &w.found)
		if line {
			w.endLine()
			w.out = append(w.out, '\n')
			rest = rest[1:]
		} else {
			// No match can begin before the prefix that the state stands for.
			w.decide(len(w.held) - int(w.auto.nodes[w.state].depth))
		}
	}
	if err := w.send(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes what is held back. Use it at the end of the stream only:
// a value whose parts are written before and after a Flush is not recognised.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refresh()
	w.out = w.out[:0]
	w.endLine()
	return w.send()
}

// Close flushes; it does not close the destination.
func (w *Writer) Close() error { return w.Flush() }

// refresh takes the newest automaton and looks at the held bytes again with it.
func (w *Writer) refresh() {
	a := w.masker.automaton()
	if a == w.auto {
		return
	}
	w.auto = a
	w.found = w.found[:0]
	w.state = 0
	if !a.empty() {
		w.state = scan(a, 0, w.held, 0, &w.found)
	}
}

// decide emits everything before held[end:] and keeps the rest.
func (w *Writer) decide(end int) {
	kept := w.found[:0]
	for _, f := range w.found {
		if f.start > end { // one that starts at end is certain: nothing before it can join it
			kept = append(kept, f)
			continue
		}
		if w.done < f.start {
			w.out = append(w.out, w.held[w.done:f.start]...)
		}
		if f.start > w.star {
			w.out = append(w.out, Replacement...)
		}
		w.star = max(w.star, f.end)
		w.done = max(w.done, f.end)
	}
	if w.done < end {
		w.out = append(w.out, w.held[w.done:end]...)
		w.done = end
	}
	// The undecided rest moves to the front.
	w.held = w.held[:copy(w.held, w.held[end:])]
	for i := range kept {
		kept[i].start -= end
		kept[i].end -= end
	}
	w.found = kept
	w.done -= end
	w.star = max(w.star-end, -1)
}

func (w *Writer) endLine() {
	w.decide(len(w.held))
	w.state, w.done, w.star = 0, 0, -1
}

func (w *Writer) send() error {
	if len(w.out) == 0 {
		return nil
	}
	_, err := w.to.Write(w.out)
	return err
}
