package cache

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/runner/service/token"
)

// URLClass is the class of the caches' signed URLs.
const URLClass = "cache"

// Defaults are GitHub's.
const (
	DefaultMaxBytes      = 10 << 30
	DefaultMaxEntryBytes = 10 << 30
	DefaultMaxAge        = 7 * 24 * time.Hour
)

const (
	downloadTTL = time.Hour
	uploadTTL   = 6 * time.Hour // at most; it ends with the job

	// A reservation without a byte for so long is dead: its client has crashed.
	reservationIdle = 15 * time.Minute
)

// Options of a Service. Without Uploads and URLs it can only list and delete.
type Options struct {
	Store         blob.Store
	Uploads       *blob.Uploads
	URLs          *blob.URLs
	MaxBytes      int64         // of one repository; 0: DefaultMaxBytes, below 0: no limit
	MaxEntryBytes int64         // of one entry; 0: DefaultMaxEntryBytes, below 0: no limit
	MaxAge        time.Duration // unused for so long, an entry goes; 0: DefaultMaxAge, below 0: no limit
	Log           *slog.Logger
	Now           func() time.Time // nil: time.Now
}

// Service keeps caches. It is safe for use by several goroutines.
type Service struct {
	store    blob.Store
	uploads  *blob.Uploads
	urls     *blob.URLs
	maxBytes int64 // 0 from here on: no limit
	maxEntry int64
	maxAge   time.Duration
	log      *slog.Logger
	now      func() time.Time

	index *index

	mu       sync.Mutex
	reserved map[identity]*reservation
	created  time.Time // of the last entry: the next one is newer, whatever the clock says
	usage    map[string]*usage

	trimming sync.Mutex
}

// New makes a Service. It reads nothing yet.
func New(o Options) *Service {
	s := &Service{
		store: o.Store, uploads: o.Uploads, urls: o.URLs, log: o.Log, now: o.Now,
		maxBytes: orDefault(o.MaxBytes, DefaultMaxBytes),
		maxEntry: orDefault(o.MaxEntryBytes, DefaultMaxEntryBytes),
		maxAge:   orDefault(o.MaxAge, DefaultMaxAge),
		reserved: map[identity]*reservation{}, usage: map[string]*usage{},
	}
	if s.maxBytes > 0 && (s.maxEntry == 0 || s.maxEntry > s.maxBytes) {
		s.maxEntry = s.maxBytes
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.index = newIndex(s.store, s.log, s.now)
	return s
}

func orDefault[T int64 | time.Duration](given, otherwise T) T {
	switch {
	case given < 0:
		return 0
	case given == 0:
		return otherwise
	}
	return given
}

// Register adds the endpoints; they expect a Grant in the request's context.
func (s *Service) Register(mux *http.ServeMux) {
	s.registerTwirp(mux)
	s.registerREST(mux)
}

// Class is what blob.Handler serves as URLClass.
func (s *Service) Class() blob.Class {
	return blob.Class{Store: s.store, Uploads: s.uploads, Resolve: resolve}
}

func resolve(_ context.Context, id string) (blob.Content, error) {
	key, ok := blobKeyOf(id)
	if !ok {
		return blob.Content{}, fmt.Errorf("cache %q: %w", id, fs.ErrNotExist)
	}
	return blob.Content{Key: key}, nil
}

// access is what the token of a request allows.
type access struct {
	repository string
	write      string   // the scope to write in, "" if none
	read       []string // scopes to read, in order
	owner      string
	expires    time.Time
	why        string // why nothing may be written
}

func accessOf(r *http.Request) (access, error) {
	g, ok := token.FromContext(r.Context())
	if !ok {
		return access{}, failed(unauthenticated, "the request has no token")
	}
	if g.Repository == "" {
		return access{}, failed(permissionDenied, "the job's token names no repository")
	}
	a := access{repository: strings.ToLower(g.Repository), owner: owner(g), expires: g.Expires}
	switch {
	case !g.CacheWrite:
		a.why = "the job's token may not write caches: it is that of a run that is not trusted, or the policy says so"
	case g.Ref == "":
		a.why = "the run has no ref, and so no scope for caches"
	default:
		a.write = g.Ref
	}
	if g.CacheRead {
		seen := map[string]bool{"": true}
		for _, ref := range append([]string{g.Ref}, g.ReadRefs...) {
			if !seen[ref] {
				seen[ref] = true
				a.read = append(a.read, ref)
			}
		}
	}
	return a, nil
}

// owner names the job in Uploads.
func owner(g token.Grant) string {
	return fmt.Sprintf("cache %s/%d/%s", g.Run, g.Attempt, g.Job)
}

// Abandon ends what the job has reserved and did not finish.
func (s *Service) Abandon(_ context.Context, g token.Grant) {
	who := owner(g)
	s.mu.Lock()
	var left []*reservation
	for id, r := range s.reserved {
		if r.owner == who {
			left = append(left, r)
			delete(s.reserved, id)
		}
	}
	s.mu.Unlock()
	for _, r := range left {
		s.end(r)
	}
}
