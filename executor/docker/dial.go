package docker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker/cli/cli/connhelper"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
	"github.com/drydock-ci/drydock/executor"
)

// connection is an engine that answered, and what does not change about it.
type connection struct {
	api     engine
	host    string
	from    string // where the address came from
	product string // "Docker Engine", "Podman Engine"
	version string
	os      string
	arch    string
	local   bool // the engine sees this machine's files, as far as we know
	selinux bool
	noBinds atomic.Bool // found out: mounting this machine's files fails
}

// podman is the product that differs in small things.
const podman = "Podman"

// atLeast tells whether the API in use has a version.
func (c *connection) atLeast(v string) bool {
	return versions.GreaterThanOrEqualTo(c.api.ClientVersion(), v)
}

// candidate is one place where an engine may listen.
type candidate struct {
	host string
	from string
	tls  func() (*tls.Config, error) // nil: none
}

// candidates lists where to look. What a person chose explicitly is the only
// place; the usual sockets are guesses, in order.
func (x *Executor) candidates() ([]candidate, error) {
	if x.opts.Host != "" {
		return []candidate{{host: x.opts.Host, from: "configuration", tls: x.envTLS()}}, nil
	}
	if h := x.opts.Getenv("DOCKER_HOST"); h != "" {
		return []candidate{{host: h, from: "DOCKER_HOST", tls: x.envTLS()}}, nil
	}
	c, ok, err := x.currentContext()
	if err != nil {
		return nil, err
	}
	if ok {
		return []candidate{c}, nil
	}
	var out []candidate
	add := func(from string, parts ...string) {
		if parts[0] != "" {
			out = append(out, candidate{host: "unix://" + filepath.Join(parts...), from: from})
		}
	}
	run := x.opts.Getenv("XDG_RUNTIME_DIR")
	add("the default socket", "/var/run/docker.sock")
	add("rootless Docker", run, "docker.sock")
	add("Docker Desktop", x.opts.Home, ".docker", "run", "docker.sock")
	add("Docker Desktop", x.opts.Home, ".docker", "desktop", "docker.sock")
	add("Colima", x.opts.Home, ".colima", "default", "docker.sock")
	add("rootless Podman", run, "podman", "podman.sock")
	add("Podman", "/run/podman/podman.sock")
	return out, nil
}

// dial tries the candidates. Its error lists all of them.
func (x *Executor) dial(ctx context.Context) (*connection, error) {
	cs, err := x.candidates()
	if err != nil {
		return nil, &executor.Error{Op: "find a container engine", Kind: executor.Unavailable, Err: err}
	}
	var tried []string
	for _, c := range cs {
		conn, err := x.try(ctx, c)
		if err == nil {
			x.log.Debug("found engine", "host", conn.host, "from", conn.from, "version", conn.version)
			return conn, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		tried = append(tried, fmt.Sprintf("%s (%s): %s", c.host, c.from, reason(err)))
	}
	return nil, &executor.Error{
		Op: "find a container engine", Kind: executor.Unavailable,
		Err:  errors.New("none answers; tried " + strings.Join(tried, "; ")),
		Hint: "start Docker or Podman, set DOCKER_HOST, or run without containers: --executor host",
	}
}

func (x *Executor) try(ctx context.Context, c candidate) (*connection, error) {
	scheme, addr, ok := strings.Cut(c.host, "://")
	if !ok {
		return nil, fmt.Errorf("%q is not an address such as unix:///var/run/docker.sock", c.host)
	}
	wait := 3 * time.Second
	opts := []client.Opt{client.WithAPIVersionNegotiation()}
	switch scheme {
	case "unix":
		if _, err := os.Stat(addr); err != nil {
			return nil, err
		}
		opts = append(opts, client.WithHost(c.host))
		wait = 15 * time.Second // something listens; it may be busy
	case "tcp", "http", "https":
		opts = append(opts, client.WithHost("tcp://"+addr))
		wait = 15 * time.Second
		if c.tls != nil {
			conf, err := c.tls()
			if err != nil {
				return nil, err
			}
			if conf != nil {
				opts = append([]client.Opt{client.WithHTTPClient(&http.Client{
					Transport:     &http.Transport{TLSClientConfig: conf},
					CheckRedirect: client.CheckRedirect,
				})}, opts...)
			}
		}
	case "ssh":
		h, err := connhelper.GetConnectionHelper(c.host)
		if err != nil {
			return nil, err
		}
		opts = append(opts,
			client.WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: h.Dialer}}),
			client.WithHost(h.Host), client.WithDialContext(h.Dialer))
		wait = 30 * time.Second
	case "npipe":
		opts = append(opts, client.WithHost(c.host))
	default:
		return nil, fmt.Errorf("scheme %q is not supported: use unix, tcp or ssh", scheme)
	}
	api, err := client.NewClientWithOpts(opts...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	conn := &connection{api: api, host: c.host, from: c.from, local: scheme == "unix" || scheme == "npipe"}
	if err := conn.learn(ctx); err != nil {
		_ = api.Close()
		return nil, err
	}
	return conn, nil
}

// learn asks the engine what it is.
func (c *connection) learn(ctx context.Context) error {
	v, err := c.api.ServerVersion(ctx)
	if err != nil {
		return err
	}
	c.version, c.os, c.arch, c.product = v.Version, v.Os, v.Arch, "Docker Engine"
	for _, part := range v.Components {
		if strings.Contains(part.Name, "Podman") {
			c.product = podman
		}
	}
	info, err := c.api.Info(ctx)
	if err != nil {
		return err
	}
	for _, o := range info.SecurityOptions {
		if strings.Contains(o, "name=selinux") {
			c.selinux = true
		}
	}
	return nil
}

// reason says in few words why an engine does not answer.
func reason(err error) string {
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "no such socket"
	case errors.Is(err, os.ErrPermission):
		return "permission denied (add your user to the engine's group)"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}
