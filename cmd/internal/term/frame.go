package term

import (
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
)

const (
	frameTime   = 50 * time.Millisecond  // at most 20 frames a second
	spinnerTime = 100 * time.Millisecond // of one of its pictures
	liveLines   = 5                      // of a job in the tree
	minHeight   = 10                     // of a terminal on which a log scrolls by
	nameCells   = 40                     // of a job in the tree
)

var spinner = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

// segment is a part of a row in one colour.
type segment struct{ code, text string }

// row is a row of the live region, not yet cut to the width.
type row []segment

// logLine appends a line below its step, indented when it is in a group.
func (v *liveView) logLine(dst []byte, j *job, e runner.Line) []byte {
	inside := j.inGroup(e)
	if e.Level == command.LevelEndGroup {
		return dst
	}
	indent := "  "
	if inside {
		indent = "    "
	}
	label, code := tag(e.Level)
	label += j.at
	if e.Level == command.LevelGroup {
		label = v.marks.group
	}
	for text := range strings.SplitSeq(e.Text, "\n") {
		dst = append(dst, indent...)
		dst = v.style.append(dst, code, label)
		dst = append(dst, clean(text, bool(v.style))...)
		dst = append(dst, '\n')
		label = ""
	}
	return dst
}

// rows is the live region: the running jobs with their last lines, and the
// totals. It is never higher than the terminal.
func (v *liveView) rows(now time.Time, height int) []row {
	v.short = height < minHeight
	running := v.running()
	if v.over() && len(running) == 0 {
		return nil
	}
	spin := spinner[int(now.UnixMilli()/spinnerTime.Milliseconds())%len(spinner)]
	if v.stream != nil && len(running) == 1 {
		return []row{v.jobRow(running[0], now, spin, 0)}
	}
	room := max(height-2, 0) // the status row, and one row to see what is above
	shown := running
	if len(shown) > room {
		shown = shown[:max(room-1, 0)]
	}
	lines := 0
	if len(shown) > 0 && !v.options.Verbose {
		lines = max(0, min(liveLines, (room-len(running))/len(shown)))
	}
	column := 0
	for _, j := range shown {
		column = max(column, min(width(v.label(j)), nameCells))
	}
	var rows []row
	for _, j := range shown {
		rows = append(rows, v.jobRow(j, now, spin, column))
		for _, l := range j.tail.last(0, lines) {
			label, _ := tag(l.level)
			rows = append(rows, row{{dim, "    " + untab(label+clean(l.text, false))}})
		}
	}
	if hidden := len(running) - len(shown); hidden > 0 && room > 0 {
		rows = append(rows, row{{dim, "  and " + strconv.Itoa(hidden) + " more running"}})
	}
	return append(rows, v.statusRow(now, spin))
}

// over tells that all runs have ended.
func (v *liveView) over() bool {
	for _, r := range v.runs {
		if r.begun && r.finished == nil {
			return false
		}
	}
	return true
}

func (v *liveView) jobRow(j *job, now time.Time, spin string, column int) row {
	name := cut(v.label(j), nameCells, v.marks.ellipsis)
	r := row{
		{cyan, spin + " "}, {bold, pad(name, column)},
		{plainText, "  " + padLeft(seconds(now.Sub(j.started).Seconds()), 7)},
	}
	return append(r, segment{dim, "  " + currentStep(j.current)})
}

func currentStep(steps []runner.StepRef) string {
	if len(steps) == 0 {
		return ""
	}
	name := stepName(steps[len(steps)-1])
	if n := len(steps) - 1; n > 0 {
		name += " (and " + strconv.Itoa(n) + " more)"
	}
	return name
}

// statusRow is the last row.
func (v *liveView) statusRow(now time.Time, spin string) row {
	c := v.counts()
	r := row{{cyan, spin + " "}}
	sep := ""
	add := func(n int, word, code string) {
		if n > 0 {
			r = append(r, segment{plainText, sep}, segment{code, strconv.Itoa(n) + " " + word})
			sep = ", "
		}
	}
	add(c.running, "running", plainText)
	add(c.passed, "passed", green)
	add(c.failed, "failed", red)
	add(c.cancelled, "cancelled", yellow)
	add(c.skipped, "skipped", dim)
	return append(r, segment{dim, sep + seconds(now.Sub(v.started).Seconds())})
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
