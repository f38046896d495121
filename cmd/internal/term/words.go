package term

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// style says whether there are colours.
type style bool

// The colours, as SGR parameters.
const (
	plainText = ""
	bold      = "1"
	dim       = "2"
	red       = "31"
	green     = "32"
	yellow    = "33"
	cyan      = "36"
)

func (s style) append(dst []byte, code, text string) []byte {
	if !bool(s) || code == "" || text == "" {
		return append(dst, text...)
	}
	dst = append(dst, "\x1b["...)
	dst = append(dst, code...)
	dst = append(dst, 'm')
	dst = append(dst, text...)
	return append(dst, reset...)
}

// marks are the signs in front of jobs and steps.
type marks struct {
	ok, failed, allowed, skipped, cancelled string
	started, group, bar, ellipsis           string
}

var (
	// A pipe may end in a file, a mail or a console of any encoding.
	plainMarks    = marks{"ok  ", "FAIL", "warn", "skip", "stop", ">", "", "| ", "..."}
	terminalMarks = marks{"✓", "✗", "!", "-", "◼", "▶", "▸ ", "│ ", "…"}
)

// of gives sign and colour of how a job or step ended.
func (m marks) of(outcome, conclusion plan.Conclusion) (mark, code string) {
	switch conclusion {
	case plan.Success:
		if outcome == plan.Failure {
			return m.allowed, yellow
		}
		return m.ok, green
	case plan.Skipped:
		return m.skipped, dim
	case plan.Cancelled:
		return m.cancelled, yellow
	}
	return m.failed, red
}

// tag is what stands before the text of a line, as on GitHub.
func tag(level command.Level) (text, code string) {
	switch level {
	case command.LevelError:
		return "Error: ", red
	case command.LevelWarning:
		return "Warning: ", yellow
	case command.LevelNotice:
		return "Notice: ", cyan
	case command.LevelDebug:
		return "Debug: ", dim
	case command.LevelGroup:
		return "", bold
	}
	return "", plainText
}

// seconds writes a duration for people.
func seconds(s float64) string {
	switch {
	case s < 0:
		s = 0
		fallthrough
	case s < 59.95:
		return strconv.FormatFloat(s, 'f', 1, 64) + " s"
	case s < 3600-0.5:
		n := int(s + 0.5)
		return fmt.Sprintf("%d min %02d s", n/60, n%60)
	}
	n := int(s+30) / 60
	return fmt.Sprintf("%d h %02d min", n/60, n%60)
}

// where is file:line:column, as editors understand it.
func where(a *command.Annotation) string {
	s := flat(a.File)
	if a.Line > 0 {
		s += ":" + strconv.Itoa(a.Line)
		if a.Column > 0 {
			s += ":" + strconv.Itoa(a.Column)
		}
	}
	return s
}

// outcome tells how a step ended, with the reason.
func outcome(s runner.StepResult) string {
	text := string(s.Conclusion)
	if s.Conclusion != plan.Skipped {
		text += " in " + seconds(s.Seconds)
	}
	if s.Conclusion == plan.Success && s.Outcome == plan.Failure {
		text += " (it failed; continue-on-error)"
	}
	if s.Reason != "" {
		text += ": " + firstLine(s.Reason)
	}
	return text
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return flat(line)
}

func stepName(r runner.StepRef) string {
	if name := flat(r.Name); name != "" {
		return name
	}
	return "step " + strconv.Itoa(r.Number)
}
