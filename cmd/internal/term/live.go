package term

import (
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// alone is how long a job must be the only one before its log scrolls by:
// the legs of a matrix start a little after each other.
const alone = 300 * time.Millisecond

// liveView keeps a tree of the running jobs at the bottom of the terminal;
// what is over scrolls up above it. A job that runs alone shows its whole log
// there, a job among others shows only its last lines in the tree.
type liveView struct {
	printer
	// stream is the job whose log scrolls by; until it is sure to be alone
	// its lines are held back.
	stream *job
	sure   bool
	held   []byte
	short  bool // the terminal is too low for a log and a status line
}

func (v *liveView) event(run *run, e runner.Event) {
	j := v.apply(run, e)
	switch e := e.(type) {
	case runner.Noticed:
		v.box.cur = v.remark(v.box.cur, e) // another stream may be the same terminal
		return
	case runner.RunStarted:
		v.box.cur = append(v.style.append(v.box.cur, bold, title(run)), '\n')
		return
	}
	if v.options.Verbose {
		v.box.cur = v.scroll(v.box.cur, run, j, e)
		return
	}
	if f, ok := e.(runner.JobFinished); ok {
		v.jobFinished(j, f)
		return
	}
	switch e := e.(type) {
	case runner.JobStarted:
		v.jobStarted(j)
	case runner.JobRequeued:
		v.jobRequeued(j, e)
		return
	}
	if j == nil {
		return
	}
	if v.stream != j {
		if f, ok := e.(runner.StepFinished); ok && f.Conclusion == plan.Failure {
			v.box.cur = v.stepFailed(v.box.cur, j, f.StepResult)
		}
		return
	}
	v.settle(time.Now())
	if v.sure {
		v.box.cur = v.log(v.box.cur, j, e)
	} else {
		v.held = v.log(v.held, j, e)
	}
}

// jobStarted decides whose log scrolls by.
func (v *liveView) jobStarted(j *job) {
	if len(v.running()) == 1 && !v.short {
		v.stream, v.sure, v.held = j, false, nil
		return
	}
	v.stream, v.held = nil, nil
}

// settle lets the lines go that were held back, when their job has been alone
// for long enough.
func (v *liveView) settle(now time.Time) {
	if v.stream != nil && !v.sure && now.Sub(v.stream.started) >= alone {
		v.sure = true
		v.box.cur = append(v.box.cur, v.held...)
		v.held = nil
	}
}

func (v *liveView) jobFinished(j *job, f runner.JobFinished) {
	if v.stream == j {
		v.box.cur = append(v.box.cur, v.held...)
		v.stream, v.held = nil, nil
	}
	mark, code := v.marks.of(f.Conclusion, f.Conclusion)
	dst := v.style.append(v.box.cur, code, mark)
	dst = append(dst, ' ')
	dst = v.style.append(dst, bold, v.label(j))
	if f.Conclusion != plan.Skipped {
		dst = append(dst, "  "+seconds(f.Seconds)...)
		dst = v.style.append(dst, dim, "  "+plural(len(j.steps), "step"))
	}
	if f.Reason != "" {
		dst = v.style.append(dst, dim, "  "+firstLine(f.Reason))
	}
	v.box.cur = append(dst, '\n')
}

// jobRequeued shows what the job has told so far, and that it begins again.
func (v *liveView) jobRequeued(j *job, e runner.JobRequeued) {
	if v.stream == j {
		v.box.cur = append(v.box.cur, v.held...)
		v.stream, v.held = nil, nil
	}
	dst := v.style.append(v.box.cur, yellow, v.label(j)+" is run again: ")
	v.box.cur = append(append(dst, firstLine(e.Reason)...), '\n')
}

// stepFailed shows the last lines of a step whose log did not scroll by.
func (v *liveView) stepFailed(dst []byte, j *job, s runner.StepResult) []byte {
	dst = v.style.append(dst, red, v.marks.failed+" "+v.label(j)+": "+stepName(s.Step))
	dst = append(dst, "  "+seconds(s.Seconds)...)
	dst = append(dst, '\n')
	return v.quote(dst, "  ", j.tail.last(s.Step.Number, failureLines))
}

// log appends the log of a job that is alone.
func (v *liveView) log(dst []byte, j *job, e runner.Event) []byte {
	switch e := e.(type) {
	case runner.JobStarted:
		dst = v.style.append(dst, bold, v.marks.started+" "+v.label(j))
		dst = v.style.append(dst, dim, "  "+j.place)
		return append(dst, '\n')
	case runner.StepStarted:
		dst = v.style.append(dst, cyan, v.marks.group+stepName(e.Step))
		return append(dst, '\n')
	case runner.StepFinished:
		mark, code := v.marks.of(e.Outcome, e.Conclusion)
		dst = v.style.append(dst, code, mark+" "+stepName(e.Step))
		if e.Conclusion != plan.Skipped {
			dst = append(dst, "  "+seconds(e.Seconds)...)
		}
		if e.Reason != "" {
			dst = v.style.append(dst, dim, "  "+firstLine(e.Reason))
		}
		return append(dst, '\n')
	case runner.Line:
		return v.logLine(dst, j, e)
	}
	return dst
}

func (v *liveView) finish() {
	v.box.cur = append(v.box.cur, v.held...)
	v.held, v.stream = nil, nil
	v.box.cur = v.appendSummary(v.box.cur)
}
