package checks

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Limits of GitHub's, and our own. GitHub docs: rest/checks/runs
const (
	maxText        = 65535 // bytes of a summary
	maxTitle       = 255
	batch          = 50 // annotations in one request
	maxAnnotations = 500
	pageEvents     = 200
)

// said of a job: what its events come to.
type output struct {
	finished    runner.JobFinished
	steps       []runner.StepResult
	summaries   []string
	size        int // of summaries
	cut         bool
	annotations []annotation
	dropped     int // annotations that were too many
}

// annotation is a remark on lines of a file, as GitHub takes it.
type annotation struct {
	Path        string `json:"path"`
	StartLine   int    `json:"start_line"`
	EndLine     int    `json:"end_line"`
	StartColumn int    `json:"start_column,omitempty"`
	EndColumn   int    `json:"end_column,omitempty"`
	Level       string `json:"annotation_level"`
	Message     string `json:"message"`
	Title       string `json:"title,omitempty"`
}

// read goes through a stream; lines of logs are only passed over.
func (r *Reporter) read(ctx context.Context, s store.Stream) (*output, error) {
	o := &output{}
	for after := store.Sequence(0); ; {
		events, err := r.Store.EventsSince(ctx, s, after, pageEvents)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			after = e.Sequence
			for line := range bytes.Lines(e.Data) {
				if bytes.HasPrefix(line, []byte(`{"type":"line"`)) {
					continue
				}
				if event, err := runner.DecodeEvent(bytes.TrimSpace(line)); err == nil {
					o.add(event)
				}
			}
		}
		if len(events) < pageEvents {
			return o, nil
		}
	}
}

func (o *output) add(e runner.Event) {
	switch e := e.(type) {
	case runner.JobStarted: // after a lost place it begins anew
		*o = output{}
	case runner.JobFinished:
		o.finished = e
	case runner.StepFinished:
		o.steps = append(o.steps, e.StepResult)
	case runner.Summarised:
		text := clip(e.Markdown, max(maxText-o.size, 0))
		if o.size += len(e.Markdown); o.size > maxText {
			o.cut = true
		}
		o.summaries = append(o.summaries, text)
	case runner.Annotated:
		a := convert(e.Annotation)
		if len(o.annotations) == maxAnnotations {
			o.dropped++
			return
		}
		o.annotations = append(o.annotations, a)
	}
}

// convert gives an annotation the shape that GitHub wants: it has a file and
// lines, and columns only within one line.
func convert(a command.Annotation) annotation {
	out := annotation{
		Path: a.File, StartLine: max(a.Line, 1), EndLine: max(a.EndLine, a.Line, 1),
		Level: "notice", Message: clip(a.Message, 64<<10), Title: clip(a.Title, maxTitle),
	}
	if out.Path == "" {
		out.Path = ".github"
	}
	if out.Message == "" {
		out.Message = "(no message)"
	}
	switch a.Level {
	case command.LevelError:
		out.Level = "failure"
	case command.LevelWarning:
		out.Level = "warning"
	}
	if out.StartLine == out.EndLine && a.Column > 0 {
		out.StartColumn, out.EndColumn = a.Column, max(a.EndColumn, a.Column)
	}
	return out
}

// clip cuts a text to so many bytes, between characters.
func clip(s string, n int) string {
	const mark = "…"
	if s = strings.ToValidUTF8(s, "�"); len(s) <= n {
		return s
	}
	if n < len(mark) {
		return ""
	}
	s = s[:n-len(mark)]
	for len(s) > 0 {
		if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size > 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s + mark
}

// markdown is the summary: what went wrong, the steps with their times, and what
// steps wrote themselves.
func (o *output) markdown(text, page string) string {
	var b strings.Builder
	if text != "" {
		b.WriteString(text + "\n\n")
	}
	if f := o.finished.FirstError; f != nil && f.Message != "" {
		fmt.Fprintf(&b, "**First error:** %s\n\n", escape(clip(f.Message, 2000)))
	}
	fmt.Fprintf(&b, "[Log](%s)\n", page)
	if len(o.steps) > 0 {
		b.WriteString("\n| | step | time |\n|---|---|---:|\n")
		for _, s := range o.steps {
			fmt.Fprintf(&b, "| %s | %s | %.1f s |\n", mark(s), escape(clip(s.Step.Name, 200)), s.Seconds)
		}
	}
	// Notes stand in front of what is cut: its Markdown may be open at the end.
	if o.dropped > 0 {
		fmt.Fprintf(&b, "\n%d more annotations are in the log.\n", o.dropped)
	}
	room := maxText - b.Len() - len(cutNote)
	var tail strings.Builder
	cut := o.cut
	for _, s := range o.summaries {
		text := "\n---\n\n" + clip(s, len(s)) + "\n"
		if left := room - tail.Len(); len(text) > left {
			tail.WriteString(clip(text, max(left, 0)))
			cut = true
			break
		}
		tail.WriteString(text)
	}
	if cut {
		b.WriteString(cutNote)
	}
	return clip(b.String()+tail.String(), maxText)
}

const cutNote = "\nNot all step summaries fit here: the log has them.\n"

func mark(s runner.StepResult) string {
	switch {
	case s.Conclusion == plan.Failure:
		return "failed"
	case s.Outcome == plan.Failure:
		return "failed, but may"
	case s.Conclusion == plan.Skipped:
		return "skipped"
	case s.Conclusion == plan.Cancelled:
		return "cancelled"
	}
	return "passed"
}

// escaper makes a stranger's text a text in Markdown, in a cell of a table too.
var escaper = strings.NewReplacer(
	"\r", "", "\n", " ", "\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "&lt;", ">", "&gt;",
	"|", "\\|", "#", "\\#", "!", "\\!", "@", "@\u200b",
)

func escape(s string) string { return escaper.Replace(strings.ToValidUTF8(s, "�")) }
