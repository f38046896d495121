package worker

import (
	"strings"
	"sync"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/mask"
)

// steps makes the events of a pipeline those of a job: it hides secrets, keeps the
// results of steps, and leaves out what is told of the whole.
type steps struct {
	to   runner.Sink
	mask *mask.Masker

	mu  sync.Mutex
	all []runner.StepResult
}

func newSteps(to runner.Sink, secrets []string) *steps {
	return &steps{to: to, mask: mask.New(secrets...)}
}

// Emit is called from several goroutines.
func (s *steps) Emit(e runner.Event) {
	switch e := e.(type) {
	case runner.StepStarted:
		s.to.Emit(e)
	case runner.Line:
		e.Text = s.mask.Mask(e.Text)
		s.to.Emit(e)
	case runner.Noticed:
		e.Text = s.mask.Mask(e.Text)
		s.to.Emit(e)
	case runner.Summarised:
		e.Markdown = s.mask.Mask(e.Markdown)
		s.to.Emit(e)
	case runner.StepFinished:
		e.Reason = s.mask.Mask(e.Reason)
		s.mu.Lock()
		s.all = append(s.all, e.StepResult)
		s.mu.Unlock()
		s.to.Emit(e)
	}
}

func (s *steps) results() []runner.StepResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

// cell makes a text one cell of a table in Markdown, whatever it holds.
func cell(text string) string {
	text = strings.NewReplacer("\\", "\\\\", "|", "\\|", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "<", "&lt;", "\r", "", "\n", " ").Replace(text)
	return text
}
