package hashfiles

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"
)

// pattern is one line of a query (actions/toolkit: glob/src/internal-pattern.ts).
type pattern struct {
	negate   bool
	dirsOnly bool // a slash at the end: folders only
	implicit bool // the "all below" that every pattern implies
	root     string
	names    []string // as written, the root left out
	segments []segment
}

// parse reads the lines of all patterns; each brings the one that it implies
// (internal-globber.ts: parse, globGenerator).
func parse(lines []string, workspace, home string) ([]pattern, error) {
	var all []pattern
	for _, text := range lines {
		for line := range strings.SplitSeq(text, "\n") {
			line = trim(line)
			if line == "" || line[0] == '#' {
				continue
			}
			p, err := newPattern(line, workspace, home)
			if err != nil {
				return nil, fmt.Errorf("pattern %q: %w", line, err)
			}
			all = append(all, p)
			if n := len(p.segments); p.dirsOnly || n == 0 || !p.segments[n-1].globstar {
				below := p
				below.implicit, below.dirsOnly = true, false
				below.names = append(below.names[:len(below.names):len(below.names)], "**")
				below.segments = append(below.segments[:n:n], segment{globstar: true})
				all = append(all, below)
			}
		}
	}
	return all, nil
}

// trim is JavaScript's String.trim.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r == '\uFEFF' || (unicode.IsSpace(r) && r != '\u0085') })
}

func newPattern(text, workspace, home string) (pattern, error) {
	var p pattern
	for strings.HasPrefix(text, "!") {
		p.negate = !p.negate
		text = trim(text[1:])
	}
	if text == "" {
		return p, errors.New("it is empty")
	}
	text = squeeze(text)
	for i, name := range strings.Split(strings.TrimSuffix(text, "/"), "/") {
		if s := plain(name); s == ".." || (s == "." && i > 0) {
			return p, errors.New(`"." and ".." are not allowed in it`)
		}
	}
	switch {
	case text == "." || strings.HasPrefix(text, "./"):
		text = escape(workspace) + text[1:]
	case text == "~" || strings.HasPrefix(text, "~/"):
		if !path.IsAbs(home) {
			return p, errors.New("there is no home directory to put for ~")
		}
		text = escape(home) + text[1:]
	case !strings.HasPrefix(text, "/"):
		text = escape(workspace) + "/" + text
	}
	text = squeeze(text)
	if text != "/" && strings.HasSuffix(text, "/") {
		p.dirsOnly = true
		text = text[:len(text)-1]
	}
	if text == "/" {
		p.dirsOnly = true
	} else {
		p.names = strings.Split(text[1:], "/")
	}
	p.root = "/"
	literal := true
	for _, name := range p.names {
		p.segments = append(p.segments, parseSegment(name))
		s := plain(name)
		literal = literal && s != ""
		if literal {
			p.root = path.Join(p.root, s)
		}
	}
	return p, nil
}

var slashes = regexp.MustCompile(`/+`)

func squeeze(s string) string { return slashes.ReplaceAllString(s, "/") }

// escape makes a path a pattern for itself.
func escape(s string) string {
	s = strings.ReplaceAll(s, `\`, `\\`)
	parts := strings.Split(s, "/")
	for i, part := range parts {
		var b strings.Builder
		for k := range len(part) {
			// A bracket counts only when another one closes it in the same
			// part, with something between.
			if part[k] == '[' && strings.LastIndexByte(part, ']') > k+1 {
				b.WriteString("[[]")
				continue
			}
			switch part[k] {
			case '?', '*':
				b.WriteString("[" + part[k:k+1] + "]")
			default:
				b.WriteByte(part[k])
			}
		}
		parts[i] = b.String()
	}
	return strings.Join(parts, "/")
}

// matches tells whether the pattern fits the whole path.
func (p *pattern) matches(names []string) bool {
	segs := p.segments
	i, k := 0, 0
	star, mark := -1, 0
	for i < len(names) {
		if k < len(segs) && segs[k].globstar {
			if k == len(segs)-1 {
				return true
			}
			star, mark = k, i
			k++
			continue
		}
		if k < len(segs) && segs[k].match(names[i]) {
			i, k = i+1, k+1
			continue
		}
		if star < 0 {
			return false
		}
		mark++
		i, k = mark, star+1
	}
	// A globstar at the end wants one more name, but the pattern as written
	// fits the folder, or even the file, that it starts at: minimatch sees a
	// slash after it.
	if !p.implicit && k < len(segs) && segs[len(segs)-1].globstar {
		for k < len(segs) && segs[k].globstar {
			k++
		}
	}
	return k == len(segs)
}

// mayContain tells whether something below the path can fit.
func (p *pattern) mayContain(names []string) bool {
	for i, name := range names {
		if i >= len(p.segments) {
			return false
		}
		if p.segments[i].globstar {
			return true
		}
		if !p.segments[i].match(name) {
			return false
		}
	}
	return true
}
