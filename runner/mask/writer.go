package mask

import (
	"bytes"
	"io"
	"sync"
)

// maxPatternText is how much of a line is held back for regular expressions, whose matches can have any length.
const maxPatternText = 64 << 10

// Writer masks a stream. Each line is masked on its own, as if by Mask: a multi-line value is masked line by line
// and no line waits for the next one. Within a line only the tail that may be the start of a value is held back.
// It is safe for concurrent use.
type Writer struct {
	masker *Masker
	to     io.Writer

	mu   sync.Mutex
	held []byte // bytes of the current line that are not decided yet
	done int    // held[:done] needs no output any more (it is masked already)
	star bool   // the output ends with a Replacement that ends where held, or held[done:], begins
	out  []byte // output of one Write
}

// Writer returns a Writer that writes masked text to w. Values that are added later count from the next Write on,
// also for what is still held back.
func (m *Masker) Writer(w io.Writer) *Writer { return &Writer{masker: m, to: w} }

// Write masks p. It reports len(p) bytes unless the destination fails.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.masker.search()
	if s.empty() && len(w.held) == 0 {
		return w.to.Write(p)
	}
	w.out = w.out[:0]
	for rest := p; len(rest) > 0; {
		line, tail, ended := bytes.Cut(rest, []byte{'\n'})
		w.held = append(w.held, line...)
		if ended {
			w.endLine(s)
			w.out = append(w.out, '\n')
		} else {
			w.decide(s, false)
		}
		rest = tail
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
	w.out = w.out[:0]
	w.endLine(w.masker.search())
	return w.send()
}

// Close flushes; it does not close the destination.
func (w *Writer) Close() error { return w.Flush() }

func (w *Writer) endLine(s *search) {
	w.decide(s, true)
	w.held, w.done, w.star = w.held[:0], 0, false
}

// decide emits what no later byte can change, at the end of a line everything, and keeps the rest.
// No match begins before held: all that could were decided.
func (w *Writer) decide(s *search, all bool) {
	text := string(w.held)
	var found spans
	s.find(text, &found)
	end := len(text)
	if !all {
		end = s.open(text)
		if len(s.regexps) > 0 {
			end = min(end, max(0, len(text)-maxPatternText))
		}
	}
	for _, f := range found.merged() {
		if f.start > end { // one that starts at end is certain: nothing before it can join it
			break
		}
		if w.done < f.start {
			w.out = append(w.out, text[w.done:f.start]...)
			w.star = false
		}
		if !w.star {
			w.out = append(w.out, Replacement...)
		}
		w.star = true
		w.done = max(w.done, f.end)
	}
	if w.done < end {
		w.out = append(w.out, text[w.done:end]...)
		w.done, w.star = end, false
	}
	w.held = w.held[:copy(w.held, w.held[end:])]
	w.done -= end
}

func (w *Writer) send() error {
	if len(w.out) == 0 {
		return nil
	}
	_, err := w.to.Write(w.out)
	return err
}
