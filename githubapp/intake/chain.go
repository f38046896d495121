package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/trust"
	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// maxLevels of workflows that start each other.
// GitHub docs: events-that-trigger-workflows: workflow_run: at most three levels
const maxLevels = 3

// runDelivery names the delivery that tells of a run. The level is in its name, so
// that it outlives the delivery in the runs that came of it.
var runDelivery = regexp.MustCompile(`^run-\d+-\d+-[a-z]+-L(\d+)$`)

// levelOf is the level of what a delivery starts, 0 when it tells of no run.
func levelOf(id store.DeliveryID) int {
	m := runDelivery.FindStringSubmatch(string(id))
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return maxLevels + 1
	}
	return n
}

// Completed tells those workflows that listen to workflow_run that a run has ended.
// It may be called at any time and again: the story is a delivery, and is stored
// once for each attempt of a run. A run that has not ended is no error.
func (i *Intake) Completed(ctx context.Context, id store.RunID) error {
	run, err := i.o.Store.Run(ctx, id)
	if err != nil {
		return fmt.Errorf("tell of run %d: %w", id, err)
	}
	if run.State != store.Completed {
		return nil
	}
	return i.tell(ctx, run, "completed")
}

// requested tells of runs that were made. A server that dies just then leaves this
// one out; that they end is never left out.
func (i *Intake) requested(ctx context.Context, made []store.Made) {
	for _, m := range made {
		if !m.New {
			continue
		}
		run, err := i.o.Store.Run(ctx, m.ID)
		if err == nil {
			err = i.tell(ctx, run, "requested")
		}
		if err != nil {
			i.log.WarnContext(ctx, "tell of a run", "run", int64(m.ID), "error", err)
		}
	}
}

// tell stores the delivery of a run's story, unless nobody listens.
func (i *Intake) tell(ctx context.Context, run *store.Run, action string) error {
	level := 1
	if run.Event == "workflow_run" {
		level = levelOf(run.Delivery) + 1
	}
	listens, err := i.listens(ctx, run.Repository)
	if err != nil || !listens || level > maxLevels+1 { // one more, so that its fate says why
		return err
	}
	k, err := i.known(ctx, run.Repository)
	if err != nil || k == nil || k.Off != "" {
		return err
	}
	about, err := i.o.Reader.About(ctx, k.Ref())
	if kind := repository.KindOf(err); kind != "" {
		return nil // nobody can listen any more
	}
	if err != nil {
		return err
	}
	body, err := payload(about, run.Actor, map[string]any{
		"action": action, "workflow_run": i.story(run, action, about),
		"workflow": map[string]any{"id": workflowID(run.Workflow), "name": run.Name, "path": run.Workflow, "state": "active"},
	})
	if err != nil {
		return err
	}
	headers := map[string]string{source: fromRun}
	if zone := trust.Zone(run.Zone); zone == trust.Fork || zone == trust.ForkTarget {
		headers[taint] = run.Zone
	}
	return i.add(ctx, store.Delivery{
		ID:    store.DeliveryID(fmt.Sprintf("run-%d-%d-%s-L%d", run.ID, run.Attempt, action, level)),
		Event: "workflow_run", Headers: headers, Body: body, Received: i.o.Now(),
	})
}

// listens tells whether somebody on the default branch wants to know of runs; when
// that was not read yet, it may be.
func (i *Intake) listens(ctx context.Context, id store.RepositoryID) (bool, error) {
	data, err := i.o.Store.Value(ctx, defaultPrefix+digits(int64(id)))
	if err != nil || data == nil {
		return true, err
	}
	var l learned
	if err := json.Unmarshal(data, &l); err != nil {
		return false, fmt.Errorf("read the default branch of repository %d: %w", id, err)
	}
	return l.Listens, nil
}

// story is the workflow_run object. GitHub docs: webhook-events-and-payloads: workflow_run
func (i *Intake) story(run *store.Run, action string, about repository.About) map[string]any {
	var p struct{ Contexts map[string]expr.Value }
	_ = json.Unmarshal(run.Plan, &p) // a run that could not be planned has none
	payload := field(p.Contexts["github"], "event")
	_, branch := event.SplitRef(run.Ref)
	headRepository := any(about.Raw)
	pulls := []any{}
	if pull := field(payload, "pull_request"); !pull.IsNull() {
		branch = fieldText(pull, "head", "ref")
		headRepository = field(pull, "head", "repo")
		if field(pull, "head", "repo", "id").Equal(field(pull, "base", "repo", "id")) {
			pulls = append(pulls, map[string]any{"id": field(pull, "id"), "number": field(pull, "number"), "url": field(pull, "url"),
				"head": map[string]any{"ref": field(pull, "head", "ref"), "sha": field(pull, "head", "sha")},
				"base": map[string]any{"ref": field(pull, "base", "ref"), "sha": field(pull, "base", "sha")},
			})
		}
	}
	actor := map[string]any{"id": run.Actor.ID, "login": run.Actor.Login}
	api := strings.TrimSuffix(i.o.Endpoints.API, "/") + "/repos/" + about.Ref.FullName()
	status, conclusion := string(run.State), any(nil)
	if action == "completed" {
		conclusion = string(run.Conclusion)
	}
	return map[string]any{
		"id": run.ID, "name": run.Name, "display_title": run.Title, "path": run.Workflow, "workflow_id": workflowID(run.Workflow),
		"run_number": run.Number, "run_attempt": run.Attempt, "event": run.Event, "status": status, "conclusion": conclusion,
		"head_branch": branch, "head_sha": run.HeadSHA, "head_repository": headRepository, "repository": about.Raw, "pull_requests": pulls,
		"head_commit": map[string]any{"id": run.HeadSHA, "message": fieldText(payload, "head_commit", "message")},
		"actor":       actor, "triggering_actor": actor, "url": fmt.Sprintf("%s/actions/runs/%d", api, run.ID),
		"created_at": stamp(run.Created), "run_started_at": stamp(run.Started), "updated_at": stamp(run.Finished),
	}
}

// workflowID is a number for a workflow, which has none here.
func workflowID(path string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(path))
	return h.Sum64() >> 12 // below 2^53
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

const (
	sweepBack   = 48 * time.Hour      // how long ago a run ended whose story may be missing, at the start
	sweepOld    = 40 * 24 * time.Hour // a run takes 35 days at most
	learnAtOnce = 100
)

// sweep finds what a dead process left undone: runs that ended without a story,
// repositories whose default branch nobody has read.
func (i *Intake) sweep(ctx context.Context) error {
	return errors.Join(i.sweepRuns(ctx), i.learnNew(ctx))
}

func (i *Intake) sweepRuns(ctx context.Context) error {
	now := i.o.Now()
	i.mu.Lock()
	since := i.swept.Add(-sweepEvery)
	i.mu.Unlock()
	if now.Sub(since) > sweepBack {
		since = now.Add(-sweepBack)
	}
	filter := store.RunFilter{States: []store.State{store.Completed}, Limit: 500}
	for {
		runs, err := i.o.Store.ListRuns(ctx, filter)
		if err != nil {
			return err
		}
		for n := range runs {
			r := &runs[n]
			filter.Before = r.ID
			if r.Finished.Before(since) {
				continue
			}
			if told, err := i.told(ctx, r); err != nil || told {
				if err != nil {
					return err
				}
				continue
			}
			if err := i.Completed(ctx, r.ID); err != nil {
				return err
			}
		}
		if len(runs) < filter.Limit || now.Sub(runs[len(runs)-1].Created) > sweepOld {
			i.mu.Lock()
			i.swept = now
			i.mu.Unlock()
			return nil
		}
	}
}

// told tells whether the story of a run that has ended is stored.
func (i *Intake) told(ctx context.Context, run *store.Run) (bool, error) {
	listens, err := i.listens(ctx, run.Repository)
	if err != nil || !listens {
		return true, err
	}
	level := 1
	if run.Event == "workflow_run" {
		level = levelOf(run.Delivery) + 1
	}
	_, err = i.o.Store.Delivery(ctx, store.DeliveryID(fmt.Sprintf("run-%d-%d-completed-L%d", run.ID, run.Attempt, level)))
	if errors.Is(err, store.ErrNotFound) {
		return level > maxLevels+1, nil
	}
	return err == nil, err
}

// learnNew reads the default branches of repositories that came with an installation.
func (i *Intake) learnNew(ctx context.Context) error {
	all, err := Repositories(ctx, i.o.Store)
	if err != nil {
		return err
	}
	n := 0
	var failures []error
	for _, k := range all {
		value, err := i.o.Store.Value(ctx, defaultPrefix+digits(int64(k.ID)))
		if err != nil {
			return err
		}
		if value != nil || k.Off != "" || n >= learnAtOnce {
			continue
		}
		n++
		err = i.learnTip(ctx, k)
		switch repository.KindOf(err) {
		case "":
			failures = append(failures, err)
		case repository.Gone:
			failures = append(failures, i.off(ctx, k.ID, k.Installation, offDeleted))
		default:
			i.log.WarnContext(ctx, "read a default branch", "repository", k.Ref().FullName(), "error", err)
		}
	}
	return errors.Join(failures...)
}
