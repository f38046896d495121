package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/runner/service/blob"
)

// index finds entries in the store. What it remembers is only to save reading
// again: the store decides, as other processes write there too.
type index struct {
	store blob.Store
	log   *slog.Logger
	now   func() time.Time

	mu      sync.Mutex
	scopes  map[string]*scopeIndex // by prefix
	touched map[string]time.Time   // by index key
}

// scopeIndex is what was read of one scope. Its mutex is held while it is read:
// of a hundred lookups at once, one reads.
type scopeIndex struct {
	mu      sync.Mutex
	known   map[string]Entry // by index key
	changed time.Time        // of the folder, as it was read
	read    time.Time
}

func newIndex(store blob.Store, log *slog.Logger, now func() time.Time) *index {
	return &index{store: store, log: log, now: now, scopes: map[string]*scopeIndex{}, touched: map[string]time.Time{}}
}

// maxEntryFile bounds what is read of one file of the index.
const maxEntryFile = 64 << 10

func (x *index) load(ctx context.Context, key string) (Entry, error) {
	r, err := x.store.Open(ctx, key, 0, maxEntryFile)
	if err != nil {
		return Entry{}, err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return Entry{}, fmt.Errorf("read cache entry %q: %w", key, err)
	}
	e, err := parseEntry(key, text)
	if err != nil {
		// Files appear whole: this one suffered when the machine stopped, and would block its key.
		x.log.Warn("remove a damaged cache entry", "error", err)
		return Entry{}, errors.Join(fs.ErrNotExist, x.store.Delete(ctx, key))
	}
	return e, nil
}

// entry finds exactly this one. One whose blob is missing or cut is removed, and
// does not exist.
func (x *index) entry(ctx context.Context, id identity) (Entry, error) {
	e, err := x.load(ctx, id.indexKey())
	if err != nil {
		return Entry{}, err
	}
	info, err := x.store.Stat(ctx, e.Blob)
	switch {
	case err == nil && info.Size == e.Size:
		return e, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return Entry{}, err
	}
	x.log.Warn("remove a cache entry without its content", "key", e.Key, "scope", e.Scope, "size", e.Size, "found", info.Size)
	return Entry{}, errors.Join(fs.ErrNotExist, x.remove(ctx, e))
}

// add makes the entry known; of several with the same identity, in whatever
// process, one wins and the others' error is fs.ErrExist.
func (x *index) add(ctx context.Context, id identity, text []byte) error {
	_, err := x.store.Create(ctx, id.indexKey(), text)
	return err
}

// remove deletes the entry before its blob: nobody finds an entry without one,
// unless the power goes, and who reads the blob reads on.
func (x *index) remove(ctx context.Context, e Entry) error {
	key := e.identity().indexKey()
	x.mu.Lock()
	delete(x.touched, key)
	x.mu.Unlock()
	if err := x.store.Delete(ctx, key); err != nil {
		return err
	}
	return x.store.Delete(ctx, e.Blob)
}

// touchEvery is how exactly it is known when an entry was last used.
const touchEvery = 5 * time.Minute

// touch notes the use of an entry.
func (x *index) touch(ctx context.Context, e Entry) {
	key, now := e.identity().indexKey(), x.now()
	x.mu.Lock()
	due := now.Sub(x.touched[key]) >= touchEvery
	if due {
		x.touched[key] = now
	}
	x.mu.Unlock()
	if !due {
		return
	}
	if err := x.store.Touch(ctx, key); err != nil && !errors.Is(err, fs.ErrNotExist) {
		x.log.Warn("note the use of a cache", "key", e.Key, "error", err)
	}
}

// changer is a store that knows cheaply when a folder's names changed.
type changer interface{ Changed(folder string) time.Time }

// settled says whether a change of that time can be told from one right after
// it: most file systems count in ticks of milliseconds, some of up to 2 seconds.
func settled(changed, read time.Time) bool {
	tick := 50 * time.Millisecond
	if changed.Nanosecond()%int(time.Millisecond) == 0 {
		tick = 3 * time.Second
	}
	return read.Sub(changed) > tick
}

// scope gives all entries of a scope.
func (x *index) scope(ctx context.Context, repository, scope string) (map[string]Entry, error) {
	prefix := scopePrefix(repository, scope)
	x.mu.Lock()
	s := x.scopes[prefix]
	if s == nil {
		s = &scopeIndex{known: map[string]Entry{}}
		x.scopes[prefix] = s
	}
	x.mu.Unlock()

	s.mu.Lock()
	defer s.mu.Unlock()
	var changed time.Time
	if c, ok := x.store.(changer); ok {
		changed = c.Changed(strings.TrimSuffix(prefix, "/"))
		if changed.Equal(s.changed) && settled(changed, s.read) {
			return s.known, nil
		}
	}
	read := time.Now()
	found := map[string]Entry{}
	for info, err := range x.store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		e, err := x.listed(ctx, info.Key, s.known)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found[info.Key] = e
	}
	s.known, s.changed, s.read = found, changed, read // a new map each time: the old one may still be read
	return found, nil
}

// listed is the entry of a file that is there; entries do not change, so a known
// one is not read again. If it was removed and saved anew, its blob tells.
func (x *index) listed(ctx context.Context, key string, known map[string]Entry) (Entry, error) {
	if e, ok := known[key]; ok {
		return e, nil
	}
	return x.load(ctx, key)
}
