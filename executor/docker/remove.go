package docker

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/drydock-ci/drydock/executor"
)

// removal collects errors of things removed at the same time.
type removal struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

func (r *removal) do(f func() error) {
	r.wg.Go(func() {
		if err := f(); err != nil {
			r.mu.Lock()
			r.errs = append(r.errs, err)
			r.mu.Unlock()
		}
	})
}

func (r *removal) wait() error {
	r.wg.Wait()
	return errors.Join(r.errs...)
}

// remove takes a place away: all containers at once, then what they held.
func remove(ctx context.Context, c *connection, containers []string, network string, volumes []string) error {
	var first, then removal
	for _, id := range containers {
		first.do(func() error { return removeContainer(ctx, c, id) })
	}
	err := first.wait()
	if network != "" {
		then.do(func() error { return removeNetwork(ctx, c, network) })
	}
	for _, v := range volumes {
		then.do(func() error { return removeVolume(ctx, c, v) })
	}
	return errors.Join(err, then.wait())
}

// removeContainer kills and removes; it returns when the container is gone,
// also when the engine's own auto-removal was quicker.
func removeContainer(ctx context.Context, c *connection, id string) error {
	op := "remove container " + short(id)
	err := c.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if gone(err) {
		return nil
	}
	if !beingRemoved(err) {
		return fail(op, err)
	}
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		if _, err := c.api.ContainerInspect(ctx, id); gone(err) && err != nil {
			return nil //nolint:nilerr // that it is gone is what we wait for
		}
		if !sleep(ctx, pause) {
			return &executor.Error{Op: op, Kind: executor.Failed, Err: context.Cause(ctx)}
		}
	}
}

// removeNetwork waits a little for endpoints that are just going away.
func removeNetwork(ctx context.Context, c *connection, id string) error {
	pause := 50 * time.Millisecond
	for range 6 {
		err := c.api.NetworkRemove(ctx, id)
		if gone(err) {
			return nil
		}
		if !strings.Contains(err.Error(), "active endpoints") || !sleep(ctx, pause) {
			return fail("remove network "+short(id), err)
		}
		pause *= 2
	}
	return fail("remove network "+short(id), c.api.NetworkRemove(ctx, id))
}

func removeVolume(ctx context.Context, c *connection, name string) error {
	if err := c.api.VolumeRemove(ctx, name, true); !gone(err) {
		return fail("remove volume "+short(name), err)
	}
	return nil
}

// sleep waits; false means that ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
