package cache

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"time"
)

// save finishes a reservation: the blob gets its place, then the index file makes
// it an entry. What goes wrong between leaves a blob that Sweep removes.
func (s *Service) save(ctx context.Context, r *reservation, size int64) (Entry, error) {
	// A client that goes away now must not leave half of it.
	ctx = context.WithoutCancel(ctx)
	defer s.drop(r)
	key := newBlobKey(r.repository)
	info, err := s.uploads.Commit(ctx, r.upload, key, size, "")
	if err != nil {
		return Entry{}, err
	}
	e := Entry{
		Repository: r.repository, Scope: r.scope, Key: r.key, Version: r.version,
		Size: info.Size, Created: s.creation(), By: r.owner, Blob: key,
	}
	if err := s.enter(ctx, e); err != nil {
		return Entry{}, errors.Join(err, s.store.Delete(ctx, key))
	}
	return e, s.trim(ctx, e)
}

func (s *Service) enter(ctx context.Context, e Entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	err = s.index.add(ctx, e.identity(), text)
	if errors.Is(err, fs.ErrExist) {
		return failed(alreadyExists, "cache %q already exists: another run has saved it meanwhile", e.Key)
	}
	return err
}

// creation is now, but later than that of all entries before.
func (s *Service) creation() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now().UTC()
	if !now.After(s.created) {
		now = s.created.Add(time.Nanosecond)
	}
	s.created = now
	return now
}

// saved tells whether the job itself has saved this already: its first request
// succeeded, and the answer was lost.
func (s *Service) saved(ctx context.Context, a access, key, version string, size int64) (Entry, bool) {
	if a.write == "" {
		return Entry{}, false
	}
	e, err := s.index.entry(ctx, identity{a.repository, a.write, version, key})
	return e, err == nil && e.By == a.owner && (size < 0 || e.Size == size)
}
