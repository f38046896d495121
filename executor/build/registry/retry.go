package registry

import (
	"context"
	"log/slog"
	"time"
)

// tries at one request or one upload; the pauses between them double.
const (
	tries      = 6
	firstPause = 200 * time.Millisecond
)

// patience repeats what may pass, by default for about six seconds.
type patience struct {
	pause time.Duration
	log   *slog.Logger
}

func (p patience) retry(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		if err == nil || try == tries || ctx.Err() != nil || !passing(err) {
			return err
		}
		p.log.DebugContext(ctx, "a registry is tried again", "try", try, "error", err)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(p.pause):
		}
		p.pause *= 2
	}
}
