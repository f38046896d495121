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
	case JobFinished: // its other texts come from a masked Result
		e.Name, e.Reason = m(e.Name), m(e.Reason)
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

// masked is a Result that may leave the job. Its outputs hold no secret
// already; Infra keeps its kind.
func (x *execution) masked(r Result) Result {
	s := maskedSink{masker: x.masker}
	r.Reason = x.masker.Mask(r.Reason)
	steps := make([]StepResult, len(r.Steps))
	for i, step := range r.Steps {
		steps[i] = s.result(step)
	}
	r.Steps = steps
	if r.FirstError != nil {
		a := s.annotation(*r.FirstError)
		r.FirstError = &a
	}
	if r.Infra != nil {
		r.Infra = maskedError{r.Infra, x.masker.Mask(r.Infra.Error())}
	}
	return r
}

// maskedError shows a text without secrets and keeps the kind of its cause.
type maskedError struct {
	error
	text string
}

func (e maskedError) Error() string { return e.text }

func (e maskedError) Unwrap() error { return e.error }
