package oidc

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/drydock-ci/drydock/runner/service/token"
)

// Where a Provider answers.
const (
	// RequestPath, with a query, is ACTIONS_ID_TOKEN_REQUEST_URL: clients add
	// "&audience=...", so there must be a query already.
	RequestPath = "/_apis/distributedtask/idtoken"
	// RequestQuery is that query.
	RequestQuery = "api-version=2.0"

	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/.well-known/jwks"
)

const (
	lifetime = 10 * time.Minute
	// skew is how long a token is valid before it was made, for a verifier
	// whose clock runs behind.
	skew = 5 * time.Minute

	maxAudience = 1024
)

// Options of a Provider. The zero value works.
type Options struct {
	// KeyFile keeps the key from one start to the next, mode 0600. Empty: a new
	// key for each process.
	KeyFile string
	// Issuer is the address that verifiers reach this provider at, without a
	// slash at the end; tokens name it as iss. Empty: "http://" and the Host of
	// the request, so that the two agree wherever one asks from.
	Issuer string
	// Server is the address of the forge that the default audience is made of;
	// empty: https://github.com.
	Server string
	Log    *slog.Logger
}

// Provider signs identity tokens.
type Provider struct {
	options Options
	keys    *keys
	now     func() time.Time
}

// New makes a Provider. It touches no file yet.
func New(o Options) *Provider {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Server == "" {
		o.Server = "https://github.com"
	}
	o.Issuer = strings.TrimRight(o.Issuer, "/")
	o.Server = strings.TrimRight(o.Server, "/")
	return &Provider{options: o, keys: &keys{path: o.KeyFile}, now: time.Now}
}

// Register adds the endpoint that jobs ask; it expects a Grant in the
// request's context.
func (p *Provider) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+RequestPath, p.request)
}

// RegisterPublic adds what verifiers read without a token: the discovery
// document and the public key.
func (p *Provider) RegisterPublic(mux *http.ServeMux) {
	mux.HandleFunc("GET "+discoveryPath, p.discovery)
	mux.HandleFunc("GET "+keysPath, p.publicKeys)
}

// Subject is the claim "sub" by GitHub's rule: the environment if there is one,
// else that it is a pull request, else the ref.
func Subject(repository, event, environment, ref string) string {
	switch {
	case environment != "":
		// A colon in the name would let it pass for another part.
		return "repo:" + repository + ":environment:" + strings.ReplaceAll(environment, ":", "%3A")
	case event == "pull_request":
		return "repo:" + repository + ":pull_request"
	default:
		return "repo:" + repository + ":ref:" + ref
	}
}

// issuer is the address that a request reached us at, unless one is configured.
func (p *Provider) issuer(r *http.Request) (string, error) {
	if p.options.Issuer != "" {
		return p.options.Issuer, nil
	}
	at, err := url.Parse("http://" + r.Host)
	if err != nil || at.Host != r.Host || at.Hostname() == "" {
		return "", fmt.Errorf("the Host header %q is no address", r.Host)
	}
	return "http://" + r.Host, nil
}

// request answers core.getIDToken.
// actions/toolkit: packages/core/src/oidc-utils.ts
func (p *Provider) request(w http.ResponseWriter, r *http.Request) {
	g, ok := token.FromContext(r.Context())
	if !ok {
		fail(w, http.StatusUnauthorized, "unauthenticated", "the request has no token")
		return
	}
	if !g.IDToken {
		fail(w, http.StatusForbidden, "permission_denied", "the job may not ask for an identity token: give it \"permissions: id-token: write\"")
		return
	}
	audience := r.URL.Query().Get("audience")
	if audience == "" {
		owner, _, _ := strings.Cut(g.Repository, "/")
		audience = p.options.Server + "/" + owner
	}
	if len(audience) > maxAudience {
		fail(w, http.StatusBadRequest, "invalid_argument", fmt.Sprintf("the audience has %d bytes, more than the %d that are allowed", len(audience), maxAudience))
		return
	}
	issuer, err := p.issuer(r)
	if err != nil {
		fail(w, http.StatusBadRequest, "invalid_argument", err.Error())
		return
	}
	text, err := p.sign(g, issuer, audience)
	if err != nil {
		p.options.Log.Error("sign identity token", "run", g.Run, "job", g.Job, "err", err)
		fail(w, http.StatusInternalServerError, "internal", err.Error())
		return
	}
	answer(w, http.StatusOK, map[string]any{"count": len(text), "value": text})
}

func (p *Provider) sign(g token.Grant, issuer, audience string) (string, error) {
	key, id, err := p.keys.current()
	if err != nil {
		return "", err
	}
	now := p.now()
	var jti [16]byte
	_, _ = rand.Read(jti[:])
	body := jwt.MapClaims{}
	maps.Copy(body, g.Claims)
	if body["sub"] == nil {
		text := func(name string) string { s, _ := g.Claims[name].(string); return s }
		body["sub"] = Subject(g.Repository, text("event_name"), text("environment"), g.Ref)
	}
	// Last, so that no claim of the job can stand for one of these.
	maps.Copy(body, jwt.MapClaims{
		"iss": issuer, "aud": audience, "jti": hex.EncodeToString(jti[:]),
		"iat": now.Unix(), "nbf": now.Add(-skew).Unix(), "exp": now.Add(lifetime).Unix(),
	})
	signed := jwt.NewWithClaims(jwt.SigningMethodRS256, body)
	signed.Header["kid"] = id
	text, err := signed.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("signing the identity token of job %q: %w", g.Job, err)
	}
	return text, nil
}

// claimNames are what a token may say, for the discovery document.
var claimNames = []string{
	"sub", "aud", "exp", "iat", "iss", "jti", "nbf", "ref", "sha", "repository", "repository_id", "repository_owner",
	"repository_owner_id", "repository_visibility", "run_id", "run_number", "run_attempt", "actor", "actor_id", "workflow",
	"workflow_ref", "workflow_sha", "head_ref", "base_ref", "event_name", "ref_type", "ref_protected", "environment",
	"job_workflow_ref", "job_workflow_sha", "runner_environment",
}

func (p *Provider) discovery(w http.ResponseWriter, r *http.Request) {
	issuer, err := p.issuer(r)
	if err != nil {
		fail(w, http.StatusBadRequest, "invalid_argument", err.Error())
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"issuer":                                issuer,
		"jwks_uri":                              issuer + keysPath,
		"subject_types_supported":               []string{"public", "pairwise"},
		"response_types_supported":              []string{"id_token"},
		"claims_supported":                      claimNames,
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid"},
	})
}

func (p *Provider) publicKeys(w http.ResponseWriter, _ *http.Request) {
	key, id, err := p.keys.current()
	if err != nil {
		// The path of the key file is nothing for the public.
		p.options.Log.Error("publish the key of identity tokens", "err", err)
		fail(w, http.StatusInternalServerError, "internal", "there is no usable key: see the log")
		return
	}
	answer(w, http.StatusOK, map[string]any{"keys": []jwk{published(&key.PublicKey, id)}})
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"code":"internal","msg":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}

func fail(w http.ResponseWriter, status int, code, msg string) {
	answer(w, status, map[string]string{"code": code, "msg": msg, "message": msg})
}
