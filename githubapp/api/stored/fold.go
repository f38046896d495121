package stored

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
)

// fold is what the events of a job tell, as far as they have been read. Lines of
// logs are passed over, so reading on costs little.
type fold struct {
	mu    sync.Mutex
	after store.Sequence
	whole bool // the job had ended when it was read

	executor, image string
	steps           []api.Step
	notes           []api.Annotation
	summaries       int
}

// fold reads on and gives a copy; nil when there is nothing.
func (b *Backend) fold(ctx context.Context, key store.JobKey, ended bool) (*fold, error) {
	f := b.folds.make(key, func() *fold { return &fold{} })
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.whole {
		const page = 32
		events, err := b.Store.EventsSince(ctx, key, f.after, page)
		if err != nil {
			return nil, fmt.Errorf("read the events of job %q of run %d: %w", key.Job, key.Run, err)
		}
		for _, e := range events {
			for line := range bytes.Lines(e.Data) {
				f.read(line)
			}
			f.after = e.Sequence
		}
		if len(events) < page {
			f.whole = ended
			break
		}
	}
	if f.after == 0 {
		return nil, nil
	}
	return &fold{executor: f.executor, image: f.image, steps: slices.Clone(f.steps), notes: slices.Clone(f.notes), summaries: f.summaries}, nil
}

var linePrefix = []byte(`{"type":"line"`)

func (f *fold) read(line []byte) {
	if bytes.HasPrefix(line, linePrefix) {
		return
	}
	e, err := runner.DecodeEvent(line)
	if err != nil {
		return // damaged, or of a later version
	}
	switch e := e.(type) {
	case runner.JobStarted: // perhaps again, when its first place was lost
		f.executor, f.image, f.steps, f.summaries = e.Executor, e.Image, nil, 0
	case runner.StepStarted:
		s := f.step(e.Step)
		s.State, s.Started = store.InProgress, e.Time
	case runner.StepFinished:
		f.finish(e.StepResult)
	case runner.JobFinished:
		for _, r := range e.Steps {
			f.finish(r)
		}
	case runner.Annotated:
		if len(f.notes) < maxAnnotations {
			f.notes = append(f.notes, api.Annotation{
				Job: e.Job, Step: e.Step, Level: string(e.Level), Title: e.Title, Message: e.Message, File: e.File, Line: e.Line, Column: e.Column,
			})
		}
	case runner.Noticed:
		if len(f.notes) < maxAnnotations {
			f.notes = append(f.notes, api.Annotation{Level: string(e.Level), Message: e.Text})
		}
	case runner.Summarised:
		f.summaries++
	}
}

func (f *fold) step(ref runner.StepRef) *api.Step {
	for i := range f.steps {
		if f.steps[i].Number == ref.Number {
			return &f.steps[i]
		}
	}
	at, _ := slices.BinarySearchFunc(f.steps, ref.Number, func(s api.Step, n int) int { return s.Number - n })
	f.steps = slices.Insert(f.steps, at, api.Step{Number: ref.Number, Name: ref.Name, Phase: string(ref.Phase)})
	return &f.steps[at]
}

func (f *fold) finish(r runner.StepResult) {
	s := f.step(r.Step)
	s.Name, s.Phase = r.Step.Name, string(r.Step.Phase)
	s.State, s.Conclusion, s.Reason, s.Seconds, s.ExitCode = store.Completed, r.Conclusion, r.Reason, r.Seconds, r.ExitCode
}

// readSummaries finds the summaries of a job among its events.
func (b *Backend) readSummaries(ctx context.Context, key store.JobKey) ([]api.Summary, error) {
	var out []api.Summary
	for after := store.Sequence(0); ; {
		events, err := b.Store.EventsSince(ctx, key, after, 32)
		if err != nil {
			return nil, fmt.Errorf("read the events of job %q of run %d: %w", key.Job, key.Run, err)
		}
		if len(events) == 0 {
			return out, nil
		}
		for _, e := range events {
			after = e.Sequence
			for line := range bytes.Lines(e.Data) {
				if bytes.HasPrefix(line, linePrefix) {
					continue
				}
				v, err := runner.DecodeEvent(line)
				if err != nil {
					continue
				}
				switch e := v.(type) {
				case runner.JobStarted: // as in read
					out = nil
				case runner.Summarised:
					out = append(out, api.Summary{Job: key.Job, Step: e.Step, Markdown: e.Markdown})
				}
			}
		}
	}
}
