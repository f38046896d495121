package term

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

const (
	maxNameColumn = 60 // of the tables
	shownLines    = 10 // of a failed step, at the end
	shownMessage  = 5  // lines of an error's message
)

// appendSummary appends what stands at the end: every job with its steps,
// what is needed to mend a failure, and the totals.
func (p *printer) appendSummary(dst []byte) []byte {
	if len(p.jobs()) == 0 {
		return dst
	}
	from := len(dst)
	for _, r := range p.runs {
		if len(r.jobs) == 0 || p.options.Quiet && !slices.ContainsFunc(r.jobs, p.summarised) {
			continue
		}
		nameColumn := 0
		for _, j := range r.jobs {
			nameColumn = max(nameColumn, min(width(j.name), maxNameColumn))
		}
		if !bytes.HasSuffix(dst[from:], []byte("\n\n")) {
			dst = append(dst, '\n')
		}
		dst = append(p.style.append(dst, bold, strings.TrimSpace("Summary of "+title(r))), '\n')
		for _, j := range r.jobs {
			if p.summarised(j) {
				dst = p.jobSummary(dst, j, nameColumn)
			}
		}
	}
	if !p.options.Quiet && !bytes.HasSuffix(dst[from:], []byte("\n\n")) {
		dst = append(dst, '\n')
	}
	return p.logs(p.totals(dst))
}

// logs says how to see everything again.
func (p *printer) logs(dst []byte) []byte {
	var commands []string
	for _, r := range p.runs {
		if r.hints.Logs != "" && len(r.jobs) > 0 {
			commands = append(commands, r.hints.Logs)
		}
	}
	if len(commands) == 0 || p.options.Quiet {
		return dst
	}
	return append(p.style.append(dst, dim, "Logs: "+strings.Join(commands, ", ")), '\n')
}

// summarised tells whether the summary has a job: when it is quiet, those that
// went well are left out.
func (p *printer) summarised(j *job) bool {
	f := j.finished
	return !p.options.Quiet || f == nil || f.Conclusion != plan.Success && f.Conclusion != plan.Skipped
}

// jobSummary is one job.
func (p *printer) jobSummary(dst []byte, j *job, nameColumn int) []byte {
	f := j.finished
	if f == nil {
		f = &runner.JobFinished{Conclusion: plan.Cancelled, Reason: "it was not finished"}
	}
	failed := f.Conclusion == plan.Failure
	mark, code := p.marks.of(f.Conclusion, f.Conclusion)
	took := ""
	if !j.started.IsZero() && f.Conclusion != plan.Skipped && f.Seconds > 0 {
		took = seconds(f.Seconds)
	}
	note := firstLine(f.Reason)
	if failed {
		note = "" // stands below, in full
	}
	dst = p.row(dst, 0, mark, code, j.name, nameColumn, took, note, bold)

	stepColumn := 0
	for _, s := range j.steps {
		stepColumn = max(stepColumn, min(width(stepName(s.Step)), maxNameColumn))
	}
	for _, s := range j.steps {
		dst = p.stepRow(dst, s, stepColumn)
	}
	if failed {
		dst = p.explain(dst, j, f)
	}
	return p.stepSummaries(dst, j)
}

func (p *printer) stepRow(dst []byte, s runner.StepResult, column int) []byte {
	mark, code := p.marks.of(s.Outcome, s.Conclusion)
	took, note := seconds(s.Seconds), firstLine(s.Reason)
	switch {
	case s.Conclusion == plan.Skipped:
		took = ""
	case s.Conclusion == plan.Success && s.Outcome == plan.Failure:
		note = strings.TrimSuffix("failed, continue-on-error: "+note, ": ")
	}
	return p.row(dst, 4, mark, code, stepName(s.Step), column, took, note, plainText)
}

// row is a row of the tables.
func (p *printer) row(dst []byte, indent int, mark, code, name string, column int, took, note, nameCode string) []byte {
	dst = append(dst, strings.Repeat(" ", indent)...)
	dst = p.style.append(dst, code, mark)
	dst = append(dst, ' ')
	name = cut(name, maxNameColumn, p.marks.ellipsis)
	if took == "" && note == "" {
		return append(p.style.append(dst, nameCode, name), '\n')
	}
	dst = p.style.append(dst, nameCode, name)
	dst = append(dst, pad("", column-width(name))...)
	dst = append(dst, padLeft(took, 12)...)
	if note != "" {
		dst = append(dst, "  "...)
		dst = p.style.append(dst, dim, note)
	}
	return append(dst, '\n')
}

// explain tells all about a failure: the first error, the reason, what was
// printed last and how to try again.
func (p *printer) explain(dst []byte, j *job, f *runner.JobFinished) []byte {
	const indent = "    "
	text := func(code, label, value string) {
		for i, line := range strings.Split(strings.TrimSpace(value), "\n") {
			if i == shownMessage {
				dst = append(append(dst, indent+"  "...), p.marks.ellipsis...)
				dst = append(dst, '\n')
				break
			}
			dst = append(dst, indent...)
			if i == 0 {
				dst = p.style.append(dst, code, label)
			} else {
				dst = append(dst, "  "...)
			}
			dst = append(dst, clean(line, bool(p.style))...)
			dst = append(dst, '\n')
		}
	}
	dst = append(dst, '\n')
	var first failure
	if len(j.failures) > 0 {
		first = j.failures[0]
	}
	if a := f.FirstError; a != nil {
		message := a.Message
		if a.File != "" {
			message = where(a) + ": " + message
		}
		if a.Title != "" && a.Title != a.Message {
			message += "\n(" + flat(a.Title) + ")"
		}
		text(red, "First error: ", message)
	}
	reason := f.Reason
	if reason == "" {
		reason = first.result.Reason
	}
	if reason != "" && (f.FirstError == nil || f.FirstError.Message != reason) {
		text(bold, "Reason: ", reason)
	}
	if f.Infra {
		text(yellow, "", "This is not the workflow's fault: the job may pass when it is tried again.")
	}
	if hint := j.run.hints.NoEngine; hint != nil && missedEngine(first, f) {
		if h := hint(j.executor); h != "" {
			text(yellow, "", h)
		}
	}
	dst = p.lastLines(dst, indent, first)
	if j.run.hints.Rerun != nil {
		if command := j.run.hints.Rerun(j.id); command != "" {
			text(bold, "Run just this job again: ", command)
		}
	}
	return append(dst, '\n')
}

func (p *printer) lastLines(dst []byte, indent string, f failure) []byte {
	lines := f.lines[max(0, len(f.lines)-shownLines):]
	if len(lines) == 0 {
		return dst
	}
	label := "Last lines:"
	if f.result.Step.Number > 0 {
		label = `Last lines of "` + stepName(f.result.Step) + `":`
	}
	dst = append(dst, indent...)
	dst = append(p.style.append(dst, bold, label), '\n')
	return p.quote(dst, indent+"  ", lines)
}

// quote appends lines of a job with a bar in front.
func (p *printer) quote(dst []byte, indent string, lines []tailLine) []byte {
	for _, l := range lines {
		dst = append(dst, indent...)
		dst = p.style.append(dst, dim, p.marks.bar)
		label, code := tag(l.level)
		dst = p.style.append(dst, code, label)
		dst = append(dst, clean(l.text, bool(p.style))...)
		dst = append(dst, '\n')
	}
	return dst
}

// stepSummaries are what steps wrote for people, as they wrote it.
func (p *printer) stepSummaries(dst []byte, j *job) []byte {
	for _, s := range j.summary {
		name := "step " + strconv.Itoa(s.step)
		for _, r := range j.steps {
			if r.Step.Number == s.step {
				name = `"` + stepName(r.Step) + `"`
			}
		}
		dst = append(dst, "    "...)
		dst = append(p.style.append(dst, bold, "Summary of "+name+":"), '\n')
		lines := make([]tailLine, 0, len(s.lines)+1)
		for _, l := range s.lines {
			lines = append(lines, tailLine{text: l})
		}
		if s.more > 0 {
			lines = append(lines, tailLine{text: fmt.Sprintf("%s %d more lines", p.marks.ellipsis, s.more), level: command.LevelPlain})
		}
		dst = p.quote(dst, "      ", lines)
	}
	return dst
}

// totals is the last line.
func (p *printer) totals(dst []byte) []byte {
	count := p.counts()
	var parts []string
	code := green
	for _, c := range []struct {
		n    int
		word string
		code string
	}{
		{count.passed, "passed", green}, {count.failed, "failed", red},
		{count.cancelled + count.running, "cancelled", yellow}, {count.skipped, "skipped", ""},
	} {
		if c.n == 0 {
			continue
		}
		if code != red && c.code != "" {
			code = c.code
		}
		noun := ""
		if len(parts) == 0 {
			noun = " job"
			if c.n > 1 {
				noun = " jobs"
			}
		}
		parts = append(parts, strconv.Itoa(c.n)+noun+" "+c.word)
	}
	return append(p.style.append(dst, code, strings.Join(parts, ", ")+" in "+seconds(p.elapsed())), '\n')
}

// counts says how many jobs there are of each kind.
type counts struct{ running, passed, failed, cancelled, skipped int }

func (m *model) counts() counts {
	var c counts
	for _, j := range m.jobs() {
		switch {
		case j.finished == nil:
			c.running++
		case j.finished.Conclusion == plan.Success:
			c.passed++
		case j.finished.Conclusion == plan.Failure:
			c.failed++
		case j.finished.Conclusion == plan.Skipped:
			c.skipped++
		default:
			c.cancelled++
		}
	}
	return c
}

// elapsed is the time of all runs together, in seconds.
func (m *model) elapsed() float64 {
	var begun []*run
	for _, r := range m.runs {
		if r.begun {
			begun = append(begun, r)
		}
	}
	if len(begun) == 1 && begun[0].finished != nil && begun[0].finished.Seconds > 0 {
		return begun[0].finished.Seconds
	}
	end := time.Now()
	if len(begun) > 0 && !slices.ContainsFunc(begun, func(r *run) bool { return r.finished == nil || r.finished.Time.IsZero() }) {
		end = begun[0].finished.Time
		for _, r := range begun {
			if r.finished.Time.After(end) {
				end = r.finished.Time
			}
		}
	}
	return end.Sub(m.started).Seconds()
}
