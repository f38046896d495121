package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
)

const (
	headPrefix   = "head/"     // + repository/ref: the last commits that we were told of
	repairPrefix = "repaired/" // + repository/ref/commit: what was planned without its webhook
	recentHeads  = 10
	repairsKept  = 30 * 24 * time.Hour // GitHub redelivers no longer than that
)

// Recent are the last commits of a ref that deliveries told of, the newest last.
// Refs of pull requests are refs/pull/N/head.
func Recent(ctx context.Context, values store.Values, id store.RepositoryID, ref string) ([]string, error) {
	data, err := values.Value(ctx, headName(id, ref))
	if err != nil || data == nil {
		return nil, err
	}
	return strings.Fields(string(data)), nil
}

func headName(id store.RepositoryID, ref string) string {
	return fmt.Sprintf("%s%d/%s", headPrefix, id, ref)
}

// moved is the ref that an event moves, and the commit that it is at then.
func moved(c *cause) (ref, sha string) {
	switch {
	case c.name == "push":
		return c.facts.Ref, c.facts.After
	case (c.name == "pull_request" || c.name == "pull_request_target") && c.pull.Number != 0:
		return fmt.Sprintf("refs/pull/%d/head", c.pull.Number), c.pull.Head.SHA
	}
	return "", ""
}

// repair is a push that was planned without its webhook.
type repair struct {
	At time.Time        `json:"at"`
	By store.DeliveryID `json:"by,omitempty"` // the webhook, when it came after all
}

// repaired notes where the ref is now. It is true for a webhook that comes after
// the reconciler has planned what it tells; each such webhook is believed lost once.
func (i *Intake) repaired(ctx context.Context, d store.Delivery, c *cause) (bool, error) {
	ref, sha := moved(c)
	switch {
	case ref == "":
		return false, nil
	case sha == "" || c.name != "push" && c.Action == "closed":
		return false, i.put(ctx, headName(c.repo.ID, ref), nil) // nobody compares it any more
	}
	name := fmt.Sprintf("%s%d/%s/%s", repairPrefix, c.repo.ID, ref, sha)
	if d.Headers[source] == fromRepair {
		data, err := i.o.Store.Value(ctx, name)
		if err == nil && data == nil {
			data, _ = json.Marshal(repair{At: i.o.Now()}) //nolint:errchkjson // a time
			err = i.put(ctx, name, data)
		}
		return false, errors.Join(err, i.noteHead(ctx, c.repo.ID, ref, sha))
	}
	if err := i.noteHead(ctx, c.repo.ID, ref, sha); err != nil {
		return false, err
	}
	if c.name != "push" && c.Action != "opened" && c.Action != "synchronize" {
		return false, nil
	}
	for {
		data, err := i.o.Store.Value(ctx, name)
		if err != nil || data == nil {
			return false, err
		}
		var r repair
		if err := json.Unmarshal(data, &r); err != nil {
			return false, fmt.Errorf("read value %q: %w", name, err)
		}
		if r.By != "" {
			return r.By == d.ID, nil // another one is another push of the same commit
		}
		r.By = d.ID
		value, err := json.Marshal(r)
		if err != nil {
			return false, fmt.Errorf("note value %q: %w", name, err)
		}
		if err = i.o.Store.SwapValue(ctx, name, data, value); !errors.Is(err, store.ErrConflict) {
			return err == nil, err
		}
	}
}

// noteMove notes where a ref is that moved without starting anything, so that
// nobody takes the webhook for lost.
func (i *Intake) noteMove(ctx context.Context, d store.Delivery, h head) error {
	if d.Event != "push" && d.Event != "pull_request" {
		return nil
	}
	c, err := newCause(d.Event, d, h)
	if err != nil {
		return &ended{fate: store.Failed, reason: err.Error()}
	}
	if ref, sha := moved(c); ref != "" && sha != "" {
		return i.noteHead(ctx, c.repo.ID, ref, sha)
	}
	return nil
}

func (i *Intake) noteHead(ctx context.Context, id store.RepositoryID, ref, sha string) error {
	name := headName(id, ref)
	for {
		data, err := i.o.Store.Value(ctx, name)
		if err != nil {
			return err
		}
		heads := strings.Fields(string(data))
		if len(heads) > 0 && heads[len(heads)-1] == sha {
			return nil
		}
		heads = append(slices.DeleteFunc(heads, func(s string) bool { return s == sha }), sha)
		heads = heads[max(0, len(heads)-recentHeads):]
		if err = i.o.Store.SwapValue(ctx, name, data, []byte(strings.Join(heads, " "))); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

func (i *Intake) pruneRepairs(ctx context.Context) error {
	values, err := i.o.Store.ListValues(ctx, repairPrefix)
	if err != nil {
		return err
	}
	for name, data := range values {
		var r repair
		if json.Unmarshal(data, &r) == nil && i.o.Now().Sub(r.At) < repairsKept {
			continue
		}
		if err := i.put(ctx, name, nil); err != nil {
			return err
		}
	}
	return nil
}

// Repair is the delivery of an event whose webhook was lost: a push, or a pull
// request opened or changed. Stored twice it is one; its runs have the Origin that
// those of the webhook have.
func Repair(about repository.About, name, ref, sha string, sender json.RawMessage, fields map[string]any, now time.Time) (store.Delivery, error) {
	if sender != nil {
		fields["sender"] = sender
	}
	body, err := payload(about, store.Actor{Login: "ghost"}, fields) // who did it is not known, GitHub's word for it
	return store.Delivery{
		ID:    store.DeliveryID(fmt.Sprintf("repair-%d-%s-%s", about.Ref.ID, strings.ReplaceAll(ref, "/", "-"), sha)),
		Event: name, Headers: map[string]string{source: fromRepair}, Body: body, Received: now,
	}, err
}
