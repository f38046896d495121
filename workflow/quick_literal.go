package workflow

import "strings"

// blockScalar reads | and >, whose lines are indented more than the column.
func (q *quick) blockScalar(column int) *Node {
	made := Node{Kind: String, Quoted: true, Pos: q.here()}
	folded := q.src[q.at] == '>'
	q.at++
	keepsBreaks, stripsBreak := false, false
	if q.at < q.end {
		switch q.src[q.at] {
		case '+':
			keepsBreaks = true
			q.at++
		case '-':
			stripsBreak = true
			q.at++
		}
	}
	if q.at < q.end && q.src[q.at] != ' ' || !q.skipSpaces() {
		return nil // indented by a number of spaces that is given
	}
	text, breaks, ok := q.blockLines(column, folded)
	if !ok {
		return nil
	}
	if stripsBreak {
		text = strings.TrimSuffix(text, "\n")
	}
	if keepsBreaks {
		text += strings.Repeat("\n", breaks)
	}
	made.Text = text
	if !q.nextLine() {
		return nil
	}
	return q.keep(made)
}

// blockLines gives the text of a block with the break of its last line, and how
// many blank lines follow.
func (q *quick) blockLines(column int, folded bool) (text string, breaks int, ok bool) {
	var b strings.Builder
	indent, blank, broken := 0, false, false // blank, broken: the line before begins with a space, ends in a break
	for q.after < len(q.src) {
		start := q.after
		end, after := q.lineEnd(start)
		spaces := leadingSpaces(q.src[start:end])
		if indent > 0 {
			spaces = min(spaces, indent)
		}
		first := start + spaces
		if first == end {
			if spaces > column+1 && indent == 0 || end == after {
				return "", 0, false // it may count for the indentation
			}
			breaks++
			q.line++
			q.after = after
			continue
		}
		if indent == 0 {
			if indent = spaces; indent <= column || q.src[first] == '\t' {
				return "", 0, false // a block without a line, or wrong
			}
			b.Grow(q.blockSize(start, indent))
		}
		if spaces < indent {
			if q.src[first] == '\t' {
				return "", 0, false
			}
			break
		}
		wasBlank := blank
		blank = q.src[first] == ' ' || q.src[first] == '\t'
		joins := folded && broken && !wasBlank && !blank
		if joins && breaks == 0 {
			b.WriteByte(' ')
		} else if broken && !joins {
			b.WriteByte('\n')
		}
		for ; breaks > 0; breaks-- {
			b.WriteByte('\n')
		}
		b.WriteString(q.src[first:end])
		broken = end < after
		q.line++
		q.after = after
	}
	if indent == 0 {
		return "", 0, false
	}
	if broken {
		b.WriteByte('\n')
	}
	return b.String(), breaks, true
}

// blockSize is how many bytes the block that begins at start may have.
func (q *quick) blockSize(start, indent int) int {
	size := 0
	for start < len(q.src) {
		end, after := q.lineEnd(start)
		spaces := leadingSpaces(q.src[start:end])
		if spaces < indent && start+spaces < end {
			break
		}
		size += max(1, after-start-indent)
		start = after
	}
	return size
}
