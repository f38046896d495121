package mask

// automaton finds all patterns in one pass over the text (Aho and Corasick, 1975). It is immutable.
//
// The first states (the root and one per first byte) have complete tables, because ordinary text hardly leaves them;
// the deep ones keep a list of children, because secrets are long and rarely share their middle.
type automaton struct {
	nodes   []node
	longest []int32 // by state: length of the longest pattern that ends here, 0 for none
	table   []int32 // 256 entries for each of the first `dense` states
	dense   int32
}

type node struct {
	child, sibling int32 // first child, next child of the same parent; 0 for none
	fail           int32 // state of the longest proper suffix that is also a prefix of a pattern
	depth          int32 // length of the prefix that this state stands for
	label          byte
}

func build(patterns map[string]struct{}) *automaton {
	a := &automaton{nodes: make([]node, 1), longest: make([]int32, 1)}
	if len(patterns) == 0 {
		return a
	}
	var root [256]int32
	for p := range patterns { // first bytes get the lowest numbers: they are the dense states
		if root[p[0]] == 0 {
			root[p[0]] = a.insert(0, p[0])
		}
	}
	a.dense = int32(len(a.nodes))
	for p := range patterns {
		state := root[p[0]]
		for i := 1; i < len(p); i++ {
			next := a.find(state, p[i])
			if next == 0 {
				next = a.insert(state, p[i])
			}
			state = next
		}
		a.longest[state] = int32(len(p))
	}
	a.link(&root)
	return a
}

func (a *automaton) insert(parent int32, label byte) int32 {
	id := int32(len(a.nodes))
	a.nodes = append(a.nodes, node{sibling: a.nodes[parent].child, depth: a.nodes[parent].depth + 1, label: label})
	a.nodes[parent].child = id
	a.longest = append(a.longest, 0)
	return id
}

func (a *automaton) find(state int32, label byte) int32 {
	for c := a.nodes[state].child; c != 0; c = a.nodes[c].sibling {
		if a.nodes[c].label == label {
			return c
		}
	}
	return 0
}

// link fills the dense tables, then the failure links and inherited matches, breadth first.
func (a *automaton) link(root *[256]int32) {
	a.table = make([]int32, int(a.dense)*256)
	copy(a.table, root[:])
	queue := make([]int32, 0, len(a.nodes))
	for s := int32(1); s < a.dense; s++ {
		row := a.table[int(s)*256:][:256]
		copy(row, root[:])
		for c := a.nodes[s].child; c != 0; c = a.nodes[c].sibling {
			row[a.nodes[c].label] = c
		}
		queue = append(queue, s)
	}
	for i := 0; i < len(queue); i++ {
		s := queue[i]
		for c := a.nodes[s].child; c != 0; c = a.nodes[c].sibling {
			fail := a.next(a.nodes[s].fail, a.nodes[c].label)
			a.nodes[c].fail = fail
			if a.longest[c] == 0 {
				a.longest[c] = a.longest[fail]
			}
			queue = append(queue, c)
		}
	}
}

func (a *automaton) empty() bool { return len(a.nodes) == 1 }

// next returns the state after one more byte.
func (a *automaton) next(state int32, b byte) int32 {
	for state >= a.dense {
		if c := a.find(state, b); c != 0 {
			return c
		}
		state = a.nodes[state].fail
	}
	return a.table[int(state)<<8|int(b)]
}

// span is a half-open range of masked bytes.
type span struct{ start, end int }

// spans are disjoint, not adjacent, and in order.
type spans []span

// add merges a match; matches come in the order of their ends.
func (s *spans) add(start, end int) {
	list := *s
	for len(list) > 0 && list[len(list)-1].end >= start {
		start = min(start, list[len(list)-1].start)
		list = list[:len(list)-1]
	}
	*s = append(list, span{start, end})
}

// scan runs text from index `from` on through the automaton, adds the matches to found and returns the last state.
func scan[T string | []byte](a *automaton, state int32, text T, from int, found *spans) int32 {
	for i := from; i < len(text); i++ {
		if state < a.dense {
			state = a.table[int(state)<<8|int(text[i])]
		} else {
			state = a.next(state, text[i])
		}
		if n := a.longest[state]; n > 0 {
			found.add(i+1-int(n), i+1)
		}
	}
	return state
}
