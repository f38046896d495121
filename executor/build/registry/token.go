package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/drydock-ci/drydock/executor"
)

// Challenge is what a registry answers to who has no token (distribution: spec,
// "Token Authentication").
type Challenge struct {
	Host           string // of the registry
	Realm, Service string
	Scopes         []string // repository:NAME:ACTION,...
}

// Token asks the realm, on behalf of somebody who speaks to the registry: who gets
// the token gets no password. It is good for that long; zero: the realm does not say.
func (c *Client) Token(ctx context.Context, q Challenge) (token string, expires time.Duration, err error) {
	op := fmt.Sprintf("get a token for %q", q.Host)
	reg, err := name.NewRegistry(loginHost(q.Host))
	if err != nil {
		return "", 0, executor.Errorf(op, executor.Invalid, "%q is no host of a registry", q.Host)
	}
	auth, err := c.authenticator(ctx, c.scoped(reg, q.Scopes))
	if err != nil {
		return "", 0, err
	}
	conf, err := authn.Authorization(ctx, auth)
	if err != nil {
		return "", 0, fail(ctx, op, err)
	}
	if conf.RegistryToken != "" {
		return conf.RegistryToken, 0, nil
	}
	var got *transport.Token
	err = c.retry(ctx, func() error {
		got, err = transport.Exchange(ctx, reg, auth, transport.NewUserAgent(c.web(q.Host), ""), q.Scopes,
			&transport.Challenge{Scheme: "bearer", Parameters: map[string]string{"realm": q.Realm, "service": q.Service}})
		return err
	})
	if err != nil {
		return "", 0, fail(ctx, op, err)
	}
	if got.Token == "" {
		got.Token = got.AccessToken
	}
	if got.Token == "" {
		return "", 0, fail(ctx, op, errors.New("the realm gave none"))
	}
	return got.Token, time.Duration(got.ExpiresIn) * time.Second, nil
}

// scoped is what a token is asked for: the first repository, if the user's own logins
// are for all of them, else the registry as a whole.
func (c *Client) scoped(reg name.Registry, scopes []string) authn.Resource {
	var first authn.Resource = reg
	for i, scope := range scopes {
		rest, ok := strings.CutPrefix(scope, "repository:")
		end := strings.LastIndex(rest, ":")
		if !ok || end < 0 {
			return reg
		}
		repo, err := name.NewRepository(reg.RegistryStr() + "/" + rest[:end])
		if err != nil || !c.lent(repo) {
			return reg
		}
		if i == 0 {
			first = repo
		}
	}
	return first
}
