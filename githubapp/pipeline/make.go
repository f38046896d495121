package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/drydock-ci/drydock/githubapp/pipeline/affected"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// make takes one service through its stages.
func (r *run) make(ctx context.Context, result *Result, d affected.Decision) error {
	s := r.plan.Services.Lookup(d.Name)
	request := Request{Service: s, Folder: r.Folder, Commit: r.Commit, Epoch: r.Epoch, Needs: r.made(d)}
	var err error
	if request.Version, request.Tags, err = r.Version(s); err != nil {
		return err
	}
	result.Version = request.Version
	if d.Problem != "" {
		return errors.New(d.Problem)
	}
	if d.Decision == affected.Skip {
		if !r.Push || s.Build.Workflow.Given() && r.NoJobs != "" {
			result.Outcome = Unchanged
			return nil
		}
		known, err := r.retag(ctx, result, request)
		if known || err != nil {
			return err
		}
		result.Reason = "no earlier image of it is known"
		r.Sink.Emit(runner.Noticed{Time: r.Now(), Level: "notice", Text: d.Name + " is not affected, but no earlier image of it is known: it is built"})
	}
	if r.Tester != nil && s.Test != nil {
		if err := r.stage(ctx, result, StageTest, func(log io.Writer) error { return r.Tester.Test(ctx, request, log) }); err != nil {
			return err
		}
	}
	if s.Build.Workflow.Given() && r.NoJobs != "" {
		result.Outcome, result.Reason = Unchanged, r.NoJobs
		return nil
	}
	err = r.stage(ctx, result, StageBuild, func(log io.Writer) (err error) {
		result.Image, err = r.Builder.Build(ctx, request, log)
		return err
	})
	if err != nil {
		return err
	}
	if r.Push {
		if err := r.publish(ctx, result, request); err != nil {
			return err
		}
	}
	result.Outcome = Built
	return r.notify(ctx, result, request)
}

// made are the images of this run that a service is made from.
func (r *run) made(d affected.Decision) map[string]Image {
	needs := map[string]Image{}
	for _, need := range d.Needs {
		image := r.Made[need]
		if at, ok := r.index[need]; ok {
			image = r.results[at].Image
		}
		if s := r.plan.Services.Lookup(need); s != nil && image.Digest != "" {
			needs[declaration.FullImage(s.Image.Text)] = image
		}
	}
	return needs
}

// retag gives the last image of a service the new tags; known is false when there
// is none.
func (r *run) retag(ctx context.Context, result *Result, request Request) (known bool, err error) {
	if r.Ledger == nil {
		return false, nil
	}
	image, known, err := r.Ledger.Last(ctx, result.Service)
	if err != nil {
		return false, fmt.Errorf("find the last image of %q: %w", result.Service, err)
	}
	if !known {
		return false, nil
	}
	err = r.stage(ctx, result, StageRetag, func(log io.Writer) error { return r.Builder.Retag(ctx, request, image, log) })
	if err != nil {
		return true, err
	}
	result.Image, result.Tags, result.Outcome = image, request.Tags, Retagged
	return true, nil
}

// publish pushes image and chart. The chart comes second: it names the image.
func (r *run) publish(ctx context.Context, result *Result, request Request) error {
	err := r.stage(ctx, result, StagePush, func(log io.Writer) error { return r.Builder.Push(ctx, request, result.Image, log) })
	if err != nil {
		return err
	}
	result.Tags = request.Tags
	if r.Charter != nil && request.Service.Chart != nil {
		err := r.stage(ctx, result, StageChart, func(log io.Writer) (err error) {
			result.Chart, err = r.Charter.Chart(ctx, request, result.Image, log)
			return err
		})
		if err != nil {
			return err
		}
	}
	if r.Ledger == nil {
		return nil
	}
	if err := r.Ledger.Record(ctx, request, result.Image); err != nil {
		return fmt.Errorf("keep the digest of %q for later runs: %w", result.Service, err)
	}
	return nil
}

// notify tells everybody that the service asks for; one that cannot be reached does
// not keep the others from hearing.
func (r *run) notify(ctx context.Context, result *Result, request Request) error {
	if r.Notifier == nil || !r.Push || len(request.Service.Notify) == 0 {
		return nil
	}
	return r.stage(ctx, result, StageNotify, func(io.Writer) error {
		var all []error
		for _, to := range request.Service.Notify {
			all = append(all, r.Notifier.Notify(ctx, to, request, *result))
		}
		return errors.Join(all...)
	})
}

// stage runs one stage, tells about it and keeps its time.
func (r *run) stage(ctx context.Context, result *Result, name StageName, do func(log io.Writer) error) (err error) {
	if ctx.Err() != nil {
		return &stopped{context.Cause(ctx)}
	}
	job := r.Job(result.Service)
	ref := runner.StepRef{Number: len(result.Stages) + 1, ID: string(name), Name: string(name), Phase: runner.Main}
	started := r.Now()
	r.Sink.Emit(runner.StepStarted{Time: started, Job: job, Step: ref})
	log := &lines{emit: func(text string) {
		r.Sink.Emit(runner.Line{Time: r.Now(), Job: job, Step: ref.Number, Text: text})
	}}
	defer func() {
		if p := recover(); p != nil { // builders read strangers' files
			err = fmt.Errorf("internal error: %v\n%s", p, debug.Stack())
		}
		log.flush()
		stage := Stage{Name: name, Took: r.Now().Sub(started)}
		e := runner.StepResult{Step: ref, Outcome: plan.Success, Seconds: stage.Took.Seconds()}
		switch {
		case err != nil && ctx.Err() != nil:
			stage.Error, e.Outcome, e.Reason = err.Error(), plan.Cancelled, err.Error()
			err = &stopped{context.Cause(ctx)}
		case err != nil:
			stage.Error, e.Outcome, e.Reason = err.Error(), plan.Failure, err.Error()
			err = fmt.Errorf("%s: %w", name, err)
		}
		e.Conclusion = e.Outcome
		result.Stages = append(result.Stages, stage)
		r.Sink.Emit(runner.StepFinished{Time: r.Now(), Job: job, StepResult: e})
	}()
	return do(log)
}

// lines makes lines of what a stage writes. One that does not end is cut.
type lines struct {
	emit func(string)

	mu   sync.Mutex
	rest []byte
}

const maxLine = 64 << 10

// Write keeps what has no end yet.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 && len(l.rest) < maxLine {
			return len(p), nil
		}
		next := i + 1
		if i < 0 {
			i, next = maxLine, maxLine
		}
		l.emit(strings.TrimSuffix(string(l.rest[:i]), "\r"))
		l.rest = l.rest[next:]
	}
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.emit(string(l.rest))
		l.rest = nil
	}
}
