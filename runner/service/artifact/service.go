package artifact

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/runner/service/token"
)

// URLClass is the class of the artifacts' signed URLs.
const URLClass = "artifact"

// DefaultRetention is how long GitHub keeps an artifact.
const DefaultRetention = 90 * 24 * time.Hour

const downloadTTL = time.Hour

// Options of a Service. Without Uploads and URLs it can only list, read, delete
// and expire.
type Options struct {
	Store   blob.Store
	Uploads *blob.Uploads
	URLs    *blob.URLs
	// Retention is how long an artifact is kept at most, and if its job asks for
	// nothing; 0: DefaultRetention.
	Retention time.Duration
	MaxBytes  int64 // of one artifact; 0: no limit
	// Base is what the links to this service begin with, "https://host[:port]".
	// Empty: the address by which the client reached it.
	Base string
	Log  *slog.Logger
}

// Service keeps artifacts. It is safe for use by several goroutines.
type Service struct {
	store     blob.Store
	uploads   *blob.Uploads
	urls      *blob.URLs
	retention time.Duration
	maxBytes  int64
	base      string
	log       *slog.Logger
	now       func() time.Time

	mu         sync.Mutex
	lastID     int64
	pending    map[string]*pending // by the key of the record to be
	containers map[int64]*container
	loose      map[string]*container // by the key of the record
}

// New makes a Service. It reads nothing yet.
func New(o Options) *Service {
	s := &Service{
		store: o.Store, uploads: o.Uploads, urls: o.URLs, retention: o.Retention, maxBytes: o.MaxBytes,
		base: strings.TrimRight(o.Base, "/"), log: o.Log, now: time.Now,
		pending: map[string]*pending{}, containers: map[int64]*container{}, loose: map[string]*container{},
	}
	if s.retention <= 0 {
		s.retention = DefaultRetention
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Register adds the endpoints; they expect a Grant in the request's context.
func (s *Service) Register(mux *http.ServeMux) {
	s.registerTwirp(mux)
	s.registerLoose(mux)
	s.registerREST(mux)
}

// grant is whose request it is.
func grant(r *http.Request) (token.Grant, error) {
	g, ok := token.FromContext(r.Context())
	if !ok {
		return token.Grant{}, failed(http.StatusUnauthorized, "unauthenticated", "the request has no token")
	}
	return g, nil
}

// owner names the job in Uploads.
func owner(g token.Grant) string { return fmt.Sprintf("%s/%d/%s", g.Run, g.Attempt, g.Job) }

// Abandon ends what the job has begun to upload and did not finish.
func (s *Service) Abandon(ctx context.Context, g token.Grant) {
	who := owner(g)
	s.mu.Lock()
	var uploads []blob.UploadID
	for key, p := range s.pending {
		if p.owner == who {
			uploads = append(uploads, p.upload)
			delete(s.pending, key)
		}
	}
	var open []*container
	for _, c := range s.containers {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, id := range uploads {
		s.uploads.Abort(id)
	}
	for _, c := range open {
		s.abandonLoose(ctx, c, who)
	}
}

// Class is what blob.Handler serves as URLClass.
func (s *Service) Class() blob.Class {
	return blob.Class{Store: s.store, Uploads: s.uploads, Resolve: s.resolve}
}

// resolve says what lies behind the id of a download URL.
func (s *Service) resolve(ctx context.Context, id string) (blob.Content, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return blob.Content{}, fmt.Errorf("artifact %q: %w", id, fs.ErrNotExist)
	}
	a, err := s.byID(ctx, number)
	if err != nil {
		return blob.Content{}, err
	}
	return blob.Content{Key: a.contentKey(), ContentType: a.ContentType, Disposition: attachment(a.File())}, nil
}

// downloadURL is the signed URL of an artifact's content.
func (s *Service) downloadURL(r *http.Request, a Artifact) (string, error) {
	return s.urls.Sign(r, URLClass, strconv.FormatInt(a.ID, 10), blob.Read, downloadTTL)
}

// attachment is a Content-Disposition; name* is for names beyond ASCII
// (RFC 6266), of which clients take that one first.
func attachment(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
	var coded strings.Builder
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			coded.WriteByte(c)
		} else {
			fmt.Fprintf(&coded, "%%%02X", c)
		}
	}
	return fmt.Sprintf(`attachment; filename="%s"; filename*=UTF-8''%s`, plain, coded.String())
}
