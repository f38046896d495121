package term

import (
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// maxAligned is the longest job name that others are aligned with.
const maxAligned = 32

// printer formats what scrolls by, on a pipe and on a terminal.
type printer struct {
	*model
	box     *outbox
	options Options
	style   style
	marks   marks

	stamp     string // the time of the event, if it is to be shown
	aligned   int    // width of the prefixes
	alignedAt int    // for which names
}

// plainView prints lines with a prefix.
type plainView struct{ printer }

func (v *plainView) event(run *run, e runner.Event) {
	j := v.apply(run, e)
	if n, ok := e.(runner.Noticed); ok {
		v.notice(n)
		return
	}
	if v.options.Quiet {
		if f, ok := e.(runner.JobFinished); ok && f.Conclusion != plan.Success && f.Conclusion != plan.Skipped {
			v.box.cur = v.jobEnd(v.box.cur, j)
		}
		return
	}
	if v.options.Times {
		v.stamp = stamp(e)
	}
	v.box.cur = v.scroll(v.box.cur, run, j, e)
}

func (v *plainView) finish() {
	if !v.options.Log {
		v.box.cur = v.appendSummary(v.box.cur)
	}
}

// stamp is the time of an event that scrolls by.
func stamp(e runner.Event) string {
	var at time.Time
	switch e := e.(type) {
	case runner.JobStarted:
		at = e.Time
	case runner.JobFinished:
		at = e.Time
	case runner.JobRequeued:
		at = e.Time
	case runner.StepStarted:
		at = e.Time
	case runner.StepFinished:
		at = e.Time
	case runner.Line:
		at = e.Time
	}
	return at.Local().Format("2006-01-02 15:04:05.000 ")
}

// notice writes a remark on the run; remarks go to the other stream, so that
// they are seen when the log goes to a file.
func (p *printer) notice(e runner.Noticed) {
	if p.options.Quiet && e.Level != command.LevelError && e.Level != command.LevelWarning {
		return
	}
	p.box.to(p.options.Err)
	p.box.cur = p.remark(p.box.cur, e)
	p.box.to(p.options.Out)
}

func (p *printer) remark(dst []byte, e runner.Noticed) []byte {
	label, code := tag(e.Level)
	for text := range strings.SplitSeq(e.Text, "\n") {
		dst = p.style.append(dst, code, label)
		dst = append(dst, clean(text, bool(p.style))...)
		dst = append(dst, '\n')
		label = ""
	}
	return dst
}

// scroll appends the lines that e is worth.
func (p *printer) scroll(dst []byte, run *run, j *job, e runner.Event) []byte {
	switch e := e.(type) {
	case runner.Line:
		return p.line(dst, j, e)
	case runner.RunStarted:
		return append(p.style.append(dst, bold, "Run "+title(run)), '\n')
	case runner.JobStarted:
		dst = append(p.prefix(dst, j), "started ("...)
		dst = append(dst, j.place...)
		return append(dst, ")\n"...)
	case runner.JobRequeued:
		return append(append(p.style.append(p.prefix(dst, j), yellow, "is run again: "), flat(e.Reason)...), '\n')
	case runner.StepStarted:
		dst = p.style.append(p.prefix(dst, j), bold, "> "+stepName(e.Step))
		return append(dst, '\n')
	case runner.StepFinished:
		_, code := p.marks.of(e.Outcome, e.Conclusion)
		sign := "< "
		if e.Conclusion == plan.Skipped {
			sign = "- "
		}
		dst = p.style.append(p.prefix(dst, j), code, sign+stepName(e.Step)+": "+outcome(e.StepResult))
		return append(dst, '\n')
	case runner.JobFinished:
		return p.jobEnd(dst, j)
	}
	return dst
}

// line appends a line of a step; a text with newlines becomes several.
func (p *printer) line(dst []byte, j *job, e runner.Line) []byte {
	if e.Level == command.LevelEndGroup {
		return dst
	}
	label, code := tag(e.Level)
	label += j.at
	for rest, more := e.Text, true; more; {
		var text string
		text, rest, more = strings.Cut(rest, "\n")
		dst = p.prefix(dst, j)
		if text = clean(text, bool(p.style)); e.Level == command.LevelGroup || e.Level == command.LevelDebug {
			dst = p.style.append(dst, code, label+text)
		} else {
			dst = p.style.append(dst, code, label)
			dst = append(dst, text...)
		}
		dst = append(dst, '\n')
		label = ""
	}
	return dst
}

// jobEnd tells how a job ended and, if it failed, where and why.
func (p *printer) jobEnd(dst []byte, j *job) []byte {
	f := j.finished
	_, code := p.marks.of(f.Conclusion, f.Conclusion)
	text := string(f.Conclusion)
	if f.Conclusion != plan.Skipped {
		text += " in " + seconds(f.Seconds)
	}
	switch a := f.FirstError; {
	case f.Conclusion == plan.Failure && a != nil && a.File != "":
		text += ": " + where(a) + ": " + firstLine(a.Message)
	case f.Reason != "":
		text += ": " + firstLine(f.Reason)
	case f.Conclusion == plan.Failure && a != nil:
		text += ": " + firstLine(a.Message)
	}
	return append(p.style.append(p.prefix(dst, j), code, text), '\n')
}

// prefix appends "[job] ", aligned with the other jobs' that are known.
func (p *printer) prefix(dst []byte, j *job) []byte {
	if j.prefixAt != p.names {
		j.prefix, j.prefixAt = p.newPrefix(j), p.names
	}
	dst = p.style.append(dst, dim, p.stamp)
	return append(dst, j.prefix...)
}

func (p *printer) newPrefix(j *job) string {
	if p.alignedAt != p.names {
		p.aligned, p.alignedAt = 0, p.names
		for _, o := range p.jobs() {
			if w := width(p.label(o)); w <= maxAligned {
				p.aligned = max(p.aligned, w)
			}
		}
	}
	label := p.label(j)
	return string(p.style.append(nil, cyan, "["+label+"]")) + pad("", p.aligned-width(label)) + " "
}

// title names a run: workflow, event, file.
func title(r *run) string {
	var in []string
	for _, s := range []string{r.event, strings.TrimPrefix(strings.TrimPrefix(r.ref, "refs/heads/"), "refs/tags/")} {
		if s != "" {
			in = append(in, s)
		}
	}
	if len(r.sha) >= 7 {
		in = append(in, flat(r.sha[:7]))
	}
	s := r.label
	if len(in) > 0 {
		s += " (" + strings.Join(in, ", ") + ")"
	}
	if r.file != "" && r.file != r.workflow {
		s += " from " + r.file
	}
	return s
}
