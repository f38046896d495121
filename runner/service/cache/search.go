package cache

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
)

// search finds what a job restores. The scopes are the outer loop, the job's own
// ref first; in each, every key is tried as it is and then as a prefix, of which
// the newest entry counts. BuildKit relies on the latter for its index.
// docs.github.com: "Dependency caching reference", cache key matching
func (s *Service) search(ctx context.Context, a access, keys []string, version string) (Entry, bool, error) {
	keys, err := checkKeys(keys, version)
	if err != nil {
		return Entry{}, false, err
	}
	for _, scope := range a.read {
		e, found, err := s.searchScope(ctx, a.repository, scope, keys, version)
		if found {
			s.index.touch(ctx, e)
		}
		if found || err != nil {
			return e, found, err
		}
	}
	return Entry{}, false, nil
}

// checkKeys also drops repeated ones: BuildKit sends the key among the restore keys too.
func checkKeys(keys []string, version string) ([]string, error) {
	unique := make([]string, 0, len(keys))
	for _, k := range keys {
		if !slices.Contains(unique, k) {
			unique = append(unique, k)
		}
		if len(unique) > maxKeys {
			return nil, failed(invalidArgument, "more than %d keys", maxKeys)
		}
	}
	if len(unique) == 0 {
		return nil, failed(invalidArgument, "no key")
	}
	for _, k := range unique {
		if err := checkKey(k); err != nil {
			return nil, err
		}
	}
	return unique, checkVersion(version)
}

func (s *Service) searchScope(ctx context.Context, repository, scope string, keys []string, version string) (Entry, bool, error) {
	for _, key := range keys {
		e, err := s.index.entry(ctx, identity{repository, scope, version, key})
		if err == nil {
			return e, true, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Entry{}, false, err
		}
		e, found, err := s.searchPrefix(ctx, repository, scope, key, version)
		if found || err != nil {
			return e, found, err
		}
	}
	return Entry{}, false, nil
}

func (s *Service) searchPrefix(ctx context.Context, repository, scope, prefix, version string) (Entry, bool, error) {
	entries, err := s.index.scope(ctx, repository, scope)
	if err != nil {
		return Entry{}, false, err
	}
	var candidates []Entry
	for _, e := range entries {
		if e.Version == version && strings.HasPrefix(e.Key, prefix) {
			candidates = append(candidates, e)
		}
	}
	slices.SortFunc(candidates, newestFirst)
	for _, c := range candidates {
		e, err := s.index.entry(ctx, c.identity()) // as it is now, with its blob
		if err == nil {
			return e, true, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Entry{}, false, err
		}
	}
	return Entry{}, false, nil
}

func newestFirst(a, b Entry) int {
	if c := b.Created.Compare(a.Created); c != 0 {
		return c
	}
	return strings.Compare(b.Key, a.Key)
}
