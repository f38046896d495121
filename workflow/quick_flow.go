package workflow

import "strings"

// flow reads [ ] and { }, which may go over several lines.
func (q *quick) flow(depth int) *Node {
	if depth >= q.limits.Depth {
		return nil
	}
	pos := q.here()
	if q.src[q.at] == '[' {
		return q.flowSequence(q.keep(Node{Kind: Sequence, Pos: pos}), depth)
	}
	return q.flowMapping(q.keep(Node{Kind: Mapping, Pos: pos}), depth)
}

func (q *quick) flowSequence(made *Node, depth int) *Node {
	from := len(q.items)
	q.at++
	for {
		if !q.skipFlow() {
			return nil
		}
		if q.src[q.at] != ']' {
			item := q.flowValue(depth + 1)
			if item == nil || !q.skipFlow() {
				return nil
			}
			q.items = append(q.items, item)
			if q.src[q.at] == ',' {
				q.at++
				continue
			}
		}
		if q.src[q.at] != ']' {
			return nil
		}
		q.at++
		made.Items = q.takeItems(from)
		return made
	}
}

func (q *quick) flowMapping(made *Node, depth int) *Node {
	from := len(q.entries)
	var keys keySet
	q.at++
	for {
		if !q.skipFlow() {
			return nil
		}
		if q.src[q.at] != '}' {
			if !q.flowEntry(&keys, from, depth) || !q.skipFlow() {
				return nil
			}
			if q.src[q.at] == ',' {
				q.at++
				continue
			}
		}
		if q.src[q.at] != '}' {
			return nil
		}
		q.at++
		made.Entries = q.takeEntries(from)
		return made
	}
}

func (q *quick) flowEntry(keys *keySet, from, depth int) bool {
	start := q.at
	key := q.flowScalar()
	if !q.keyEnds(key, start) || q.at+1 >= q.end || q.src[q.at+1] != ' ' {
		return false
	}
	q.at++
	if !q.skipFlow() {
		return false
	}
	value := q.flowValue(depth + 1)
	return value != nil && q.putEntry(keys, from, key, value)
}

func (q *quick) flowValue(depth int) *Node {
	if c := q.src[q.at]; c == '[' || c == '{' {
		return q.flow(depth)
	}
	return q.flowScalar()
}

func (q *quick) flowScalar() *Node {
	if c := q.src[q.at]; c == '\'' || c == '"' {
		return q.quoted()
	}
	end := q.at
	for end < q.end && (inFlowPlain(q.src[end]) || q.src[end] == ':' && end+1 < q.end && q.src[end+1] != ' ' && inFlowPlain(q.src[end+1])) {
		end++
	}
	if text := q.src[q.at:end]; text == "-" || strings.HasPrefix(text, "- ") {
		return nil
	}
	return q.scalar(end)
}

// inFlowPlain tells whether c may stand in a plain scalar of a flow collection
// and has no meaning of its own there.
func inFlowPlain(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c >= 0x80:
		return true
	}
	switch c {
	case ' ', '-', '_', '.', '/', '*', '+', '=', '@', '~', '^', '$', '(', ')', '<', '>', '!', '&', '|', ';', '\\', '%':
		return true
	}
	return false
}

// skipFlow goes over spaces, comments and line breaks. Something must follow.
func (q *quick) skipFlow() bool {
	for q.skipSpaces() {
		if !q.nextLine() || q.indent < 0 {
			return false
		}
	}
	return q.src[q.at] != '#' && q.nodes <= q.limits.Nodes
}
