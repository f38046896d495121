package stored

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Options of New.
type Options struct {
	Store store.Store
	// Repositories are those that the App is installed on; nil: those of the
	// newest runs.
	Repositories func(context.Context) ([]api.Repository, error)
	// Workflows are those of a repository at a branch or tag; nil: none are known.
	Workflows func(ctx context.Context, r api.Repository, ref string) ([]api.Workflow, error)
}

// Backend implements api.Backend, api.Directory, api.Ledger and api.Work.
type Backend struct {
	Options
	graphs memory[store.RunID, *graph]
	folds  memory[store.JobKey, *fold]
	waits  memory[store.RunID, waits]

	mu    sync.Mutex
	repos []api.Repository // of the newest runs
	until time.Time
}

// New makes a Backend.
func New(o Options) *Backend {
	return &Backend{Options: o, graphs: newMemory[store.RunID, *graph](500), folds: newMemory[store.JobKey, *fold](2000), waits: newMemory[store.RunID, waits](500)}
}

var (
	_ api.Backend   = (*Backend)(nil)
	_ api.Directory = (*Backend)(nil)
	_ api.Ledger    = (*Backend)(nil)
	_ api.Work      = (*Backend)(nil)
)

const scanned = 1000 // runs that a filter looks at which the store does not know

// Runs implements api.Backend.
func (b *Backend) Runs(ctx context.Context, q api.Query) ([]api.Run, error) {
	f := store.RunFilter{
		Event: q.Event, Actor: q.Actor, Conclusion: q.Conclusion, Text: q.Text, Delivery: q.Delivery, Before: q.Before, Limit: q.Limit,
	}
	if q.State != "" {
		f.States = []store.State{q.State}
	}
	if q.Branch != "" {
		f.Ref = q.Branch
		if !strings.HasPrefix(q.Branch, "refs/") {
			f.Ref = "refs/heads/" + q.Branch
		}
	}
	if strings.Contains(q.Workflow, "/") { // else a name or a file's name
		f.Workflow = q.Workflow
	}
	if q.Repository != "" {
		id, err := b.repository(ctx, q.Repository)
		if err != nil || id == 0 {
			return nil, err
		}
		f.Repository = id
	}
	var out []api.Run
	for seen := 0; ; {
		if f.Workflow == "" && q.Workflow != "" {
			f.Limit = 100
		}
		runs, err := b.Store.ListRuns(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
		for i := range runs {
			if f.Workflow == "" && q.Workflow != "" && !isWorkflow(&runs[i], q.Workflow) {
				continue
			}
			out = append(out, head(&runs[i]))
			if q.Limit > 0 && len(out) == q.Limit {
				return out, nil
			}
		}
		seen += len(runs)
		if f.Workflow != "" || q.Workflow == "" || len(runs) < f.Limit || seen >= scanned {
			return out, nil
		}
		f.Before = runs[len(runs)-1].ID
	}
}

func isWorkflow(r *store.Run, name string) bool {
	base := path.Base(r.Workflow)
	return strings.EqualFold(r.Name, name) || base == name || strings.TrimSuffix(base, path.Ext(base)) == name
}

// head is a run without its jobs.
func head(r *store.Run) api.Run {
	out := api.Run{
		ID: r.ID, Number: r.Number, Attempt: r.Attempt, Repository: r.RepositoryName, RepositoryID: r.Repository, Installation: r.Installation,
		Workflow: r.Workflow, Name: r.Name, Title: r.Title, Event: r.Event, Action: r.Action,
		Ref: r.Ref, HeadRef: r.HeadRef, SHA: r.SHA, HeadSHA: r.HeadSHA, Actor: r.Actor.Login, Zone: r.Zone, Delivery: r.Delivery,
		State: r.State, Conclusion: r.Conclusion, Reason: r.Reason, Created: r.Created, Started: r.Started, Finished: r.Finished,
	}
	for n := 1; n <= r.Attempt; n++ {
		out.Attempts = append(out.Attempts, n)
	}
	return out
}

// row is a run without its plan.
func (b *Backend) row(ctx context.Context, id store.RunID) (*store.Run, error) {
	runs, err := b.Store.ListRuns(ctx, store.RunFilter{Before: id + 1, Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("read run %d: %w", id, err)
	}
	if len(runs) == 0 || runs[0].ID != id {
		return nil, fmt.Errorf("read run %d: %w", id, store.ErrNotFound)
	}
	return &runs[0], nil
}

// Head implements api.Backend.
func (b *Backend) Head(ctx context.Context, id store.RunID) (api.Run, error) {
	r, err := b.row(ctx, id)
	if err != nil {
		return api.Run{}, err
	}
	return head(r), nil
}

// Run implements api.Backend.
func (b *Backend) Run(ctx context.Context, id store.RunID, attempt int) (api.Run, error) {
	row, err := b.row(ctx, id)
	if err != nil {
		return api.Run{}, err
	}
	out := head(row)
	if attempt > row.Attempt {
		return api.Run{}, fmt.Errorf("read attempt %d of run %d: %w", attempt, id, store.ErrNotFound)
	}
	past := attempt != 0 && attempt != row.Attempt
	if attempt != 0 {
		out.Attempt = attempt
	}
	jobs, err := b.Store.ListJobs(ctx, id, out.Attempt)
	if err != nil {
		return api.Run{}, fmt.Errorf("list the jobs of run %d: %w", id, err)
	}
	g, err := b.graph(ctx, id)
	if err != nil {
		return api.Run{}, err
	}
	if past {
		ofPast(&out, jobs)
	}
	for i := range jobs {
		if err := b.addJob(ctx, &out, &jobs[i], g); err != nil {
			return api.Run{}, err
		}
	}
	g.complete(&out)
	if !past && row.State != store.Completed {
		if err := b.addWaits(ctx, &out, row); err != nil {
			return api.Run{}, err
		}
	}
	if own, err := b.fold(ctx, store.JobKey{Run: id, Attempt: out.Attempt}, false); err != nil {
		return api.Run{}, err
	} else if own != nil {
		out.Annotations = append(own.notes, out.Annotations...)
	}
	if len(out.Annotations) > maxAnnotations {
		out.Annotations = out.Annotations[:maxAnnotations]
	}
	return out, nil
}

const maxAnnotations = 1000

// addJob adds a job with what its events tell.
func (b *Backend) addJob(ctx context.Context, out *api.Run, j *store.Job, g *graph) error {
	node := nodeOf(j.Job)
	view := api.Job{
		ID: j.Job, Node: node, Needs: g.needs(node), Name: j.Name, State: j.State, Conclusion: j.Conclusion, Reason: j.Reason,
		Labels: j.Labels, Environment: j.Environment, Worker: j.Worker, Queued: j.Queued, Started: j.Started, Finished: j.Finished,
	}
	f, err := b.fold(ctx, j.JobKey, j.State == store.Completed)
	if err != nil {
		return err
	}
	if f != nil {
		view.Executor, view.Image, view.Steps, view.Summary = f.executor, f.image, f.steps, f.summaries > 0
		out.Annotations = append(out.Annotations, f.notes...)
	}
	out.Jobs = append(out.Jobs, view)
	return nil
}

// ofPast makes of a run what an earlier attempt of it was.
func ofPast(out *api.Run, jobs []store.Job) {
	out.State, out.Reason, out.Conclusion, out.Started, out.Finished = store.Completed, "", plan.Success, time.Time{}, time.Time{}
	worse := []plan.Conclusion{plan.Success, plan.Cancelled, plan.Failure}
	for _, j := range jobs {
		if slices.Index(worse, j.Conclusion) > slices.Index(worse, out.Conclusion) {
			out.Conclusion = j.Conclusion
		}
		if !j.Started.IsZero() && (out.Started.IsZero() || j.Started.Before(out.Started)) {
			out.Started = j.Started
		}
		if j.Finished.After(out.Finished) {
			out.Finished = j.Finished
		}
	}
}

// Summaries implements api.Backend.
func (b *Backend) Summaries(ctx context.Context, id store.RunID, attempt int) ([]api.Summary, error) {
	row, err := b.row(ctx, id)
	if err != nil {
		return nil, err
	}
	if attempt == 0 {
		attempt = row.Attempt
	}
	jobs, err := b.Store.ListJobs(ctx, id, attempt)
	if err != nil {
		return nil, fmt.Errorf("list the jobs of run %d: %w", id, err)
	}
	var out []api.Summary
	for _, j := range jobs {
		f, err := b.fold(ctx, j.JobKey, j.State == store.Completed)
		if err != nil {
			return nil, err
		}
		if f == nil || f.summaries == 0 {
			continue
		}
		found, err := b.readSummaries(ctx, j.JobKey)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// Events implements api.Backend.
func (b *Backend) Events(ctx context.Context, s store.Stream, after store.Sequence, limit int) ([]api.Chunk, error) {
	const most = 64 << 10 // of a chunk, about; see githubapp/queue
	events, err := b.Store.EventsSince(ctx, s, after, max(limit/most, 1))
	if err != nil {
		return nil, fmt.Errorf("read the events of job %q of run %d: %w", s.Job, s.Run, err)
	}
	chunks := make([]api.Chunk, len(events))
	for i, e := range events {
		chunks[i] = api.Chunk{Sequence: e.Sequence, Data: e.Data}
	}
	return chunks, nil
}

// Ended implements api.Backend.
func (b *Backend) Ended(ctx context.Context, s store.Stream) (bool, error) {
	row, err := b.row(ctx, s.Run)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil // pruned
	}
	if err != nil {
		return false, err
	}
	if row.State == store.Completed || row.Attempt > s.Attempt {
		return true, nil
	}
	if s.Job == "" {
		return false, nil
	}
	jobs, err := b.Store.ListJobs(ctx, s.Run, s.Attempt)
	if err != nil {
		return false, fmt.Errorf("list the jobs of run %d: %w", s.Run, err)
	}
	return slices.ContainsFunc(jobs, func(j store.Job) bool { return j.Job == s.Job && j.State == store.Completed }), nil
}

// graph is the plan's, remembered: a plan never changes.
func (b *Backend) graph(ctx context.Context, id store.RunID) (*graph, error) {
	if g, ok := b.graphs.find(id); ok {
		return g, nil
	}
	r, err := b.Store.Run(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read run %d: %w", id, err)
	}
	g, err := parseGraph(r.Plan)
	if err != nil {
		return nil, fmt.Errorf("read the plan of run %d: %w", id, err)
	}
	b.graphs.keep(id, g)
	return g, nil
}
