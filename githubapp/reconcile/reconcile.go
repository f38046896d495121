package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
)

// Options of New.
type Options struct {
	Store  store.Store
	Reader *repository.Reader
	App    *github.Client // speaks as the App itself
	Events []string       // that are worth a redelivery: webhook.Events()
	Wake   func()         // called when deliveries were added; may be nil

	Every  time.Duration // between passes; 0: 5 min
	Grace  time.Duration // that a webhook may take; 0: 10 min
	Budget int           // requests of a pass, about; 0: 300
	Log    *slog.Logger
	Now    func() time.Time
}

// Reconciler repairs what was lost.
type Reconciler struct{ o Options }

// New makes a Reconciler; Run starts it.
func New(o Options) *Reconciler {
	if o.Every <= 0 {
		o.Every = 5 * time.Minute
	}
	if o.Grace <= 0 {
		o.Grace = 10 * time.Minute
	}
	if o.Budget <= 0 {
		o.Budget = 300
	}
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Reconciler{o: o}
}

// Run makes a pass now and then until the context ends.
func (r *Reconciler) Run(ctx context.Context) error {
	for {
		mine, err := r.turn(ctx)
		if err == nil && mine {
			var found Found
			if found, err = r.Pass(ctx); found != (Found{}) {
				r.o.Log.InfoContext(ctx, "reconciled with GitHub", "redelivered", found.Redelivered, "repaired", found.Repaired)
			}
		}
		if err != nil && ctx.Err() == nil {
			r.o.Log.ErrorContext(ctx, "reconcile with GitHub", "error", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(r.o.Every / 5):
		}
	}
}

// turn takes the next pass, unless another server has it. One that dies in the
// middle leaves the rest to the pass after.
func (r *Reconciler) turn(ctx context.Context) (bool, error) {
	const name = "reconcile/turn"
	old, err := r.o.Store.Value(ctx, name)
	if err != nil {
		return false, err
	}
	now := r.o.Now()
	if at, err := strconv.ParseInt(string(old), 10, 64); err == nil && now.Unix() < at {
		return false, nil
	}
	err = r.o.Store.SwapValue(ctx, name, old, []byte(strconv.FormatInt(now.Add(r.o.Every).Unix(), 10)))
	if errors.Is(err, store.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

// Found is what a pass did.
type Found struct {
	Redelivered int // deliveries that GitHub was asked for again
	Repaired    int // pushes and pull requests that no webhook told of
}

// Pass looks once. Several at a time do no harm.
func (r *Reconciler) Pass(ctx context.Context) (Found, error) {
	var found Found
	budget := r.o.Budget
	var err, errHeads error
	if found.Redelivered, err = r.deliveries(ctx, &budget); err != nil {
		err = fmt.Errorf("look for lost deliveries: %w", err)
	}
	if behind, errBehind := r.behind(ctx); errBehind != nil || behind {
		return found, errors.Join(err, errBehind)
	}
	if found.Repaired, errHeads = r.heads(ctx, &budget); errHeads != nil {
		errHeads = fmt.Errorf("compare heads: %w", errHeads)
	}
	return found, errors.Join(err, errHeads)
}

// behind tells whether deliveries wait for so long that heads would be taken for
// lost that are only not planned yet.
func (r *Reconciler) behind(ctx context.Context) (bool, error) {
	list, err := r.o.Store.ListDeliveries(ctx, store.DeliveryFilter{Fate: store.Pending, Event: "push", Before: r.o.Now().Add(-r.o.Grace / 2), Limit: 1})
	return len(list) > 0, err
}
