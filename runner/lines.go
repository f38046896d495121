package runner

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/drydock-ci/drydock/runner/mask"
)

const (
	// maxLine is the longest line that is kept in memory; of a longer one
	// pieces of this size are shown.
	maxLine = 1 << 20
	// slice is how much of a longer line is looked at at a time.
	slice = 64 << 10
	// block is how much text becomes one string at most: who keeps a line
	// keeps its block.
	block = 4 << 10
)

// lineReader cuts a stream into lines. Its memory does not grow with them.
type lineReader struct {
	masker *mask.Masker
	line   func(string)      // of a whole line, without its end
	long   func(string) bool // of the head of a longer one; tells whether its pieces are wanted
	piece  func(string)      // of a part of a longer line, masked already: values can cross the cuts
	told   bool              // that there is a longer line

	partial []byte
	rest    *pieces // of the longer line that is read now
}

func (l *lineReader) read(data []byte) {
	for len(data) > 0 {
		if l.rest == nil && len(l.partial) == 0 {
			if n := l.block(data); n > 0 {
				data = data[n:]
				continue
			}
		}
		line, tail, ended := bytes.Cut(data, []byte{'\n'})
		switch {
		case l.rest == nil && len(l.partial)+len(line) <= maxLine:
			if ended && len(l.partial) == 0 {
				l.line(lineText(line))
				break
			}
			l.partial = append(l.partial, line...)
			if ended {
				l.flush()
			}
		default:
			l.lengthen(line)
			if ended {
				l.flush()
			}
		}
		data = tail
	}
}

// block reads the whole lines of about the first block bytes, if they are in
// UTF-8, and tells how many bytes these are.
func (l *lineReader) block(data []byte) int {
	n := bytes.LastIndexByte(data[:min(block, len(data))], '\n') + 1
	text := string(data[:n])
	if n == 0 || !utf8.ValidString(text) {
		return 0
	}
	for rest := text; rest != ""; {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		l.line(strings.TrimSuffix(line, "\r"))
	}
	return n
}

// lengthen takes more of a line that is too long.
func (l *lineReader) lengthen(data []byte) {
	if l.rest == nil {
		n := maxLine - len(l.partial)
		l.partial = append(l.partial, data[:n]...)
		data = data[n:]
		l.rest = &pieces{}
		if l.long(lineText(l.partial)) {
			l.rest.emit = l.piece
		}
		l.rest.masker = l.masker.Writer(l.rest)
		_, _ = l.rest.masker.Write(l.partial)
		l.partial = nil
	}
	for l.rest.emit != nil && len(data) > 0 {
		n := min(slice, len(data))
		_, _ = l.rest.masker.Write(data[:n])
		data = data[n:]
	}
}

// flush takes what is there as a line, if there is something.
func (l *lineReader) flush() {
	if l.rest != nil {
		_ = l.rest.masker.Close()
		l.rest.end()
		l.rest = nil
		return
	}
	if len(l.partial) == 0 {
		return
	}
	text := lineText(l.partial)
	if l.partial = l.partial[:0]; cap(l.partial) > slice {
		l.partial = nil
	}
	l.line(text)
}

// lineText is a line without the carriage return at its end, in UTF-8.
func lineText(line []byte) string {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if text := string(line); utf8.ValidString(text) {
		return text
	}
	return strings.ToValidUTF8(string(line), "\uFFFD")
}

// pieces emits the parts of a long line. It stands behind the masker.
type pieces struct {
	emit   func(string) // nil: nobody wants them
	masker *mask.Writer
	held   []byte
}

func (p *pieces) Write(data []byte) (int, error) {
	if p.emit == nil {
		return len(data), nil
	}
	p.held = append(p.held, data...)
	for len(p.held) > maxLine { // something is left for the end, which may be a carriage return
		n := maxLine
		for n > maxLine-utf8.UTFMax && !utf8.RuneStart(p.held[n]) {
			n--
		}
		p.emit(strings.ToValidUTF8(string(p.held[:n]), "\uFFFD"))
		p.held = p.held[:copy(p.held, p.held[n:])]
	}
	return len(data), nil
}

func (p *pieces) end() {
	if p.emit != nil && len(p.held) > 0 {
		p.emit(lineText(p.held))
	}
}
