package history

import (
	"fmt"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
)

// timeFormat is that of the logs that GitHub lets one download.
const timeFormat = "2006-01-02T15:04:05.0000000Z"

// AppendText appends what a job's log.txt has of an event: GitHub's form, each
// line with its time, ##[group] and ##[endgroup] around what folds, and a
// ##[section] where a step begins and ends.
func AppendText(dst []byte, e runner.Event) []byte {
	switch e := e.(type) {
	case runner.JobStarted:
		where := e.Executor
		if e.Image != "" {
			where += ", " + e.Image
		}
		return appendText(dst, e.Time, command.LevelPlain, fmt.Sprintf("##[section]Job %s (%s)", oneLine(e.Name), oneLine(where)))
	case runner.JobRequeued:
		return appendText(dst, e.Time, command.LevelPlain, fmt.Sprintf("##[section]Job %s is run again: %s", oneLine(e.Name), oneLine(e.Reason)))
	case runner.StepStarted:
		return appendText(dst, e.Time, command.LevelPlain, fmt.Sprintf("##[section]Step %d: %s", e.Step.Number, oneLine(e.Step.Name)))
	case runner.Line:
		return appendText(dst, e.Time, e.Level, e.Text)
	case runner.StepFinished:
		text := fmt.Sprintf("##[section]Step %d: %s in %.1f s", e.StepResult.Step.Number, e.Conclusion, e.Seconds)
		if e.Reason != "" {
			text += ": " + oneLine(e.Reason)
		}
		return appendText(dst, e.Time, command.LevelPlain, text)
	case runner.JobFinished:
		text := fmt.Sprintf("##[section]Job %s: %s in %.1f s", oneLine(e.Name), e.Conclusion, e.Seconds)
		if e.Reason != "" {
			text += ": " + oneLine(e.Reason)
		}
		return appendText(dst, e.Time, command.LevelPlain, text)
	}
	return dst
}

func appendText(dst []byte, at time.Time, level command.Level, text string) []byte {
	for first, more := true, true; more; first = false {
		var line string
		line, text, more = strings.Cut(text, "\n")
		dst = at.UTC().AppendFormat(dst, timeFormat)
		dst = append(dst, ' ')
		if first {
			line = command.TagLine(level, line)
		}
		dst = append(dst, strings.TrimSuffix(line, "\r")...)
		dst = append(dst, '\n')
	}
	return dst
}

func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}
