package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"
	buildkit "github.com/moby/buildkit/client"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build/registry"
)

// Options say where builds are made. Address or Engine is needed.
type Options struct {
	// Address of a buildkitd: unix:///PATH or tcp://HOST:PORT. Empty: Engine.
	Address string
	// TLS is for tcp://; without it the address must be this machine's, unless
	// Plain is set.
	TLS   *TLS
	Plain bool

	// Engine is a Docker engine: images are loaded into it, and built by it when
	// there is no Address. Nil: there is none.
	Engine func(context.Context) (Engine, error)

	// Registry pushes, and knows the logins for base images. Nil: the user's own.
	Registry *registry.Client

	// PublicOnly is for servers that build what strangers write: from the network a
	// Dockerfile has only what is at names of the internet, and images of registries
	// (HOST or HOST:PORT) in Private. Images that lie in the builder are no base of any
	// build but by way of their registry. Names that lead into the builder's own
	// network, redirects and what RUN does are the builder's matter.
	PublicOnly bool
	Private    []string

	Log *slog.Logger
}

// TLS are files in PEM form. A builder runs whatever it is given: it should ask
// for a certificate of its clients.
type TLS struct {
	CACert    string
	Cert, Key string // of this client; both or none
	Server    string // the name in the builder's certificate; empty: of its address
}

// Engine is what the package needs of a Docker engine's client.
type Engine interface {
	Info(ctx context.Context) (system.Info, error)
	DialHijack(ctx context.Context, url, proto string, meta map[string][]string) (net.Conn, error)
	ImageSave(ctx context.Context, images []string, o ...client.ImageSaveOption) (io.ReadCloser, error)
	ImageLoad(ctx context.Context, tar io.Reader, o ...client.ImageLoadOption) (image.LoadResponse, error)
	ImageList(ctx context.Context, o image.ListOptions) ([]image.Summary, error)
	ImageRemove(ctx context.Context, ref string, o image.RemoveOptions) ([]image.DeleteResponse, error)
}

var _ Engine = (*client.Client)(nil)

// Builder makes images at one place. Its methods may be called at the same time.
type Builder struct {
	opts Options
	log  *slog.Logger

	mu    sync.Mutex
	conn  *buildkit.Client // nil until the first build
	swept time.Time        // when drafts were
	packs *bool            // whether the engine gives OCI layouts away; nil: not asked yet
}

// New makes a builder. It connects when it is first used; Close ends that.
func New(o Options) (*Builder, error) {
	const op = "set up the image builder"
	if o.Address == "" && o.Engine == nil {
		return nil, executor.Errorf(op, executor.Invalid, "neither the address of a buildkitd nor a Docker engine is given")
	}
	if err := checkAddress(o); err != nil {
		return nil, &executor.Error{
			Op: op, Kind: executor.Invalid, Err: err,
			Hint: "give unix:///run/buildkit/buildkitd.sock, or tcp://HOST:PORT with its certificates",
		}
	}
	if o.Registry == nil {
		r, err := registry.New(registry.Options{Log: o.Log})
		if err != nil {
			return nil, err
		}
		o.Registry = r
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Builder{opts: o, log: o.Log}, nil
}

func checkAddress(o Options) error {
	if o.Address == "" {
		return nil
	}
	u, err := url.Parse(o.Address)
	if err != nil {
		return err
	}
	switch u.Scheme {
	case "unix":
		if u.Path == "" {
			return fmt.Errorf("the address %q has no path", o.Address)
		}
		return nil
	case "tcp":
		if u.Port() == "" {
			return fmt.Errorf("the address %q has no port", o.Address)
		}
		ip := net.ParseIP(u.Hostname())
		if o.TLS == nil && !o.Plain && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return fmt.Errorf("secrets and sources would go to %q unencrypted", o.Address)
		}
		return nil
	}
	return fmt.Errorf("the address %q is not of a kind that is known", o.Address)
}

// Close ends the connection. Builds that run fail.
func (b *Builder) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn == nil {
		return nil
	}
	err := b.conn.Close()
	b.conn = nil
	return err
}

// where names the place in errors.
func (b *Builder) where() string {
	if b.opts.Address != "" {
		return b.opts.Address
	}
	return "the Docker engine"
}

// Info tells about the place.
type Info struct {
	Address   string
	Platforms []string // that RUN works for there; what runs nothing can be built for any
	Engine    bool     // it is a Docker engine
}

// Probe asks whether the builder answers.
func (b *Builder) Probe(ctx context.Context) (Info, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	c, err := b.client(ctx)
	if err != nil {
		return Info{}, err
	}
	workers, err := c.ListWorkers(ctx)
	if err != nil {
		return Info{}, b.fail(ctx, "ask the image builder", nil, err)
	}
	out := Info{Address: b.where(), Engine: b.opts.Address == ""}
	for _, w := range workers {
		for _, p := range w.Platforms {
			if text := platformText(p); !slices.Contains(out.Platforms, text) {
				out.Platforms = append(out.Platforms, text)
			}
		}
	}
	return out, nil
}

const probeTimeout = 10 * time.Second

// client gives the connection, which gRPC makes anew when it is lost.
func (b *Builder) client(ctx context.Context) (*buildkit.Client, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn != nil {
		return b.conn, nil
	}
	var opts []buildkit.ClientOpt
	address := b.opts.Address
	switch t := b.opts.TLS; {
	case address == "":
		e, err := b.engine(ctx)
		if err != nil {
			return nil, err
		}
		// As docker's own driver does (docker/buildx: driver/docker).
		opts = append(opts,
			buildkit.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				return e.DialHijack(ctx, "/grpc", "h2c", nil)
			}),
			buildkit.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
				return e.DialHijack(ctx, "/session", proto, meta)
			}))
	case t != nil && strings.HasPrefix(address, "tcp:"):
		server := t.Server
		if server == "" {
			u, _ := url.Parse(address)
			server = u.Hostname()
		}
		opts = append(opts, buildkit.WithServerConfig(server, t.CACert))
		if t.Cert != "" || t.Key != "" {
			opts = append(opts, buildkit.WithCredentials(t.Cert, t.Key))
		}
	}
	c, err := buildkit.New(context.WithoutCancel(ctx), address, opts...)
	if err != nil {
		return nil, &executor.Error{Op: "connect to the image builder at " + b.where(), Kind: executor.Unavailable, Err: err}
	}
	b.conn = c
	return c, nil
}

func (b *Builder) engine(ctx context.Context) (Engine, error) {
	if b.opts.Engine == nil {
		return nil, &executor.Error{Op: "find a Docker engine", Kind: executor.Unsupported, Err: errors.New("none is configured")}
	}
	return b.opts.Engine(ctx)
}
