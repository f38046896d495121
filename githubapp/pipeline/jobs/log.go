package jobs

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Log writes the events of jobs as lines, and keeps why one failed.
type Log struct {
	Out     io.Writer
	Several bool // jobs, which the lines of steps name

	mu     sync.Mutex
	failed []string
	steps  map[plan.LegID]string // the failed step of a job
}

// Emit is called from several goroutines.
func (l *Log) Emit(e runner.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e := e.(type) {
	case runner.StepStarted:
		if e.Step.Phase == runner.Main {
			l.line(e.Job, "Step: "+e.Step.Name)
		}
	case runner.Line:
		if e.Level != command.LevelDebug {
			l.line(e.Job, e.Text)
		}
	case runner.StepFinished:
		if e.Conclusion == plan.Failure && l.steps[e.Job] == "" {
			if l.steps == nil {
				l.steps = map[plan.LegID]string{}
			}
			l.steps[e.Job] = fmt.Sprintf("step %q: %s", e.Step.Name, e.Reason)
		}
	case runner.Noticed:
		fmt.Fprintln(l.Out, e.Text)
	case runner.JobFinished:
		if e.Conclusion == plan.Success || e.Conclusion == plan.Skipped {
			return
		}
		why := e.Reason
		if step := l.steps[e.Job]; step != "" {
			why = step
		}
		if e.FirstError != nil && why == "" {
			why = e.FirstError.Message
		}
		l.failed = append(l.failed, strings.TrimSuffix(fmt.Sprintf("job %q: %s", e.Name, why), ": "))
	}
}

func (l *Log) line(job plan.LegID, text string) {
	if l.Several {
		text = string(job) + ": " + text
	}
	fmt.Fprintln(l.Out, text)
}

// Failure is why jobs did not pass; look says where to find more.
func (l *Log) Failure(conclusion plan.Conclusion, look string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.failed)
	why := strings.Join(l.failed, "; ")
	if why == "" {
		why = "it ended as " + string(conclusion)
	}
	if look != "" {
		why += ": see " + look
	}
	return errors.New(why)
}
