package cache

import (
	"context"
	"slices"
	"strings"
)

// Filter selects entries; what is empty selects all.
type Filter struct {
	Repository string // owner/name
	Scope      string // a full ref
	Prefix     string // of the key
}

// List gives the entries, newest first.
func (s *Service) List(ctx context.Context, f Filter) ([]Entry, error) {
	entries, err := s.entries(ctx, strings.ToLower(f.Repository))
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool {
		return f.Scope != "" && e.Scope != f.Scope || !strings.HasPrefix(e.Key, f.Prefix)
	})
	slices.SortFunc(entries, newestFirst)
	return entries, nil
}

// Delete removes an entry that List gave; one that is gone is no error.
func (s *Service) Delete(ctx context.Context, e Entry) error {
	return s.index.remove(ctx, e)
}

// Usage is what one repository holds.
type Usage struct {
	Repository string
	Entries    int
	Bytes      int64
}

// Usage gives what each repository holds, in the order of their names.
func (s *Service) Usage(ctx context.Context) ([]Usage, error) {
	entries, err := s.entries(ctx, "")
	if err != nil {
		return nil, err
	}
	byName := map[string]*Usage{}
	for _, e := range entries {
		u := byName[e.Repository]
		if u == nil {
			u = &Usage{Repository: e.Repository}
			byName[e.Repository] = u
		}
		u.Entries++
		u.Bytes += e.Size
	}
	var all []Usage
	for _, u := range byName {
		all = append(all, *u)
	}
	slices.SortFunc(all, func(a, b Usage) int { return strings.Compare(a.Repository, b.Repository) })
	return all, nil
}
