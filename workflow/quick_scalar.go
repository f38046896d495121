package workflow

import "strings"

// maxQuickKey is below the length up to which YAML looks for the colon of a key.
const maxQuickKey = 1000

// beginsPlain tells whether a plain scalar may begin with c; a dash may where
// atDash has said no. ? and : could, too, but nobody writes that.
func beginsPlain(c byte) bool {
	return strings.IndexByte(" ?:,[]{}#&*!|>'\"%@`", c) < 0
}

// plainEnd is where the plain scalar at from ends that stands in a block: before
// a comment, or before a colon that makes it a key.
func (q *quick) plainEnd(from int) (end int, isKey bool) {
	for i := from; i < q.end; i++ {
		switch q.src[i] {
		case ':':
			if i+1 == q.end || q.src[i+1] == ' ' {
				return i, true
			}
		case '#':
			if q.src[i-1] == ' ' {
				return i, false
			}
		}
	}
	return q.end, false
}

// atKey tells whether a key begins here.
func (q *quick) atKey() bool {
	c := q.src[q.at]
	if c == '\'' || c == '"' {
		text := q.src[q.at+1 : q.end]
		closing := strings.IndexByte(text, c)
		return closing >= 0 && strings.HasPrefix(text[closing+1:], ":")
	}
	_, isKey := q.plainEnd(q.at)
	return isKey && beginsPlain(c)
}

// blockKey reads a key and its colon.
func (q *quick) blockKey() *Node {
	from := q.at
	var key *Node
	if c := q.src[from]; c == '\'' || c == '"' {
		key = q.quoted()
	} else {
		end, isKey := q.plainEnd(from)
		if !isKey || q.atDash() {
			return nil
		}
		key = q.scalar(end)
	}
	if !q.keyEnds(key, from) || q.at+1 < q.end && q.src[q.at+1] != ' ' {
		return nil
	}
	q.at++
	return key
}

// keyEnds tells whether the key from there is one that every reader takes, and
// its colon comes next.
func (q *quick) keyEnds(key *Node, from int) bool {
	return key != nil && key.Kind == String && (key.Quoted || key.Text != "<<") && q.at-from <= maxQuickKey &&
		q.at < q.end && q.src[q.at] == ':'
}

// plain reads a plain value that ends in its line.
func (q *quick) plain() *Node {
	end, isKey := q.plainEnd(q.at)
	if isKey || q.atDash() {
		return nil
	}
	return q.scalar(end)
}

// scalar makes a node of the plain scalar from here to end, spaces cut off.
func (q *quick) scalar(end int) *Node {
	text := strings.TrimRight(q.src[q.at:end], " ")
	if text == "" || !beginsPlain(text[0]) {
		return nil
	}
	made, ok := resolvePlain(text)
	if !ok {
		return nil
	}
	made.Pos = q.here()
	q.at += len(text)
	return q.keep(made)
}

// quoted reads a quoted scalar that ends in its line.
func (q *quick) quoted() *Node {
	pos, mark := q.here(), q.src[q.at]
	rest := q.src[q.at+1 : q.end]
	length := strings.IndexByte(rest, mark)
	if length < 0 {
		return nil
	}
	text := rest[:length]
	switch {
	case mark == '"' && strings.IndexByte(text, '\\') >= 0:
		if text, length = unescape(rest); length < 0 {
			return nil
		}
	case mark == '\'' && strings.HasPrefix(rest[length+1:], "'"):
		if text, length = undouble(rest); length < 0 {
			return nil
		}
	}
	q.at += length + 2
	return q.keep(Node{Kind: String, Text: text, Quoted: true, Pos: pos})
}

// unescape gives the text up to the closing quote, and where that is or -1.
func unescape(s string) (text string, closing int) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), i
		case '\\':
			i++
			if i == len(s) {
				return "", -1
			}
			switch s[i] {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case '"', '\\':
				b.WriteByte(s[i])
			default:
				return "", -1
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return "", -1
}

// undouble is unescape for single quotes: two of them are one.
func undouble(s string) (text string, closing int) {
	for i := 0; i < len(s); i++ {
		if s[i] != '\'' {
			continue
		}
		if i+1 == len(s) || s[i+1] != '\'' {
			return strings.ReplaceAll(s[:i], "''", "'"), i
		}
		i++
	}
	return "", -1
}
