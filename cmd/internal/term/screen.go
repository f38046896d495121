package term

import (
	"bytes"
	"strconv"
	"time"
)

// screen draws the live region. Between two frames the cursor stands, visible,
// at the end of the region's last row, so whatever ends the program leaves the
// terminal in order. It uses relative movements only and asks nothing.
type screen struct {
	style  style
	widths []int  // of the rows that stand on the terminal
	width  int    // of the terminal when they were drawn
	drawn  []byte // the rows as they were drawn
	buf    []byte
}

const (
	hideCursor, showCursor = "\x1b[?25l", "\x1b[?25h"
	// Without automatic wrap a row whose width was misjudged is cut by the
	// terminal and cannot shift the region.
	wrapOff, wrapOn = "\x1b[?7l", "\x1b[?7h"
	eraseRow        = "\x1b[K"
	eraseBelow      = "\x1b[J"
	rowUp           = "\x1b[A"
)

// frame gives the bytes that put the lines that are over, and rows below them,
// in the place of the region; none if nothing would change.
func (s *screen) frame(over []chunk, rows []row, termWidth int) []byte {
	drawn, widths := s.render(rows, termWidth)
	if len(over) == 0 && bytes.Equal(drawn, s.drawn) && termWidth == s.width {
		s.buf = drawn[:0]
		return nil
	}
	var out []byte
	switch up := s.height(termWidth); {
	case up == 0:
	case len(over) > 0 || len(rows) == 0 || termWidth != s.width:
		// Row by row: tmux puts a screen that is erased as a whole into its
		// history, and the region may begin at the top.
		out = append(out, "\r"+eraseRow...)
		for range up - 1 {
			out = append(out, rowUp+eraseRow...)
		}
	default:
		out = append(out, '\r')
		if up > 1 {
			out = append(strconv.AppendInt(append(out, "\x1b["...), int64(up-1), 10), 'A')
		}
	}
	for _, c := range over {
		out = append(out, c.data...)
	}
	out = append(out, drawn...)
	s.buf, s.drawn = s.drawn[:0], drawn
	s.widths, s.width = widths, termWidth
	return out
}

// height is the number of rows from the region's first to the cursor. Most
// terminals wrap rows anew when they become narrower.
func (s *screen) height(termWidth int) int {
	n := 0
	for _, w := range s.widths {
		n += max(1, (w+termWidth-1)/termWidth)
	}
	return n
}

// render draws rows into one piece, cut so that none reaches the last column.
func (s *screen) render(rows []row, termWidth int) (out []byte, widths []int) {
	out = s.buf[:0]
	if len(rows) == 0 {
		return out, nil
	}
	out = append(out, hideCursor+wrapOff...)
	for i, r := range rows {
		if i > 0 {
			out = append(out, "\r\n"...)
		}
		left := max(termWidth-1, 0)
		for _, g := range r {
			text := cut(g.text, left, "…")
			out = s.style.append(out, g.code, text)
			left -= width(text)
			if text != g.text {
				break
			}
		}
		out = append(out, eraseRow...)
		widths = append(widths, max(termWidth-1, 0)-left)
	}
	return append(out, eraseBelow+wrapOn+showCursor...), widths
}

// loopLive draws frames until the end.
func (r *renderer) loopLive(v *liveView, s *screen) {
	defer close(r.done)
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	for last := false; !last; {
		select {
		case <-tick.C:
		case <-r.quit:
			last = true
		}
		for r.drawFrame(v, s, last) {
		}
	}
}

// drawFrame writes one frame and tells whether more has to scroll by.
func (r *renderer) drawFrame(v *liveView, s *screen, last bool) bool {
	columns, height := 0, 0
	if r.options.Size != nil {
		columns, height = r.options.Size()
	}
	if columns <= 0 {
		columns = 80
	}
	if height <= 0 {
		height = 24
	}
	var data []byte
	more := false
	r.locked(func() {
		now := time.Now()
		v.settle(now)
		var over []chunk
		over, more = r.box.take(flushBytes)
		var rows []row
		if !last {
			rows = v.rows(now, height)
		}
		data = s.frame(over, rows, columns)
		r.written(over)
		if r.err != nil {
			data = nil // nobody reads any more: only keep the memory small
		}
	})
	if len(data) > 0 {
		if err := write(r.options.Out, data); err != nil {
			r.fail(err)
		}
	}
	return more
}
