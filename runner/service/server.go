package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/service/artifact"
	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/runner/service/cache"
	"github.com/drydock-ci/drydock/runner/service/oidc"
	"github.com/drydock-ci/drydock/runner/service/token"
)

var (
	_ runner.Services = (*Server)(nil)
	_ runner.Reopener = (*Server)(nil)
	_ runner.Repeater = (*Server)(nil)
)

const (
	headerTime  = 30 * time.Second
	idleTime    = 2 * time.Minute
	headerBytes = 64 << 10
)

// Options of a Server. Only Store must be given, and Staging unless the stores
// are folders.
type Options struct {
	// Store keeps caches and artifacts; the caller closes it after the Server.
	Store blob.Store
	// Artifacts keeps artifacts in another store than caches.
	Artifacts blob.Store
	// Staging is a folder for uploads that are not whole yet; a folder store has
	// its own.
	Staging string

	CacheMaxBytes int64         // of a repository's caches; 0: 10 GiB, below 0: no limit
	CacheMaxAge   time.Duration // of a cache that nobody reads; 0: 7 days, below 0: no limit
	Retention     time.Duration // of artifacts; 0: 90 days

	// OIDCKeyFile keeps the key of identity tokens; empty: a new key each time.
	OIDCKeyFile string
	// Issuer is where verifiers of identity tokens find the key. Empty: the
	// address that the job asked at, which nothing outside can reach.
	Issuer string
	// Forge is the address of the forge, for the default audience of identity
	// tokens; empty: https://github.com.
	Forge string

	// URL is what links begin with that jobs get; empty: the address by which
	// the job reached the server, so that they work where it runs.
	URL string
	Log *slog.Logger
}

// Server is the services of all jobs of an engine.
type Server struct {
	log       *slog.Logger
	tokens    *token.Issuer
	artifacts *artifact.Service
	caches    *cache.Service
	uploads   []*blob.Uploads
	handler   http.Handler

	http   *http.Server
	funnel *funnel
	start  sync.Once
	keeper *keeper
	now    func() time.Time
}

// New makes a Server. It makes folders for uploads, and reads nothing yet.
func New(o Options) (*Server, error) {
	if o.Store == nil {
		return nil, errors.New("start the services of jobs: there is no store")
	}
	if o.Artifacts == nil {
		o.Artifacts = o.Store
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{log: o.Log, tokens: token.NewIssuer(), funnel: newFunnel(), now: time.Now}
	if err := s.build(o); err != nil {
		return nil, errors.Join(err, s.closeUploads())
	}
	s.http = &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: headerBytes,
		ConnState: s.funnel.state, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

func (s *Server) build(o Options) error {
	urls := blob.NewURLs(blob.URLOptions{Base: o.URL})
	artifactUploads, err := s.newUploads(o.Artifacts, o)
	if err != nil {
		return err
	}
	s.artifacts = artifact.New(artifact.Options{
		Store: o.Artifacts, Uploads: artifactUploads, URLs: urls, Retention: o.Retention, Base: o.URL, Log: o.Log,
	})
	cacheUploads := artifactUploads
	if o.Artifacts != o.Store {
		if cacheUploads, err = s.newUploads(o.Store, o); err != nil {
			return err
		}
	}
	s.caches = cache.New(cache.Options{
		Store: o.Store, Uploads: cacheUploads, URLs: urls, MaxBytes: o.CacheMaxBytes, MaxAge: o.CacheMaxAge, Log: o.Log,
	})
	identity := oidc.New(oidc.Options{KeyFile: o.OIDCKeyFile, Issuer: o.Issuer, Server: o.Forge, Log: o.Log})
	s.keeper = newKeeper(o.Artifacts, o.Log, s.caches.Sweep, func(ctx context.Context) error {
		_, err := s.artifacts.Expire(ctx)
		return err
	})

	private, public := http.NewServeMux(), http.NewServeMux()
	s.caches.Register(private)
	s.artifacts.Register(private)
	identity.Register(private)
	private.HandleFunc("/", unknown)
	identity.RegisterPublic(public)
	public.Handle(blob.URLPath, blob.NewHandler(urls, map[string]blob.Class{
		cache.URLClass: s.caches.Class(), artifact.URLClass: s.artifacts.Class(),
	}, o.Log))
	public.Handle("/", s.tokens.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.keeper.wake()
		private.ServeHTTP(w, r)
	})))
	s.handler = public
	return nil
}

func (s *Server) newUploads(store blob.Store, o Options) (*blob.Uploads, error) {
	u, err := blob.NewUploads(blob.UploadOptions{Store: store, Dir: o.Staging, Log: o.Log})
	if err != nil {
		return nil, fmt.Errorf("start the services of jobs: %w", err)
	}
	s.uploads = append(s.uploads, u)
	return u, nil
}

func (s *Server) closeUploads() error {
	var errs []error
	for _, u := range s.uploads {
		errs = append(errs, u.Close())
	}
	return errors.Join(errs...)
}

// unknown answers what no service serves.
func unknown(w http.ResponseWriter, r *http.Request) {
	msg := fmt.Sprintf("nothing is served at %s %.200q", r.Method, r.URL.Path)
	text, _ := json.Marshal(map[string]string{"code": "bad_route", "msg": msg, "message": msg})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(append(text, '\n'))
}

// Handler serves every job, for a server that listens by itself.
func (s *Server) Handler() http.Handler { return s.handler }

// Artifacts are what jobs have uploaded, for a person to list and read.
func (s *Server) Artifacts() *artifact.Service { return s.artifacts }

// Caches are what jobs have saved, for a person to list and delete.
func (s *Server) Caches() *cache.Service { return s.caches }

// Open gives the job its token.
func (s *Server) Open(_ context.Context, job *runner.Job) (runner.Endpoints, error) {
	g, err := grantOf(job, s.now())
	if err != nil {
		return runner.Endpoints{}, fmt.Errorf("open the services: %w", err)
	}
	text, err := s.tokens.Issue(g)
	if err != nil {
		return runner.Endpoints{}, fmt.Errorf("open the services for job %q: %w", job.Leg.Name, err)
	}
	return s.endpoints(text, g), nil
}

// Reopen makes the token good again that the job got from an earlier start of
// the program. What it had not finished then is gone.
func (s *Server) Reopen(_ context.Context, job *runner.Job, text string) (runner.Endpoints, error) {
	g, err := grantOf(job, s.now())
	if err == nil {
		err = s.tokens.Adopt(text, g)
	}
	if err != nil {
		return runner.Endpoints{}, fmt.Errorf("open the services again: %w", err)
	}
	return s.endpoints(text, g), nil
}

// Repeat removes the artifacts of a job that begins again.
func (s *Server) Repeat(ctx context.Context, job *runner.Job) error {
	g, err := grantOf(job, s.now())
	if err == nil {
		err = s.artifacts.Forget(ctx, g)
	}
	if err != nil {
		return fmt.Errorf("forget the artifacts of job %q: %w", job.Leg.Name, err)
	}
	return nil
}

func (s *Server) endpoints(text string, g token.Grant) runner.Endpoints {
	var once sync.Once
	return runner.Endpoints{
		Token: text, IDToken: g.IDToken, CacheMode: modeWord(g.CacheRead, g.CacheWrite),
		Keeps: func(ctx context.Context, repository, run string) bool {
			return strings.EqualFold(repository, g.Repository) && (run == g.Run || s.artifacts.Keeps(ctx, repository, run))
		},
		Close: func() { once.Do(func() { s.end(text, g) }) },
	}
}

// end makes a job's token dead and gives up what the job did not finish.
func (s *Server) end(text string, g token.Grant) {
	s.tokens.Revoke(text)
	s.caches.Abandon(context.Background(), g)
	s.artifacts.Abandon(context.Background(), g)
}

// Serve answers one connection until it ends.
func (s *Server) Serve(conn net.Conn) {
	s.start.Do(func() {
		go func() {
			if err := s.http.Serve(s.funnel); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				s.log.Error("serve jobs", "err", err)
			}
		}()
	})
	s.funnel.hand(conn)
}

// Close ends all connections and uploads. Tokens are dead after it.
func (s *Server) Close() error {
	err := errors.Join(s.funnel.Close(), s.http.Close())
	s.keeper.close()
	return errors.Join(err, s.closeUploads())
}
