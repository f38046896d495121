package artifact

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// unfinishedTime is longer than any job may upload.
const unfinishedTime = 7 * 24 * time.Hour

// Expire removes the artifacts whose time is over, and what is left of those
// whose run's folder was removed by hand. It says how many artifacts went.
func (s *Service) Expire(ctx context.Context) (int, error) {
	claimed := map[int64]time.Time{}
	for info, err := range s.store.List(ctx, idPrefix) {
		if err != nil {
			return 0, fmt.Errorf("expire artifacts: %w", err)
		}
		text := strings.TrimSuffix(strings.TrimPrefix(info.Key, idPrefix), ".json")
		if id, err := strconv.ParseInt(text, 10, 64); err == nil {
			claimed[id] = info.Modified
		}
	}
	gone := 0
	for id, since := range claimed {
		if err := ctx.Err(); err != nil {
			return gone, context.Cause(ctx)
		}
		a, err := s.byID(ctx, id)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err = nil; s.now().Sub(since) > unfinishedTime {
				err = s.store.Delete(ctx, idKey(id))
			}
		case err == nil && a.expired(s.now()):
			if err = s.remove(ctx, a); err == nil {
				gone++
			}
		}
		if err != nil { // one that cannot be read must not keep the others
			s.log.Warn("expire an artifact", "id", id, "err", err)
		}
	}
	return gone, nil
}
