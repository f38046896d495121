package artifact

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

const (
	maxRecord = 1 << 20  // bytes of an Artifact as JSON
	maxFiles  = 64 << 20 // bytes of a list of files
	readers   = 8        // records read at once, for a store that is far away
)

// place says where the artifact of an id is.
type place struct {
	Record string `json:"record"`
}

// readJSON reads a small blob.
func (s *Service) readJSON(ctx context.Context, key string, limit int64, into any) error {
	body, err := s.store.Open(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, limit))
	if err != nil {
		return fmt.Errorf("read %q: %w", key, err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %q: %w", key, err)
	}
	return nil
}

// records reads the artifacts whose records begin with prefix, expired ones
// left out, in the order of their ids.
func (s *Service) records(ctx context.Context, prefix string) ([]Artifact, error) {
	var keys []string
	folder := strings.LastIndexByte(prefix, '/') + 1
	for info, err := range s.store.List(ctx, prefix) {
		if err != nil {
			return nil, fmt.Errorf("list artifacts: %w", err)
		}
		if strings.HasSuffix(info.Key, ".json") && !strings.Contains(info.Key[folder:], "/") {
			keys = append(keys, info.Key)
		}
	}
	found := make([]Artifact, len(keys))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, key := range keys {
		group.Go(func() error {
			err := s.readJSON(groupCtx, key, maxRecord, &found[i])
			if errors.Is(err, fs.ErrNotExist) { // deleted meanwhile
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("list artifacts: %w", err)
	}
	now := s.now()
	found = slices.DeleteFunc(found, func(a Artifact) bool { return a.ID == 0 || a.expired(now) })
	slices.SortFunc(found, func(a, b Artifact) int { return cmp.Compare(a.ID, b.ID) })
	return found, nil
}

// ofRun is what a run of a repository has made with today's protocol, oldest
// first; name "" is every name.
func (s *Service) ofRun(ctx context.Context, repository, run, name string) ([]Artifact, error) {
	prefix := runPrefix(run)
	if name != "" {
		prefix = namePrefix(repository, run, name)
	}
	all, err := s.records(ctx, prefix)
	return slices.DeleteFunc(all, func(a Artifact) bool {
		return a.Loose || a.Run != run || !strings.EqualFold(a.Repository, repository)
	}), err
}

// newest is the artifact of that name: of several attempts the last one's.
func (s *Service) newest(ctx context.Context, repository, run, name string) (Artifact, error) {
	all, err := s.ofRun(ctx, repository, run, name)
	if err != nil {
		return Artifact{}, err
	}
	if len(all) == 0 {
		return Artifact{}, notFound("there is no artifact with the name %q in this run", name)
	}
	return all[len(all)-1], nil
}

// byID finds an artifact of any run; the error of an unknown one is fs.ErrNotExist.
func (s *Service) byID(ctx context.Context, id int64) (Artifact, error) {
	if id <= 0 {
		return Artifact{}, fmt.Errorf("artifact %d: %w", id, fs.ErrNotExist)
	}
	var at place
	if err := s.readJSON(ctx, idKey(id), maxRecord, &at); err != nil {
		return Artifact{}, fmt.Errorf("artifact %d: %w", id, err)
	}
	var a Artifact
	if err := s.readJSON(ctx, at.Record, maxRecord, &a); err != nil {
		return Artifact{}, fmt.Errorf("artifact %d: %w", id, err)
	}
	if a.ID != id { // another one has the name by now
		return Artifact{}, fmt.Errorf("artifact %d: %w", id, fs.ErrNotExist)
	}
	return a, nil
}

// claimID finds an id that no other artifact has and notes where its record
// will be. Ids are the time in microseconds: they grow, also over restarts, and
// JavaScript reads them without loss.
func (s *Service) claimID(ctx context.Context, record string) (int64, error) {
	text, err := json.Marshal(place{Record: record})
	if err != nil {
		return 0, fmt.Errorf("number an artifact: %w", err)
	}
	for {
		id := s.nextID()
		_, err = s.store.Create(ctx, idKey(id), text)
		if errors.Is(err, fs.ErrExist) { // of another process on this store
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("number an artifact: %w", err)
		}
		return id, nil
	}
}

func (s *Service) nextID() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID = max(s.lastID+1, s.now().UnixMicro())
	return s.lastID
}

// remove deletes an artifact. Its record goes first: what cannot be found
// cannot be read half.
func (s *Service) remove(ctx context.Context, a Artifact) error {
	keys := []string{a.recordKey(), a.contentKey(), idKey(a.ID)}
	if a.Loose {
		for info, err := range s.store.List(ctx, a.folder()) {
			if err != nil {
				return fmt.Errorf("delete artifact %q: %w", a.Name, err)
			}
			keys = append(keys, info.Key)
		}
	}
	for _, key := range keys {
		if err := s.store.Delete(ctx, key); err != nil {
			return fmt.Errorf("delete artifact %q: %w", a.Name, err)
		}
	}
	return nil
}
