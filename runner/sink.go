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
	m := s.masker.MaskShown
	switch ev := e.(type) {
	case Line: // there are millions: the event is made again only if it changes
		if text := m(ev.Text); text != ev.Text {
			ev.Text = text
			return ev
		}
		return e
	case JobStarted:
		ev.Workflow, ev.Name, ev.Image = m(ev.Workflow), m(ev.Name), m(ev.Image)
		return ev
	case JobFinished: // its other texts come from a masked Result
		ev.Workflow, ev.Name, ev.Reason = m(ev.Workflow), m(ev.Name), m(ev.Reason)
		return ev
	case JobRequeued:
		ev.Workflow, ev.Name, ev.Reason = m(ev.Workflow), m(ev.Name), m(ev.Reason)
		return ev
	case StepStarted:
		ev.Step.Name = m(ev.Step.Name)
		return ev
	case StepFinished:
		ev.StepResult = s.result(ev.StepResult)
		return ev
	case Annotated:
		ev.Annotation = s.annotation(ev.Annotation)
		return ev
	case Summarised:
		ev.Markdown = m(ev.Markdown)
		return ev
	case Noticed:
		ev.Text = m(ev.Text)
		return ev
	case RunStarted:
		ev.Workflow, ev.File, ev.Event, ev.Ref, ev.SHA = m(ev.Workflow), m(ev.File), m(ev.Event), m(ev.Ref), m(ev.SHA)
		return ev
	case RunFinished:
		ev.Workflow = m(ev.Workflow)
		return ev
	}
	return e
}

func (s maskedSink) result(r StepResult) StepResult {
	r.Step.Name, r.Reason = s.masker.MaskShown(r.Step.Name), s.masker.MaskShown(r.Reason)
	return r
}

func (s maskedSink) annotation(a command.Annotation) command.Annotation {
	m := s.masker.MaskShown
	a.Message, a.Title, a.File, a.Code = command.Shortened(m(a.Message)), m(a.Title), m(a.File), m(a.Code)
	return a
}

// masked is a Result that may leave the job. Its outputs hold no secret
// already; Infra keeps its kind.
func (x *execution) masked(r Result) Result {
	s := maskedSink{masker: x.masker}
	r.Reason = x.masker.MaskShown(r.Reason)
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
		r.Infra = maskedError{r.Infra, x.masker.MaskShown(r.Infra.Error())}
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
