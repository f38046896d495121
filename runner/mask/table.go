package mask

import "math/bits"

// longPattern is the length from which on patterns are searched for by grams of four bytes.
const longPattern = 5

// table finds all patterns in a text. It is immutable.
//
// It looks at a few bytes (a gram) at every step-th position only. The steps are so small that every occurrence of a
// pattern, also of the shortest, has one of these grams among its first bytes. A gram that begins no pattern costs
// one look into a Bloom filter; one that may do so is compared with the patterns that have it.
// (The idea is that of Wu and Manber, 1994, with fixed steps.)
type table struct {
	tiers    []tier // the grams of short patterns are short, and would be found everywhere for many patterns
	patterns []string
	longest  int
}

// tier is the search for some of the patterns.
type tier struct {
	all    []string
	gram   int // bytes of a gram
	step   int
	filter []uint64 // a word for each hash; two bits of it for each gram
	head   []int32  // by hash: first of entries, 0 for none
	list   []entry  // [0] is unused
	fshift uint
	hshift uint
}

// entry says that a pattern has a gram at an offset.
type entry struct{ pattern, offset, next int32 }

func newTable(patterns map[string]struct{}) *table {
	t := &table{}
	var short, long []string
	for p := range patterns {
		if len(p) < longPattern {
			short = append(short, p)
		} else {
			long = append(long, p)
		}
		t.longest = max(t.longest, len(p))
	}
	t.patterns = append(append(t.patterns, short...), long...)
	for _, list := range [][]string{long, short} {
		if len(list) > 0 {
			t.tiers = append(t.tiers, newTier(list))
		}
	}
	return t
}

func newTier(patterns []string) tier {
	shortest := len(patterns[0])
	for _, p := range patterns {
		shortest = min(shortest, len(p))
	}
	t := tier{all: patterns, gram: min(4, shortest-shortest/4)}
	t.step = shortest - t.gram + 1
	grams := len(patterns) * t.step
	// 32 bits of the filter for each gram let one of 200 others pass.
	words := bits.Len(uint(grams)/2 + 16)
	heads := bits.Len(uint(grams) + 16)
	t.filter, t.fshift = make([]uint64, 1<<words), uint(64-words)
	t.head, t.hshift = make([]int32, 1<<heads), uint(64-heads)
	t.list = make([]entry, 1, grams+1)
	for n, p := range patterns {
		for offset := range t.step {
			h := hash(loadGram(p, offset, t.gram))
			t.filter[h>>t.fshift] |= twoBits(h)
			t.list = append(t.list, entry{int32(n), int32(offset), t.head[h>>t.hshift]})
			t.head[h>>t.hshift] = int32(len(t.list) - 1)
		}
	}
	return t
}

func loadGram(s string, at, n int) uint32 {
	g := uint32(0)
	for _, c := range []byte(s[at : at+n]) {
		g = g<<8 | uint32(c)
	}
	return g
}

func hash(gram uint32) uint64 {
	h := uint64(gram) * 0x9E3779B97F4A7C15
	return h ^ h>>29
}

func twoBits(h uint64) uint64 { return 1<<(h&63) | 1<<(h>>6&63) }

func (t *table) empty() bool { return len(t.tiers) == 0 }

// find adds the matches in text to found and tells whether there are any; with a nil found it ends at the first.
func (t *table) find(text string, found *spans) bool {
	any := false
	for i := range t.tiers {
		if t.tiers[i].find(text, found) {
			if any = true; found == nil {
				return true
			}
		}
	}
	return any
}

func (t *tier) find(text string, found *spans) bool {
	if t.gram == 4 {
		return t.findLong(text, found)
	}
	any := false
	for i := 0; i+t.gram <= len(text); i += t.step {
		h := hash(loadGram(text, i, t.gram))
		if want := twoBits(h); t.filter[h>>t.fshift]&want == want && t.compare(text, i, h, found) {
			if any = true; found == nil {
				return true
			}
		}
	}
	return any
}

// findLong is find for grams of four bytes. All output goes through this loop.
func (t *tier) findLong(text string, found *spans) bool {
	any := false
	filter, shift, step := t.filter, t.fshift&63, t.step
	for i := 0; i+4 <= len(text); i += step {
		b := text[i : i+4]
		h := hash(uint32(b[3]) | uint32(b[2])<<8 | uint32(b[1])<<16 | uint32(b[0])<<24)
		if want := twoBits(h); filter[h>>shift]&want == want && t.compare(text, i, h, found) {
			if any = true; found == nil {
				return true
			}
		}
	}
	return any
}

// compare looks for the patterns that have the gram of hash h, which is at a position of text.
func (t *tier) compare(text string, at int, h uint64, found *spans) bool {
	any := false
	for n := t.head[h>>t.hshift]; n != 0; n = t.list[n].next {
		e := t.list[n]
		start := at - int(e.offset)
		p := t.all[e.pattern]
		if start < 0 || len(p) > len(text)-start || text[start:start+len(p)] != p {
			continue
		}
		any = true
		if found == nil {
			return true
		}
		found.add(start, start+len(p))
	}
	return any
}

// open is where the earliest match that may go on behind the end of text begins; len(text) if there is none.
func (t *table) open(text string) int {
	for start := max(0, len(text)-t.longest+1); start < len(text); start++ {
		if t.begins(text[start:]) {
			return start
		}
	}
	return len(text)
}

// begins tells whether text is the beginning of a longer pattern.
func (t *table) begins(text string) bool {
	for i := range t.tiers {
		r := &t.tiers[i]
		if len(text) < r.gram { // the end of a text only
			for _, p := range r.all {
				if len(p) > len(text) && p[:len(text)] == text {
					return true
				}
			}
			continue
		}
		h := hash(loadGram(text, 0, r.gram))
		if want := twoBits(h); r.filter[h>>r.fshift]&want != want {
			continue
		}
		for n := r.head[h>>r.hshift]; n != 0; n = r.list[n].next {
			e := r.list[n]
			if p := r.all[e.pattern]; e.offset == 0 && len(p) > len(text) && p[:len(text)] == text {
				return true
			}
		}
	}
	return false
}
