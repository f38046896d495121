package cache

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner/service/blob"
)

// usage is what a repository holds, as far as this process knows.
type usage struct {
	bytes   int64
	counted time.Time // when the store was asked last
}

// recount is how long other processes' entries may go unnoticed.
const recount = time.Minute

// inUse is how recently an entry of a branch must have been used to be safe from
// the runs of pull requests.
const inUse = 24 * time.Hour

// fromPullRequest says whether a scope is one that people from outside can write in.
func fromPullRequest(scope string) bool { return strings.HasPrefix(scope, "refs/pull/") }

// trim makes room for a new entry within its repository's limit: what was unused
// for longest goes first. A pull request may push out only entries of pull
// requests and those that nobody uses; if that is not enough, its own goes, so
// that an untrusted run cannot take the caches from the others.
func (s *Service) trim(ctx context.Context, added Entry) error {
	s.trimming.Lock()
	defer s.trimming.Unlock()
	u := s.usageOf(added.Repository)
	u.bytes += added.Size
	within := s.maxBytes == 0 || u.bytes <= s.maxBytes
	if s.maxBytes == 0 && s.maxAge == 0 || within && s.now().Sub(u.counted) < recount {
		return nil
	}
	entries, err := s.entries(ctx, added.Repository)
	if err != nil {
		s.log.Error("count the caches of a repository", "repository", added.Repository, "error", err)
		return nil // the entry is saved
	}
	slices.SortFunc(entries, func(a, b Entry) int { return a.Used.Compare(b.Used) })
	total := int64(0)
	for _, e := range entries {
		total += e.Size
	}
	now := s.now()
	for _, e := range entries {
		tooOld := s.maxAge > 0 && now.Sub(e.Used) > s.maxAge
		if e.identity() != added.identity() && tooOld {
			s.evict(ctx, e, "unused")
			total -= e.Size
		}
	}
	victims, over := s.victims(entries, added, total)
	if over {
		u.bytes, u.counted = total-added.Size, now
		return errors.Join(
			failed(failedBefore, "insufficient usage: the repository's caches have %d of %d bytes, and a pull request pushes out none that is in use", total-added.Size, s.maxBytes),
			s.index.remove(ctx, added))
	}
	for _, e := range victims {
		s.evict(ctx, e, "full")
		total -= e.Size
	}
	u.bytes, u.counted = total, now
	return nil
}

// victims are what has to go for the new entry; over: that would still not do.
func (s *Service) victims(entries []Entry, added Entry, total int64) (victims []Entry, over bool) {
	if s.maxBytes == 0 {
		return nil, false
	}
	now := s.now()
	for _, e := range entries {
		if total <= s.maxBytes {
			break
		}
		tooOld := s.maxAge > 0 && now.Sub(e.Used) > s.maxAge // gone already
		protected := fromPullRequest(added.Scope) && !fromPullRequest(e.Scope) && now.Sub(e.Used) < inUse
		if e.identity() == added.identity() || tooOld || protected {
			continue
		}
		victims = append(victims, e)
		total -= e.Size
	}
	return victims, total > s.maxBytes
}

func (s *Service) usageOf(repository string) *usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.usage[repository]
	if u == nil {
		u = &usage{}
		s.usage[repository] = u
	}
	return u
}

func (s *Service) evict(ctx context.Context, e Entry, why string) {
	if err := s.index.remove(ctx, e); err != nil {
		s.log.Warn("evict a cache", "key", e.Key, "scope", e.Scope, "error", err)
		return
	}
	s.log.Debug("evicted a cache", "repository", e.Repository, "key", e.Key, "scope", e.Scope, "size", e.Size, "why", why)
}

// orphanAge is how long a blob may be without its entry: one that is being saved
// has it within moments.
const orphanAge = time.Hour

// Sweep removes entries of all repositories that were unused for too long, and
// what crashes left. A server calls it from time to time.
func (s *Service) Sweep(ctx context.Context) error {
	entries, err := s.entries(ctx, "")
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(entries))
	for _, e := range entries {
		known[e.Blob] = true
		if s.maxAge > 0 && s.now().Sub(e.Used) > s.maxAge {
			s.evict(ctx, e, "unused")
		}
	}
	for info, err := range s.store.List(ctx, blobRoot) {
		if err != nil {
			return err
		}
		if known[info.Key] || s.now().Sub(info.Modified) < orphanAge {
			continue
		}
		if err := s.store.Delete(ctx, info.Key); err != nil {
			return err
		}
	}
	s.index.forget()
	return nil
}

// entries are those of one repository, or of all, with their last use.
func (s *Service) entries(ctx context.Context, repository string) ([]Entry, error) {
	prefix := indexRoot
	if repository != "" {
		prefix = repositoryPrefix(repository)
	}
	return s.index.all(ctx, prefix)
}

// all reads the entries below a prefix.
func (x *index) all(ctx context.Context, prefix string) ([]Entry, error) {
	var entries []Entry
	for info, err := range x.store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		e, err := x.fromList(ctx, info)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (x *index) fromList(ctx context.Context, info blob.Info) (Entry, error) {
	e, ok := x.remembered(info.Key)
	if !ok {
		var err error
		if e, err = x.load(ctx, info.Key); err != nil {
			return Entry{}, err
		}
	}
	e.Used = info.Modified
	return e, nil
}

// remembered is the entry of an index file, if a search has read its scope.
func (x *index) remembered(key string) (Entry, bool) {
	x.mu.Lock()
	s := x.scopes[key[:strings.LastIndexByte(key, '/')+1]]
	x.mu.Unlock()
	if s == nil {
		return Entry{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.known[key]
	return e, ok
}

// forget drops what was remembered; the store has it all.
func (x *index) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	clear(x.scopes)
	clear(x.touched)
}
