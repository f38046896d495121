package token

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Grant is what one job may do with the services; the server's own knowledge,
// never the client's word.
type Grant struct {
	Run        string // GITHUB_RUN_ID
	Attempt    int
	Job        string // plan.LegID of the job, opaque
	Repository string // owner/name; the services compare it without case

	RepositoryID string // numeric text, may be ""
	OwnerID      string // numeric text, may be ""

	// Ref is the full ref of the run: the only scope that the job may write
	// caches in. ReadRefs are further refs whose caches it may read, in order
	// (base of a pull request, default branch).
	Ref      string
	ReadRefs []string

	CacheRead  bool
	CacheWrite bool // false by policy: CacheRead alone makes a job a mere reader

	IDToken bool           // permissions: id-token: write
	Claims  map[string]any // OIDC claims, all but iss, aud, iat, nbf, exp, jti

	Expires time.Time // the token is dead then, if not revoked before
}

// RunBackendID is the run as the artifact clients send it back
// (workflow_run_backend_id): text without colons or spaces.
func (g Grant) RunBackendID() string { return backendID(g.Run) }

// JobBackendID is the job as the artifact clients send it back
// (workflow_job_run_backend_id): text without colons or spaces.
func (g Grant) JobBackendID() string { return backendID(g.Job) }

// Permission bits of the claim "ac".
const (
	permissionRead  = 1
	permissionWrite = 2
)

// scope is one entry of the claim "ac".
type scope struct {
	Scope      string
	Permission int
}

// scopes are the refs of the grant with what the job may do there: its own ref
// first, the only one that can be written. BuildKit exports into the last ref
// that has the write bit, and imports from every one.
// tonistiigi/go-actions-cache: cache.go
func (g Grant) scopes() []scope {
	list := []scope{}
	own := 0
	if g.CacheRead {
		own |= permissionRead
	}
	if g.CacheWrite {
		own |= permissionWrite
	}
	if own != 0 && g.Ref != "" {
		list = append(list, scope{g.Ref, own})
	}
	if !g.CacheRead {
		return list
	}
	for i, ref := range g.ReadRefs {
		if ref != "" && ref != g.Ref && !slices.Contains(g.ReadRefs[:i], ref) {
			list = append(list, scope{ref, permissionRead})
		}
	}
	return list
}

// backendID is text itself if it can stand between colons, else a digest of it:
// clients split the scope "Actions.Results:<run>:<job>" at colons, and the
// claim that holds it at spaces.
// actions/toolkit: packages/artifact/src/internal/shared/util.ts
func backendID(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
	}
	if text != "" && len(text) <= 64 && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}
