package runner

import (
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/runner/mask"
)

// maskedSink masks every text of every event before the real sink sees it.
type maskedSink struct {
	next   Sink
	masker *mask.Masker
}

func (s maskedSink) Emit(e Event) { s.next.Emit(s.masked(e)) }

func (s maskedSink) masked(e Event) Event {
	m := s.masker.Mask
	switch e := e.(type) {
	case JobStarted:
		e.Name = m(e.Name)
		return e
	case JobFinished:
		e.Name, e.Reason = m(e.Name), m(e.Reason)
		steps := make([]StepResult, len(e.Steps))
		for i, r := range e.Steps {
			steps[i] = s.result(r)
		}
		e.Steps = steps
		if e.FirstError != nil {
			a := s.annotation(*e.FirstError)
			e.FirstError = &a
		}
		return e
	case StepStarted:
		e.Step.Name = m(e.Step.Name)
		return e
	case StepFinished:
		e.StepResult = s.result(e.StepResult)
		return e
	case Line:
		e.Text = m(e.Text)
		return e
	case Annotated:
		e.Annotation = s.annotation(e.Annotation)
		return e
	case Summarised:
		e.Markdown = m(e.Markdown)
		return e
	case Noticed:
		e.Text = m(e.Text)
		return e
	case RunStarted, RunFinished:
		return e
	}
	return e
}

func (s maskedSink) result(r StepResult) StepResult {
	r.Step.Name, r.Reason = s.masker.Mask(r.Step.Name), s.masker.Mask(r.Reason)
	return r
}

func (s maskedSink) annotation(a command.Annotation) command.Annotation {
	m := s.masker.Mask
	a.Message, a.Title, a.File = m(a.Message), m(a.Title), m(a.File)
	return a
}
