package build

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"slices"

	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth"
	"google.golang.org/grpc"

	"github.com/drydock-ci/drydock/executor/build/registry"
)

// logins gives the builder what it needs for base images: tokens, which the
// registry's client fetches as it fetches its own, and passwords only for registries
// without tokens. BuildKit's own provider asks any address that a registry names.
func (b *Builder) logins(r *Request) session.Attachable {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // it never fails
	return &logins{known: cmp.Or(r.Registry, b.opts.Registry), key: ed25519.NewKeyFromSeed(seed)}
}

// logins are of one build.
type logins struct {
	known *registry.Client
	// A builder uses the tokens of one build for others whose session has the same
	// key (moby/buildkit: util/resolver/authorizer.go). No two have.
	key ed25519.PrivateKey
}

var _ auth.AuthServer = (*logins)(nil)

// Register is for the builder's session.
func (l *logins) Register(s *grpc.Server) { auth.RegisterAuthServer(s, l) }

// Credentials gives the login for a whole registry.
func (l *logins) Credentials(ctx context.Context, q *auth.CredentialsRequest) (*auth.CredentialsResponse, error) {
	login, err := l.known.Login(ctx, q.Host)
	if err != nil {
		return nil, err
	}
	if login.IdentityToken != "" {
		return &auth.CredentialsResponse{Secret: login.IdentityToken}, nil
	}
	return &auth.CredentialsResponse{Username: login.Username, Secret: login.Password}, nil
}

// FetchToken asks the realm that the registry named.
func (l *logins) FetchToken(ctx context.Context, q *auth.FetchTokenRequest) (*auth.FetchTokenResponse, error) {
	token, expires, err := l.known.Token(ctx, registry.Challenge{Host: q.Host, Realm: q.Realm, Service: q.Service, Scopes: q.Scopes})
	if err != nil {
		return nil, err
	}
	return &auth.FetchTokenResponse{Token: token, ExpiresIn: int64(expires.Seconds())}, nil
}

// GetTokenAuthority makes the builder ask for tokens here, not for passwords.
func (l *logins) GetTokenAuthority(context.Context, *auth.GetTokenAuthorityRequest) (*auth.GetTokenAuthorityResponse, error) {
	return &auth.GetTokenAuthorityResponse{PublicKey: l.key.Public().(ed25519.PublicKey)}, nil
}

// VerifyTokenAuthority signs as golang.org/x/crypto/nacl/sign does: the signature,
// then what is signed.
func (l *logins) VerifyTokenAuthority(_ context.Context, q *auth.VerifyTokenAuthorityRequest) (*auth.VerifyTokenAuthorityResponse, error) {
	return &auth.VerifyTokenAuthorityResponse{Signed: slices.Concat(ed25519.Sign(l.key, q.Payload), q.Payload)}, nil
}
