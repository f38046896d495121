package term

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// terminal is a small model of a terminal: it wraps, scrolls, keeps what
// scrolled off, knows wide characters, and wraps anew when its width changes.
// A sequence that it does not know is a failure of the test.
type terminal struct {
	mu            sync.Mutex
	width, height int
	rows          []screenRow // scrolled off rows too
	y, x          int         // of the cursor; y counts from the first row of all
	pending       bool        // the next character wraps
	noWrap        bool
	hidden        bool
	rest          []byte
	unknown       []string
	writes, bytes int
}

type screenRow struct {
	cells   []string // "" right of a wide character
	wrapped bool     // goes on in the next row
}

func newTerminal(width, height int) *terminal {
	return &terminal{width: width, height: height, rows: make([]screenRow, 1)}
}

func (t *terminal) Size() (int, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.width, t.height
}

// written counts the writes and their bytes so far.
func (t *terminal) written() (writes, bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.writes, t.bytes
}

func (t *terminal) top() int { return max(0, len(t.rows)-t.height) }

func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writes++
	t.bytes += len(p)
	s := string(append(t.rest, p...))
	t.rest = nil
	for len(s) > 0 {
		if s[0] == 0x1b {
			end := strings.IndexFunc(s[1:], func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' })
			if end < 0 {
				t.rest = []byte(s)
				return len(p), nil
			}
			t.sequence(s[1 : end+2])
			s = s[end+2:]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		t.put(r)
		s = s[n:]
	}
	return len(p), nil
}

func (t *terminal) sequence(s string) {
	n, err := strconv.Atoi(strings.TrimRight(strings.TrimLeft(s, "["), "AJKm"))
	if err != nil {
		n = 0
	}
	row := &t.rows[t.y]
	switch {
	case s == "[?25l":
		t.hidden = true
	case s == "[?25h":
		t.hidden = false
	case s == "[?7l":
		t.noWrap = true
	case s == "[?7h":
		t.noWrap = false
	case strings.HasSuffix(s, "m"):
	case strings.HasSuffix(s, "A"):
		t.y, t.pending = max(t.top(), t.y-max(1, n)), false
	case s == "[K":
		row.cells = row.cells[:min(t.x, len(row.cells))]
		row.wrapped = false
	case s == "[J" && t.x == 0 && t.y == t.top() && t.width > 1:
		t.unknown = append(t.unknown, "[J at the top, which moves the screen into the history of tmux")
	case s == "[J":
		row.cells = row.cells[:min(t.x, len(row.cells))]
		row.wrapped = false
		t.rows = t.rows[:t.y+1]
	default:
		t.unknown = append(t.unknown, s)
	}
}

func (t *terminal) put(r rune) {
	switch r {
	case '\r':
		t.x, t.pending = 0, false
		return
	case '\n': // the line discipline makes it a carriage return too
		t.rows[t.y].wrapped = false
		t.newRow()
		return
	case '\t':
		t.x = min((t.x/8+1)*8, t.width-1)
		return
	}
	w := runewidth.RuneWidth(r)
	if w == 0 {
		return
	}
	if t.pending || t.x+w > t.width {
		if t.noWrap {
			t.x = t.width - w
		} else {
			t.rows[t.y].wrapped = true
			t.newRow()
		}
	}
	row := &t.rows[t.y]
	for len(row.cells) < t.x+w {
		row.cells = append(row.cells, " ")
	}
	row.cells[t.x] = string(r)
	if w == 2 {
		row.cells[t.x+1] = ""
	}
	t.pending = t.x+w == t.width
	t.x = min(t.x+w, t.width-1)
}

func (t *terminal) newRow() {
	t.x, t.pending = 0, false
	if t.y++; t.y == len(t.rows) {
		t.rows = append(t.rows, screenRow{})
	}
}

// resize wraps anew, as most terminals do.
func (t *terminal) resize(width, height int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, y, x := t.rows, t.y, t.x
	t.rows, t.width, t.height = nil, width, height
	var joined []string
	offset := -1
	for i, r := range old {
		if i == y {
			offset = len(joined) + x
		}
		joined = append(joined, r.cells...)
		if r.wrapped {
			continue
		}
		first := len(t.rows)
		for {
			n := min(width, len(joined))
			t.rows = append(t.rows, screenRow{cells: append([]string(nil), joined[:n]...), wrapped: n < len(joined)})
			if joined = joined[n:]; len(joined) == 0 {
				break
			}
		}
		if offset >= 0 {
			t.y, t.x = min(first+offset/width, len(t.rows)-1), offset%width
			offset = -1
			y = -1
		}
	}
	t.pending = false
}

// all is everything that was shown, down to the cursor at least.
func (t *terminal) all() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	rows := t.rows
	for len(rows)-1 > t.y && len(rows[len(rows)-1].cells) == 0 {
		rows = rows[:len(rows)-1]
	}
	var b strings.Builder
	for _, r := range rows {
		s := strings.Join(r.cells, "")
		if !r.wrapped {
			s = strings.TrimRight(s, " ") + "\n"
		}
		b.WriteString(s)
	}
	return b.String()
}

// problem tells what is wrong with the state between two frames.
func (t *terminal) problem() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.hidden:
		return fmt.Errorf("the cursor is hidden")
	case t.noWrap:
		return fmt.Errorf("automatic wrap is off")
	case len(t.unknown) > 0:
		return fmt.Errorf("unknown sequences %q", t.unknown)
	case len(t.rest) > 0:
		return fmt.Errorf("a sequence was not ended: %q", t.rest)
	}
	return nil
}
