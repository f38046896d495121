package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/publicnet"
)

// Options configure a Client. The zero value uses the user's own logins.
type Options struct {
	// Logins are credentials by the host of a registry; they come before the
	// user's own.
	Logins map[string]executor.Credentials
	// NoUserLogins leaves Docker's configuration and credential helpers alone: a
	// server uses declared credentials only.
	NoUserLogins bool
	// UserLogins tells which repositories (HOST/NAME, Docker Hub's index.docker.io)
	// Docker's configuration is for; nil: all.
	UserLogins func(repository string) bool
	// PlainHTTP are hosts (HOST or HOST:PORT) that are spoken to without TLS. This
	// machine itself may always be, unless PublicOnly.
	PlainHTTP []string
	// PublicOnly is for servers that speak to registries that strangers name: nothing
	// in the own network is spoken to but hosts of Private (HOST or HOST:PORT), and
	// those alone may be reached through a proxy. A registry in Private may lead
	// elsewhere to the internet and to Private only, any other to the internet only.
	PublicOnly bool
	Private    []string
	// CACert is a bundle of certificates (PEM) to trust beside the system's.
	CACert []byte

	Log *slog.Logger
}

// Client speaks to registries. Its methods may be called at the same time.
type Client struct {
	opts     Options
	anywhere http.RoundTripper
	public   http.RoundTripper // the internet only
	patience
}

// New makes a client. It asks no registry yet.
func New(o Options) (*Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 2 * atOnce
	t.ResponseHeaderTimeout = answerTimeout
	if len(o.CACert) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(o.CACert) {
			return nil, executor.Errorf("set up registries", executor.Invalid, "there is no certificate in what shall be trusted")
		}
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	public := t.Clone()
	public.DialContext, public.Proxy = publicnet.Dialer(dialTimeout).DialContext, nil
	return &Client{opts: o, anywhere: t, public: public, patience: patience{firstPause, o.Log}}, nil
}

// answerTimeout is for a registry that takes the request and is silent; it may
// have to look at a large layer as a whole before it answers.
const (
	answerTimeout = 5 * time.Minute
	dialTimeout   = 30 * time.Second
)

// Login gives the credentials for all of a registry's host, or none.
func (c *Client) Login(ctx context.Context, host string) (authn.AuthConfig, error) {
	reg, err := name.NewRegistry(loginHost(host))
	if err != nil {
		return authn.AuthConfig{}, executor.Errorf("log in to a registry", executor.Invalid, "%q is no host of a registry", host)
	}
	a, err := c.authenticator(ctx, reg)
	if err != nil {
		return authn.AuthConfig{}, err
	}
	conf, err := authn.Authorization(ctx, a)
	if err != nil || conf == nil {
		return authn.AuthConfig{}, err
	}
	return *conf, nil
}

// loginHost is the name that logins are for: Docker Hub's images are at another.
func loginHost(host string) string {
	if host == "registry-1.docker.io" {
		return name.DefaultRegistry
	}
	return host
}

func (c *Client) authenticator(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	if l, ok := c.opts.Logins[target.RegistryStr()]; ok {
		return authn.FromConfig(authn.AuthConfig{Username: l.Username, Password: l.Password}), nil
	}
	if c.opts.NoUserLogins || !c.lent(target) {
		return authn.Anonymous, nil
	}
	a, err := authn.Resolve(ctx, authn.DefaultKeychain, target)
	if err != nil {
		return nil, &executor.Error{
			Op: fmt.Sprintf("find the login for %q", target.RegistryStr()), Kind: executor.Refused, Reason: WrongCredentials, Err: err,
			Hint: "look at Docker's config.json and the credential helper that it names",
		}
	}
	return a, nil
}

// lent tells whether the user's own logins are for that.
func (c *Client) lent(target authn.Resource) bool {
	if c.opts.UserLogins == nil {
		return true
	}
	repo, ok := target.(name.Repository)
	return ok && c.opts.UserLogins(repo.Name())
}

// repository is one place at one registry, with a login that lasts for one call.
type repository struct {
	name name.Repository
	http *http.Client
	base string // https://HOST
	patience
}

// open logs in for actions (transport.PullScope, transport.PushScope).
func (c *Client) open(ctx context.Context, repo name.Repository, actions string) (*repository, error) {
	auth, err := c.authenticator(ctx, repo)
	if err != nil {
		return nil, err
	}
	var rt http.RoundTripper
	err = c.retry(ctx, func() error {
		rt, err = transport.NewWithContext(ctx, repo.Registry, auth, c.web(repo.RegistryStr()), []string{repo.Scope(actions)})
		return err
	})
	if err != nil {
		return nil, err
	}
	// The transport puts in the scheme that the registry answered to.
	return &repository{name: repo, http: &http.Client{Transport: rt}, base: "https://" + repo.RegistryStr(), patience: c.patience}, nil
}

// parseRepository reads HOST/NAME; without a host it is Docker Hub's.
func (c *Client) parseRepository(text string) (name.Repository, error) {
	repo, err := name.NewRepository(text)
	if err == nil && slices.Contains(c.opts.PlainHTTP, repo.RegistryStr()) {
		repo, err = name.NewRepository(text, name.Insecure)
	}
	if err != nil {
		return repo, executor.Errorf(fmt.Sprintf("read the image name %q", text), executor.Invalid, "%w", err)
	}
	return repo, nil
}
