package workflow

// The functions of quick that read nodes give nil for what quick cannot read.
// Those that read a block end on the next line with content.

// block reads the collection that begins here.
func (q *quick) block(depth int) *Node {
	if q.atDash() {
		return q.blockSequence(q.column(), depth)
	}
	return q.blockMapping(depth)
}

// below reads a value in the lines below its key or dash, which stands at the
// column.
func (q *quick) below(column, depth int) *Node {
	if q.atDash() || q.atKey() {
		return q.block(depth)
	}
	return q.inline(column, depth)
}

func (q *quick) blockMapping(depth int) *Node {
	if depth >= q.limits.Depth {
		return nil
	}
	made := q.keep(Node{Kind: Mapping, Pos: q.here()})
	column, from := q.column(), len(q.entries)
	var keys keySet
	for {
		key := q.blockKey()
		if key == nil {
			return nil
		}
		value := q.blockValue(column, depth+1)
		if value == nil || !q.putEntry(&keys, from, key, value) {
			return nil
		}
		if q.indent > column {
			return nil // the value goes on there, or the indentation is wrong
		}
		if q.indent < column {
			made.Entries = q.takeEntries(from)
			return made
		}
	}
}

// blockValue reads what stands behind the colon of a key at the column.
func (q *quick) blockValue(column, depth int) *Node {
	colon := q.here()
	if !q.skipSpaces() {
		return q.inline(column, depth)
	}
	switch {
	case !q.nextLine():
		return nil
	case q.indent > column:
		return q.below(column, depth)
	case q.indent == column && q.atDash():
		return q.blockSequence(column, depth)
	}
	return q.keep(Node{Kind: Null, Pos: colon})
}

// blockSequence reads the items whose dashes stand at the column. Below a key
// that may be the column of the key, which then ends the sequence.
func (q *quick) blockSequence(column, depth int) *Node {
	if depth >= q.limits.Depth {
		return nil
	}
	made := q.keep(Node{Kind: Sequence, Pos: q.here()})
	from := len(q.items)
	for {
		q.at++
		item := q.blockItem(column, depth+1)
		if item == nil {
			return nil
		}
		q.items = append(q.items, item)
		if q.indent > column {
			return nil
		}
		if q.indent < column || !q.atDash() {
			made.Items = q.takeItems(from)
			return made
		}
	}
}

// blockItem reads what stands behind a dash at the column.
func (q *quick) blockItem(column, depth int) *Node {
	dash := q.here()
	if q.skipSpaces() {
		if !q.nextLine() {
			return nil
		}
		if q.indent > column {
			return q.below(column, depth)
		}
		return q.keep(Node{Kind: Null, Pos: dash})
	}
	if q.atDash() {
		return q.blockSequence(q.column(), depth)
	}
	if q.atKey() {
		return q.blockMapping(depth)
	}
	return q.inline(column, depth)
}

// inline reads a value that is no block collection; its key or dash stands at
// the column.
func (q *quick) inline(column, depth int) *Node {
	var made *Node
	switch q.src[q.at] {
	case '|', '>':
		return q.blockScalar(column)
	case '[', '{':
		made = q.flow(depth)
	case '\'', '"':
		made = q.quoted()
	default:
		made = q.plain()
	}
	if made == nil || q.at < q.end && q.src[q.at] != ' ' || !q.skipSpaces() || !q.nextLine() {
		return nil
	}
	return made
}
