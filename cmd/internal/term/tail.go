package term

import (
	"strings"

	"github.com/drydock-ci/drydock/runner/command"
)

const (
	tailLines = 50      // lines of a job that are remembered
	maxTail   = 2 << 10 // bytes of each
)

// tailLine is a line as the job printed it.
type tailLine struct {
	step  int
	level command.Level
	text  string
}

// tail remembers the last lines of a job.
type tail struct {
	ring []tailLine
	next int
}

func (t *tail) add(step int, level command.Level, text string) {
	if level == command.LevelEndGroup || text == "" {
		return
	}
	l := tailLine{step, level, clip(text)}
	if len(t.ring) < tailLines {
		t.ring = append(t.ring, l)
		return
	}
	t.ring[t.next] = l
	t.next = (t.next + 1) % tailLines
}

// last are the last n lines of a step, or of all steps if step is 0.
func (t *tail) last(step, n int) []tailLine {
	list := make([]tailLine, 0, n)
	for i := len(t.ring) - 1; i >= 0 && len(list) < n; i-- {
		l := t.ring[(t.next+i)%len(t.ring)]
		if step == 0 || l.step == step {
			list = append(list, l)
		}
	}
	for i, k := 0, len(list)-1; i < k; i, k = i+1, k-1 {
		list[i], list[k] = list[k], list[i]
	}
	return list
}

// clip keeps the begin of a long line, and not the rest of it in memory.
func clip(s string) string {
	if len(s) <= maxTail {
		return s
	}
	return strings.ToValidUTF8(s[:maxTail], "") + " ..."
}
