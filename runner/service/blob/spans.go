package blob

import (
	"cmp"
	"slices"
)

// span is a part of a file.
type span struct{ off, length int64 }

func (s span) end() int64 { return s.off + s.length }

// spans are sorted and do not overlap. Empty ones are never kept.
type spans []span

// first is the index of the first span that ends after off.
func (s spans) first(off int64) int {
	i, _ := slices.BinarySearchFunc(s, off, func(sp span, off int64) int {
		if sp.end() <= off {
			return -1
		}
		return 1
	})
	return i
}

func (s spans) free(want span) bool {
	i := s.first(want.off)
	return i == len(s) || s[i].off >= want.end()
}

// end is where the last one ends.
func (s spans) end() int64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].end()
}

func (s spans) total() (n int64) {
	for _, sp := range s {
		n += sp.length
	}
	return n
}

// add puts in a span that is free.
func (s spans) add(sp span) spans {
	if sp.length == 0 {
		return s
	}
	return slices.Insert(s, s.first(sp.off), sp)
}

func (s spans) remove(sp span) spans {
	i, ok := slices.BinarySearchFunc(s, sp.off, func(a span, off int64) int { return cmp.Compare(a.off, off) })
	if !ok || sp.length == 0 {
		return s
	}
	return slices.Delete(s, i, i+1)
}

// cover merges a span with those that it touches or overlaps.
func (s spans) cover(sp span) spans {
	if sp.length == 0 {
		return s
	}
	i, _ := slices.BinarySearchFunc(s, sp.off, func(a span, off int64) int { return cmp.Compare(a.end(), off) })
	j := i
	for j < len(s) && s[j].off <= sp.end() {
		end := max(sp.end(), s[j].end())
		sp.off = min(sp.off, s[j].off)
		sp.length = end - sp.off
		j++
	}
	return slices.Replace(s, i, j, sp)
}
