package cli

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"sync"

	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/service"
	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/workflow"
)

// services are those of one start of the program. They are made when the first
// job asks: a run that has no use for them touches no folder.
type services struct {
	a         *app
	p         *parts
	cache     string // folder
	artifacts string // folder, in which runs/RUN/artifacts are
	noCache   bool

	once   sync.Once
	server *service.Server
	stores []*blob.Folder
	err    error
}

var (
	_ runner.Services = (*services)(nil)
	_ runner.Reopener = (*services)(nil)
	_ runner.Repeater = (*services)(nil)
)

// services says where they keep what they are given.
func (a *app) services(p *parts, o runOptions) *services {
	s := &services{a: a, p: p, cache: a.cacheFolder(), artifacts: a.config.StateDir, noCache: o.noCacheServer}
	if given := o.artifactServerPath; given != "" {
		s.artifacts = a.absolute(given)
	}
	// The store removes what it does not know. A project's .actrc may name any
	// folder, so a folder of its own keeps what else is there.
	if given := o.cacheServerPath; given != "" {
		s.cache = filepath.Join(a.absolute(given), "drydock-caches")
	}
	return s
}

func (a *app) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(a.dir, path)
}

// cacheFolder is where the caches of jobs are.
func (a *app) cacheFolder() string {
	if path := a.config.Cache.Path; path != "" {
		return path
	}
	return filepath.Join(a.config.CacheDir, "caches")
}

func (s *services) open() (*service.Server, error) {
	s.once.Do(func() {
		c := s.a.config
		var cache, artifacts *blob.Folder
		if cache, s.err = s.folder(s.cache); s.err != nil {
			return
		}
		if artifacts, s.err = s.folder(s.artifacts); s.err != nil {
			return
		}
		s.server, s.err = service.New(service.Options{
			Store: cache, Artifacts: artifacts,
			CacheMaxBytes: s.a.cacheSize(), CacheMaxAge: s.a.cacheAge(), Retention: c.Artifacts.Retention,
			Forge: c.GitHub.ServerURL, Log: s.p.log,
		})
	})
	return s.server, s.err
}

func (s *services) folder(path string) (*blob.Folder, error) {
	f, err := blob.NewFolder(path)
	if err == nil {
		s.stores = append(s.stores, f)
	}
	return f, err
}

// Open gives the job its token.
func (s *services) Open(ctx context.Context, job *runner.Job) (runner.Endpoints, error) {
	server, err := s.open()
	if err != nil {
		return runner.Endpoints{}, err
	}
	return server.Open(ctx, s.limited(job))
}

// Reopen makes the token of an earlier program good again.
func (s *services) Reopen(ctx context.Context, job *runner.Job, token string) (runner.Endpoints, error) {
	server, err := s.open()
	if err != nil {
		return runner.Endpoints{}, err
	}
	return server.Reopen(ctx, s.limited(job), token)
}

// Repeat removes the artifacts of a job that begins again.
func (s *services) Repeat(ctx context.Context, job *runner.Job) error {
	server, err := s.open()
	if err != nil {
		return err
	}
	return server.Repeat(ctx, job)
}

// limited is the job as the services see it.
func (s *services) limited(job *runner.Job) *runner.Job {
	if !s.noCache {
		return job
	}
	without, definition := *job, *job.Leg.Job
	definition.CacheMode = workflow.Str("none")
	without.Leg.Job = &definition
	return &without
}

// Serve answers one connection.
func (s *services) Serve(conn net.Conn) {
	server, err := s.open()
	if err != nil { // no job has got an address
		conn.Close()
		return
	}
	server.Serve(conn)
}

// Close ends what is served and drops what was not finished.
func (s *services) Close() error {
	s.once.Do(func() { s.err = errors.New("the run is over") })
	var errs []error
	if s.server != nil {
		errs = append(errs, s.server.Close())
	}
	for _, f := range s.stores {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
