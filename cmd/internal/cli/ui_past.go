package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/api/stored"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner/history"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// pastRuns shows the recorded runs of this machine as the API's Backend.
type pastRuns struct{ *app }

var (
	_ api.Backend   = pastRuns{}
	_ api.Artifacts = pastRuns{}
)

func (p pastRuns) view(r *history.Run) api.Run {
	n, _ := strconv.ParseInt(string(r.ID), 10, 64)
	v := api.Run{
		ID: store.RunID(n), Number: int64(r.Number), Attempt: r.Attempt, Attempts: p.history().Attempts(r), Repository: r.Repository,
		Workflow: r.File, Name: r.Workflow, Title: r.Title, Event: r.Event, Ref: r.Ref, SHA: r.SHA, HeadSHA: r.SHA, Actor: r.Actor,
		State: store.Completed, Conclusion: r.Conclusion, Created: r.Started, Started: r.Started, Finished: r.Finished,
	}
	switch p.status(r) {
	case history.Running:
		v.State = store.InProgress
	case history.Died:
		v.Conclusion, v.Reason = plan.Failure, "it died: its process ended before the run did"
	}
	if r.Incomplete != "" {
		v.Reason = "the record ends early: " + r.Incomplete
	}
	return v
}

// Runs implements api.Backend.
func (p pastRuns) Runs(_ context.Context, q api.Query) ([]api.Run, error) {
	same := func(have, want string) bool { return want == "" || strings.EqualFold(have, want) }
	past := p.history().Runs(q.Limit, func(r *history.Run) bool {
		v := p.view(r)
		text := strings.ToLower(v.Title + "\n" + v.Name + "\n" + v.Repository)
		return (q.Before == 0 || v.ID < q.Before) && same(v.Repository, q.Repository) && (q.Workflow == "" || isWorkflow(r, q.Workflow)) &&
			same(v.Event, q.Event) && (same(v.Ref, q.Branch) || same(strings.TrimPrefix(v.Ref, "refs/heads/"), q.Branch)) && same(v.Actor, q.Actor) &&
			same(string(v.State), string(q.State)) && same(string(v.Conclusion), string(q.Conclusion)) &&
			strings.Contains(text, strings.ToLower(q.Text)) && q.Delivery == ""
	})
	runs := make([]api.Run, len(past))
	for i, r := range past {
		runs[i] = p.view(r)
	}
	return runs, nil
}

func (p pastRuns) find(id store.RunID, attempt int) (*history.Run, error) {
	r, err := p.history().Run(executor.RunID(strconv.FormatInt(int64(id), 10)), attempt)
	if errors.Is(err, history.ErrNoRun) {
		return nil, fmt.Errorf("read run %d: %w", id, store.ErrNotFound)
	}
	return r, err
}

// Head implements api.Backend.
func (p pastRuns) Head(_ context.Context, id store.RunID) (api.Run, error) {
	r, err := p.find(id, 0)
	if err != nil {
		return api.Run{}, err
	}
	return p.view(r), nil
}

// Run implements api.Backend.
func (p pastRuns) Run(_ context.Context, id store.RunID, attempt int) (api.Run, error) {
	r, err := p.find(id, attempt)
	if err != nil {
		return api.Run{}, err
	}
	v := p.view(r)
	jobs, err := p.history().Jobs(r)
	if err != nil {
		return api.Run{}, err
	}
	for _, j := range jobs {
		v.Jobs = append(v.Jobs, pastJob(j, v.State))
		for _, n := range j.Annotations {
			v.Annotations = append(v.Annotations, api.Annotation{
				Job: j.ID, Step: n.StepNumber, Level: string(n.Level), Title: n.Title, Message: n.Message, File: n.File, Line: n.Line, Column: n.Column,
			})
		}
	}
	if planned, err := p.history().Plan(r, nil); err == nil { // without it there is only no graph
		if data, err := json.Marshal(planned); err == nil {
			_ = stored.AddGraph(&v, data)
		}
	}
	return v, nil
}

func pastJob(j *history.Job, run store.State) api.Job {
	v := api.Job{
		ID: j.ID, Name: j.Name, State: store.InProgress, Conclusion: j.Conclusion, Reason: j.Reason, Executor: j.Executor, Image: j.Image,
		Started: j.Started, Finished: j.Finished, Summary: j.Summary,
	}
	if j.Conclusion != "" || run == store.Completed {
		v.State = store.Completed
	}
	for _, s := range j.Steps {
		step := api.Step{
			Number: s.Step.Number, Name: s.Step.Name, Phase: string(s.Step.Phase), State: store.InProgress, Conclusion: s.Conclusion, Reason: s.Reason,
			Started: s.Started, Seconds: s.Seconds, ExitCode: s.ExitCode,
		}
		if s.Conclusion != "" || run == store.Completed {
			step.State = store.Completed
		}
		v.Steps = append(v.Steps, step)
	}
	return v
}

// Summaries implements api.Backend.
func (p pastRuns) Summaries(_ context.Context, id store.RunID, attempt int) ([]api.Summary, error) {
	r, err := p.find(id, attempt)
	if err != nil {
		return nil, err
	}
	jobs, err := p.history().Jobs(r)
	if err != nil {
		return nil, err
	}
	var all []api.Summary
	for _, j := range jobs {
		text, err := p.history().Summary(r, j)
		if err != nil {
			return nil, err
		}
		if text != "" {
			all = append(all, api.Summary{Job: j.ID, Markdown: text})
		}
	}
	return all, nil
}

// Events implements api.Backend: a sequence number is a place in the record. A
// chunk without data only says that it was read up to there.
func (p pastRuns) Events(_ context.Context, s store.Stream, after store.Sequence, limit int) ([]api.Chunk, error) {
	r, err := p.find(s.Run, s.Attempt)
	if err != nil {
		return nil, err
	}
	lines, next, err := p.history().Lines(r, int64(after), limit)
	if err != nil || next == int64(after) {
		return nil, err
	}
	return []api.Chunk{{Sequence: store.Sequence(next), Data: ofJob(lines, s.Job)}}, nil
}

// ofJob keeps the lines of a job; "" is of none. A line names its job before any
// text that somebody else chose.
func ofJob(lines []byte, job plan.LegID) []byte {
	const key = `"job":`
	quoted, _ := json.Marshal(job)
	var kept []byte
	for line := range bytes.Lines(lines) {
		_, rest, has := bytes.Cut(line, []byte(key))
		if job == "" && !has || job != "" && bytes.HasPrefix(rest, quoted) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// Ended implements api.Backend.
func (p pastRuns) Ended(_ context.Context, s store.Stream) (bool, error) {
	r, err := p.find(s.Run, s.Attempt)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return p.status(r) != history.Running, nil
}

func (p pastRuns) cancel(id store.RunID, force bool) error {
	r, err := p.find(id, 0)
	if err != nil {
		return err
	}
	if p.status(r) != history.Running {
		return fmt.Errorf("cancel run %d: %w", id, queue.ErrCompleted)
	}
	return p.history().Cancel(r.ID, force)
}

// ListArtifacts implements api.Artifacts.
func (p pastRuns) ListArtifacts(ctx context.Context, id store.RunID) ([]api.Artifact, error) {
	r, err := p.find(id, 0)
	if err != nil {
		return nil, err
	}
	service, done, err := p.kept(r)
	if err != nil {
		return nil, err
	}
	defer done()
	list, err := service.List(ctx, string(r.ID))
	if err != nil {
		return nil, err
	}
	var all []api.Artifact
	at := map[string]int{} // of several attempts the last one's
	for _, one := range list {
		v := api.Artifact{Name: one.Name, Bytes: one.Size, Created: one.Created, Expires: one.Expires, Digest: one.Digest}
		if i, ok := at[one.Name]; ok {
			all[i] = v
			continue
		}
		at[one.Name] = len(all)
		all = append(all, v)
	}
	return all, nil
}

// OpenArtifact implements api.Artifacts.
func (p pastRuns) OpenArtifact(ctx context.Context, id store.RunID, name string) (io.ReadCloser, int64, error) {
	r, err := p.find(id, 0)
	if err != nil {
		return nil, 0, err
	}
	service, done, err := p.kept(r)
	if err != nil {
		return nil, 0, err
	}
	content, _, err := service.Open(ctx, string(r.ID), name)
	if err != nil {
		done()
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("open artifact %q of run %d: %w", name, id, store.ErrNotFound)
		}
		return nil, 0, err
	}
	return closing{content, done}, -1, nil
}

// closing closes what stands behind a reader, too.
type closing struct {
	io.ReadCloser
	done func()
}

func (c closing) Close() error {
	defer c.done()
	return c.ReadCloser.Close()
}
