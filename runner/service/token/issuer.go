package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// What Check returns; test with errors.Is.
var (
	ErrInvalid = errors.New("the token is not one of this service")
	ErrExpired = errors.New("the token has expired: it lives as long as its job may run")
	ErrRevoked = errors.New("the token was revoked: its job has ended")
)

const (
	issuerName = "drydock"
	audience   = "drydock-services"

	// maxLength bounds what is parsed at all; a token of ours has some hundred
	// bytes and a few per ref.
	maxLength = 16 << 10

	// skew is how long a token is valid before it was made: the clock of a
	// remote Docker host or cluster node may run behind, and BuildKit refuses a
	// token that is not valid yet.
	skew = 5 * time.Minute
)

// Issuer makes tokens and knows which of them are live. It is safe for use by
// several goroutines.
type Issuer struct {
	key [32]byte
	now func() time.Time

	mu    sync.Mutex
	live  map[string]Grant   // by jti
	taken map[[32]byte]Grant // by the sum of a token of another Issuer
	sweep time.Time          // expired grants are dropped when this has passed
}

// NewIssuer makes an Issuer with a random key: tokens of another Issuer, and of
// an earlier start of the program, are invalid.
func NewIssuer() *Issuer {
	i := &Issuer{now: time.Now, live: map[string]Grant{}}
	// crypto/rand.Read never returns an error since Go 1.24.
	_, _ = rand.Read(i.key[:])
	return i
}

// claims is what a token says. Clients read scp, ac, exp and nbf, and never
// verify.
type claims struct {
	jwt.RegisteredClaims
	Scopes        string `json:"scp"`
	Access        string `json:"ac"`
	Orchestration string `json:"orch_id,omitempty"`
}

// Issue makes the token for a grant. It is valid until g.Expires or until it is
// revoked.
func (i *Issuer) Issue(g Grant) (string, error) {
	now := i.now()
	switch {
	case g.Run == "":
		return "", errors.New("issuing a token: the grant names no run")
	case g.Repository == "":
		return "", fmt.Errorf("issuing a token for run %q: the grant names no repository", g.Run)
	case !g.Expires.After(now):
		return "", fmt.Errorf("issuing a token for run %q: it would expire at %s, which has passed", g.Run, g.Expires.Format(time.RFC3339))
	}
	g.Claims = maps.Clone(g.Claims)
	g.ReadRefs = append([]string(nil), g.ReadRefs...)

	access, err := json.Marshal(g.scopes())
	if err != nil {
		return "", fmt.Errorf("issuing a token for run %q: %w", g.Run, err)
	}
	var id [16]byte
	_, _ = rand.Read(id[:])
	jti := hex.EncodeToString(id[:])
	body := claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    issuerName,
			Audience:  jwt.ClaimStrings{audience},
			Subject:   "repo:" + g.Repository + ":ref:" + g.Ref,
			IssuedAt:  jwt.NewNumericDate(now),
			NotBefore: jwt.NewNumericDate(now.Add(-skew)),
			ExpiresAt: jwt.NewNumericDate(g.Expires),
			ID:        jti,
		},
		Scopes:        "Actions.Results:" + g.RunBackendID() + ":" + g.JobBackendID(),
		Access:        string(access),
		Orchestration: fmt.Sprintf("%s.%s.%d", g.RunBackendID(), g.JobBackendID(), g.Attempt),
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, body).SignedString(i.key[:])
	if err != nil {
		return "", fmt.Errorf("signing the token of run %q: %w", g.Run, err)
	}

	i.mu.Lock()
	defer i.mu.Unlock()
	if now.After(i.sweep) {
		maps.DeleteFunc(i.live, func(_ string, old Grant) bool { return !old.Expires.After(now) })
		i.sweep = now.Add(time.Hour)
	}
	i.live[jti] = g
	return text, nil
}

// Adopt makes a token good that another Issuer made, and no longer knows: the
// one of an earlier start of the program, whose job goes on. Whoever calls it
// knows the token by itself, never by a request.
func (i *Issuer) Adopt(token string, g Grant) error {
	if token == "" || len(token) > maxLength {
		return errors.New("taking a token over: there is none")
	}
	g.Claims = maps.Clone(g.Claims)
	g.ReadRefs = append([]string(nil), g.ReadRefs...)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.taken == nil {
		i.taken = map[[32]byte]Grant{}
	}
	i.taken[sha256.Sum256([]byte(token))] = g
	return nil
}

// adopted is the grant of a token that was taken over.
func (i *Issuer) adopted(token string) (Grant, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.taken) == 0 || len(token) > maxLength {
		return Grant{}, false
	}
	g, ok := i.taken[sha256.Sum256([]byte(token))]
	return g, ok
}

// Revoke makes a token dead at once. A token that is none of this Issuer, or
// already dead, changes nothing.
func (i *Issuer) Revoke(token string) {
	i.mu.Lock()
	delete(i.taken, sha256.Sum256([]byte(token)))
	i.mu.Unlock()
	body, err := i.parse(token, jwt.WithoutClaimsValidation())
	if err != nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.live, body.ID)
}

// Check returns the grant of a live token, or one of ErrInvalid, ErrExpired and
// ErrRevoked.
func (i *Issuer) Check(bearer string) (Grant, error) {
	if g, ok := i.adopted(bearer); ok {
		if !g.Expires.After(i.now()) {
			return Grant{}, ErrExpired
		}
		return g, nil
	}
	body, err := i.parse(bearer,
		jwt.WithIssuer(issuerName), jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithTimeFunc(i.now))
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return Grant{}, ErrExpired
	case err != nil:
		return Grant{}, ErrInvalid
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	g, ok := i.live[body.ID]
	if !ok {
		return Grant{}, ErrRevoked
	}
	return g, nil
}

func (i *Issuer) parse(text string, options ...jwt.ParserOption) (claims, error) {
	var body claims
	if len(text) > maxLength {
		return body, ErrInvalid
	}
	// The algorithm is pinned: "none", and a public key taken for a secret,
	// are the classic ways to forge a token.
	options = append(options, jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}))
	_, err := jwt.NewParser(options...).ParseWithClaims(text, &body, func(*jwt.Token) (any, error) { return i.key[:], nil })
	return body, err
}
