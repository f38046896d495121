package api

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// Options of New. Backend and URL are needed; what is nil is a power that this
// server does not have.
type Options struct {
	Backend   Backend
	Actions   Actions
	Directory Directory
	Artifacts Artifacts
	Ledger    Ledger
	Work      Work
	Services  Services

	Web string // GitHub's address, with a slash at the end; "": nothing links to it

	// URL is where people reach the server, without a slash at the end. Requests
	// that name another host are refused, so that a name that was made to point
	// here gives a foreign page nothing.
	URL string
	// Key seals cookies: 32 bytes, the same on all servers of one address. Nil:
	// a random one, sessions end with the process.
	Key    []byte
	Rights Rights  // needed with SignIn
	SignIn *SignIn // with GitHub
	// LocalToken gives every right to who has it, from this machine only.
	LocalToken string
	Admins     []string // logins or numbers of users who may see deliveries and queue

	Page    http.Handler // everything that is not the API; nil: nothing
	Metrics *Metrics     // nil: none
	// PublicMetrics: anybody may read them, not only this machine and admins.
	PublicMetrics bool
	Ready         func(context.Context) error // beyond the backend's; may be nil

	MaxReaders int           // open streams at once; 0: 4,096
	Poll       time.Duration // between two looks for new events; 0: 100 ms
	Log        *slog.Logger  // nil: silent
	Now        func() time.Time
}

// Server answers the API's requests.
type Server struct {
	Options
	base     *url.URL
	seal     sealer
	mux      *http.ServeMux
	feeds    *feeds
	topics   *topics
	readers  chan struct{} // a place for each open stream
	draining chan struct{}
	known    identities
}

// New makes a server. Close ends its streams.
func New(o Options) (*Server, error) {
	base, err := url.Parse(o.URL)
	switch {
	case o.Backend == nil:
		return nil, errors.New("make the API: Backend is needed")
	case err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https":
		return nil, errors.New("make the API: URL must be http://HOST or https://HOST, as people reach the server")
	case o.SignIn != nil && o.Rights == nil:
		return nil, errors.New("make the API: whoever signs in needs Rights")
	case o.Key != nil && len(o.Key) != 32:
		return nil, errors.New("make the API: Key must have 32 bytes")
	}
	if o.Key == nil {
		o.Key = make([]byte, 32)
		_, _ = rand.Read(o.Key)
	}
	if o.MaxReaders == 0 {
		o.MaxReaders = 4096
	}
	if o.Poll == 0 {
		o.Poll = 100 * time.Millisecond
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	seal, err := newSealer(o.Key)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Options: o, base: base, seal: seal, mux: http.NewServeMux(),
		readers: make(chan struct{}, o.MaxReaders), draining: make(chan struct{}),
	}
	s.feeds = newFeeds(o.Backend, o.Poll)
	s.topics = newTopics()
	for _, rt := range routes {
		s.mux.Handle(rt.Method+" "+rt.Path, s.handle(rt))
	}
	s.mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) { writeError(w, notFound("route")) })
	if o.Page != nil {
		s.mux.Handle("/", o.Page)
	}
	return s, nil
}

// Close ends all streams, so that a server can shut down: their readers come
// back to whoever answers then. It is called once.
func (s *Server) Close() { close(s.draining) }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if cause := recover(); cause != nil {
			if cause == http.ErrAbortHandler { //nolint:errorlint // it is this very value
				panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to end a connection
			}
			s.Log.Error("request failed", "path", r.URL.Path, "cause", cause, "stack", string(debug.Stack()))
			writeError(w, answerable(errors.New("internal")))
		}
	}()
	secure(w.Header(), s.base.Scheme == "https")
	if !probe(r.URL.Path) && !s.ours(r.Host) {
		writeError(w, refuse(http.StatusMisdirectedRequest, CodeWrongHost, "use "+s.URL, "this server is not %q", r.Host))
		return
	}
	s.mux.ServeHTTP(w, r)
}

// probe tells paths that machines ask for by address.
func probe(path string) bool { return path == "/healthz" || path == "/readyz" || path == "/metrics" }

// call is one request to a route.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	caller Caller
	run    Run        // of {run} in the path
	repo   Repository // the run's, or {owner}/{name}
	can    Permission // of the caller there
}

const answerWithin = 30 * time.Second

// handle checks what a route needs and answers.
func (s *Server) handle(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := s.Now()
		observed := &statusWriter{ResponseWriter: w}
		if !rt.Stream {
			ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
			defer cancel()
			r = r.WithContext(ctx)
		}
		c := &call{w: observed, r: r}
		err := s.admit(rt, c)
		if err == nil {
			err = rt.serve(s, c)
		}
		if err != nil && r.Context().Err() == nil || errors.Is(err, context.DeadlineExceeded) {
			e := answerable(err)
			if e.Status >= http.StatusInternalServerError && e.Status != http.StatusNotImplemented {
				s.Log.Warn("request failed", "route", rt.Method+" "+rt.Path, "err", err)
			}
			if observed.status == 0 {
				writeError(observed, e)
			}
		}
		s.Metrics.answered(rt, observed.status, s.Now().Sub(started))
	})
}

// admit fills the call in and tells why the caller may not go on.
func (s *Server) admit(rt route, c *call) error {
	var err error
	if rt.Need == anyone && !rt.Knows {
		return nil
	}
	if c.caller, err = s.whoIs(c.r); err != nil && rt.Need != anyone {
		return err
	}
	if rt.Need == anyone {
		return nil
	}
	if !c.caller.known() {
		return refuse(http.StatusUnauthorized, CodeSignIn, "sign in", "nobody is signed in")
	}
	if rt.Method != http.MethodGet && c.caller.cookie {
		if err := s.checkCSRF(c); err != nil {
			return err
		}
	}
	switch rt.Need {
	case admin:
		if !c.caller.Admin {
			return refuse(http.StatusForbidden, CodeForbidden, "ask the operator of this server to add you to server.admins", "only admins of this server may do that")
		}
	case read, write:
		return s.admitRepository(rt, c)
	}
	return nil
}

// admitRepository finds the run or repository of the path and what the caller
// may do there. Who may not even read learns nothing.
func (s *Server) admitRepository(rt route, c *call) error {
	ctx, what := c.r.Context(), "repository"
	if id := c.r.PathValue("run"); id != "" {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || n <= 0 {
			return badRequest("run %q: it is a number", id)
		}
		what = "run"
		if c.run, err = s.Backend.Head(ctx, store.RunID(n)); errors.Is(err, store.ErrNotFound) {
			return notFound("run")
		} else if err != nil {
			return err
		}
		c.repo = c.run.of()
	} else {
		if s.Directory == nil {
			return notHere("list repositories")
		}
		all, err := s.Directory.Repositories(ctx)
		if err != nil {
			return err
		}
		name := c.r.PathValue("owner") + "/" + c.r.PathValue("name")
		at := slices.IndexFunc(all, func(r Repository) bool { return strings.EqualFold(r.Name, name) })
		if at < 0 {
			return notFound("repository")
		}
		c.repo = all[at]
	}
	var err error
	if c.can, err = s.permission(ctx, c.caller, c.repo); err != nil {
		return err
	}
	if c.can < Read {
		return notFound(what)
	}
	if rt.Need == write && c.can < Write {
		return refuse(http.StatusForbidden, CodeForbidden, "who may push to it can", "you may only read %s", c.repo.Name)
	}
	return nil
}

// permission is what a caller may do with a repository.
func (s *Server) permission(ctx context.Context, c Caller, r Repository) (Permission, error) {
	switch {
	case c.Local:
		return Admin, nil
	case c.User.ID == 0 || s.Rights == nil:
		return None, nil
	}
	p, err := s.Rights.Permission(ctx, r, c.User)
	if err != nil {
		s.Log.Warn("look up a permission", "repository", r.Name, "user", c.User.ID, "err", err)
		return None, refuse(http.StatusServiceUnavailable, CodeUnavailable, "try again in a moment", "GitHub does not say what you may do with %s", r.Name)
	}
	return p, nil
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
