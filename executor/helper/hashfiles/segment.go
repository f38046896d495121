package hashfiles

import "strings"

// token matches one character of a name, or any number of them.
type token struct {
	kind  tokenKind
	char  rune
	class *class
}

type tokenKind byte

const (
	literal tokenKind = iota
	anyOne
	anyMany
	oneOf
)

// class is "[...]".
type class struct {
	not    bool
	ranges [][2]rune
}

func (c *class) has(r rune) bool {
	for _, g := range c.ranges {
		if g[0] <= r && r <= g[1] {
			return !c.not
		}
	}
	return c.not
}

// segment is one part of a pattern between slashes. The globstar "**" counts
// only when it is alone (minimatch 3: minimatch.js, parse).
type segment struct {
	globstar bool
	tokens   []token
}

func parseSegment(s string) segment {
	if s == "**" {
		return segment{globstar: true}
	}
	return segment{tokens: tokens([]rune(s))}
}

func tokens(s []rune) []token {
	var out []token
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			if i+1 < len(s) {
				i++
			}
			out = append(out, token{kind: literal, char: s[i]})
		case '*':
			if n := len(out); n == 0 || out[n-1].kind != anyMany {
				out = append(out, token{kind: anyMany})
			}
		case '?':
			out = append(out, token{kind: anyOne})
		case '[':
			cl, end, ok := parseClass(s, i)
			if !ok {
				out = append(out, token{kind: literal, char: '['})
				continue
			}
			out = append(out, token{kind: oneOf, class: cl})
			i = end
		default:
			out = append(out, token{kind: literal, char: c})
		}
	}
	return out
}

// parseClass reads "[...]" at s[start]. A "]" that comes first stands for
// itself; a range that runs backwards makes the bracket a plain character.
func parseClass(s []rune, start int) (*class, int, bool) {
	c := &class{}
	i := start + 1
	if i < len(s) && (s[i] == '!' || s[i] == '^') {
		c.not = true
		i++
	}
	type item struct {
		r       rune
		escaped bool
	}
	var items []item
	end := -1
	for ; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			items = append(items, item{s[i], true})
			continue
		}
		if s[i] == ']' && i > start+1 {
			end = i
			break
		}
		items = append(items, item{s[i], false})
	}
	if end < 0 {
		return nil, 0, false
	}
	for k := 0; k < len(items); k++ {
		lo := items[k].r
		if k+2 < len(items) && items[k+1].r == '-' && !items[k+1].escaped {
			hi := items[k+2].r
			if hi < lo {
				return nil, 0, false
			}
			c.ranges = append(c.ranges, [2]rune{lo, hi})
			k += 2
			continue
		}
		c.ranges = append(c.ranges, [2]rune{lo, lo})
	}
	return c, end, true
}

// match tells whether the whole name fits. It runs in len(name) times
// len(tokens) steps at most.
func (g segment) match(name string) bool {
	if name == "" {
		return len(g.tokens) == 0
	}
	s := []rune(name)
	i, t := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		if t < len(g.tokens) && g.tokens[t].kind == anyMany {
			star, mark = t, i
			t++
			continue
		}
		if t < len(g.tokens) && g.tokens[t].one(s[i]) {
			i, t = i+1, t+1
			continue
		}
		if star < 0 {
			return false
		}
		mark++
		i, t = mark, star+1
	}
	for t < len(g.tokens) && g.tokens[t].kind == anyMany {
		t++
	}
	return t == len(g.tokens)
}

func (t token) one(r rune) bool {
	switch t.kind {
	case literal:
		return r == t.char
	case anyOne:
		return true
	case oneOf:
		return t.class.has(r)
	}
	return false
}

// plain gives the text that a segment stands for when it holds no wildcard,
// and "" when it does (actions/toolkit: glob/src/internal-pattern.ts,
// getLiteral).
func plain(s string) string {
	var b strings.Builder
	r := []rune(s)
	for i := 0; i < len(r); i++ {
		switch c := r[i]; {
		case c == '\\' && i+1 < len(r):
			i++
			b.WriteRune(r[i])
			continue
		case c == '*' || c == '?':
			return ""
		case c == '[' && i+1 < len(r):
			var set []rune
			closed := -1
			for k := i + 1; k < len(r); k++ {
				if r[k] == '\\' && k+1 < len(r) {
					k++
					set = append(set, r[k])
				} else if r[k] == ']' {
					closed = k
					break
				} else {
					set = append(set, r[k])
				}
			}
			if closed >= 0 {
				if len(set) > 1 {
					return ""
				}
				if len(set) == 1 {
					b.WriteRune(set[0])
					i = closed
					continue
				}
			}
			b.WriteRune(c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
