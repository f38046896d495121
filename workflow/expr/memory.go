package expr

// Memory is counted as GitHub counts it, not as Go uses it: what is refused there is refused here.

const (
	objectBytes  = 24
	stringBytes  = 26 // and two for each UTF-16 unit
	pointerBytes = 8
)

func textBytes(s string) int { return stringBytes + 2*utf16Len(s) }

func valueBytes(v Value) int {
	if v.kind == KindString {
		return textBytes(v.str)
	}
	return objectBytes
}

// memory is what the levels of a tree hold during an evaluation. When a node has a scalar result, what the levels
// below it held is free (actions/runner: EvaluationMemory.cs).
type memory struct {
	levels  [MaxDepth + 2]int
	deepest int
	total   int
}

func (m *memory) add(level, bytes int, freeBelow bool) bool {
	if freeBelow {
		for ; m.deepest > level; m.deepest-- {
			m.total -= m.levels[m.deepest]
			m.levels[m.deepest] = 0
		}
	}
	m.deepest = max(m.deepest, level)
	m.levels[level] += bytes
	m.total += bytes
	return m.total <= MaxMemory
}

// counter bounds the memory of one function's result while it is built.
type counter struct {
	bytes    int
	exceeded bool
}

func (c *counter) text(s string) bool { return c.add(textBytes(s)) }

func (c *counter) add(bytes int) bool {
	c.bytes += bytes
	c.exceeded = c.exceeded || c.bytes > MaxMemory
	return !c.exceeded
}
