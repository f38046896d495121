package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/drydock-ci/drydock/githubapp/store"
)

const (
	sinceName     = "reconcile/deliveries" // when the last look began that saw all
	keptByGitHub  = 3 * 24 * time.Hour     // GitHub docs: redelivering webhooks
	overlap       = time.Hour
	inFlight      = time.Minute // a delivery this young may be on its way
	maxRedelivery = 8           // of one webhook within the overlap
)

// heard is what GitHub tells of the attempts of one webhook.
type heard struct {
	last  *github.HookDelivery
	tries int
	ok    bool
}

// deliveries asks for what was sent and not taken again.
func (r *Reconciler) deliveries(ctx context.Context, budget *int) (redelivered int, err error) {
	now := r.o.Now()
	since := now.Add(-keptByGitHub)
	old, err := r.o.Store.Value(ctx, sinceName)
	if err != nil {
		return 0, err
	}
	if at, err := strconv.ParseInt(string(old), 10, 64); err == nil && time.Unix(at, 0).Add(-overlap).After(since) {
		since = time.Unix(at, 0).Add(-overlap)
	}
	all := map[string]*heard{}
	var order []string // the newest first
	whole := false
	for cursor := ""; !whole && *budget > 0; {
		*budget--
		page, res, err := r.o.App.Apps.ListHookDeliveries(ctx, &github.ListCursorOptions{PerPage: 100, Cursor: cursor})
		if err != nil {
			if res != nil && res.StatusCode == http.StatusNotFound {
				return 0, nil // a GitHub that does not keep them
			}
			return 0, err
		}
		for _, d := range page {
			if d.GetDeliveredAt().Before(since) {
				whole = true
				break
			}
			h := all[d.GetGUID()]
			if h == nil {
				h = &heard{last: d}
				all[d.GetGUID()] = h
				order = append(order, d.GetGUID())
			}
			h.tries++
			h.ok = h.ok || d.GetStatusCode()/100 == 2
		}
		cursor = res.Cursor
		whole = whole || cursor == "" || len(page) == 0
	}
	slices.Reverse(order)
	var failures []error
	for _, guid := range order {
		if *budget <= 0 {
			whole = false
			break
		}
		again, err := r.lost(ctx, guid, all[guid], now)
		if err != nil {
			return redelivered, err
		}
		if !again {
			continue
		}
		*budget--
		// 202 comes as an AcceptedError from go-github.
		_, _, err = r.o.App.Apps.RedeliverHookDelivery(ctx, all[guid].last.GetID())
		var accepted *github.AcceptedError
		if err != nil && !errors.As(err, &accepted) {
			failures = append(failures, fmt.Errorf("ask for delivery %q again: %w", guid, err))
			continue
		}
		redelivered++
	}
	if whole {
		err = r.o.Store.SwapValue(ctx, sinceName, old, []byte(strconv.FormatInt(now.Unix(), 10)))
		if errors.Is(err, store.ErrConflict) {
			err = nil // another server looked at the same time
		}
		failures = append(failures, err)
	} else {
		r.o.Log.WarnContext(ctx, "more deliveries than one pass can look at", "budget", r.o.Budget)
	}
	return redelivered, errors.Join(failures...)
}

// lost tells whether a webhook never came into the ledger.
func (r *Reconciler) lost(ctx context.Context, guid string, h *heard, now time.Time) (bool, error) {
	at := h.last.GetDeliveredAt().Time
	if guid == "" || h.tries > maxRedelivery || now.Sub(at) < min(inFlight, r.o.Grace) || !slices.Contains(r.o.Events, h.last.GetEvent()) {
		return false, nil
	}
	_, err := r.o.Store.Delivery(ctx, store.DeliveryID(guid))
	if errors.Is(err, store.ErrNotFound) {
		return true, nil // refused, or taken by a store that is no more
	}
	return false, err
}
