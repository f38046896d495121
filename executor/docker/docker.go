package docker

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/drydock-ci/drydock/executor"
)

// Options configure the back end. The zero value works with a local engine.
type Options struct {
	// Host is the engine's address (unix://, tcp://, ssh://). Empty: as the
	// docker program finds it, then the usual sockets of Docker and Podman.
	Host string
	// Config is the folder of the docker program's configuration, for contexts
	// and registry logins. Empty: $DOCKER_CONFIG or ~/.docker.
	Config string
	// NoUserLogins ignores the registry logins in Config: a server pulls with
	// declared credentials only.
	NoUserLogins bool

	Policy Policy
	// Isolate gives every job a network of its own, those without services and
	// actions too: for jobs that must not reach each other.
	Isolate bool

	// CACert is a bundle of certificates (PEM) that jobs shall trust.
	CACert []byte
	// NoCAEnv leaves out the variables that make programs read CACert.
	NoCAEnv bool
	// Proxy are proxy variables by lower-case name (http_proxy, https_proxy,
	// no_proxy, all_proxy); containers get them in both cases.
	Proxy map[string]string

	// ToolCacheVolume names a volume that all jobs share as their tool cache.
	// Empty: each job has its own. Jobs that share it can change each other's
	// tools.
	ToolCacheVolume string
	// HelperCache is the folder that holds the helper for mounting. Empty: a
	// folder of the user's cache.
	HelperCache string
	// Linger is how long, in seconds, a place outlives the program that made
	// it when its Spec says nothing. 0: 30.
	Linger int

	// Getenv and Home stand in for the process's own in tests.
	Getenv func(string) string
	Home   string
	Log    *slog.Logger
}

// Executor makes places in one Docker engine.
type Executor struct {
	opts Options
	log  *slog.Logger

	mu    sync.Mutex
	found *connection // nil until an engine answered

	connect func(context.Context) (*connection, error)
}

var (
	_ executor.Executor = (*Executor)(nil)
	_ executor.Builder  = (*Executor)(nil)
	_ executor.Puller   = (*Executor)(nil)
)

// New makes the back end. It connects when it is first used.
func New(o Options) *Executor {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Home == "" {
		o.Home, _ = os.UserHomeDir()
	}
	if o.Config == "" {
		if o.Config = o.Getenv("DOCKER_CONFIG"); o.Config == "" {
			o.Config = filepath.Join(o.Home, ".docker")
		}
	}
	if o.HelperCache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			dir = os.TempDir()
		}
		o.HelperCache = filepath.Join(dir, "drydock", "helper")
	}
	if o.Linger <= 0 {
		o.Linger = 30
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	x := &Executor{opts: o, log: log}
	x.connect = x.dial
	return x
}

// Name is "docker".
func (x *Executor) Name() string { return "docker" }

// Probe tells which engine answers.
func (x *Executor) Probe(ctx context.Context) (executor.Capabilities, error) {
	c, err := x.connection(ctx)
	if err != nil {
		return executor.Capabilities{}, err
	}
	if _, err := c.api.Ping(ctx); err != nil {
		x.forget(c)
		if c, err = x.connection(ctx); err != nil {
			return executor.Capabilities{}, err
		}
	}
	caps := executor.Capabilities{
		Version:    c.version,
		OS:         c.os,
		Arch:       c.arch,
		Containers: true,
		Build:      true,
		Remote:     !c.local,
		Notes:      []string{c.product + " at " + c.host + " (" + c.from + ")"},
	}
	if c.os != "linux" {
		return caps, executor.Errorf("probe the engine at "+c.host, executor.Unsupported,
			"it runs %s containers: switch it to Linux containers", c.os)
	}
	if c.selinux {
		caps.Notes = append(caps.Notes, "SELinux is on: the helper and node are copied, not mounted")
	}
	return caps, nil
}

// connection gives the engine that answers, looking for one the first time.
func (x *Executor) connection(ctx context.Context) (*connection, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.found != nil {
		return x.found, nil
	}
	c, err := x.connect(ctx)
	if err != nil {
		return nil, err
	}
	x.found = c
	return c, nil
}

func (x *Executor) forget(c *connection) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.found == c {
		x.found = nil
	}
}
