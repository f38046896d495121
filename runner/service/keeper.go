package service

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/runner/service/blob"
)

// keepEvery is how often what is too old is removed. The time is noted in the
// store, so that a laptop's short runs do not do it again and again.
const (
	keepEvery = 6 * time.Hour
	keepMark  = "services/cleaned-at"
)

// keeper removes what is too old, beside the work, once somebody uses the
// services.
type keeper struct {
	store blob.Store
	log   *slog.Logger
	jobs  []func(context.Context) error

	ctx   context.Context //nolint:containedctx // of the goroutine
	stop  context.CancelFunc
	start sync.Once
	group sync.WaitGroup
}

func newKeeper(store blob.Store, log *slog.Logger, jobs ...func(context.Context) error) *keeper {
	k := &keeper{store: store, log: log, jobs: jobs}
	k.ctx, k.stop = context.WithCancel(context.Background())
	return k
}

// wake begins keeping house at the first call.
func (k *keeper) wake() {
	k.start.Do(func() {
		k.group.Go(func() {
			for {
				k.once(k.ctx)
				select {
				case <-time.After(keepEvery):
				case <-k.ctx.Done():
					return
				}
			}
		})
	})
}

func (k *keeper) once(ctx context.Context) {
	info, err := k.store.Stat(ctx, keepMark)
	switch {
	case err == nil && time.Since(info.Modified) < keepEvery-time.Minute:
		return
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		k.log.Warn("remove what is too old", "err", err)
		return
	}
	for _, job := range k.jobs {
		err := job(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil { // one kind must not keep the others
			k.log.Warn("remove what is too old", "err", err)
		}
	}
	if _, err := k.store.Put(ctx, keepMark, strings.NewReader("\n"), 1); err != nil && ctx.Err() == nil {
		k.log.Warn("note that what is too old was removed", "err", err)
	}
}

// close ends it and waits.
func (k *keeper) close() {
	k.start.Do(func() {}) // nothing begins any more
	k.stop()
	k.group.Wait()
}
