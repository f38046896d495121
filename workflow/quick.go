package workflow

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// quick reads the YAML that workflow files are written in: block mappings and
// sequences, scalars that are plain, quoted on one line or blocks, and flow
// collections of such scalars. It knows no errors: of whatever is rare, doubtful
// or wrong it says only that it cannot read it, and the library reads the file
// from its beginning. What it reads has the nodes that the library would have
// given; FuzzQuick holds them against each other. See docs/adr/0005.
type quick struct {
	src    string
	limits Limits
	wide   bool // there are characters of several bytes
	tabs   bool

	// The current line: it has content, or indent is -1 behind the last one.
	line   int // from 1
	start  int // offset of its first byte
	at     int // offset of what is read next
	end    int // offset behind its last byte, spaces cut off
	after  int // offset of the next line
	indent int // spaces before its content

	counted, characters int // of a wide line: characters before this offset

	nodes   int // so far, as the library's reader counts
	arena   []Node
	entries []Entry // of the mappings being read, outer ones first
	items   []*Node // of the sequences being read
}

// readQuick gives nil when the file needs the library.
func readQuick(src []byte, limits Limits) *Node {
	q := quick{src: string(src), limits: limits}
	if !q.readable() || !q.begin() {
		return nil
	}
	root := q.block(0)
	if root == nil || q.indent >= 0 || q.nodes > limits.Nodes {
		return nil
	}
	return root
}

// readable looks at every character once.
func (q *quick) readable() bool {
	for i := 0; i < len(q.src); i++ {
		switch c := q.src[i]; {
		case c >= ' ' && c < 0x7f || c == '\n':
		case c == '\t':
			q.tabs = true
		case c < utf8.RuneSelf:
			return false // \r included: it would be a line break
		default:
			q.wide = true
			r, size := utf8.DecodeRuneInString(q.src[i:])
			if !plainRune(r) {
				return false
			}
			i += size - 1
		}
	}
	return true
}

// plainRune leaves out what cannot stand in YAML, the line breaks beside \n,
// and what marks the byte order.
func plainRune(r rune) bool {
	switch {
	case r < 0xA0, r == 0x2028, r == 0x2029, r == 0xFEFF, r == 0xFFFE, r == 0xFFFF, r == utf8.RuneError:
		return false
	}
	return true
}

// begin goes to the first line with content; one that is only --- may stand
// before it.
func (q *quick) begin() bool {
	for strings.HasPrefix(q.src[q.after:], "#") || strings.HasPrefix(q.src[q.after:], "\n") {
		q.line++
		_, q.after = q.lineEnd(q.after)
	}
	if strings.HasPrefix(q.src[q.after:], "---\n") {
		q.line++
		q.after += len("---\n")
	}
	return q.nextLine() && q.indent >= 0
}

// nextLine goes to the next line with content.
func (q *quick) nextLine() bool {
	if q.nodes > q.limits.Nodes {
		return false
	}
	for q.after < len(q.src) {
		q.start = q.after
		q.line++
		q.end, q.after = q.lineEnd(q.start)
		text := q.src[q.start:q.end]
		if q.tabs && strings.IndexByte(text, '\t') >= 0 {
			return false
		}
		q.indent = leadingSpaces(text)
		if q.indent == len(text) || text[q.indent] == '#' {
			continue
		}
		if q.indent == 0 && (strings.HasPrefix(text, "---") || strings.HasPrefix(text, "...")) {
			return false // begins or ends a document
		}
		for q.src[q.end-1] == ' ' {
			q.end--
		}
		q.at = q.start + q.indent
		return true
	}
	q.indent = -1
	return true
}

// lineEnd gives the end of the line that begins at start, and of its break.
func (q *quick) lineEnd(start int) (end, after int) {
	if i := strings.IndexByte(q.src[start:], '\n'); i >= 0 {
		return start + i, start + i + 1
	}
	return len(q.src), len(q.src)
}

func leadingSpaces(s string) int {
	i := 0
	for i < len(s) && s[i] == ' ' {
		i++
	}
	return i
}

// here is the position of what is read next. Characters are counted on from
// the position before: a line may be long.
func (q *quick) here() Pos {
	if !q.wide {
		return Pos{q.line, 1 + q.at - q.start}
	}
	if q.counted < q.start || q.counted > q.at {
		q.counted, q.characters = q.start, 0
	}
	q.characters += utf8.RuneCountInString(q.src[q.counted:q.at])
	q.counted = q.at
	return Pos{q.line, 1 + q.characters}
}

// column is where a block that begins here is indented to; only spaces and
// dashes stand before it.
func (q *quick) column() int { return q.at - q.start }

// skipSpaces tells whether nothing but a comment is left of the line.
func (q *quick) skipSpaces() (lineEnds bool) {
	for q.at < q.end && q.src[q.at] == ' ' {
		q.at++
	}
	return q.at >= q.end || q.src[q.at] == '#' && q.src[q.at-1] == ' '
}

// atDash tells whether an item of a sequence begins here.
func (q *quick) atDash() bool {
	return q.src[q.at] == '-' && (q.at+1 == q.end || q.src[q.at+1] == ' ')
}

// keep gives a node a place in a block of nodes.
func (q *quick) keep(n Node) *Node {
	q.nodes++
	if n.Kind >= Sequence {
		q.nodes++ // begin and end
	}
	if len(q.arena) == cap(q.arena) {
		q.arena = make([]Node, 0, 32)
	}
	q.arena = append(q.arena, n)
	return &q.arena[len(q.arena)-1]
}

// takeEntries ends a mapping: it gives what was put on the stack since from.
func (q *quick) takeEntries(from int) []Entry {
	if from == len(q.entries) {
		return nil
	}
	taken := slices.Clone(q.entries[from:])
	q.entries = q.entries[:from]
	return taken
}

func (q *quick) takeItems(from int) []*Node {
	if from == len(q.items) {
		return nil
	}
	taken := slices.Clone(q.items[from:])
	q.items = q.items[:from]
	return taken
}

// putEntry is false for a key that is there already.
func (q *quick) putEntry(keys *keySet, from int, key, value *Node) bool {
	if !strings.Contains(key.Text, "${{") && !keys.add(key.Text, q.entries[from:]) {
		return false
	}
	q.entries = append(q.entries, Entry{Key: key, Value: value})
	return true
}
