package stored

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/store"
)

// repositories of runs are looked up again after this time.
const rememberRepositories = 2 * time.Second

// Repositories implements api.Directory, Workflows below too.
func (b *Backend) Repositories(ctx context.Context) ([]api.Repository, error) {
	if b.Options.Repositories != nil {
		return b.Options.Repositories(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Now().Before(b.until) {
		return slices.Clone(b.repos), nil
	}
	runs, err := b.Store.ListRuns(ctx, store.RunFilter{Limit: scanned})
	if err != nil {
		return nil, fmt.Errorf("list repositories: %w", err)
	}
	b.repos = nil
	seen := map[store.RepositoryID]bool{}
	for _, r := range runs {
		if !seen[r.Repository] {
			seen[r.Repository] = true
			b.repos = append(b.repos, api.Repository{ID: r.Repository, Installation: r.Installation, Name: r.RepositoryName})
		}
	}
	slices.SortFunc(b.repos, func(x, y api.Repository) int { return strings.Compare(x.Name, y.Name) })
	if len(b.repos) > 0 { // the first one is to be seen at once
		b.until = time.Now().Add(rememberRepositories)
	}
	return slices.Clone(b.repos), nil
}

// repository is the number of a repository, 0 when none has that name.
func (b *Backend) repository(ctx context.Context, name string) (store.RepositoryID, error) {
	all, err := b.Repositories(ctx)
	if err != nil {
		return 0, err
	}
	for _, r := range all {
		if strings.EqualFold(r.Name, name) {
			return r.ID, nil
		}
	}
	return 0, nil
}

// Workflows implements api.Directory.
func (b *Backend) Workflows(ctx context.Context, r api.Repository, ref string) ([]api.Workflow, error) {
	if b.Options.Workflows == nil {
		return nil, nil
	}
	return b.Options.Workflows(ctx, r, ref)
}

// Deliveries implements api.Ledger.
func (b *Backend) Deliveries(ctx context.Context, f api.LedgerFilter) ([]api.Delivery, error) {
	list, err := b.Store.ListDeliveries(ctx, store.DeliveryFilter{Fate: f.Fate, Event: f.Event, Before: f.Before, Limit: f.Limit})
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	out := make([]api.Delivery, len(list))
	for i := range list {
		out[i] = delivery(&list[i])
	}
	return out, nil
}

func delivery(d *store.Delivery) api.Delivery {
	return api.Delivery{ID: d.ID, Event: d.Event, Received: d.Received, Settled: d.Settled, Fate: d.Fate, Reason: d.Reason, Attempts: d.Attempts}
}

const maxPayload = 1 << 20 // that is shown

// Delivery implements api.Ledger.
func (b *Backend) Delivery(ctx context.Context, id store.DeliveryID) (api.Delivery, error) {
	d, err := b.Store.Delivery(ctx, id)
	if err != nil {
		return api.Delivery{}, fmt.Errorf("read delivery %q: %w", id, err)
	}
	out := delivery(d)
	if len(d.Body) <= maxPayload && utf8.Valid(d.Body) {
		out.Payload = string(d.Body)
	}
	why, err := b.Store.Value(ctx, "why/"+string(id))
	if err != nil {
		return api.Delivery{}, fmt.Errorf("read why delivery %q did what it did: %w", id, err)
	}
	if len(why) > 0 {
		if err := json.Unmarshal(why, &out.Why); err != nil {
			return api.Delivery{}, fmt.Errorf("read why delivery %q did what it did: %w", id, err)
		}
	}
	return out, nil
}

const shownItems = 500

// Queue implements api.Work.
func (b *Backend) Queue(ctx context.Context) (api.Queue, error) {
	items, err := b.Store.ListQueue(ctx, 0, shownItems)
	if err != nil {
		return api.Queue{}, fmt.Errorf("list the queue: %w", err)
	}
	backlogs, err := b.Store.Backlogs(ctx)
	if err != nil {
		return api.Queue{}, fmt.Errorf("list what waits: %w", err)
	}
	names := map[store.RepositoryID]string{}
	if all, err := b.Repositories(ctx); err == nil {
		for _, r := range all {
			names[r.ID] = r.Name
		}
	}
	q := api.Queue{Items: make([]api.QueueItem, len(items)), Backlogs: make([]api.Backlog, len(backlogs))}
	for i, it := range items {
		q.Items[i] = api.QueueItem{
			Run: it.Key.Run, Attempt: it.Key.Attempt, Job: it.Key.Job, Repository: names[it.Repository], Labels: it.Labels,
			Priority: it.Priority, Enqueued: it.Enqueued, Tries: it.Tries, Worker: it.Worker, Due: it.Due, Cancel: it.Cancel,
		}
	}
	for i, l := range backlogs {
		q.Backlogs[i] = api.Backlog(l)
	}
	return q, nil
}
