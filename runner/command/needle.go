package command

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// texts are a few texts.
type texts []string

// needles are lists of which each has a text that is in every line that a regular expression matches.
// Most lines of a log match no problem matcher, and to look for a text is a hundred times faster.
type needles []texts

// in tells whether a line can match.
func (n needles) in(line string) bool {
	for _, list := range n {
		if !slices.ContainsFunc(list, func(text string) bool { return strings.Contains(line, text) }) {
			return false
		}
	}
	return true
}

// needlesOf reads an expression as RE2, if it means the same there.
func needlesOf(expr string) needles {
	if !plainRegexp(expr) {
		return nil
	}
	re, err := syntax.Parse(expr, syntax.Perl&^syntax.UnicodeGroups|syntax.DotNL)
	if err != nil {
		return nil
	}
	all, _ := needlesIn(re)
	slices.SortStableFunc(all, func(a, b texts) int { return shortest(b) - shortest(a) }) // the rarest first
	return slices.CompactFunc(all, slices.Equal[texts])
}

// plainRegexp tells whether an expression has only what ECMAScript and RE2 read alike.
func plainRegexp(expr string) bool {
	for i := 0; i < len(expr); i++ {
		switch c := expr[i]; {
		case c == '\\':
			i++
			if i == len(expr) || !strings.ContainsRune(`dDwWsSbBtnrfv.*+?()[]{}|^$/\-:"'#<>,;=!@%&~ _`, rune(expr[i])) {
				return false
			}
		case c == '(' && strings.HasPrefix(expr[i:], "(?") && !strings.HasPrefix(expr[i:], "(?:"):
			return false
		case c == '[' && (strings.HasPrefix(expr[i:], "[]") || strings.HasPrefix(expr[i:], "[^]") || strings.HasPrefix(expr[i:], "[[:")):
			return false // empty and full sets, classes by name
		}
	}
	return true
}

// needlesIn returns the needles of re, and the texts that re is, if it is only a few.
func needlesIn(re *syntax.Regexp) (all needles, exact texts) {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			exact = texts{string(re.Rune)}
		}
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		exact = texts{""}
	case syntax.OpCapture:
		return needlesIn(re.Sub[0])
	case syntax.OpPlus:
		all, _ = needlesIn(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			all, _ = needlesIn(re.Sub[0])
		}
	case syntax.OpConcat:
		return needlesOfAll(re.Sub)
	case syntax.OpAlternate:
		return needlesOfOne(re.Sub)
	}
	return all.with(exact), exact
}

// needlesOfAll joins neighbours that are few texts, as the two of `(go|c):`.
func needlesOfAll(subs []*syntax.Regexp) (all needles, exact texts) {
	run, whole := texts{""}, true
	for _, sub := range subs {
		more, e := needlesIn(sub)
		if len(e) == 0 || len(run)*len(e) > 16 {
			all, whole, run = all.with(run), false, texts{""}
			if len(e) == 0 {
				all = append(all, more...)
			} else {
				run = e
			}
			continue
		}
		var next texts
		for _, head := range run {
			for _, tail := range e {
				next = append(next, head+tail)
			}
		}
		run = next
	}
	if all = all.with(run); whole {
		exact = run
	}
	return all, exact
}

// needlesOfOne puts the best lists of alternatives together.
func needlesOfOne(subs []*syntax.Regexp) (all needles, exact texts) {
	var together texts
	whole := true
	for _, sub := range subs {
		lists, e := needlesIn(sub)
		if len(e) == 0 {
			whole = false
		}
		exact = append(exact, e...)
		if len(lists) == 0 {
			together = append(together, "") // one of them can be anywhere
			continue
		}
		together = append(together, slices.MaxFunc(lists, func(a, b texts) int { return shortest(a) - shortest(b) })...)
	}
	if !whole {
		exact = nil
	}
	return all.with(together), exact
}

// with adds a list, unless one of its texts is in every line.
func (n needles) with(list texts) needles {
	if shortest(list) == 0 {
		return n
	}
	return append(n, list)
}

// shortest is the length of the shortest text; 0 if there is none.
func shortest(list texts) int {
	if len(list) == 0 {
		return 0
	}
	return len(slices.MinFunc(list, func(a, b string) int { return len(a) - len(b) }))
}
